"""What `alerts.lint` doubts, with the places of the file in which it stands."""

from __future__ import annotations

from typing import Final

from monitor.alerts.dedup import RETENTION
from monitor.alerts.lint import Place, doubts
from monitor.config.alertmanager_file import AlertmanagerParts
from monitor.config.findings import Findings
from monitor.config.yamltree import Document, Path, Tree, natural
from monitor.model.errors import Finding
from monitor.model.times import Millis, Timestamp

_INTERVALS: Final = ("mute_time_intervals", "time_intervals")


class RoutingLint:
    """Looks at Alertmanager configurations as they are read, and keeps what it finds."""

    def __init__(self, now: Timestamp, *, retention: Millis = RETENTION, receivers: bool = True) -> None:
        """`receivers`: nobody but routes can use them."""
        self._now = now
        self._retention = retention
        self._receivers = receivers
        self._findings = Findings()

    def __repr__(self) -> str:
        return f"RoutingLint({len(self.found)} found)"

    @property
    def found(self) -> tuple[Finding, ...]:
        return tuple(self._findings.all)

    def look(self, parts: AlertmanagerParts, document: Document, tree: Tree, path: Path) -> None:
        """Look at the section at `path`, which is good."""
        receivers = list(parts.receivers) if self._receivers else []
        for doubt in doubts(parts.root, parts.muting, receivers=receivers, retention=self._retention, now=self._now):
            self._findings.doubt(document, (*path, *_written(doubt.place, tree)), doubt.problem, doubt.remedy)


def _written(place: Place, tree: Tree) -> Path:
    """Where that which has a name stands in its list."""
    section, *rest = place
    if section not in ("receivers", "time_intervals") or not isinstance(tree, dict):
        return place
    for key in _INTERVALS if section == "time_intervals" else ("receivers",):
        items = tree.get(key)
        for number, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict) and "name" in item and natural(item["name"]) == rest[0]:
                return (key, number)
    return place
