"""Which series satisfy these matchers? An inverted index over label pairs.

Each distinct label set has a small number, its *sid*, for as long as any sample of it is kept. A label pair knows the
sids that carry it (one number, or an array once there are two). A selection is worked out on a mask over all sids: one
pass per matcher, whatever the number of series. A regular expression is tried once per distinct value and remembered.

Freed sids are used again, so churn does not make the masks grow. `births` tell holders of old sids whether a number
still means the same series.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.labels import Labels

_MATCHERS_REMEMBERED = 256


class SeriesIndex:
    """Label sets by sid, and sids by label pair. Safe to read in a worker thread while the loop adds series."""

    __slots__ = ("_free", "_lock", "_postings", "_reuses", "_sids", "_verdicts", "births", "labels")

    def __init__(self) -> None:
        self.labels: list[Labels | None] = []
        """By sid; None where the number is free."""
        self.births = array("Q")
        """By sid: how many series there had been before this one. Tells two users of one number apart."""
        self._reuses = 0
        self._sids: dict[Labels, int] = {}
        self._postings: dict[str, dict[str, int | array[int]]] = {}
        self._free: list[int] = []
        self._verdicts: dict[Matcher, dict[str, bool]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sids)

    def find(self, labels: Labels) -> int | None:
        """The sid of this label set, if it has one."""
        return self._sids.get(labels)

    def intern(self, labels: Labels) -> int:
        """The sid of this label set, a new one if need be. Equal pairs of different sets become one object in memory."""
        sid = self._sids.get(labels)
        if sid is not None:
            return sid
        with self._lock:
            if self._free:
                sid = self._free.pop()
                self.labels[sid] = labels
                self._reuses += 1
                self.births[sid] = len(self.births) + self._reuses
            else:
                sid = len(self.labels)
                self.labels.append(labels)
                self.births.append(sid + self._reuses)
            self._sids[labels] = sid
            # Pairs are most of what a label set costs; the set stays equal to what it was.
            labels.pairs = tuple([self._posted(pair, sid) for pair in labels.pairs])
        return sid

    def births_of(self, sids: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The births of these numbers' present series, in order, uint64."""
        # Under the lock: an array that lends its memory cannot grow.
        with self._lock:
            return np.frombuffer(self.births, dtype=np.uint64)[sids] if self.births else np.empty(0, dtype=np.uint64)

    def drop(self, sids: Iterable[int]) -> None:
        """Forget these series; their numbers become free."""
        with self._lock:
            gone: set[int] = set()
            touched: set[tuple[str, str]] = set()
            for sid in sids:
                labels = self.labels[sid]
                if labels is None:
                    continue
                gone.add(sid)
                touched.update(labels.pairs)
                self.labels[sid] = None
                del self._sids[labels]
            judged: dict[str, list[dict[str, bool]]] = {}
            for matcher, verdicts in self._verdicts.items():
                judged.setdefault(matcher.name, []).append(verdicts)
            dead = np.zeros(len(self.labels), dtype=np.bool_)
            dead[list(gone)] = True
            for name, value in touched:
                posting = self._postings[name][value]
                if not isinstance(posting, int):
                    numbers = np.frombuffer(posting, dtype=np.uint32)
                    left = numbers[~dead[numbers]]
                    if len(left):
                        self._postings[name][value] = int(left[0]) if len(left) == 1 else array("I", left.tobytes())
                        continue
                del self._postings[name][value]
                if not self._postings[name]:
                    del self._postings[name]
                for verdicts in judged.get(name, ()):
                    verdicts.pop(value, None)
            self._free.extend(gone)

    def names(self) -> list[str]:
        """All label names in use, unsorted."""
        with self._lock:
            return list(self._postings)

    def values(self, name: str) -> list[str]:
        """All values in use of one label, unsorted."""
        with self._lock:
            return list(self._postings.get(name, ()))

    def resolve(self, matchers: Sequence[Matcher]) -> NDArray[np.int64]:
        """The sids of all series that satisfy every matcher, ascending, int64."""
        verdicts = [self._judge(matcher) for matcher in matchers]
        with self._lock:
            size = len(self.labels)
            if all(absent for _, absent in verdicts):
                mask = np.zeros(size, dtype=np.bool_)
                mask[list(self._sids.values())] = True
            else:
                mask = np.ones(size, dtype=np.bool_)
            for matcher, (listed, absent) in zip(matchers, verdicts, strict=True):
                by_value = self._postings.get(matcher.name, {})
                # `listed` are the values that satisfy the matcher, or, if a missing label does too, those that do not.
                part = np.zeros(size, dtype=np.bool_)
                for value in listed:
                    posting = by_value.get(value)
                    if isinstance(posting, int):
                        part[posting] = True
                    elif posting is not None:
                        part[np.frombuffer(posting, dtype=np.uint32)] = True
                mask &= ~part if absent else part
        return np.flatnonzero(mask)

    def _judge(self, matcher: Matcher) -> tuple[Iterable[str], bool]:
        """The values that satisfy the matcher and False; or, if a missing label satisfies it, those that do not and True."""
        absent = matcher.matches("")
        if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL) and matcher.value != "":
            return (matcher.value,), absent
        if matcher.op is MatchOp.MATCHES and not absent and matcher.regex is not None and matcher.regex.literals:
            return matcher.regex.literals, False
        if matcher.value == "" and matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
            return self.values(matcher.name), absent
        # Outside the lock: many distinct values take long, and the loop must be able to add series meanwhile.
        known = self._verdicts.get(matcher)
        if known is None:
            if len(self._verdicts) >= _MATCHERS_REMEMBERED:
                self._verdicts = {}
            known = self._verdicts[matcher] = {}
        listed: list[str] = []
        for value in self.values(matcher.name):
            verdict = known.get(value)
            if verdict is None:
                verdict = known[value] = matcher.matches(value)
            if verdict is not absent:
                listed.append(value)
        return listed, absent

    def _posted(self, pair: tuple[str, str], sid: int) -> tuple[str, str]:
        """Note that this series has this pair; the pair as the first of those that have it keeps it."""
        by_value = self._postings.get(pair[0])
        if by_value is None:
            by_value = self._postings[pair[0]] = {}
        posting = by_value.get(pair[1])
        if posting is None:
            by_value[pair[1]] = sid
            return pair
        if isinstance(posting, int):
            owner = self.labels[posting]
            by_value[pair[1]] = array("I", (posting, sid))
        else:
            owner = self.labels[posting[0]]
            posting.append(sid)
        if owner is not None:
            for known in owner.pairs:
                if known == pair:
                    return known
        return pair
