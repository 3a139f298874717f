"""How much a silence or a window mutes: of what fires now, and of what may fire ever.

Somebody who silences more than they meant hears of nothing, and nobody notices. So whoever uses our own doors is asked when
many alerts, a large part of all, or no alerts in particular are concerned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.model.alerts import Alert
from monitor.model.labels import ALERT_NAME

_FEW: Final = 10
"""Up to so many are never a large part: where one alert fires, a silence for it concerns all that do."""
_SHOWN: Final = 5
_ANYTHING: Final = ("a", "Web-01.example.com:9100", "/api/v2?x=1 y", "ß")
"""What no expression matches by chance that has something in mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Beyond which somebody is asked. 0 is no bound."""

    alerts: int = 50
    """That fire now."""
    percent: int = 50
    """Of all that fire now, where these are more than a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """What is concerned."""

    matched: int
    """Alerts that fire now and match."""
    firing: int
    """All that fire now."""
    names: tuple[tuple[str, int], ...]
    """The names of those that match and how many have each, the most frequent first."""
    unbounded: bool
    """No matcher names anything in particular, so it is nearly every alert that will ever fire."""


def breadth(matcher_sets: Sequence[Sequence[Matcher]], alerts: Iterable[Alert]) -> Breadth:
    """`alerts` are those that fire."""
    names: Counter[str] = Counter()
    firing = 0
    for alert in alerts:
        firing += 1
        if any(all_match(matchers, alert.labels) for matchers in matcher_sets):
            names[alert.labels.get(ALERT_NAME, "")] += 1
    return Breadth(
        matched=names.total(),
        firing=firing,
        names=tuple(sorted(names.items(), key=lambda found: (-found[1], found[0]))),
        unbounded=any(all(map(_means_anything, matchers)) for matchers in matcher_sets),
    )


def doubt(found: Breadth, bounds: Bounds) -> str:
    """Why somebody should be asked first; empty: nothing is unusual."""
    if found.unbounded:
        return f"names no alerts in particular: nearly all that come, and {_spoken(found)}"
    if bounds.alerts and found.matched > bounds.alerts:
        return f"would mute more than {bounds.alerts} alerts: {_spoken(found)}"
    if bounds.percent and found.matched > _FEW and found.matched * 100 > bounds.percent * found.firing:
        return f"would mute more than {bounds.percent} % of all alerts: {_spoken(found)}"
    return ""


def _means_anything(matcher: Matcher) -> bool:
    if matcher.op in (MatchOp.NOT_EQUAL, MatchOp.NOT_MATCHES):
        return True
    return all(map(matcher.matches, _ANYTHING))


def _spoken(found: Breadth) -> str:
    shown = ", ".join(f"{name or 'no name'}: {number}" for name, number in found.names[:_SHOWN])
    more = len(found.names) - _SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f"{found.matched} of {found.firing} that fire now{f' ({shown}{rest})' if shown else ''}"
