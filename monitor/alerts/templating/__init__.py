"""Notification templates: what Alertmanager's users have written, rendered as Alertmanager renders it.

`data` is the dot that a template sees, `functions` what it may call, `rendering` runs the texts of one notification over a
set of named templates, `payloads` fills whole documents. The named templates come from the configuration: the shipped ones
first, then the users' own, of which a later one with the same name wins.
"""
