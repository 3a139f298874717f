"""Alerts about a check carry what the check saw.

A rule knows labels and numbers; the prober knows the sentence ("status 503, expected 2xx"). It is added as the annotation
`reason` when the alert leaves the rules, so that it stands in every page, and only there: it is no label and makes no new
alert when it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from monitor.model.alerts import Alert
from monitor.rules.ports import AlertSink

REASON = "reason"


class ExplainingSink:
    """An AlertSink before the dispatcher. `reason(check)` is the verdict's sentence, empty when there is nothing to say."""

    def __init__(self, sink: AlertSink, reason: Callable[[str], str]) -> None:
        self._sink = sink
        self._reason = reason

    async def accept(self, alerts: Sequence[Alert]) -> None:
        await self._sink.accept([self._explained(alert) for alert in alerts])

    def _explained(self, alert: Alert) -> Alert:
        check = alert.labels.get("check", "")
        if not check or REASON in alert.annotations:
            return alert
        reason = self._reason(check)
        return replace(alert, annotations=alert.annotations.with_(**{REASON: reason})) if reason else alert
