"""One check as it runs: what is known of it, and the series that its results become.

A check outlives its configuration in parts. A reload that leaves kind and target as they were keeps the verdict, one that
leaves the labels too keeps the series; a restart takes the verdict from what was saved. A series never goes back in time: where
the clock was set back, its next sample comes a millisecond after its last one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from monitor.columns.sink import RowWriter, SampleSink
from monitor.model.checks import Check, Component, Outcome, Verdict
from monitor.model.labels import Labels
from monitor.model.samples import MISSING, STALE
from monitor.model.times import Timestamp
from monitor.probe.heartbeat import HeartbeatState, after_downtime
from monitor.probe.kinds import CatalogueEntry
from monitor.probe.kinds.heartbeat import HeartbeatTarget
from monitor.probe.kinds.kind import Kind
from monitor.probe.memory import SavedCheck
from monitor.probe.series import PLAIN, Shape, gone, labels_of, names_of, row_of, shape_of
from monitor.probe.verdict import UNTOLD


class Planned(Protocol):
    """Something that the loop will call, unless it is cancelled."""

    def cancel(self) -> None: ...


@dataclass(slots=True, eq=False)
class Entry:
    """`number` names this life of the check; `target` is what its kind has prepared."""

    number: int
    check: Check
    source: CatalogueEntry
    kind: Kind[object]
    target: object
    verdict: Verdict = UNTOLD
    outcome: Outcome | None = None
    writer: RowWriter | None = None
    shape: Shape = PLAIN
    components: tuple[Component, ...] = ()
    names: tuple[str, ...] = ()
    written_at: Timestamp = 0
    under_way: bool = False
    soon: Planned | None = None
    """A confirming attempt, out of turn."""

    @property
    def heartbeat(self) -> HeartbeatState | None:
        return self.target.state if isinstance(self.target, HeartbeatTarget) else None

    def inherit(self, old: Entry) -> None:
        """Take from the check's former life what still holds."""
        before, check = old.check, self.check
        if (before.kind, before.target) != (check.kind, check.target):
            return
        self.verdict, self.outcome = old.verdict, old.outcome
        if isinstance(self.target, HeartbeatTarget) and isinstance(old.target, HeartbeatTarget):
            self.target.state = old.target.state
        if before.labels == check.labels:
            self.writer, old.writer = old.writer, None
            self.shape, self.components, self.names = old.shape, old.components, old.names

    def continue_series(self, old: Entry) -> None:
        """Once the former life has ended. Also for a new writer: the store gives it the same place again if some of the series
        are the same."""
        self.written_at = old.written_at

    def resume(self, saved: SavedCheck, away: tuple[Timestamp, Timestamp] | None) -> bool:
        """Take what was saved, if it was of this target; `away` is when nobody looked. True if the state of the heartbeat is
        not the saved one any more."""
        if saved.target == self.check.target:
            self.verdict = replace(saved.verdict, changed=False, version_changed=False)
            if saved.heartbeat is not None and isinstance(self.target, HeartbeatTarget):
                self.target.state = saved.heartbeat
                if away is not None:
                    self.target.state = after_downtime(saved.heartbeat, self.target.rule, *away)
        return isinstance(self.target, HeartbeatTarget) and self.target.state != saved.heartbeat

    def memory(self) -> SavedCheck:
        """What a restart needs."""
        return SavedCheck(target=self.check.target, verdict=self.verdict, heartbeat=self.heartbeat)

    def end(self, now: Timestamp) -> None:
        """Its series end here."""
        if self.soon is not None:
            self.soon.cancel()
        if self.writer is not None:
            self.written_at = max(now, self.written_at + 1)
            self.writer.close(self.written_at)

    def write(self, sink: SampleSink, outcome: Outcome, verdict: Verdict) -> None:
        """One result as a row."""
        if verdict.components is not self.components:
            self.components = verdict.components
            self.names = names_of(verdict.components)
        shape = shape_of(outcome, verdict, self.names)
        layout = self.source.layout
        if self.writer is None:
            self.writer = sink.open(labels_of(self.check, layout, shape))
            self.shape = shape
        elif shape != self.shape:
            self._reshape(self.writer, shape, outcome.started)
        at = outcome.started
        if at <= self.written_at:  # the wall clock was set back: keep the order rather than lose the sample
            at = self.written_at + 1
        self.written_at = at
        self.writer.append(at, row_of(self.check, layout, outcome, verdict))

    def _reshape(self, writer: RowWriter, shape: Shape, at: Timestamp) -> None:
        """Series that go get their stale marker a millisecond before the new row, then the new set takes over."""
        before: list[Labels] = labels_of(self.check, self.source.layout, self.shape)
        after: list[Labels] = labels_of(self.check, self.source.layout, shape)
        self.shape = shape
        leaving = gone(before, after)
        if leaving:
            last = [MISSING] * len(before)
            for row in leaving:
                last[row] = STALE
            self.written_at = max(at - 1, self.written_at + 1)
            writer.append(self.written_at, last)
        writer.replace(after)
