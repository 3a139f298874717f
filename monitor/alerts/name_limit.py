"""Alertmanager's `--alerts.per-alertname-limit`: so many alerts of a name are taken in, those that have ended not counted.

One rule that explodes (an alert for each request id) must not push out what everybody else has to say. Like Alertmanager's
own, the count is of this process's life, and an alert that is counted already may always be reported again. Names come and go
as well: those without an alert that fires are forgotten, and only so many are told apart among the refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monitor.model.alerts import Alert
from monitor.model.times import Timestamp

_NAME = "alertname"
_FEW: Final = 1_000
"""Names that are kept without a look at whether they are still needed."""
OTHER_NAMES: Final = "(other names)"
"""Under which the alerts of further names are counted when so many names have been refused."""


class NameLimit:
    """How many alerts of each name there are."""

    def __init__(self, most: int) -> None:
        """`most` 0 is no limit."""
        self._most = most
        self._known: dict[str, dict[str, Timestamp]] = {}
        self._look_at = _FEW
        self.refused: dict[str, int] = {}
        """By name, since the start."""

    def __repr__(self) -> str:
        return f"NameLimit({self._most}, {self.names} names)"

    @property
    def names(self) -> int:
        """That are remembered."""
        return len(self._known)

    def admit(self, alerts: Sequence[Alert], now: Timestamp) -> Sequence[Alert]:
        """Those that are taken in."""
        return [alert for alert in alerts if self._takes(alert, now)] if self._most > 0 else alerts

    def _takes(self, alert: Alert, now: Timestamp) -> bool:
        name = alert.labels.get(_NAME, "")
        known = self._known.get(name)
        if known is None:
            self._forget(now)
            known = self._known[name] = {}
        if alert.fingerprint not in known and len(known) >= self._most:
            known = self._known[name] = {one: ends_at for one, ends_at in known.items() if ends_at > now}
            if len(known) >= self._most:
                told = name if name in self.refused or len(self.refused) < _FEW else OTHER_NAMES
                self.refused[told] = self.refused.get(told, 0) + 1
                return False
        known[alert.fingerprint] = alert.ends_at
        return True

    def _forget(self, now: Timestamp) -> None:
        """Drop the names that have only alerts that ended; looked for when their number has doubled."""
        if len(self._known) < self._look_at:
            return
        self._known = {
            name: alerts for name, alerts in self._known.items() if any(ends_at > now for ends_at in alerts.values())
        }
        self._look_at = max(_FEW, 2 * len(self._known))
