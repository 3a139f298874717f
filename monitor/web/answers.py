"""Answers: JSON of ours, text, and errors in the dialect of their route.

What is large is built in a worker thread, so that the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Callable
from dataclasses import dataclass

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
from monitor.web.access import UnidentifiedError
from monitor.web.parts import StillStartingError
from monitor.web.routes import Dialect

JSON = "application/json"
_INLINE_ITEMS = 100
_COMPRESS_FROM = 2_048


class BadCallError(RequestError):
    """A call that cannot be understood; `remedy` says what would be right."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(message)


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
    text = str(error)
    match error:
        case BadCallError():
            return Refusal(status=400, code="bad_request", message=text, remedy=error.remedy)
        case UnidentifiedError():
            remedy = "tokens are configured under web.tokens"
            return Refusal(status=401, code="unauthenticated", message=text, remedy=remedy)
        case AccessError():
            return Refusal(status=403, code="forbidden", message=text)
        case NotFoundError():
            return Refusal(status=404, code="not_found", message=text)
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


_PROMETHEUS_TYPES = {
    400: "bad_data",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "bad_data",
    406: "not_acceptable",
    413: "bad_data",
    422: "execution",
    499: "canceled",
    503: "unavailable",
}


def json_bytes(document: object) -> bytes:
    """Compact JSON. Infinities and NaN must have been dealt with: they are no JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(errors="replace")


def json_answer(document: object, *, status: int = 200) -> web.Response:
    return body_answer(json_bytes(document), JSON, status=status)


async def built_answer(build: Callable[[], object], items: int) -> web.Response:
    """What `build` gives, as JSON; with many items it is built and written in a worker thread."""
    if items <= _INLINE_ITEMS:
        return json_answer(build())
    return body_answer(await asyncio.to_thread(lambda: json_bytes(build())), JSON)


def body_answer(body: bytes, content_type: str, *, status: int = 200) -> web.Response:
    """Bytes that are JSON or text in UTF-8. Large ones are compressed for who can read that, off the loop."""
    response = web.Response(
        body=body, status=status, headers={"Content-Type": content_type}, zlib_executor_size=8 * _COMPRESS_FROM
    )
    if len(body) >= _COMPRESS_FROM:
        response.enable_compression()
    return response


def text_answer(text: str, *, status: int = 200) -> web.Response:
    return web.Response(text=text + "\n", status=status, content_type="text/plain", charset="utf-8")
