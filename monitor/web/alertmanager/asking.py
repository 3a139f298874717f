"""What a call asks for: flags, matchers, receivers, a body; and how Alertmanager refuses it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import RequestError
from monitor.web.access import Role
from monitor.web.answers import JSON, json_answer
from monitor.web.routes import Call, Dialect, Handler, Route

if TYPE_CHECKING:
    from monitor.config.configuration import AlertmanagerFacts
    from monitor.matching.matchers import Matcher

PREFIX: Final = "/api/v2"
LARGEST_PUSH: Final = 16 << 20
"""Bytes of a call that pushes alerts: Prometheus sends 256 of them at a time, with whatever their annotations hold."""

_TRUE: Final = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
_ACCEPTED: Final = frozenset({JSON, "application/*", "*/*"})


class ShapedError(RequestError):
    """A call that the schema forbids: answered with `code`, which is the status or says which rule it breaks."""

    def __init__(self, status: int, message: str, code: int | None = None) -> None:
        self.status = status
        self.code = status if code is None else code
        super().__init__(message)

    def answer(self) -> web.Response:
        return json_answer({"code": self.code, "message": str(self)}, status=self.status)


def route(method: str, path: str, handler: Handler, *, largest_body: int = 0) -> Route:
    """A row of this API: whoever may look may read it, what changes something is for those who respond."""
    changes = method != "GET"
    return Route(
        method=method,
        path=PREFIX + path,
        handler=partial(_answer, handler),
        role=Role.RESPONDER if changes else Role.VIEWER,
        changes=changes,
        any_host=changes,  # that needs a token anyway, and senders know us by the names of their network
        largest_body=largest_body,
        dialect=Dialect.ALERTMANAGER,
    )


def facts_of(call: Call) -> AlertmanagerFacts:
    """What the configuration in force says to this API's callers."""
    return call.parts.configuration().paging.alertmanager


def flag(call: Call, name: str) -> bool:
    """A yes or no of the query string: the last one counts, none and an empty one is yes, and what is not known is no."""
    given = call.request.query.getall(name, [])
    return not given or given[-1] == "" or given[-1].lower() in _TRUE


def matchers(call: Call, name: str = "filter") -> Sequence[Matcher]:
    """All matchers of a repeated parameter. Raises RequestError."""
    from monitor.matching.parse import parse_matcher

    syntax = facts_of(call).syntax
    try:
        return [parse_matcher(text, syntax) for text in call.request.query.getall(name, [])]
    except ValueError as error:
        raise RequestError(str(error)) from error


def wanted_receivers(call: Call) -> Callable[[str], bool]:
    """Which receivers `receiver` (an expression for the whole name) and `receiver_matchers` (on their own labels) select.
    Raises RequestError."""
    from monitor.matching.matchers import all_match
    from monitor.matching.regex import Regex

    text = call.request.query.get("receiver", "")
    try:
        expression = Regex(text, dot_matches_newline=False) if text else None
    except ValueError as error:
        raise RequestError(f"failed to parse receiver param: {error}") from error
    given = matchers(call, "receiver_matchers")
    known = facts_of(call).receivers

    def wanted(name: str) -> bool:
        if expression is not None and not expression.matches(name):
            return False
        return not given or all_match(given, known.get(name, {"name": name}))

    return wanted


async def body_of(call: Call, name: str) -> bytes:
    """The JSON that was sent. Raises ShapedError for none, and for other types."""
    if not call.request.body_exists:
        raise ShapedError(422, f"{name} in body is required", 602)
    kind = call.request.headers.get("Content-Type", "application/octet-stream").partition(";")[0].strip().lower()
    if kind != JSON:
        raise ShapedError(415, f'unsupported media type "{kind}", only [{JSON}] are allowed')
    body = await call.body()
    if not body:
        raise ShapedError(422, f"{name} in body is required", 602)
    return body


async def _answer(handler: Handler, call: Call) -> web.StreamResponse:
    if not _accepts_json(call.request.headers.get("Accept", "")):
        problem = f"unsupported media type requested, only [{JSON}] are available"
        return ShapedError(406, problem).answer()
    try:
        return await handler(call)
    except ShapedError as error:
        return error.answer()


def nothing_there(method: str, path: str, known: Collection[str]) -> web.Response:
    """No route is there for this; `known` are the methods that the path answers."""
    if not known:
        return ShapedError(404, f"path {path} was not found").answer()
    allowed = ",".join(sorted(known, key=lambda one: (one == "GET", one)))
    response = ShapedError(405, f"method {method} is not allowed, but [{allowed}] are").answer()
    response.headers["Allow"] = allowed
    return response


def _accepts_json(accept: str) -> bool:
    kinds = [kind.partition(";")[0].strip().lower() for kind in accept.split(",")]
    return not accept.strip() or any(kind in _ACCEPTED for kind in kinds)
