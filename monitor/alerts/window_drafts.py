"""From what people write of a maintenance window, in a file or a call, to the window, or to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.spans import Once, Repeated
from monitor.calendar.cron import parse_cron
from monitor.calendar.intervals import TimeInterval
from monitor.calendar.walls import parse_local, parse_location
from monitor.matching.matchers import Matcher
from monitor.model.times import DAY, Millis, Timestamp, format_duration, rfc3339

T = TypeVar("T")
_LONGEST_NOTICE: Final[Millis] = 60 * DAY
_MOST_NOTICES: Final = 10
EVERY_ALERT: Final = "concerns every alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowDraft:
    """The fields as they were written; what was not is empty."""

    name: str
    matchers: tuple[Matcher, ...]
    starts_at: str = ""
    ends_at: str = ""
    cron: str = ""
    duration: Millis = 0
    intervals: tuple[TimeInterval, ...] = ()
    location: str = ""
    comment: str = ""
    created_by: str = ""
    announce_to: str = ""
    announce_before: tuple[Millis, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a draft."""

    field: str
    """Empty for the draft as a whole."""
    problem: str
    remedy: str = ""


def window_of(draft: WindowDraft) -> tuple[MaintenanceWindow, tuple[Flaw, ...]]:
    """The window; of use only if there are no flaws."""
    flaws: list[Flaw] = []

    def attempt(name: str, make: Callable[[], T], remedy: str = "") -> T | None:
        try:
            return make()
        except ValueError as error:
            problem, _, better = str(error).partition(": ")
            flaws.append(Flaw(name, problem, better or remedy))
            return None

    location = attempt("location", lambda: parse_location(draft.location), "write it as Europe/Berlin") or ""
    once: Once | None = None
    if draft.starts_at and (draft.ends_at or (draft.duration and not draft.cron)):
        starts_at = attempt("starts_at", lambda: parse_local(draft.starts_at, location))
        ends_at = attempt("ends_at", lambda: parse_local(draft.ends_at, location)) if draft.ends_at else None
        if starts_at is not None and (ends_at is not None or not draft.ends_at):
            once = attempt("", lambda: _once(starts_at, starts_at + draft.duration if ends_at is None else ends_at))
    elif draft.starts_at or draft.ends_at:
        both = "give both, as 2026-01-31T22:00:00+01:00, or starts_at with a duration"
        flaws.append(Flaw("", "needs starts_at and ends_at", both))
    repeated = attempt("cron", lambda: _repeated(draft, location)) if draft.cron else None
    if not (draft.starts_at or draft.ends_at or draft.cron or draft.intervals):
        ways = "give starts_at with ends_at or duration, cron with duration, or time_intervals"
        flaws.append(Flaw("", "never comes", ways))
    elif draft.duration and not (draft.cron or draft.starts_at):
        flaws.append(Flaw("duration", "is the length of nothing", "give starts_at or cron with it"))
    if not draft.matchers:
        flaws.append(Flaw("", EVERY_ALERT, 'give matchers; severity=~".+" is nearly all'))
    if draft.announce_before and not draft.announce_to:
        flaws.append(Flaw("announce_before", "is heard by nobody", "name a receiver: announce_to"))
    if len(draft.announce_before) > _MOST_NOTICES:
        flaws.append(Flaw("announce_before", f"has more than {_MOST_NOTICES} notices", "give fewer"))
    if any(not 0 < notice <= _LONGEST_NOTICE for notice in draft.announce_before):
        flaws.append(Flaw("announce_before", "is no time before a beginning", "write it as 30m, at most 60d"))
    window = MaintenanceWindow(
        name=draft.name,
        matchers=draft.matchers,
        once=(once,) if once is not None else (),
        repeated=(repeated,) if repeated is not None else (),
        intervals=draft.intervals,
        location=location,
        comment=draft.comment,
        created_by=draft.created_by,
        announce_to=draft.announce_to,
        announce_before=tuple(sorted(set(draft.announce_before), reverse=True)),
        place=draft.place,
    )
    return window, tuple(flaws)


def draft_of(window: MaintenanceWindow) -> WindowDraft:
    """What makes this window again."""
    once = window.once[0] if window.once else None
    repeated = window.repeated[0] if window.repeated else None
    return WindowDraft(
        name=window.name,
        matchers=window.matchers,
        starts_at=rfc3339(once.starts_at) if once is not None else "",
        ends_at=rfc3339(once.ends_at) if once is not None else "",
        cron=repeated.cron.text if repeated is not None else "",
        duration=repeated.duration if repeated is not None else 0,
        intervals=window.intervals,
        location=window.location,
        comment=window.comment,
        created_by=window.created_by,
        announce_to=window.announce_to,
        announce_before=window.announce_before,
        place=window.place,
    )


def _once(starts_at: Timestamp, ends_at: Timestamp) -> Once:
    if ends_at <= starts_at:
        raise ValueError("ends before it begins")
    return Once(starts_at, ends_at)


def _repeated(draft: WindowDraft, location: str) -> Repeated:
    cron = parse_cron(draft.cron, location)
    if draft.duration <= 0:
        raise ValueError("has no length: give a duration, such as 2h")
    pause = cron.shortest_pause()
    if pause is not None and draft.duration >= pause:
        again, length = format_duration(pause), format_duration(draft.duration)
        raise ValueError(f"begins again {again} after it began, before its {length} are over: it would never end")
    return Repeated(cron, draft.duration)
