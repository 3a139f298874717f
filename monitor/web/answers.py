"""Answers: JSON of ours, text, and errors in the dialect of their route.

What is large is built in a worker thread and in small parts, so that the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import html
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Final, cast

from aiohttp import web

from monitor.model.errors import (
    AccessError,
    ConfigError,
    ConflictError,
    NotFoundError,
    PeerError,
    QueryLimitError,
    RequestError,
    StoreError,
    UserError,
    WatchkeeperError,
)
from monitor.model.surrogates import whole
from monitor.web.access import UnidentifiedError
from monitor.web.parts import StillStartingError
from monitor.web.routes import Dialect, SlowCallError

JSON = "application/json"
_INLINE_ITEMS = 100
_COMPRESS_FROM = 2_048
_BLOCK = 64 * 1024
_LEVEL = 4
_GZIP = 31


class BadCallError(RequestError):
    """A call that cannot be understood; `remedy` says what would be right."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(message)


class UnconfirmedError(ConflictError):
    """A call that does more than its caller may mean, without saying that it is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error as callers see it."""

    status: int
    code: str
    """A stable word."""
    message: str
    remedy: str = ""


def refusal_of(error: WatchkeeperError) -> Refusal:
    """Whose fault it is as a status, and what to do about it."""
    text = whole(str(error))  # it may repeat bytes of a header that are no UTF-8
    match error:
        case BadCallError():
            return Refusal(status=400, code="bad_request", message=text, remedy=error.remedy)
        case SlowCallError():
            return Refusal(status=408, code="too_slow", message=text)
        case UnidentifiedError():
            remedy = "tokens are configured under web.tokens"
            return Refusal(status=401, code="unauthenticated", message=text, remedy=remedy)
        case AccessError():
            return Refusal(status=403, code="forbidden", message=text)
        case NotFoundError():
            return Refusal(status=404, code="not_found", message=text)
        case UnconfirmedError():
            remedy = 'narrow it, or say --yes (`"confirm": true`)'
            return Refusal(status=409, code="unconfirmed", message=text, remedy=remedy)
        case ConflictError():
            return Refusal(status=409, code="conflict", message=text)
        case ConfigError():
            remedy = "correct the file; the former configuration is in force"
            return Refusal(status=422, code="bad_configuration", message=text, remedy=remedy)
        case RequestError():
            return Refusal(status=400, code="bad_request", message=text)
        case QueryLimitError():
            timeout = "timed out" in text
            return Refusal(status=503 if timeout else 422, code="timeout" if timeout else "execution", message=text)
        case UserError():
            return Refusal(status=422, code="unprocessable", message=text)
        case StillStartingError():
            return Refusal(status=503, code="starting", message=text, remedy="try again in a moment")
        case StoreError() | PeerError():
            return Refusal(
                status=503, code="unavailable", message=text, remedy="try again; /health tells what is wrong"
            )
        case _:
            return Refusal(status=500, code="internal", message=text, remedy="please report it")


def refused(refusal: Refusal, dialect: Dialect) -> web.Response:
    """The answer that says so."""
    match dialect:
        case Dialect.OWN:
            error = {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}
            return json_answer({"error": error}, status=refusal.status)
        case Dialect.PROMETHEUS:
            kind = "timeout" if refusal.code == "timeout" else _PROMETHEUS_TYPES.get(refusal.status, "internal")
            document = {"status": "error", "errorType": kind, "error": refusal.message}
            return json_answer(document, status=refusal.status)
        case Dialect.ALERTMANAGER if refusal.code in _SAID_BARE:
            # Its API knows no 503: what the store cannot do is a 500, and then as well a bare text.
            return json_answer(refusal.message, status=500 if refusal.status == 503 else refusal.status)
        case Dialect.ALERTMANAGER:
            return json_answer({"code": refusal.status, "message": refusal.message}, status=refusal.status)
        case Dialect.TEXT:
            lines = [refusal.message, refusal.remedy]
            return text_answer("\n".join(line for line in lines if line), status=refusal.status)
        case Dialect.PAGE:
            body = (
                '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
                '<meta name="color-scheme" content="light dark"><title>Watchkeeper</title>'
                f'<p>{html.escape(refusal.message)}</p><p>{html.escape(refusal.remedy)}</p><p><a href="/">Back</a></p>'
            )
            return web.Response(text=body, status=refusal.status, content_type="text/html", charset="utf-8")


_SAID_BARE: Final = frozenset({"bad_request", "not_found", "unavailable", "internal"})
_PROMETHEUS_TYPES = {
    400: "bad_data",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "bad_data",
    406: "not_acceptable",
    408: "bad_data",
    413: "bad_data",
    422: "execution",
    499: "canceled",
    503: "unavailable",
}


def json_text(document: object) -> str:
    """Compact JSON. Infinities and NaN must have been dealt with: they are no JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def json_parts(document: object, depth: int = 5) -> Iterator[str]:
    """The same in small parts: the encoder holds on to the interpreter for as long as one call lasts."""
    known = _container(document)
    if not (depth and known):
        yield json_text(document)
        return
    if isinstance(known, dict):
        opening = "{"
        for name, value in known.items():
            yield f"{opening}{json_text(name)}:"
            yield from json_parts(value, depth - 1)
            opening = ","
        yield "}"
    else:
        opening = "["
        for value in known:
            yield opening
            yield from json_parts(value, depth - 1)
            opening = ","
        yield "]"


def json_answer(document: object, *, status: int = 200) -> web.Response:
    return body_answer(whole(json_text(document)).encode(), JSON, status=status)


async def built_answer(request: web.Request, build: Callable[[], object], items: int) -> web.StreamResponse:
    """What `build` gives, as JSON; with many items it is built and written in a worker thread."""
    if items <= _INLINE_ITEMS:
        return json_answer(build())
    return await streamed_answer(request, lambda: json_parts(build()))


async def streamed_answer(
    request: web.Request, parts: Callable[[], Iterable[str]], content_type: str = JSON
) -> web.StreamResponse:
    """JSON, or text, of any size. `parts` is called and gone through in a worker thread, where the text is compressed too; it
    goes out in blocks, each when the one before has left. The thread ends when nobody waits for the answer any more: the daemon
    stops, or the client has gone, which raises ConnectionResetError."""
    compress = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    given_up = Event()
    try:
        blocks = await asyncio.to_thread(
            _blocks, parts, compress, lambda: given_up.is_set() or request.transport is None
        )
    except asyncio.CancelledError:
        given_up.set()
        raise
    response = web.StreamResponse(headers={"Content-Type": content_type})
    if compress:
        response.headers["Content-Encoding"] = "gzip"
    response.content_length = sum(len(block) for block in blocks)
    await response.prepare(request)
    if request.method != "HEAD":
        for block in blocks:
            await response.write(block)
    await response.write_eof()
    return response


def body_answer(body: bytes, content_type: str, *, status: int = 200) -> web.Response:
    """Bytes that are JSON or text in UTF-8. Larger ones are compressed for who can read that."""
    response = web.Response(
        body=body, status=status, headers={"Content-Type": content_type}, zlib_executor_size=8 * _COMPRESS_FROM
    )
    if len(body) >= _COMPRESS_FROM:
        response.enable_compression()
    return response


def text_answer(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=whole(text) + "\n", status=status, content_type="text/plain", charset="utf-8")


def _container(document: object) -> dict[str, object] | list[object] | None:
    return cast("dict[str, object] | list[object]", document) if isinstance(document, (dict, list)) else None


def _blocks(parts: Callable[[], Iterable[str]], compress: bool, given_up: Callable[[], bool]) -> list[bytes]:
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP) if compress else None
    blocks: list[bytes] = []

    def add(block: bytes) -> None:
        packed = packer.compress(block) if packer is not None else block
        if packed:
            blocks.append(packed)

    waiting: list[str] = []
    size = 0
    for part in parts():
        if given_up():
            raise ConnectionResetError("nobody waits for this answer any more")
        waiting.append(part)
        size += len(part)
        if size >= _BLOCK:
            add(whole("".join(waiting)).encode())
            waiting, size = [], 0
    add(whole("".join(waiting)).encode())
    if packer is not None:
        blocks.append(packer.flush())
    return blocks
