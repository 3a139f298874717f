"""Alertmanager's `--alerts.per-alertname-limit`: so many alerts of a name are taken in, those that have ended not counted.

One rule that explodes (an alert for each request id) must not push out what everybody else has to say. Like Alertmanager's
own, the count is of this process's life, and an alert that is counted already may always be reported again.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.model.alerts import Alert
from monitor.model.times import Timestamp

_NAME = "alertname"


class NameLimit:
    """How many alerts of each name there are."""

    def __init__(self, most: int) -> None:
        """`most` 0 is no limit."""
        self._most = most
        self._known: dict[str, dict[str, Timestamp]] = {}
        self.refused: dict[str, int] = {}
        """By name, since the start."""

    def __repr__(self) -> str:
        return f"NameLimit({self._most}, {len(self._known)} names)"

    def admit(self, alerts: Sequence[Alert], now: Timestamp) -> Sequence[Alert]:
        """Those that are taken in."""
        return [alert for alert in alerts if self._takes(alert, now)] if self._most > 0 else alerts

    def _takes(self, alert: Alert, now: Timestamp) -> bool:
        name = alert.labels.get(_NAME, "")
        known = self._known.setdefault(name, {})
        if alert.fingerprint not in known and len(known) >= self._most:
            known = self._known[name] = {one: ends_at for one, ends_at in known.items() if ends_at > now}
            if len(known) >= self._most:
                self.refused[name] = self.refused.get(name, 0) + 1
                return False
        known[alert.fingerprint] = alert.ends_at
        return True
