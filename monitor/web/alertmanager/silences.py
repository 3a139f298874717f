"""Silences: the list, one, making and editing, ending."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import NotFoundError, RequestError, StoreError
from monitor.model.labels import Labels
from monitor.web.alertmanager.asking import ShapedError, body_of, facts_of, flag, matchers, route
from monitor.web.alertmanager.bodies import BAD_TYPE, TOO_FEW, Reader, names, required
from monitor.web.alertmanager.documents import Document, silence_document
from monitor.web.alertmanager.instants import NO_TIME
from monitor.web.answers import UnconfirmedError, built_answer, json_answer
from monitor.web.breadth import ask, breadth_of
from monitor.web.parts import up
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.alerts.silences import Silence, SilenceDraft
    from monitor.matching.matchers import Matcher
    from monitor.matching.parse import Syntax
    from monitor.model.times import Timestamp

_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_FIELDS: Final = names("id", "matchers", "startsAt", "endsAt", "createdBy", "comment", "annotations")
_MATCHER_FIELDS: Final = names("name", "value", "isRegex", "isEqual")
_REQUIRED: Final = ("comment", "createdBy", "endsAt", "matchers", "startsAt")


async def silences(call: Call) -> web.StreamResponse:
    """Active ones by their end, then pending by their start, then expired; `filter` finds matchers that are the same."""
    from monitor.alerts.silences import SilenceState

    states = [state for state in SilenceState if flag(call, state.value)]
    wanted = matchers(call)
    found = [one for one in await up(call.parts.silencing).silences(states) if _has(one, wanted)]
    return await built_answer(call.request, lambda: [_document(one, call.now) for one in found], len(found))


async def silence(call: Call) -> web.Response:
    try:
        found = await up(call.parts.silencing).silence(_id_of(call))
    except NotFoundError:
        return web.Response(status=404)
    return json_answer(_document(found, call.now))


async def place(call: Call) -> web.Response:
    """Make one or edit one. Durable when it answers."""
    raw = await body_of(call, "silence")
    draft = _draft(raw, facts_of(call).syntax, call.now)
    settings = call.parts.configuration().paging.silencing
    if settings.asks_in_api and not draft.id:
        try:
            ask(await breadth_of(call, draft.matcher_sets), settings.bounds, what="silence")
        except UnconfirmedError as error:
            raise RequestError(f"{error}; narrow it, or make it with watchkeeper silence add --yes") from error
    return json_answer({"silenceID": await up(call.parts.silencing).place(draft, call.caller.actor)})


async def end(call: Call) -> web.Response:
    """It ends now; one that has ended stays as it is."""
    try:
        await up(call.parts.silencing).expire(_id_of(call), call.caller.actor)
    except NotFoundError:
        return web.Response(status=404)
    return web.Response(status=200)


def _has(silence: Silence, wanted: Sequence[Matcher]) -> bool:
    have = {matcher for matchers in silence.matcher_sets for matcher in matchers}
    return all(one in have for one in wanted)


def _document(silence: Silence, now: Timestamp) -> Document:
    try:
        return silence_document(silence, now)
    except ValueError as error:
        raise StoreError(str(error)) from error


def _id_of(call: Call) -> str:
    given = call.path("id")
    if not _UUID.fullmatch(given):
        raise ShapedError(422, f'silenceID in path must be of type uuid: "{given}"', BAD_TYPE)
    return given


def _draft(raw: bytes, syntax: Syntax, now: Timestamp) -> SilenceDraft:
    """What was asked for. Raises ShapedError or RequestError."""
    from monitor.alerts.silences import SilenceDraft

    reader = Reader("silence")
    given = reader.fields(reader.document(raw), _FIELDS, "PostableSilence")
    id_ = reader.text(given, "id", "")
    starts_at, ends_at = reader.time(given.get("startsAt"), "startsAt"), reader.time(given.get("endsAt"), "endsAt")
    created_by, comment = reader.text(given, "createdBy", "Silence"), reader.text(given, "comment", "Silence")
    annotations = reader.labels(given.get("annotations"), "annotations", "Silence")
    items = [_Given.read(reader, item) for item in reader.elements(given, "matchers", "Silence", "Matchers")]
    missing = next((name for name in _REQUIRED if name not in given), "")
    if missing and missing <= "matchers":
        raise required(missing)
    if not items:
        raise ShapedError(422, "matchers in body should have at least 1 items", TOO_FEW)
    for place, item in enumerate(items):
        item.check(place)
    if missing or starts_at is None or ends_at is None:
        raise required(missing)
    if starts_at >= ends_at:
        raise RequestError("Failed to create silence: start time must be before end time")
    if ends_at < now:
        raise RequestError("Failed to create silence: end time can't be in the past")
    matchers = tuple(item.matcher(place, syntax) for place, item in enumerate(items))
    return SilenceDraft(
        id=id_ or "",
        matcher_sets=(matchers,),
        starts_at=None if starts_at == NO_TIME else starts_at,
        ends_at=ends_at,
        created_by=created_by or "",
        comment=comment or "",
        annotations=Labels(annotations or {}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A matcher as it was sent; what was not is None."""

    name: str | None
    value: str | None
    is_regex: bool | None
    is_equal: bool | None

    @classmethod
    def read(cls, reader: Reader, item: object) -> _Given:
        fields = reader.fields(item, _MATCHER_FIELDS, "Matcher")
        return cls(
            name=reader.text(fields, "name", "Matcher"),
            value=reader.text(fields, "value", "Matcher"),
            is_regex=reader.flag(fields, "isRegex", "Matcher"),
            is_equal=reader.flag(fields, "isEqual", "Matcher"),
        )

    def check(self, place: int) -> None:
        """Raises ShapedError for what is missing."""
        for name, given in (("isRegex", self.is_regex), ("name", self.name), ("value", self.value)):
            if given is None:
                raise required(f"matchers.{place}.{name}")

    def matcher(self, place: int, syntax: Syntax) -> Matcher:
        """Raises RequestError, with the text that the whole silence would get."""
        from monitor.alerts.silences import check_matcher
        from monitor.matching.matchers import Matcher
        from monitor.matching.printing import op_of

        op = op_of(is_regex=bool(self.is_regex), is_equal=self.is_equal is not False)
        name, value = self.name or "", self.value or ""
        try:
            check_matcher(name, op, value, syntax)
            return Matcher(name, op, value, dot_matches_newline=False)
        except ValueError as error:
            raise RequestError(f"invalid silence: invalid label matcher {place} in set 0: {error}") from error


ROUTES: Final = (
    route("GET", "/silences", silences),
    route("POST", "/silences", place),
    route("GET", "/silence/{id}", silence),
    route("DELETE", "/silence/{id}", end),
)
