"""POST /api/v1/write: samples from elsewhere. Errors are plain text, as senders log them.

400 says that sending it again does not help; what could be kept of such a request is kept.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from monitor.web.access import Role
from monitor.web.answers import text_answer
from monitor.web.parts import up
from monitor.web.routes import Call, Dialect, Route

_FIRST: Final = "prometheus.WriteRequest"


async def write(call: Call) -> web.Response:
    from monitor.remote.snappy import NoSnappyError, TooLargeError

    receiving = up(call.parts.receiving)
    problem = _unreadable(call)
    if problem:
        return text_answer(problem, status=415)
    body = await call.body()
    try:
        await receiving.receive(body)
    except NoSnappyError as error:
        return text_answer(str(error), status=501)
    except TooLargeError as error:
        return text_answer(str(error), status=413)
    return web.Response(status=204)


def _unreadable(call: Call) -> str:
    """Why a body of this kind is not read; empty if it is."""
    headers = call.request.headers
    kind, _, rest = headers.get("Content-Type", "").partition(";")
    message = rest.strip().removeprefix("proto=") or _FIRST
    if kind.strip().lower() != "application/x-protobuf":
        return f'"{kind}" is not read: send application/x-protobuf'
    if message != _FIRST:
        return f"{message} is not read: send {_FIRST} (protobuf_message in the sender's configuration)"
    encoding = headers.get("Content-Encoding", "")
    return "" if encoding == "snappy" else f'"{encoding}" is not read: send snappy'


ROUTES: Final = (
    Route(
        method="POST",
        path="/api/v1/write",
        handler=write,
        role=Role.RESPONDER,
        changes=True,
        any_host=True,
        dialect=Dialect.TEXT,
    ),
)
