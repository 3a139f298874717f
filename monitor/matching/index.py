"""Which of many matcher lists match a label set, without asking them all.

Every list is filed under one pair of label and value that it demands, the one with the fewest neighbours so far; only lists
that demand none (`team!="a"`, `instance=~"db.*"`) are asked for every label set. So a thousand silences that each name an
instance cost one look-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.model.labels import Labels

K = TypeVar("K")
_Pair = tuple[str, str]
_Lists = tuple[tuple[Matcher, ...], ...]
_MOST_VALUES: Final = 16
"""An alternation of more texts than this is not worth filing under each of them."""


class MatcherIndex(Generic[K]):
    """Keys, each with lists of matchers any of which may match; a list without matchers matches everything."""

    def __init__(self) -> None:
        self._lists: dict[K, _Lists] = {}
        self._filed: dict[_Pair, dict[K, None]] = {}
        self._loose: dict[K, None] = {}
        self._places: dict[K, tuple[_Pair, ...]] = {}

    def __len__(self) -> int:
        return len(self._lists)

    def __repr__(self) -> str:
        return f"MatcherIndex({len(self)} keys, {len(self._loose)} asked always)"

    def put(self, key: K, lists: Sequence[Sequence[Matcher]]) -> None:
        """From now on these are the key's lists."""
        self.drop(key)
        self._lists[key] = tuple(tuple(matchers) for matchers in lists)
        places: list[_Pair] = []
        for matchers in self._lists[key]:
            demanded = min((self._demands(one) for one in matchers if _can_be_filed(one)), default=None)
            if demanded is None:
                self._loose[key] = None
            else:
                places += demanded[1]
        for place in places:
            self._filed.setdefault(place, {})[key] = None
        self._places[key] = tuple(places)

    def drop(self, key: K) -> None:
        """Forget the key; nothing happens if it is not there."""
        if self._lists.pop(key, None) is None:
            return
        self._loose.pop(key, None)
        for place in self._places.pop(key):
            if (filed := self._filed.get(place)) is not None:
                filed.pop(key, None)
                if not filed:
                    del self._filed[place]

    def matching(self, labels: Labels) -> list[K]:
        """The keys whose lists match, in no particular order."""
        asked = self._asked(labels)
        return [key for key in asked if any(all_match(one, labels) for one in self._lists[key])] if asked else []

    def crowd(self, labels: Labels) -> int:
        """How many keys are asked about these labels."""
        return len(self._asked(labels))

    def _asked(self, labels: Labels) -> dict[K, None]:
        filed = [found for pair in labels.pairs if (found := self._filed.get(pair))] if self._filed else []
        if not filed:
            return self._loose
        if not self._loose and len(filed) == 1:
            return filed[0]
        asked = dict(self._loose)
        for found in filed:
            asked.update(found)
        return asked

    def _demands(self, matcher: Matcher) -> tuple[int, list[_Pair]]:
        """How crowded the places are under which a list with this matcher can be filed, and the places."""
        values = [matcher.value] if matcher.op is MatchOp.EQUAL else sorted(_literals(matcher))
        places = [(matcher.name, value) for value in values]
        return sum(len(self._filed.get(place, ())) for place in places), places


def _can_be_filed(matcher: Matcher) -> bool:
    """Does it demand that the label has one of a few values? The empty text is none: the label is missing then."""
    if matcher.op is MatchOp.EQUAL:
        return matcher.value != ""
    return (
        matcher.op is MatchOp.MATCHES and 0 < len(_literals(matcher)) <= _MOST_VALUES and "" not in _literals(matcher)
    )


def _literals(matcher: Matcher) -> frozenset[str]:
    return (matcher.regex.literals if matcher.regex is not None else None) or frozenset()
