"""Who is told what in a story: the words for what is expected, and how it is shown beside what was heard."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.notifications import MessageKind
from monitor.model.times import Millis, format_duration
from monitor.simulate.world import Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Somebody is told something."""

    who: str
    kind: MessageKind
    repeated: bool = False
    by: str = ""
    """The integration; empty for any."""


def page(who: str, *, repeated: bool = False, by: str = "") -> Telling:
    """A page, or an alert for a receiver that does not escalate."""
    return Telling(who=who, kind=MessageKind.TRIGGER, repeated=repeated, by=by)


def resolve(who: str, *, repeated: bool = False, by: str = "") -> Telling:
    return Telling(who=who, kind=MessageKind.RESOLVE, repeated=repeated, by=by)


def acknowledged(who: str, *, repeated: bool = False, by: str = "") -> Telling:
    """Somebody who was paged learns that it was acknowledged."""
    return Telling(who=who, kind=MessageKind.ACKNOWLEDGE, repeated=repeated, by=by)


def update(who: str, *, repeated: bool = False, by: str = "") -> Telling:
    return Telling(who=who, kind=MessageKind.UPDATE, repeated=repeated, by=by)


def reminder(who: str, *, repeated: bool = False, by: str = "") -> Telling:
    return Telling(who=who, kind=MessageKind.REMINDER, repeated=repeated, by=by)


def telling_line(at: Millis, telling: Telling) -> str:
    """As a line of a story."""
    marks = f"{' (possible repeat)' if telling.repeated else ''}{f' by {telling.by}' if telling.by else ''}"
    return f"{at:>12} ms  {format_duration(at):<14} {telling.who}: {telling.kind.value}{marks}"


def heard_line(heard: Heard, wanted: Telling | None) -> str:
    """What was heard, told as it was expected."""
    by = heard.integration if wanted is not None and wanted.by else ""
    return telling_line(heard.at, Telling(who=heard.who, kind=heard.kind, repeated=heard.repeated, by=by))
