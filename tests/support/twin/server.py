"""The twin's HTTP side: one application on a plain port and, with TLS, on a second one.

| path                              | what                                                         |
|-----------------------------------|--------------------------------------------------------------|
| `POST /v2/enqueue`                | PagerDuty's Events API v2                                    |
| `* /api/<method>`                 | Slack's Web API                                              |
| `POST /services/...`              | Slack's incoming webhooks                                    |
| `POST /hook/...`                  | a plain webhook that takes anything                          |
| `POST /control/faults`            | add a fault: `{"kind": "status", "call": "slack", ...}`      |
| `DELETE /control/faults`          | clear them                                                   |
| `GET /control/record`             | everything that arrived, in order                            |
| `GET /control/state`              | PagerDuty's alerts and Slack's messages                      |
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import trustme
from aiohttp import web

from monitor.clock import Clock
from tests.support.farewell import farewell
from tests.support.twin.faults import Fault, FaultKind, FaultScript
from tests.support.twin.pagerduty import PagerDutyTwin
from tests.support.twin.records import Received
from tests.support.twin.slack import SlackTwin, content_error

_LARGEST_BODY = 4 * 1024 * 1024


class Twin:
    """Both vendors, the script of faults and the record."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.pagerduty = PagerDutyTwin()
        self.slack = SlackTwin()
        self.record: list[Received] = []
        self.http_url = ""
        """Of the plain port, without a path."""
        self.https_url = ""
        """Of the TLS port."""
        self.authority = trustme.CA()
        self._script = FaultScript()
        self._clock = clock if clock is not None else Clock()
        self._arrived = asyncio.Event()

    @property
    def slack_url(self) -> str:
        """The base address for Slack's Web API."""
        return f"{self.http_url}/api/"

    def trust(self) -> ssl.SSLContext:
        """A client context that trusts the twin's certificate."""
        return ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())

    def fail(
        self, kind: FaultKind, call: str = "", *, times: int = 1, status: int = 500, retry_after: int | None = None
    ) -> None:
        """Script a fault."""
        self._script.add(Fault(kind=kind, call=call, times=times, status=status, retry_after=retry_after))

    def heal(self) -> None:
        """Clear the faults that are still to come."""
        self._script.clear()

    def received(self, call: str = "") -> list[Received]:
        """What arrived at calls whose name begins so."""
        return [one for one in self.record if one.call.startswith(call)]

    async def until_received(self, count: int, call: str = "") -> None:
        """Return when so many calls have arrived. Bound it with a timeout."""
        while len(self.received(call)) < count:
            self._arrived.clear()
            await self._arrived.wait()

    def application(self) -> web.Application:
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.add_routes(
            [
                web.post("/v2/enqueue", self._enqueue),
                web.route("*", "/api/{method}", self._slack_call),
                web.post("/services/{path:.+}", self._slack_webhook),
                web.post("/hook/{path:.*}", self._hook),
                web.post("/control/faults", self._add_fault),
                web.delete("/control/faults", self._clear_faults),
                web.get("/control/record", self._show_record),
                web.get("/control/state", self._show_state),
            ]
        )
        return application

    async def _enqueue(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        event = _document(raw)
        now = self._clock.now()
        fault = self._script.next("pagerduty.enqueue")
        if fault is not None and not fault.kind.takes_in:
            return await self._faulty(request, "pagerduty.enqueue", event, fault)
        wait = self.pagerduty.limited(event, now)
        if wait:
            self._note("pagerduty.enqueue", event, status=429, error="rate limit")
            return web.json_response(
                {"status": "throttle exceeded", "message": "Requests for this service have been throttled"},
                status=429,
                headers={"Retry-After": str(wait)},
            )
        errors = self.pagerduty.errors(event, len(raw))
        if errors:
            self._note("pagerduty.enqueue", event, status=400, error="; ".join(errors))
            return web.json_response(
                {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, status=400
            )
        key = self.pagerduty.take(event, now)
        if fault is not None:
            return await self._faulty(request, "pagerduty.enqueue", event, fault, status=202)
        self._note("pagerduty.enqueue", event, status=202, accepted=True)
        return web.json_response({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)

    async def _slack_call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        call = f"slack.{method}"
        args = await _arguments(request)
        now = self._clock.now()
        fault = self._script.next(call)
        if fault is not None and not fault.kind.takes_in:
            return await self._faulty(request, call, args, fault)
        wait = self.slack.limited(method, args, now)
        if wait:
            self._note(call, args, status=429, error="ratelimited")
            headers = {"Retry-After": str(wait)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(args.get("token", ""))
        error = self.slack.error(method, token, args)
        if error:
            self._note(call, args, status=200, error=error)
            return web.json_response({"ok": False, "error": error})
        answer = self.slack.take(method, args, now)
        if fault is not None:
            return await self._faulty(request, call, args, fault)
        self._note(call, args, status=200, accepted=True)
        return web.json_response({"ok": True, **answer})

    async def _slack_webhook(self, request: web.Request) -> web.StreamResponse:
        body = _document(await request.read())
        fault = self._script.next("slack.webhook")
        if fault is not None and not fault.kind.takes_in:
            return await self._faulty(request, "slack.webhook", body, fault)
        wait = self.slack.limited("webhook", {"_path": request.path}, self._clock.now())
        if wait:
            self._note("slack.webhook", body, status=429, error="rate limit")
            return web.Response(text="rate_limited", status=429, headers={"Retry-After": str(wait)})
        error = content_error(body) if body else "invalid_payload"
        if error:
            self._note("slack.webhook", body, status=400, error=error)
            return web.Response(text=error, status=400)
        self.slack.webhook_posts.append(body)
        if fault is not None:
            return await self._faulty(request, "slack.webhook", body, fault)
        self._note("slack.webhook", body, status=200, accepted=True)
        return web.Response(text="ok")

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = {"raw": raw.decode(errors="replace"), "headers": dict(request.headers), "path": request.path}
        fault = self._script.next("hook")
        if fault is not None:
            return await self._faulty(request, "hook", body, fault)
        self._note("hook", body, status=200, accepted=True)
        return web.Response()

    async def _faulty(
        self, request: web.Request, call: str, body: Mapping[str, Any], fault: Fault, *, status: int = 200
    ) -> web.StreamResponse:
        taken = fault.kind.takes_in
        match fault.kind:
            case FaultKind.STATUS:
                self._note(call, body, status=fault.status, fault=fault.kind.value)
                headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                return web.Response(
                    text="<html>sorry</html>", status=fault.status, headers=headers, content_type="text/html"
                )
            case FaultKind.GARBAGE:
                self._note(call, body, status=status, fault=fault.kind.value, accepted=taken)
                return web.Response(text="{not json", status=status, content_type="application/json")
            case FaultKind.HANG | FaultKind.STALL:
                self._note(call, body, status=0, fault=fault.kind.value, accepted=taken)
                await asyncio.Event().wait()
            case FaultKind.DROP | FaultKind.CUT:
                self._note(call, body, status=0, fault=fault.kind.value, accepted=taken)
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    def _note(
        self,
        call: str,
        body: Mapping[str, Any],
        *,
        status: int,
        accepted: bool = False,
        fault: str = "",
        error: str = "",
    ) -> None:
        self.record.append(
            Received(
                at=self._clock.now(), call=call, body=body, accepted=accepted, status=status, fault=fault, error=error
            )
        )
        self._arrived.set()

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        try:
            self._script.add(Fault.from_json(_document(await request.read())))
        except (KeyError, ValueError) as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response({})

    async def _clear_faults(self, request: web.Request) -> web.StreamResponse:
        self.heal()
        return web.json_response({})

    async def _show_record(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([one.as_json() for one in self.record])

    async def _show_state(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"pagerduty": self.pagerduty.as_json(), "slack": self.slack.as_json()})


@asynccontextmanager
async def running_twin(*, port: int = 0, tls_port: int = 0, twin: Twin | None = None) -> AsyncGenerator[Twin]:
    """The twin on loopback; port 0 takes a free one."""
    server = twin if twin is not None else Twin()
    runner = web.AppRunner(server.application(), shutdown_timeout=0.05)
    await runner.setup()
    try:
        plain = web.TCPSite(runner, "127.0.0.1", port)
        await plain.start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with server.authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.tempfile() as path:
            context.load_cert_chain(path)
        secure = web.TCPSite(runner, "127.0.0.1", tls_port, ssl_context=context)
        await secure.start()
        addresses = cast("list[tuple[str, int]]", runner.addresses)
        server.http_url = f"http://127.0.0.1:{addresses[0][1]}"
        server.https_url = f"https://127.0.0.1:{addresses[1][1]}"
        yield server
    finally:
        ports = [address[1] for address in cast("list[tuple[str, int]]", runner.addresses)]
        await runner.cleanup()
        await farewell(ports)


def _document(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


async def _arguments(request: web.Request) -> dict[str, Any]:
    """Of a Slack call: query, JSON body or form; in a form, structures are JSON texts."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        args.update(_document(await request.read()))
        return args
    for name, value in (await request.post()).items():
        text = str(value)
        args[name] = json.loads(text) if name in ("blocks", "attachments", "metadata") else text
    return args
