"""The one source of ids, jitter and seeds, so that a simulation with a given seed repeats itself exactly."""

from __future__ import annotations

import random
import uuid

from monitor.model.times import Millis, Timestamp

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Chance:
    """Dice. Without a seed they come from the operating system; with one they repeat."""

    __slots__ = ("_dice",)

    def __init__(self, seed: int | None = None) -> None:
        self._dice = random.SystemRandom() if seed is None else random.Random(seed)

    def ulid(self, now: Timestamp) -> str:
        """26 characters that sort by time. Source: github.com/ulid/spec."""
        number = (now << 80) | self._dice.getrandbits(80)
        return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))

    def uuid(self) -> str:
        """A random UUID (version 4), as Alertmanager's silences have."""
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def fraction(self) -> float:
        """Uniform in [0, 1)."""
        return self._dice.random()

    def span(self, low: Millis, high: Millis) -> Millis:
        """Uniform in [low, high], both ends included."""
        return self._dice.randint(low, high)

    def secret(self) -> str:
        """128 random bits as hex."""
        return f"{self._dice.getrandbits(128):032x}"
