"""Alertmanager's receivers as its file has them: every key of the 18 kinds, their defaults, what they inherit, and its words
for what is wrong with them.

`kinds` are the values that only this file has, `chat`, `paging` and `web` the structures of the integrations, `catalogue` lists
them, `global_section` holds what they inherit, `inheritance` gives it to them, and `printing` shows a configuration with its
secrets covered, as `/api/v2/status` does. Source: Alertmanager config/config.go, config/notifiers.go, notify/*/config.go.
"""
