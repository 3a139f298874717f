"""Where alerts with the same labels went the last time: most alerts that come in have come in before.

Whoever reports an alert repeats it every minute or so while it fires. To reckon its fingerprint and its way through the
routes again costs more than to find both again.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from monitor.model.labels import Labels
from monitor.model.times import MINUTE, Millis, Timestamp

P = TypeVar("P")
_MOST: Final = 32_768
_MOST_PAIRS: Final = 4_096
_LONGEST: Final[Millis] = 10 * MINUTE
"""What was not reported for so long is forgotten, and with it what it takes to remember it."""


class Recurring(Generic[P]):
    """Label sets with what is known of them, those that came last at the end."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, str], ...], tuple[str, P, Timestamp]] = {}
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"Recurring({len(self)} label sets)"

    def recognise(self, labels: Labels, now: Timestamp) -> P | None:
        """What was kept for these labels, which know their fingerprint from here on. None: they are new."""
        found = self._known.pop(labels.pairs, None)
        if found is None:
            return None
        labels.fingerprint, known, _ = found
        # The newest pairs are the key: the alert holds them as well, so that they are in memory once.
        self.share(labels)
        self._known[labels.pairs] = (labels.fingerprint, known, now)
        return known

    def keep(self, labels: Labels, known: P, now: Timestamp) -> None:
        """These labels are known from here on."""
        self.share(labels)
        self._known[labels.pairs] = (labels.fingerprint, known, now)
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]

    def share(self, labels: Labels) -> None:
        """Let these hold the pairs that others hold as well: most of an alert's labels are those of many alerts."""
        if len(self._pairs) > _MOST_PAIRS:
            self._pairs.clear()
        seen = self._pairs
        labels.pairs = tuple([seen.setdefault(pair, pair) for pair in labels.pairs])

    def forget_old(self, now: Timestamp) -> None:
        """Forget what nobody has reported lately, as far as it is at the beginning."""
        while self._known:
            pairs, (_, _, at) = next(iter(self._known.items()))
            if 0 <= now - at <= _LONGEST:
                return
            del self._known[pairs]
