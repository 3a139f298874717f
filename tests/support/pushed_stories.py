"""Stories of pushed alerts under an Alertmanager configuration: two receivers get every group, one of them only what fires."""

from __future__ import annotations

from pathlib import Path

from monitor.config.configuration import Configuration
from tests.support.story_files import story_configuration

_COMMON = """
rules: {{shipped: false}}
people: {{ana: {{console: true}}, bo: {{webhook: "http://bo.test/"}}}}
checks: []
host: {{enabled: false}}
alertmanager:
  route:
    receiver: nobody
    group_by: [alertname]
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 1h
    routes: [{{receiver: team, matchers: ['alertname=~".+"'], continue: true{route}}}{routes}]
  receivers:
    - {{name: nobody}}
    - {{name: team, {receiver}}}
    - {{name: quiet, webhook_configs: [{{url: "http://quiet.test/", send_resolved: false}}]}}
{more}
"""
_QUIET = ", {receiver: quiet, matchers: ['alertname=~\".+\"']}"


_HOOK = 'webhook_configs: [{url: "http://team.test/"}]'


def pushed(
    folder: Path, *, quiet: bool = False, route: str = "", receiver: str = _HOOK, more: str = ""
) -> Configuration:
    """`team` is told of every group; `quiet` as well, if asked for, of what fires only. `muting` and the like in `more`."""
    common = _COMMON.format(route=route, routes=_QUIET if quiet else "", receiver=receiver, more=more)
    return story_configuration(folder, checks="", common=common)
