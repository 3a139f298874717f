"""Heartbeats: jobs call /ping/NAME when they are done, /ping/NAME/start when they begin, /fail or an exit code when not.

What a job sends along (up to ten kilobytes of its output) is kept in memory, the last few of each check, for whoever looks
into a failure. The reply is `OK`, as jobs and their `curl -f` expect. HEAD reports as GET does, since there are jobs that
ping so; it is the only HEAD that changes anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import NotFoundError
from monitor.probe.heartbeat import Ping, PingKind, ping_for_exit_code
from monitor.web.access import Role
from monitor.web.answers import BadCallError, text_answer
from monitor.web.own.documents import Document, instant
from monitor.web.parts import Parts, PingRecord
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.probe.probing import Probing

LONGEST_LOG: Final = 10_000
"""Bytes of a ping's body that are kept."""

_KEPT: Final = 10
_LONGEST_RUN_ID: Final = 64
_LONGEST_LINE: Final = 200
_KINDS: Final[Mapping[str, PingKind]] = {
    "": PingKind.SUCCESS,
    "start": PingKind.START,
    "fail": PingKind.FAIL,
    "log": PingKind.LOG,
}


def probing_of(parts: Parts, name: str) -> Probing:
    """Who makes the check of this name. Raises NotFoundError where there are no checks."""
    if parts.probing is None:
        raise NotFoundError(f"there is no check {name!r}: in Alertmanager's place nothing is checked")
    return parts.probing


async def ping(call: Call) -> web.Response:
    name, what = call.path("name"), call.request.match_info.get("what", "")
    run_id = call.request.query.get("rid", "")
    if len(run_id) > _LONGEST_RUN_ID:
        raise BadCallError(f"rid is longer than {_LONGEST_RUN_ID} characters", "send a UUID")
    log = (await call.body())[:LONGEST_LOG].decode(errors="replace")
    told = _ping(what, run_id, log)
    await probing_of(call.parts, name).ping(name, told)
    kept = call.parts.pings.setdefault(name, deque(maxlen=_KEPT))
    kept.appendleft(PingRecord(at=call.now, kind=told.kind.value, what=what, run_id=run_id, log=log))
    return text_answer("OK")


def log_documents(parts: Parts, name: str) -> list[Document]:
    """The last pings of a check, the newest first."""
    return [
        {"at": instant(one.at), "kind": one.kind, "what": one.what, "rid": one.run_id, "log": one.log}
        for one in parts.pings.get(name, ())
    ]


def _ping(what: str, run_id: str, log: str) -> Ping:
    line = next((line.strip() for line in log.splitlines() if line.strip()), "")[:_LONGEST_LINE]
    if what in _KINDS:
        return Ping(kind=_KINDS[what], run_id=run_id, text=line)
    if not (what.isdecimal() and what.isascii()):
        raise NotFoundError(f'"{what[:40]}" is no ping: call /start, /fail, /log, an exit code, or nothing')
    try:
        told = ping_for_exit_code(int(what[:9]), run_id)
    except ValueError as error:
        raise BadCallError(str(error), "0 is success, 1 to 255 a failure") from None
    if line and told.kind is PingKind.FAIL:
        return Ping(kind=told.kind, run_id=run_id, text=f"{told.text}: {line}")
    return told


ROUTES: Final = tuple(
    Route(
        method=method,
        path=path,
        handler=ping,
        role=Role.VIEWER,
        changes=True,
        changes_by_head=True,
        dialect=Dialect.TEXT,
    )
    for path in ("/ping/{name}", "/ping/{name}/{what}")
    for method in ("GET", "POST")
)
