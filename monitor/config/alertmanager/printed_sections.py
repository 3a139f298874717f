"""Routes and inhibition rules as Alertmanager prints them: keys in its order, matchers and durations in its spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast

from monitor.matching.matchers import MatchOp
from monitor.matching.parse import Syntax, parse_matchers
from monitor.matching.printing import matcher_text
from monitor.model.times import format_duration, parse_duration

_ROUTE: Final = (
    "receiver",
    "group_by",
    "match",
    "match_re",
    "matchers",
    "mute_time_intervals",
    "active_time_intervals",
    "continue",
    "routes",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "labels",
)
"""Watchkeeper's own keys are not among them: amtool reads the printed file strictly."""
_OPERATORS: Final = (MatchOp.EQUAL, MatchOp.NOT_EQUAL, MatchOp.MATCHES, MatchOp.NOT_MATCHES)
_INHIBIT_RULE: Final = (
    "name",
    "source_match",
    "source_match_re",
    "source_matchers",
    "target_match",
    "target_match_re",
    "target_matchers",
    "equal",
)


def printed_route(route: object, syntax: Syntax) -> object:
    """A route that was found to be good, with all below it."""
    found = _section(route, _ROUTE, syntax)
    if found is None:
        return route
    found["continue"] = found.get("continue", False)
    for name in ("group_wait", "group_interval", "repeat_interval"):
        if name in found:
            found[name] = format_duration(parse_duration(str(found[name])))
    if "routes" in found:
        found["routes"] = [printed_route(child, syntax) for child in cast("list[object]", found["routes"])]
    return {name: found[name] for name in _ROUTE if name in found}


def printed_inhibit_rules(rules: object, syntax: Syntax) -> object:
    """A list of rules that were found to be good."""
    if not isinstance(rules, list):
        return rules
    return [_section(rule, _INHIBIT_RULE, syntax) for rule in cast("list[object]", rules)]


def _section(value: object, keys: Sequence[str], syntax: Syntax) -> dict[str, object] | None:
    """What is given of these keys; None if it is no section at all."""
    if not isinstance(value, Mapping):
        return None
    given = cast("Mapping[str, object]", value)
    found = {key: given[key] for key in keys if given.get(key) is not None}
    for key, one in found.items():
        if key.endswith("matchers") and isinstance(one, list):
            found[key] = _matchers(cast("list[object]", one), syntax)
    return found


def _matchers(texts: Sequence[object], syntax: Syntax) -> list[str]:
    matchers = [matcher for text in texts if text is not None for matcher in parse_matchers(str(text), syntax)]
    return [
        matcher_text(one) for one in sorted(matchers, key=lambda one: (one.name, one.value, _OPERATORS.index(one.op)))
    ]
