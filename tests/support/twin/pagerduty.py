"""PagerDuty's Events API v2, as its documentation describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import cast

from monitor.model.times import MINUTE, Timestamp
from tests.support.twin.records import Window

_LARGEST = 512 * 1024
_SEVERITIES = ("critical", "error", "warning", "info")


@dataclass
class PagerDutyAlert:
    """One alert: from the trigger that opened it to its resolve."""

    number: int
    routing_key: str
    dedup_key: str
    summary: str
    severity: str
    opened_at: Timestamp
    status: str = "triggered"
    triggers: int = 1
    log: list[str] = field(default_factory=list[str])


class PagerDutyTwin:
    """Alerts by routing key and dedup key."""

    def __init__(self) -> None:
        self.alerts: list[PagerDutyAlert] = []
        self.dropped: list[tuple[str, str]] = []
        """(action, dedup key) of acknowledgements and resolves that found no open alert."""
        self.unknown_keys: set[str] = set()
        """Routing keys that no service has."""
        self._window = Window(120, MINUTE)

    def open(self) -> list[PagerDutyAlert]:
        return [alert for alert in self.alerts if alert.status != "resolved"]

    def as_json(self) -> dict[str, object]:
        return {"alerts": [asdict(alert) for alert in self.alerts], "dropped": self.dropped}

    def limited(self, event: Mapping[str, object], now: Timestamp) -> int:
        """Seconds to wait, or 0."""
        return self._window.take(str(event.get("routing_key", "")), now)

    def errors(self, event: Mapping[str, object], size: int) -> list[str]:
        """What is wrong with an event, in words."""
        found: list[str] = []
        if size > _LARGEST:
            found.append("Event exceeds 512 KB")
        key = event.get("routing_key")
        if not isinstance(key, str) or len(key) != 32 or key in self.unknown_keys:
            found.append("'routing_key' is invalid")
        action = event.get("event_action")
        if action not in ("trigger", "acknowledge", "resolve"):
            found.append("'event_action' is invalid (must be one of the following: trigger, acknowledge or resolve)")
        dedup = event.get("dedup_key")
        if dedup is not None and (not isinstance(dedup, str) or len(dedup) > 255):
            found.append("'dedup_key' is invalid (maximum 255 characters)")
        if action != "trigger":
            return found if dedup else [*found, "'dedup_key' is missing or blank"]
        payload = event.get("payload")
        if not isinstance(payload, dict):
            return [*found, "'payload' is missing or blank"]
        return found + _payload_errors(cast("dict[str, object]", payload)) + _link_errors(event)

    def take(self, event: Mapping[str, object], now: Timestamp) -> str:
        """Apply a valid event; the dedup key."""
        action, routing = str(event["event_action"]), str(event["routing_key"])
        dedup = str(event.get("dedup_key") or f"made-up-{len(self.alerts) + 1}")
        alert = next(
            (
                a
                for a in reversed(self.alerts)
                if (a.routing_key, a.dedup_key) == (routing, dedup) and a.status != "resolved"
            ),
            None,
        )
        if action == "trigger":
            payload = cast("Mapping[str, object]", event["payload"])
            if alert is None:
                self.alerts.append(
                    PagerDutyAlert(
                        number=len(self.alerts) + 1,
                        routing_key=routing,
                        dedup_key=dedup,
                        summary=str(payload["summary"]),
                        severity=str(payload["severity"]),
                        opened_at=now,
                        log=["trigger"],
                    )
                )
            else:
                alert.triggers += 1
                alert.log.append("trigger")
        elif alert is None:
            self.dropped.append((action, dedup))
        else:
            alert.status = "acknowledged" if action == "acknowledge" else "resolved"
            alert.log.append(action)
        return dedup


def _payload_errors(payload: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    summary = payload.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        found.append("'payload.summary' is missing or blank")
    elif len(summary) > 1024:
        found.append("'payload.summary' is invalid (maximum 1024 characters)")
    source = payload.get("source")
    if not isinstance(source, str) or not source.strip():
        found.append("'payload.source' is missing or blank")
    if payload.get("severity") not in _SEVERITIES:
        found.append("'payload.severity' is invalid (must be one of the following: critical, warning, error or info)")
    if not isinstance(payload.get("custom_details", {}), dict):
        found.append("'payload.custom_details' is invalid (must be an object)")
    return found


def _link_errors(event: Mapping[str, object]) -> list[str]:
    found: list[str] = []
    for name, wanted in (("links", "href"), ("images", "src")):
        rows = event.get(name, [])
        if not isinstance(rows, list):
            found.append(f"'{name}' is invalid (must be an array)")
            continue
        found += [
            f"'{name}.{wanted}' is missing or blank"
            for row in cast("list[object]", rows)
            if not isinstance(row, dict) or not cast("dict[str, object]", row).get(wanted)
        ]
    return found
