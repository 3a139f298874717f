"""What follows from matchers: can any label set meet them, and do they leave anything over?

Labels are independent of each other, so a list of matchers can be met when those on each label can. On one label they are
asked of the few values that a `=` or an alternation of plain texts admits, by the matchers themselves; where there is no
such list the expressions are followed as sets of texts (`languages`). An expression that cannot be followed is left out of
account, which can only make more possible: so "nothing" is always a proof, "something" is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from monitor.matching.expressions import NotUnderstoodError, expression, literal
from monitor.matching.languages import ONE_LINE, Expression, some_text
from monitor.matching.matchers import Matcher, MatchOp

Condition: TypeAlias = tuple[Matcher, bool]
"""A matcher, and whether it is to match."""

_MOST_STATES: Final = 500


class Prover:
    """Answers from what it has found before, and stops to look, which proves nothing, when it has looked at too much."""

    def __init__(self, *, one_line: bool = False, effort: int = 50_000) -> None:
        """`one_line`: values with line breaks, which `.` does not match, are put aside."""
        self._one_line = one_line
        self._left = effort
        self._known: dict[frozenset[Condition], bool] = {}
        self._read: dict[Matcher, Expression | None] = {}

    def __repr__(self) -> str:
        return f"Prover({len(self._known)} known, {self._left} left)"

    def impossible(self, matchers: Iterable[Matcher]) -> bool:
        """Is it proven that no label set meets all of them?"""
        return self._none_meets([(matcher, True) for matcher in matchers])

    def implies(self, matchers: Sequence[Matcher], others: Sequence[Matcher]) -> bool:
        """Is it proven that what meets the first list meets the second?"""
        return self.covered(matchers, (others,))

    def covered(self, matchers: Sequence[Matcher], lists: Sequence[Sequence[Matcher]]) -> bool:
        """Is it proven that what meets the matchers meets one of the lists?"""
        return self._covered([(matcher, True) for matcher in matchers], lists)

    def _covered(self, conditions: list[Condition], lists: Sequence[Sequence[Matcher]]) -> bool:
        if self._left <= 0:
            return False
        if self._none_meets(conditions):
            return True
        for place, matchers in enumerate(lists):
            if self._none_meets([*conditions, *((matcher, True) for matcher in matchers)]):
                continue  # it takes nothing of what is left
            rest = lists[place + 1 :]
            return all(self._covered([*conditions, (matcher, False)], rest) for matcher in matchers)
        return False

    def _none_meets(self, conditions: Sequence[Condition]) -> bool:
        by_label: dict[str, set[Condition]] = {}
        for matcher, wanted in conditions:
            by_label.setdefault(matcher.name, set()).add((matcher, wanted))
        return any(self._no_value_meets(frozenset(some)) for some in by_label.values())

    def _no_value_meets(self, conditions: frozenset[Condition]) -> bool:
        if len(conditions) == 1 and _says_little(*next(iter(conditions))):
            return False
        found = self._known.get(conditions)
        if found is None and self._left <= 0:
            return False
        if found is None:
            self._left -= 1
            found = self._known[conditions] = self._look(conditions)
        return found

    def _look(self, conditions: frozenset[Condition]) -> bool:
        within = {matcher for matcher, wanted in conditions if wanted is _names_its_set(matcher)}
        outside = {matcher for matcher, wanted in conditions if wanted is not _names_its_set(matcher)}
        if {(one.value, one.regex is None) for one in within} & {(one.value, one.regex is None) for one in outside}:
            return True
        listed = [values for matcher, wanted in conditions if (values := _values(matcher, wanted)) is not None]
        if listed:
            return not any(
                all(matcher.matches(value) is wanted for matcher, wanted in conditions)
                for value in min(listed, key=len)
                if not (self._one_line and "\n" in value)
            )
        matched = [one for matcher in within if (one := self._set(matcher)) is not None]
        unmatched = [one for matcher in outside if (one := self._set(matcher)) is not None]
        if self._one_line:
            matched.append(ONE_LINE)
        found, states = some_text(matched, unmatched, min(_MOST_STATES, max(self._left, 1)))
        self._left -= states
        return found is False

    def _set(self, matcher: Matcher) -> Expression | None:
        """The values that its text or expression stands for; None if that is not known."""
        if matcher not in self._read:
            self._read[matcher] = _set_of(matcher)
        return self._read[matcher]


def _set_of(matcher: Matcher) -> Expression | None:
    try:
        if matcher.regex is None:
            return literal(matcher.value)
        return expression(matcher.value, dot_matches_newline=matcher.regex.dot_matches_newline)
    except NotUnderstoodError:
        return None


def _names_its_set(matcher: Matcher) -> bool:
    """Does it match what its text or expression stands for, and not everything else?"""
    return matcher.op in (MatchOp.EQUAL, MatchOp.MATCHES)


def _says_little(matcher: Matcher, wanted: bool) -> bool:
    """A single text can always be met, or avoided."""
    return matcher.regex is None or _values(matcher, wanted) is not None


def _values(matcher: Matcher, wanted: bool) -> frozenset[str] | None:
    """All the values with which the condition holds, when they can be listed."""
    if wanted is _names_its_set(matcher):
        return frozenset((matcher.value,)) if matcher.regex is None else matcher.regex.literals
    return None
