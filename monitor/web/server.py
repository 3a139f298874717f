"""The server: the table of routes on aiohttp, and what all of them have in common."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from functools import cache
from typing import Final, TypeAlias

from aiohttp import web

from monitor.model.errors import ConfigError, Finding, WatchkeeperError
from monitor.model.incidents import Door
from monitor.web.access import (
    ANYBODY,
    Caller,
    Place,
    Role,
    UnidentifiedError,
    admit,
    check_host,
    check_origin,
    identify,
)
from monitor.web.alertmanager.asking import PREFIX as ALERTMANAGER
from monitor.web.alertmanager.asking import nothing_there
from monitor.web.answers import Refusal, refusal_of, refused
from monitor.web.gets import Gets
from monitor.web.guarding import Guard
from monitor.web.parts import Parts
from monitor.web.routes import Call, Dialect, Route
from monitor.web.wire_errors import WireErrors

LARGEST_BODY: Final = 1 << 20
"""Bytes of a request's body."""

Answer: TypeAlias = Callable[[web.Request, str], Awaitable[web.StreamResponse]]

_SHUTDOWN_SECONDS = 1.0
"""aiohttp waits so long twice: for the answer, and for what is left of it."""
_NO_ROUTE = "other"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
"""A client may send any word; each that is counted is a series of its own."""
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Server:
    """Listens and answers. Made on the loop."""

    def __init__(self, parts: Parts, *, patience: float = 15.0, guard: Guard | None = None) -> None:
        """`patience`: seconds within which a body must have come. `guard`: stands before every route."""
        listen = parts.configuration().listen
        self._parts = parts
        self._patience = patience
        self._guard = guard
        self._in_place = listen.in_place
        self._routes = _table(in_place=listen.in_place)
        self._prefix = listen.prefix
        self._gets = Gets(listen.most_gets, listen.longest_get) if listen.in_place else None
        self._loopback = True
        self._machine = socket.gethostname()
        self._runner: web.AppRunner | None = None
        self._address = ""
        self.addresses: list[str] = []
        """Where it listens, each as `host:port`."""

    def __repr__(self) -> str:
        return f"Server({self._address or 'not listening'})"

    @property
    def gets(self) -> Gets | None:
        """The bounds of GET requests; None where there are none."""
        return self._gets

    async def start(self, host: str, port: int, *also: tuple[str, int]) -> str:
        """Listen; port 0 takes any that is free. Returns the first address, as `http://127.0.0.1:9797`. Raises ConfigError
        when we cannot listen there."""
        places = [(host, port), *also]
        self._loopback = all(_is_loopback(one) for one, _ in places)
        context = self._tls()
        application = web.Application(client_max_size=LARGEST_BODY)
        for route in self._routes:
            handler = self._handler(route)
            application.router.add_route(route.method, self._prefix + route.path, handler)
            if _answers_head(route):
                application.router.add_route("HEAD", self._prefix + route.path, handler)
        if self._prefix:
            application.router.add_get("/", self._behind_guard(self._to_prefix))
        application.router.add_route("*", "/{path:.*}", self._behind_guard(self._no_route))
        application.on_response_prepare.append(self._prepare)
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=WireErrors(self._parts.log, lambda: self._parts.refused("api")),
            handle_signals=False,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            auto_decompress=False,  # nor do Prometheus and Alertmanager: what is small might become large
        )
        await runner.setup()
        try:
            for one, number in places:
                # no host: every address of the machine, of both families
                await web.TCPSite(runner, one.strip("[]") or None, number, ssl_context=context).start()
        except OSError as error:
            await runner.cleanup()
            problem = f"cannot listen at {host}:{port}: {error.strerror or error}"
            remedy = "is another Watchkeeper running? Give another address with --listen"
            finding = Finding(file="web", line=0, path="listen", problem=problem, remedy=remedy)
            raise ConfigError([finding]) from error
        self._runner = runner
        self.addresses = [_netloc(*bound[:2]) for bound in runner.addresses]
        self._address = f"{'http' if context is None else 'https'}://{self.addresses[0]}"
        return self._address

    async def stop(self) -> None:
        """Stop listening; answers under way get two seconds."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request, user: str) -> web.StreamResponse:
            began = asyncio.get_running_loop().time()
            try:
                response = await self._answer(route, request, user)
            except ConnectionError:  # the client went away; aiohttp knows what to do
                raise
            except web.HTTPException as error:  # aiohttp's own, as for a body that is too large
                response = refused(
                    Refusal(status=error.status, code="bad_request", message=error.reason), route.dialect
                )
            except WatchkeeperError as error:
                response = self._refuse(refusal_of(error), route)
            except Exception as error:
                self._parts.log.error("request failed", route=route.path, exc_info=error)
                problem = "an unexpected error; the log has the details"
                response = refused(Refusal(status=500, code="internal", message=problem), route.dialect)
            if 400 <= response.status < 500:
                self._parts.refused("api")
            self._observe(request, route.path, response, asyncio.get_running_loop().time() - began)
            return response

        return self._behind_guard(answer)

    async def _answer(self, route: Route, request: web.Request, user: str) -> web.StreamResponse:
        parts = self._parts
        listen = parts.configuration().listen
        place = Place(
            loopback=self._loopback,
            external_url=parts.configuration().external_url,
            tokens=listen.tokens,
            read_needs_token=listen.read_needs_token,
            trust_local=listen.trust_local,
            machine=self._machine,
        )
        if not user and (self._loopback or not (route.any_host or self._in_place)):
            check_host(request.headers, place)
        door = Door.WEB if route.dialect is Dialect.PAGE else Door.API
        if user:  # whoever is in web.yml may do everything, as with Prometheus's programs
            caller = Caller(name=user, role=Role.ADMIN, door=door, known=True)
            if route.changes:
                check_origin(request.headers, place)
        elif route.role is not Role.NOBODY:
            caller = self._caller(request, place, door)
            if route.changes:
                check_origin(request.headers, place)
            admit(caller, route.role, changes=route.changes)
        else:
            try:
                caller = identify(request.headers, place, door)
            except UnidentifiedError:
                caller = ANYBODY
        if route.largest_body:
            request = request.clone(client_max_size=route.largest_body)
        call = Call(request=request, parts=parts, caller=caller, now=parts.now(), patience=self._patience)
        return await route.handler(call)

    def _caller(self, request: web.Request, place: Place, door: Door) -> Caller:
        """Raises UnidentifiedError."""
        if not self._in_place:
            return identify(request.headers, place, door)
        # As open as what it replaces, which does not look at credentials that it did not ask for.
        try:
            caller = identify(request.headers, place, door)
        except UnidentifiedError:
            caller = ANYBODY
        return caller if caller.known else replace(ANYBODY, role=Role.ADMIN, door=door, known=True)

    def _tls(self) -> ssl.SSLContext | None:
        """Raises ConfigError."""
        if self._guard is None:
            return None
        try:
            return self._guard.context()
        except (OSError, ValueError) as error:
            file = self._guard.file.file
            raise ConfigError([Finding(file=file, line=0, path="tls_server_config", problem=str(error))]) from error

    def _behind_guard(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._guarded(request, answer)

        return handle

    async def _guarded(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        """What `answer` makes of the request and the user of `web.yml` who sent it, or what refuses them."""
        user = ""
        if self._guard is not None:
            admitted = await self._guard.admit(request, lambda: self._has_token(request))
            if isinstance(admitted, web.Response):
                self._parts.refused("api")
                return admitted
            user = admitted
        if self._gets is not None and request.method == "GET":
            return await self._gets.answer(lambda: answer(request, user))
        return await answer(request, user)

    def _has_token(self, request: web.Request) -> bool:
        place = Place(loopback=False, tokens=self._parts.configuration().listen.tokens)
        try:
            return "Authorization" in request.headers and identify(request.headers, place, Door.API).known
        except UnidentifiedError:
            return False

    async def _to_prefix(self, request: web.Request, _: str) -> web.StreamResponse:
        raise web.HTTPFound(f"{self._prefix}/")

    def _refuse(self, refusal: Refusal, route: Route) -> web.Response:
        response = refused(refusal, route.dialect)
        if refusal.status == 401:
            # Only people at a browser can answer a Basic challenge.
            scheme = "Basic" if route.dialect is Dialect.PAGE else "Bearer"
            response.headers["WWW-Authenticate"] = f'{scheme} realm="watchkeeper"'
        return response

    async def _no_route(self, request: web.Request, _: str) -> web.StreamResponse:
        below = request.path.startswith(f"{self._prefix}/")
        path = request.path.removeprefix(self._prefix) if below else request.path
        known = {one.method for one in self._routes if below and _pattern(one.path).fullmatch(path)}
        if path.startswith(f"{ALERTMANAGER}/"):
            response = nothing_there(request.method, path, known)
        else:
            response = _nothing_there(path, known)
        self._parts.refused("api")
        self._observe(request, _NO_ROUTE, response, 0.0)
        return response

    def _observe(self, request: web.Request, route: str, response: web.StreamResponse, seconds: float) -> None:
        method = request.method.lower() if request.method in _METHODS else "unknown"
        self._parts.observe(route, method, str(response.status), seconds)

    async def _prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        own: Mapping[str, str] = self._guard.file.headers if self._guard is not None else {}
        for name, value in {**_SECURITY_HEADERS, **own}.items():
            if name in own or name not in response.headers:
                response.headers[name] = value
        response.headers["Server"] = "watchkeeper"  # aiohttp's own tells versions
        if (
            request.path.startswith(f"{self._prefix}{ALERTMANAGER}/")
            and not self._parts.configuration().listen.read_needs_token
        ):
            # Alertmanager lets pages of any site read it; where reading needs a token, who is local must not lend theirs.
            response.headers["Access-Control-Allow-Origin"] = "*"


def _table(*, in_place: bool) -> tuple[Route, ...]:
    """Each takes only what it needs: pages and Prometheus's API import the evaluator."""
    if in_place:
        from monitor.web import in_place as only

        return only.ROUTES
    from monitor.web import table

    return table.ROUTES


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1", "[::1]") or host.startswith("127.")


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _answers_head(route: Route) -> bool:
    reads = route.method == "GET" and (route.changes_by_head or not route.changes)
    return reads and route.dialect is not Dialect.ALERTMANAGER


def _nothing_there(path: str, known: Collection[str]) -> web.Response:
    dialect = Dialect.PROMETHEUS if path.startswith("/api/v1/") else Dialect.OWN
    if not known:
        return refused(Refusal(status=404, code="not_found", message=f"there is nothing at {path}"), dialect)
    allowed = ", ".join(sorted(known))
    problem = Refusal(status=405, code="method_not_allowed", message=f"{path} answers {allowed}")
    response = refused(problem, dialect)
    response.headers["Allow"] = allowed
    return response


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^}]*\}", "[^/]+", re.escape(path)))
