"""Alerts become groups: routing, grouping, muting, de-duplication.

`routes` and `groups` hold the words, `pipeline` decides, `succession` carries groups over a new configuration or a start,
`dispatching` acts. Semantics are Alertmanager's; where ours go further it is said beside them.
"""
