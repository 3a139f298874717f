"""What an evaluation has around it, and where each rule of a group stands between two of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from monitor.columns.sink import SampleSink
from monitor.model.alerts import AlertTransition
from monitor.model.labels import Labels
from monitor.model.times import Millis, Timestamp
from monitor.rules import states
from monitor.rules.groups import Rule
from monitor.rules.leaving import AS_THEY_ARE, Leaving
from monitor.rules.ports import AlertSink, Counters, Querier, RuleStateStore
from monitor.rules.recording import UNNAMED, Named
from monitor.rules.rendering import Rendering
from monitor.rules.reports import ALWAYS, RESEND
from monitor.rules.states import Active
from monitor.rules.status import Health
from monitor.rules.texts import World
from monitor.rules.written import Written


async def _go_on() -> None:
    """Nobody else waits: simulations and unit tests."""


def _never(name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> Callable[[], object]:
    """Nothing takes time: simulations and unit tests."""
    return lambda: None


def _raise(where: str, error: Exception) -> None:
    """Nobody else's pages hang on it: simulations and unit tests."""
    raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What evaluation reads from and writes to."""

    querier: Querier
    samples: SampleSink
    alerts: AlertSink
    states: RuleStateStore
    counters: Counters
    monotonic: Callable[[], float]
    """Seconds; for telling how long an evaluation took."""
    warn: Callable[[str, Exception], None]
    """Told of what failed and will be tried again: where (group;rule), and the error."""
    crashed: Callable[[str, Exception], None] = _raise
    """Told of a fault of ours that one rule brought to light: where (group;rule), and the error. When it returns, the other
    rules go on."""
    changed: Callable[[Sequence[AlertTransition]], None] = lambda transitions: None
    """Told of every change of state, after it was made."""
    breathe: Callable[[], Awaitable[None]] = _go_on
    """Awaited between slices of long work; the scheduler lets others have their turn then."""
    later: Callable[[str, float, Callable[[], Awaitable[None]]], Callable[[], object]] = _never
    """Does something, by that name, in so many seconds and beside all else; what it gives calls that off."""
    world: World = field(default_factory=World)
    leaving: Leaving = AS_THEY_ARE
    resend: Millis = RESEND


@dataclass(slots=True, kw_only=True)
class RuleRun:
    """One rule and where it stands."""

    rule: Rule
    identity: str
    number: int
    texts: Rendering | None
    """Of an alerting rule."""
    active: Active = field(default_factory=dict[Labels, states.ActiveAlert])
    saved: Active = field(default_factory=dict[Labels, states.ActiveAlert])
    """What the store has."""
    saved_at: Timestamp = 0
    written: Written | None = None
    """What the evaluation that gave `active` is to write; None where that is not known."""
    named: Named = UNNAMED
    """What a recording rule made of the last answer's elements."""
    series: tuple[Labels, ...] = ()
    """What the last good evaluation wrote."""
    looked_at: Timestamp = 0
    """The time of the last early look."""
    told: float = 0.0
    """When alerts were last sent, on the monotonic clock."""
    quiet_until: Timestamp = ALWAYS
    """Until then there is nothing to send, as long as `active` does not change but for values and texts."""
    health: Health = Health.UNKNOWN
    last_error: str = ""
    crash: str = ""
    """The fault of ours that was told of this rule; empty since its last good evaluation."""
    last_evaluation: Timestamp | None = None
    evaluation_seconds: float = 0.0

    def stand(self, active: Active, written: Written | None) -> None:
        """These are the rule's alerts from now on."""
        self.active, self.written, self.quiet_until = active, written, ALWAYS

    def advance(self, step: states.Step) -> None:
        """The rule was evaluated."""
        if step.changed:
            self.stand(step.active, step.written)
            return
        if self.saved is self.active:  # and so is what has become of it, but for what is not worth a write
            self.saved = step.active
        self.active, self.written = step.active, step.written
