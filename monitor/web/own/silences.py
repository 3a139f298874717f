"""Silences by our own door: what one would mute is told first, and a wide one is asked about.

Alertmanager's door makes the same silences and has no words for the rest: that one ends with what it muted, and when
somebody is reminded of its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import StoreError
from monitor.model.labels import EMPTY
from monitor.model.times import rfc3339
from monitor.web.access import Role
from monitor.web.answers import BadCallError, json_answer
from monitor.web.breadth import ask, breadth_document, breadth_of
from monitor.web.own.bodies import Body, read_body
from monitor.web.own.documents import Document, instant, span
from monitor.web.own.matcher_texts import matchers_of
from monitor.web.parts import up
from monitor.web.routes import Call, Route

if TYPE_CHECKING:
    from monitor.alerts.silences import Silence, SilenceDraft

_FIELDS: Final = (
    *("id", "matchers", "starts_at", "ends_at", "for", "created_by", "comment"),
    *("until_resolved", "remind_before", "confirm", "dry_run"),
)
_NEVER: Final = "never"


async def silences(call: Call) -> web.Response:
    """Those that are active or will be."""
    from monitor.alerts.silences import SilenceState

    found = await up(call.parts.silencing).silences({SilenceState.ACTIVE, SilenceState.PENDING})
    return json_answer({"silences": [_document(one, call) for one in found]})


async def place(call: Call) -> web.Response:
    """Make one, or edit the one that `id` names: what is not sent stays as it is. Durable when it answers."""
    body = await read_body(call, _FIELDS)
    silencing = up(call.parts.silencing)
    before = await silencing.silence(body.text("id")) if body.text("id") else None
    draft = _draft(body, before, call)
    found = await breadth_of(call, draft.matcher_sets)
    if body.flag("dry_run"):
        return json_answer({"silence": None, "matches": breadth_document(found)})
    widened = before is None or draft.matcher_sets != before.matcher_sets
    if widened and not body.flag("confirm"):
        ask(found, call.parts.configuration().paging.silencing.bounds, what="silence")
    made = await silencing.silence(await silencing.place(draft, call.caller.actor))
    document = {"silence": _document(made, call), "matches": breadth_document(found)}
    return json_answer(document, status=201 if before is None else 200)


def _draft(body: Body, before: Silence | None, call: Call) -> SilenceDraft:
    """Raises BadCallError."""
    from monitor.alerts.silences import SilenceDraft, validate

    matchers = matchers_of(body, "matchers")
    if not matchers and before is None:
        raise BadCallError('the field "matchers" is missing', 'send {"matchers": ["team=core"]}')
    starts_at = body.instant("starts_at", before.starts_at if before is not None else call.now)
    if "for" in body.fields:
        ends_at = max(starts_at, call.now) + body.duration("for")
    elif before is None and "ends_at" not in body.fields:
        raise BadCallError("it has no end", 'send {"for": "2h"} or {"ends_at": "2026-01-02T03:04:05Z"}')
    else:
        ends_at = body.instant("ends_at", before.ends_at if before is not None else 0)
    if starts_at >= ends_at:
        raise BadCallError("start time must be before end time", 'send {"for": "2h"}')
    if ends_at <= call.now:
        raise BadCallError("it would be over already", 'send {"for": "2h"}')
    draft = SilenceDraft(
        id=body.text("id"),
        matcher_sets=(matchers,) if matchers or before is None else before.matcher_sets,
        starts_at=starts_at,
        ends_at=ends_at,
        created_by=body.text("created_by") or (before.created_by if before is not None else call.caller.name),
        comment=body.text("comment", before.comment if before is not None else None),
        annotations=before.annotations if before is not None else EMPTY,
        until_resolved=body.flag("until_resolved") if "until_resolved" in body.fields else None,
        remind_before=_notice(body, call),
    )
    try:
        validate(draft, call.parts.configuration().paging.alertmanager.syntax)
    except ValueError as error:  # before anybody is asked whether it is meant
        raise BadCallError(f"invalid silence: {error}") from None
    return draft


def _notice(body: Body, call: Call) -> int | None:
    if "remind_before" not in body.fields:
        return None
    if body.fields["remind_before"] in (0, "0", _NEVER):
        return 0
    if not call.parts.configuration().paging.silencing.reminders.to:
        remedy = "name a receiver in the configuration: silences.remind_to"
        raise BadCallError("nobody would hear a reminder", remedy)
    return body.duration("remind_before")


def _document(silence: Silence, call: Call) -> Document:
    from monitor.matching.printing import matcher_text

    if not silence.matcher_sets:
        raise StoreError(f"silence {silence.id} has no matchers")
    reminders = call.parts.configuration().paging.silencing.reminders
    before = reminders.before if silence.remind_before is None else silence.remind_before
    return {
        "id": silence.id,
        "state": silence.state(call.now).value,
        "matchers": [[matcher_text(one) for one in matchers] for matchers in silence.matcher_sets],
        "starts_at": rfc3339(silence.starts_at),
        "ends_at": rfc3339(silence.ends_at),
        "created_by": silence.created_by,
        "comment": silence.comment,
        "until_resolved": silence.until_resolved,
        "muted_since": instant(silence.seen_at or None),
        "remind_before": span(before) if reminders.to else 0,
    }


_PATH: Final = "/api/watchkeeper/v1/silences"
ROUTES: Final = (
    Route(method="GET", path=_PATH, handler=silences),
    Route(method="POST", path=_PATH, handler=place, role=Role.RESPONDER, changes=True),
)
