"""Calls of Alertmanager's API, over a real socket, and what they send."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import urlencode

from monitor.model.times import HOUR, rfc3339
from tests.support.web_worlds import NOW, WebWorld

ROUTED = """\
alertmanager:
  route:
    receiver: all
    group_by: [alertname]
    routes:
    - {receiver: core, matchers: [team=core], group_by: [], continue: true}
    - {receiver: core, matchers: [team=core], group_by: [instance], mute_time_intervals: [always]}
    - {receiver: a, matchers: [team=a], continue: true}
    - {receiver: a, matchers: [team=a]}
    - {receiver: night, matchers: [team=night], labels: {tier: one}}
  receivers: [{name: all}, {name: core, labels: {owner: ana}}, {name: night}, {name: a}]
  inhibit_rules: [{source_matchers: [severity=high], target_matchers: [severity=low], equal: [instance]}]
  time_intervals: [{name: always, time_intervals: [{}]}]
"""
JSON = {"Content-Type": "application/json"}


def alert(name: str, **labels: str) -> dict[str, object]:
    return {"labels": {"alertname": name, **labels}}


def silence(**changed: object) -> dict[str, object]:
    return {
        "matchers": [{"name": "alertname", "value": "A", "isRegex": False}],
        "startsAt": rfc3339(NOW),
        "endsAt": rfc3339(NOW + HOUR),
        "createdBy": "ana",
        "comment": "known",
        **changed,
    }


async def ask(world: WebWorld, path: str, **given: str | list[str]) -> tuple[int, Any]:
    url = f"{world.url}/api/v2/{path}?{urlencode(given, doseq=True)}"
    async with world.client.get(url) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def send(world: WebWorld, path: str, body: object, method: str = "POST") -> tuple[int, Any]:
    raw = body if isinstance(body, str) else json.dumps(body)
    async with world.client.request(
        method, f"{world.url}/api/v2/{path}", data=io.BytesIO(raw.encode()), headers=JSON
    ) as answer:
        text = await answer.text()
        return answer.status, json.loads(text) if text else None


async def names(world: WebWorld, **given: str | list[str]) -> list[str]:
    """The alerts that a call finds."""
    status, found = await ask(world, "alerts", **given)
    assert status == 200, found
    return [one["labels"]["alertname"] for one in found]
