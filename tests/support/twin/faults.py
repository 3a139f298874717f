"""Scripted faults. Each is used up by the calls it hits, in the order in which it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """What goes wrong."""

    STATUS = "status"
    """Answers with `status` (and `retry_after`); nothing is taken in."""
    HANG = "hang"
    """Takes it in and never answers."""
    STALL = "stall"
    """Takes nothing in and never answers."""
    DROP = "drop"
    """Takes it in and cuts the connection."""
    CUT = "cut"
    """Cuts the connection before taking it in."""
    GARBAGE = "garbage"
    """Takes it in and answers 200 (PagerDuty: 202) with a body that is no JSON."""

    @property
    def takes_in(self) -> bool:
        return self in (FaultKind.HANG, FaultKind.DROP, FaultKind.GARBAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One scripted fault."""

    kind: FaultKind
    call: str = ""
    """Hits calls whose name begins so: `pagerduty`, `slack`, `slack.chat.update`; empty: any."""
    times: int = 1
    """How many calls it hits; -1: all, until the faults are cleared."""
    status: int = 500
    retry_after: int | None = None
    """Seconds, for STATUS."""

    @classmethod
    def from_json(cls, document: Mapping[str, object]) -> Fault:
        """Read what `/control/faults` is given. Raises KeyError, ValueError."""
        retry_after = document.get("retry_after")
        return cls(
            kind=FaultKind(document["kind"]),
            call=str(document.get("call", "")),
            times=int(str(document.get("times", 1))),
            status=int(str(document.get("status", 500))),
            retry_after=None if retry_after is None else int(str(retry_after)),
        )


class FaultScript:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append((fault, fault.times))

    def clear(self) -> None:
        self._waiting.clear()

    def next(self, call: str) -> Fault | None:
        """The fault that this call meets, used up once."""
        for place, (fault, left) in enumerate(self._waiting):
            if call.startswith(fault.call):
                if left == 1:
                    del self._waiting[place]
                elif left > 1:
                    self._waiting[place] = (fault, left - 1)
                return fault
        return None
