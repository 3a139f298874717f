"""From a run of outcomes to a verdict.

A verdict worsens after `failure_threshold` outcomes in a row that are at least so bad, and betters after
`success_threshold` in a row that are at least so good. While a run contradicts the verdict but is still too short the
verdict is `pending`, and the prober confirms it: the next attempt starts `CONFIRM_AFTER` after the previous one ended
instead of an interval later. At the defaults (every 30 s, 5 s to answer, three failures) a refusal is judged within
30 + 1 + 1 = 32 s and a hang within 30 + 5 + 1 + 5 + 1 + 5 = 47 s.

                     enough unhealthy
      unknown ──────────────────────────► unhealthy
       │  │ enough not healthy               ▲   │ enough healthy (to healthy)
       │  └────────────────► degraded ───────┘   │ enough not unhealthy (to degraded)
       │ one healthy           ▲ │ enough healthy│
       └──────────► healthy ◄──┼─┴───────────────┘
                        └──────┘ enough not healthy
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from monitor.model.checks import Check, HealthState, Outcome, StatusChanged, Verdict, VersionChanged
from monitor.model.times import SECOND, Millis, Timestamp

CONFIRM_AFTER: Final[Millis] = SECOND
"""From the end of one attempt to the start of the one that confirms it."""

UNTOLD: Final = Verdict()
"""Before the first outcome."""

Event: TypeAlias = StatusChanged | VersionChanged


def judge(check: Check, verdict: Verdict, outcome: Outcome, now: Timestamp) -> tuple[Verdict, tuple[Event, ...]]:
    """The verdict after one more outcome, and what is worth telling. The same object comes back when nothing is new."""
    raw = outcome.state
    if raw is HealthState.HEALTHY and _settled(check, verdict, outcome):
        return verdict, ()
    if raw is HealthState.UNKNOWN:
        nothing = replace(UNTOLD, since=verdict.since, text=outcome.text or UNTOLD.text)
        return (verdict if nothing == verdict else nothing), ()
    bad, good = raw is HealthState.UNHEALTHY, raw is HealthState.HEALTHY
    enough = check.success_threshold
    counted = replace(
        verdict,
        failures=verdict.failures + 1 if bad else 0,
        impaired=0 if good else verdict.impaired + 1,
        successes=min(verdict.successes + 1, enough) if good else 0,
        answered=0 if bad else min(verdict.answered + 1, enough),
    )
    state = raw if outcome.definite else _state(check, counted)
    changed = state is not verdict.state
    since = (outcome.since or now) if changed or not verdict.since else verdict.since
    version, version_changed = _version(verdict, outcome)
    judged = replace(
        counted,
        state=state,
        since=since,
        components=outcome.reading.components if not bad or outcome.reading.components else verdict.components,
        version=version,
        pending=raw is not state,
        changed=changed,
        version_changed=version_changed,
    )
    judged = _explained(check, verdict, judged, outcome)
    events: list[Event] = []
    if changed:
        events.append(StatusChanged(check=check, before=verdict.state, verdict=judged, at=now))
    if version_changed:
        events.append(VersionChanged(check=check, before=verdict.version, version=version, at=now))
    return judged, tuple(events)


def _settled(check: Check, verdict: Verdict, outcome: Outcome) -> bool:
    """Healthy, and nothing about it is new: the usual case, answered without building anything."""
    return (
        verdict.state is HealthState.HEALTHY
        and verdict.successes == verdict.answered == check.success_threshold
        and not verdict.changed
        and not verdict.version_changed
        and (outcome.version == verdict.version or not outcome.version)
        and outcome.reading.components == verdict.components
        and not verdict.text
    )


def _state(check: Check, counted: Verdict) -> HealthState:
    worse, better = check.failure_threshold, check.success_threshold
    if counted.failures >= worse:
        return HealthState.UNHEALTHY
    match counted.state:
        case HealthState.UNKNOWN:
            if counted.successes:
                return HealthState.HEALTHY
            return HealthState.DEGRADED if counted.impaired >= worse else HealthState.UNKNOWN
        case HealthState.HEALTHY:
            return HealthState.DEGRADED if counted.impaired >= worse else HealthState.HEALTHY
        case HealthState.DEGRADED:
            return HealthState.HEALTHY if counted.successes >= better else HealthState.DEGRADED
        case HealthState.UNHEALTHY:
            if counted.successes >= better:
                return HealthState.HEALTHY
            return HealthState.DEGRADED if counted.answered >= better else HealthState.UNHEALTHY


def _version(verdict: Verdict, outcome: Outcome) -> tuple[str, bool]:
    """A failing service's error page names no trustworthy version, so only answers that are not failures count."""
    if not outcome.version or not outcome.success or outcome.version == verdict.version:
        return verdict.version, False
    return outcome.version, bool(verdict.version)


def _explained(check: Check, before: Verdict, judged: Verdict, outcome: Outcome) -> Verdict:
    """Put reason and sentence on a verdict."""
    if outcome.state is judged.state:
        return replace(judged, reason=outcome.reason, text=outcome.text)
    if outcome.state.rank > judged.state.rank:
        count = judged.failures if outcome.state is HealthState.UNHEALTHY else judged.impaired
        word = "failing" if outcome.state is HealthState.UNHEALTHY else "degraded"
        text = f"{word} {count}/{check.failure_threshold}: {outcome.text}"
        return replace(judged, reason=outcome.reason, text=text)
    count = judged.successes if outcome.state is HealthState.HEALTHY else judged.answered
    if judged.changed:  # the run is good enough for this state, though its last outcome is better still
        return replace(judged, reason=outcome.reason or before.reason, text=outcome.text or before.text)
    was = before.text.split(" (was: ", 1)[-1].rstrip(")") if " (was: " in before.text else before.text
    text = f"recovering {count}/{check.success_threshold} (was: {was})"
    return replace(judged, text=text)
