"""Maintenance windows: the list with what comes next, adding, editing, ending, removing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from aiohttp import web

from monitor.web.access import Role
from monitor.web.answers import BadCallError, json_answer
from monitor.web.breadth import ask, breadth_document, breadth_of
from monitor.web.own.bodies import Body, read_body
from monitor.web.own.documents import Document, instant, span
from monitor.web.own.matcher_texts import matchers_of
from monitor.web.parts import up
from monitor.web.routes import Call, Route

if TYPE_CHECKING:
    from monitor.alerts.maintaining import Planned
    from monitor.alerts.maintenance import MaintenanceWindow, Occurrence
    from monitor.alerts.window_drafts import WindowDraft
    from monitor.calendar.intervals import TimeInterval

_FIELDS: Final = (
    *("name", "matchers", "starts_at", "ends_at", "cron", "duration", "time_intervals", "location"),
    *("comment", "created_by", "announce_to", "announce_before"),
)
_LONGEST_NAME: Final = 100
_MOST_OCCURRENCES: Final = 50


async def windows(call: Call) -> web.Response:
    """Those that are running, those to come, those that are over; each with its next occurrences."""
    number = _occurrences(call)
    found = await up(call.parts.maintaining).planned(number)
    return json_answer({"maintenance": [_document(one) for one in found]})


async def window(call: Call) -> web.Response:
    found = await up(call.parts.maintaining).find(call.path("name"), _occurrences(call))
    return json_answer({"window": _document(found)})


async def add(call: Call) -> web.Response:
    """Durable when it answers. With `dry_run` only told what it would be."""
    from monitor.alerts.window_drafts import WindowDraft

    occurrences, maintaining = _occurrences(call), up(call.parts.maintaining)
    body = await read_body(call, (*_FIELDS, "confirm", "dry_run"))
    draft = _changed(WindowDraft(name=_name(body), matchers=(), created_by=call.caller.name), body)
    window = _window(draft, call)
    found = await breadth_of(call, (window.matchers,))
    if body.flag("dry_run"):
        shown = _document(await maintaining.preview(window, occurrences))
        return json_answer({"window": shown, "matches": breadth_document(found)})
    if not body.flag("confirm"):
        ask(found, call.parts.configuration().paging.silencing.bounds, what="maintenance window")
    await maintaining.add(window, call.caller.actor)
    shown = _document(await maintaining.find(window.name, occurrences))
    return json_answer({"window": shown, "matches": breadth_document(found)}, status=201)


async def edit(call: Call) -> web.Response:
    """The fields that are sent are changed, the others stay."""
    from monitor.alerts.window_drafts import draft_of

    occurrences = _occurrences(call)
    body = await read_body(call, (*(name for name in _FIELDS if name != "name"), "confirm"))
    maintaining, name = up(call.parts.maintaining), call.path("name")

    def changed(before: MaintenanceWindow) -> MaintenanceWindow:
        return _window(_changed(draft_of(before), body), call)

    if "matchers" in body.fields and not body.flag("confirm"):
        found = await breadth_of(call, (matchers_of(body, "matchers"),))
        ask(found, call.parts.configuration().paging.silencing.bounds, what="maintenance window")
    await maintaining.edit(name, changed, call.caller.actor)
    return json_answer({"window": _document(await maintaining.find(name, occurrences))})


async def end(call: Call) -> web.Response:
    """The occurrence that is under way ends; with `next` the next one does not take place."""
    occurrences = _occurrences(call)
    body = await read_body(call, ("next",))
    maintaining, name = up(call.parts.maintaining), call.path("name")
    await maintaining.end(name, call.caller.actor, skip_next=body.flag("next"))
    return json_answer({"window": _document(await maintaining.find(name, occurrences))})


async def remove(call: Call) -> web.Response:
    name = call.path("name")
    await up(call.parts.maintaining).remove(name, call.caller.actor)
    return json_answer({"removed": name})


def _occurrences(call: Call) -> int:
    """`occurrences=` of the query string. Raises BadCallError."""
    text = call.request.query.get("occurrences", "3")
    if not text.isdecimal() or int(text[:9]) > _MOST_OCCURRENCES:
        problem = f'occurrences "{text[:40]}" is not a number from 0 to {_MOST_OCCURRENCES}'
        raise BadCallError(problem, "send occurrences=10")
    return int(text)


def _name(body: Body) -> str:
    name = body.text("name", None, longest=_LONGEST_NAME)
    if not name.isprintable() or "/" in name:
        raise BadCallError('the field "name" must be one line without a slash', 'send {"name": "database upgrade"}')
    return name


def _changed(draft: WindowDraft, body: Body) -> WindowDraft:
    """The draft with the fields that were sent. Raises BadCallError."""
    given = body.fields
    for name in ("starts_at", "ends_at", "cron", "location", "comment", "created_by", "announce_to"):
        if name in given:
            draft = replace(draft, **{name: body.text(name)})
    if "matchers" in given:
        draft = replace(draft, matchers=matchers_of(body, "matchers"))
    if "duration" in given:
        # of a window that comes once it says anew when that ends
        ends_at = body.text("ends_at") if "ends_at" in given else ""
        draft = replace(draft, duration=body.duration("duration"), ends_at=ends_at)
    if "time_intervals" in given:
        draft = replace(draft, intervals=_intervals(given["time_intervals"]))
    if "announce_before" in given:
        notices = tuple(
            Body({"announce_before": one}).duration("announce_before") for one in _listed(given["announce_before"])
        )
        draft = replace(draft, announce_before=notices)
    return draft


def _window(draft: WindowDraft, call: Call) -> MaintenanceWindow:
    """Raises BadCallError with all that is wrong."""
    from monitor.alerts.window_drafts import window_of

    window, flaws = window_of(draft)
    if flaws:
        said = "; ".join(
            f'the field "{flaw.field}": {flaw.problem}' if flaw.field else f"it {flaw.problem}" for flaw in flaws
        )
        raise BadCallError(f"no maintenance window: {said}", flaws[0].remedy)
    book = call.parts.configuration().paging.book
    if window.announce_to and not book.listeners(window.announce_to):
        have = sorted({one.receiver for one in book.destinations if book.listeners(one.receiver)})
        problem = f'nobody hears what is announced to "{window.announce_to}"'
        raise BadCallError(problem, f"name one that takes words: {', '.join(have) or 'there are none'}")
    return window


def _intervals(value: object) -> tuple[TimeInterval, ...]:
    from monitor.calendar.intervals import read_interval_document

    found: list[TimeInterval] = []
    for place, one in enumerate(_listed(value)):
        if not isinstance(one, dict):
            raise BadCallError(
                'the field "time_intervals" must be a list of objects', 'send [{"weekdays": ["sunday"]}]'
            )
        try:
            found.append(read_interval_document(cast("Mapping[str, object]", one)))
        except ValueError as error:
            raise BadCallError(f"time_intervals[{place}]: {error}", "write them as in Alertmanager's file") from None
    return tuple(found)


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _document(planned: Planned) -> Document:
    from monitor.calendar.intervals import interval_document
    from monitor.matching.printing import matcher_text

    one = planned.window
    location = one.location
    return {
        "name": one.name,
        "state": "running" if planned.running is not None else "planned" if planned.upcoming else "over",
        "matchers": [matcher_text(matcher) for matcher in one.matchers],
        "once": [{"starts_at": instant(each.starts_at), "ends_at": instant(each.ends_at)} for each in one.once],
        "cron": [{"cron": each.cron.text, "duration": span(each.duration)} for each in one.repeated],
        "time_intervals": [interval_document(each) for each in one.intervals],
        "location": location,
        "comment": one.comment,
        "created_by": one.created_by,
        "announce_to": one.announce_to,
        "announce_before": [span(each) for each in one.announce_before],
        "file": one.place or None,
        "running": None if planned.running is None else _occurrence(planned.running, location),
        "upcoming": [_occurrence(each, location) for each in planned.upcoming],
        "created_at": instant(planned.created_at or None),
        "updated_at": instant(planned.updated_at or None),
    }


def _occurrence(one: Occurrence, location: str) -> Document:
    from monitor.calendar.walls import wall_text

    document: Document = {"starts_at": instant(one.starts_at or None), "ends_at": instant(one.ends_at)}
    if location:
        document["local_starts_at"] = wall_text(one.starts_at, location) if one.starts_at else None
        document["local_ends_at"] = wall_text(one.ends_at, location) if one.ends_at is not None else None
    return document


_PATH: Final = "/api/watchkeeper/v1/maintenance"
_ONE: Final = f"{_PATH}/{{name}}"
ROUTES: Final = (
    Route(method="GET", path=_PATH, handler=windows),
    Route(method="POST", path=_PATH, handler=add, role=Role.RESPONDER, changes=True),
    Route(method="GET", path=_ONE, handler=window),
    Route(method="PATCH", path=_ONE, handler=edit, role=Role.RESPONDER, changes=True),
    Route(method="DELETE", path=_ONE, handler=remove, role=Role.RESPONDER, changes=True),
    Route(method="POST", path=f"{_ONE}/end", handler=end, role=Role.RESPONDER, changes=True),
)
