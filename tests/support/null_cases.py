"""Keys and items of Alertmanager's file that hold nothing, and what amtool says of each."""

from __future__ import annotations

import re
from typing import Final

WHOLE: Final = """\
global: {http_config: HTTP_CONFIG, resolve_timeout: RESOLVE_TIMEOUT}
route:
  receiver: r
  group_wait: GROUP_WAIT
  group_interval: GROUP_INTERVAL
  repeat_interval: REPEAT_INTERVAL
  continue: CONTINUE
  routes: [{receiver: r, matchers: MATCHERS}]
inhibit_rules: [INHIBIT_RULE, {source_matchers: SOURCE_MATCHERS, target_matchers: TARGET_MATCHERS, equal: EQUAL}]
time_intervals:
- NAMED_INTERVALS
- name: t
  time_intervals:
  - INTERVAL
  - {times: TIMES, weekdays: WEEKDAYS, days_of_month: DAYS_OF_MONTH, months: MONTHS, years: YEARS, location: LOCATION}
receivers:
- name: r
  slack_configs: [{api_url: "http://slack.example/x", fields: FIELDS, actions: ACTIONS}]
  wechat_configs: [{api_secret: s, corp_id: c, message_type: MESSAGE_TYPE}]
  webex_configs: [{room_id: r, http_config: {authorization: AUTHORIZATION}}]
"""
GOOD: Final = {
    "HTTP_CONFIG": "{}",
    "RESOLVE_TIMEOUT": "5m",
    "GROUP_WAIT": "30s",
    "GROUP_INTERVAL": "5m",
    "REPEAT_INTERVAL": "4h",
    "CONTINUE": "false",
    "TARGET_MATCHERS": "['a=b']",
    "SOURCE_MATCHERS": "['a=b']",
    "MATCHERS": "['a=b']",
    "EQUAL": "[a]",
    "INHIBIT_RULE": "{source_matchers: ['c=d'], target_matchers: ['e=f']}",
    "NAMED_INTERVALS": "{name: n, time_intervals: [{weekdays: [monday]}]}",
    "INTERVAL": "{weekdays: [monday]}",
    "TIMES": "[{start_time: '08:00', end_time: '09:00'}]",
    "WEEKDAYS": "[monday]",
    "DAYS_OF_MONTH": "['1']",
    "MONTHS": "[may]",
    "YEARS": "['2030']",
    "LOCATION": "UTC",
    "FIELDS": "[{title: a, value: b}]",
    "ACTIONS": "[{type: button, text: t, url: 'http://x/'}]",
    "MESSAGE_TYPE": "text",
    "AUTHORIZATION": "{credentials: c}",
}
"""What stands in the file where nothing is left out."""
LISTS: Final = tuple(name for name, text in GOOD.items() if text.startswith("["))
ACCEPTED: Final = (
    *((name, "null") for name in GOOD if name != "AUTHORIZATION"),
    *((name, "[null]") for name in LISTS),
    ("GROUP_WAIT", ""),
    ("MESSAGE_TYPE", "''"),
)
REFUSED: Final = (
    ("AUTHORIZATION", "null", "missing webex_configs.http_config.authorization"),
    ("GROUP_WAIT", "''", "empty duration string"),
    ("NAMED_INTERVALS", "{}", "missing name in time interval"),
    ("NAMED_INTERVALS", "null\n- null", 'time interval "" is not unique'),
    ("WEEKDAYS", "['']", " is not a valid weekday"),
    ("FIELDS", "[{}]", "missing title in Slack field configuration"),
    ("ACTIONS", "[{}]", "missing type in Slack action configuration"),
)
"""With what is said."""


def file_with(name: str, text: str) -> str:
    """The whole file with this text in place of one of its values."""
    return re.sub(r"\b[A-Z_]{4,}\b", lambda match: text if match[0] == name else GOOD[match[0]], WHOLE)
