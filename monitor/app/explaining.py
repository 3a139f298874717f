"""Alerts about a check carry what the check saw, and links that can be followed from anywhere.

A rule knows labels and numbers; the prober knows the sentence ("HTTP status 503, expected 2xx"). It is added as the annotation
`reason` when the alert leaves the rules, so that it stands in every page, and only there: it is no label and makes no new
alert when it changes. Relative links, such as those of shipped runbooks, become addresses of the daemon's own pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from monitor.model.alerts import Alert
from monitor.model.notifications import absolute
from monitor.rules.ports import AlertSink

REASON = "reason"
_LINKS = ("runbook_url", "dashboard_url")


class ExplainingSink:
    """An AlertSink before the dispatcher. `reason(check)` is the verdict's sentence, empty when there is nothing to say;
    `external_url()` is where people reach the daemon."""

    def __init__(self, sink: AlertSink, reason: Callable[[str], str], external_url: Callable[[], str]) -> None:
        self._sink = sink
        self._reason = reason
        self._external_url = external_url

    async def accept(self, alerts: Sequence[Alert]) -> None:
        await self._sink.accept([self._explained(alert) for alert in alerts])

    def _explained(self, alert: Alert) -> Alert:
        notes = alert.annotations
        for name in _LINKS:
            if link := notes.get(name, ""):
                notes = notes.with_(**{name: absolute(link, self._external_url()) or link})
        check = alert.labels.get("check", "")
        if check and REASON not in notes and (reason := self._reason(check)):
            notes = notes.with_(**{REASON: reason})
        return alert if notes is alert.annotations else replace(alert, annotations=notes)
