"""One script, two Alertmanagers: what each sent to a webhook and answered to the API, to be compared.

A case is a route with its receiver, a script of pushed alerts and looks at the API, and a time until which it is watched.
Many cases run in one process at the same time, kept apart by the label `case`; both processes see the same script at the
same instants. What differs between the versions, and is meant to, is in `VERSIONS`, each with its reason.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
from aiohttp import web

from tests.support.alertmanagers import Alertmanager

TOLERANCE = 0.9
"""Seconds by which two arrivals of the same message may differ; groups are told every two seconds."""

VERSIONS: Mapping[str, str] = {
    "notification_reason": "in webhooks since 0.32",
    "routeLabels": "in webhooks since 0.34",
    "mutedBy": "in the status of alerts since 0.28",
    "updatedAt": "the instant at which each of the two took it in",
}
"""Keys of ours, or of both, that are not compared."""

_MASKED = frozenset(VERSIONS)
_SINCE_0_32 = "annotations"
"""Of silences; those of alerts are compared."""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message that the collector took."""

    at: float
    """Seconds since the script began."""
    path: str
    body: Any

    def __str__(self) -> str:
        alerts = self.body["alerts"]
        told = ", ".join(f"{alert['labels'].get('alertname')}={alert['status']}" for alert in alerts)
        return f"{self.at:5.2f} {self.path} {self.body['status']} [{told}]"


class Collector:
    """A webhook that takes everything, except the first messages of those paths that are to fail."""

    def __init__(self, failing: Mapping[str, int]) -> None:
        self.arrivals: list[tuple[float, str, Any]] = []
        """Those that were accepted, with the monotonic time."""
        self._failing = dict(failing)

    async def take(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        name = request.path.strip("/")
        if self._failing.get(name, 0):
            self._failing[name] -= 1
            return web.Response(status=500)
        self.arrivals.append((time.monotonic(), name, body))
        return web.Response()


@asynccontextmanager
async def collecting(failing: Mapping[str, int]) -> AsyncGenerator[tuple[Collector, str]]:
    """A collector, and what its addresses begin with."""
    collector = Collector(failing)
    application = web.Application(client_max_size=1 << 24)
    application.router.add_post("/{path:.*}", collector.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield collector, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Stage:
    """One of the two while a case runs on it."""

    def __init__(
        self, case: str, peer: Alertmanager, hooks: str, began: float, wall: float, client: aiohttp.ClientSession
    ) -> None:
        self.case = case
        self.hooks = hooks
        self.peer = peer
        self.answers: list[tuple[str, Any]] = []
        """What the API said, in the order of the script."""
        self._began = began
        self._wall = wall
        self._client = client

    async def at(self, seconds: float) -> None:
        """Go on so long after the script began."""
        await asyncio.sleep(max(0.0, self._began + seconds - time.monotonic()))

    async def after(self, seconds: float) -> None:
        """Go on so long from now."""
        await asyncio.sleep(seconds)

    async def listening(self) -> None:
        """Go on when it answers: another script of the same process may have stopped it."""
        while True:
            try:
                await self.ask("GET", "/-/ready")
                return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)

    def now(self) -> float:
        """Seconds since the script began."""
        return time.monotonic() - self._began

    def instant(self, seconds: float) -> str:
        """That instant on the wall, as both are told it."""
        moment = datetime.fromtimestamp(self._wall + seconds, tz=UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def push(
        self, *names: str, starts: float = 0.0, ends: float | None = 600.0, annotation: str = "", **labels: str
    ) -> None:
        """Alerts of these names. `ends` None: it is left to resolve_timeout."""
        alerts: list[dict[str, object]] = []
        for name in names:
            alert: dict[str, object] = {
                "labels": {"alertname": name, "case": self.case, **labels},
                "annotations": {"summary": annotation or f"{name} <&> é"},
                "startsAt": self.instant(starts),
                "generatorURL": "http://prometheus.example.com/graph?g0.expr=up&g0.tab=1",
            }
            if ends is not None:
                alert["endsAt"] = self.instant(ends)
            alerts.append(alert)
        status, text = await self.ask("POST", "/api/v2/alerts", alerts)
        assert status == 200, text

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Status and text of a request."""
        async with self._client.request(method, self.peer.url + path, json=body) as answer:
            return answer.status, await answer.text()

    async def look(self, path: str) -> Any:
        """What the API answers, noted for the comparison."""
        status, text = await self.ask("GET", path)
        document = json.loads(text) if status == 200 else text
        self.answers.append((path, [status, document]))
        return document

    async def refused(self, method: str, path: str, body: object = None) -> None:
        """How the API refuses this, noted for the comparison."""
        status, text = await self.ask(method, path, body)
        assert status >= 400, text
        try:
            said: object = json.loads(text)
        except ValueError:
            said = text
        self.answers.append((f"{method} {path}", [status, said]))

    async def look_at_alerts(self) -> None:
        """The alerts of this case, flat and by group."""
        await self.look(f'/api/v2/alerts?filter=case="{self.case}"')
        await self.look(f'/api/v2/alerts/groups?filter=case="{self.case}"')

    async def silence(self, ends: float, **matchers: str) -> str:
        """From now until then; its id."""
        body = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in {"case": self.case, **matchers}.items()
            ],
            "startsAt": self.instant(0.0),
            "endsAt": self.instant(ends),
            "createdBy": "ana",
            "comment": "known",
        }
        status, text = await self.ask("POST", "/api/v2/silences", body)
        assert status == 200, text
        return json.loads(text)["silenceID"]

    async def expire(self, silence: str) -> None:
        status, text = await self.ask("DELETE", f"/api/v2/silence/{silence}")
        assert status == 200, text


Script = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One behaviour."""

    name: str
    script: Script
    until: float
    """Seconds after which nothing more is waited for."""
    route: Mapping[str, object] = field(default_factory=dict[str, object])
    """Beside matcher, receiver and short timers."""
    webhook: Mapping[str, object] = field(default_factory=dict[str, object])
    failing: int = 0
    """So many first messages are refused."""
    timed: bool = True
    """False: the script waits for what takes the two differently long, so only the order and content of what came are
    compared, and nothing of when."""
    tolerance: float = TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a case on one of the two."""

    arrivals: tuple[Arrival, ...]
    answers: tuple[tuple[str, Any], ...]

    def told(self) -> str:
        return "\n".join(map(str, self.arrivals)) or "(nothing)"


def configuration(cases: Sequence[Case], hooks: str, **more: object) -> str:
    """A file in which each case has a route and a receiver that leads to `hooks`. JSON is YAML."""
    timers = {"group_wait": "1s", "group_interval": "2s", "repeat_interval": "1h", "group_by": ["alertname"]}
    document = {
        "global": {"resolve_timeout": "3s"},
        "route": {
            "receiver": "nobody",
            "routes": [
                {"matchers": [f'case="{case.name}"'], "receiver": case.name, **timers, **case.route} for case in cases
            ],
        },
        "receivers": [
            {"name": "nobody"},
            *(
                {"name": case.name, "webhook_configs": [{"url": f"{hooks}/{case.name}", **case.webhook}]}
                for case in cases
            ),
        ],
        **more,
    }
    return json.dumps(document)


async def play(cases: Sequence[Case], make: Callable[[str], Alertmanager], start: asyncio.Barrier) -> dict[str, Played]:
    """Run all cases at the same time on what `make` makes, given what its receivers' addresses begin with. `start`: passed
    by both when they listen."""
    failing = {case.name: case.failing for case in cases}
    async with collecting(failing) as (collector, hooks), aiohttp.ClientSession() as client:
        peer = make(hooks)
        await peer.start()
        try:
            await start.wait()
            began, wall = time.monotonic(), time.time()
            stages = {case.name: Stage(case.name, peer, hooks, began, wall, client) for case in cases}

            async def one(case: Case) -> None:
                await case.script(stages[case.name])
                await stages[case.name].at(case.until)

            await asyncio.gather(*map(one, cases))
        finally:
            await peer.stop()
    return {
        case.name: Played(
            arrivals=tuple(
                Arrival(at=at - began, path=path, body=body)
                for at, path, body in collector.arrivals
                if path.split("-")[0] == case.name
            ),
            answers=tuple(stages[case.name].answers),
        )
        for case in cases
    }


def differences(case: Case, theirs: Played, ours: Played) -> list[str]:
    """What is not the same, in words; what `VERSIONS` lists aside."""
    if len(theirs.arrivals) != len(ours.arrivals):
        return [
            f"{len(theirs.arrivals)} messages there, {len(ours.arrivals)} here:\n{theirs.told()}\n--\n{ours.told()}"
        ]
    found: list[str] = []
    # Messages of different groups that are due at the same time come in any order.
    for there, here in zip(*(sorted(one.arrivals, key=_order) for one in (theirs, ours)), strict=True):
        if case.timed and abs(there.at - here.at) > case.tolerance:
            found.append(f"there {there}\nhere  {here}")
        found += _unlike(there.body, here.body, f"message at {there.at:.1f}", timed=case.timed)
    for (path, there), (_, here) in zip(theirs.answers, ours.answers, strict=True):
        found += _unlike(there, here, path, timed=case.timed)
    return found


def _order(arrival: Arrival) -> tuple[str, str, float]:
    return (arrival.path, arrival.body["groupKey"], arrival.at)


def _unlike(there: Any, here: Any, where: str, *, timed: bool) -> list[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        there, here = cast("dict[str, Any]", there), cast("dict[str, Any]", here)
        newer = {_SINCE_0_32} if "createdBy" in here else set[str]()
        if here.get("mutedBy"):
            newer.add("state")  # since 0.28 what is muted by the hour is shown as suppressed
        theirs, ours = ([key for key in one if key not in _MASKED | newer] for one in (there, here))
        if theirs != ours:
            return [f"{where}: keys {theirs} there, {ours} here"]
        return [one for key in theirs for one in _unlike(there[key], here[key], f"{where}.{key}", timed=timed)]
    if isinstance(there, list) and isinstance(here, list):
        there, here = cast("list[Any]", there), cast("list[Any]", here)
        if len(there) != len(here):
            return [f"{where}: {json.dumps(there)} there, {json.dumps(here)} here"]
        pairs = enumerate(zip(there, here, strict=True))
        return [one for place, (a, b) in pairs for one in _unlike(a, b, f"{where}[{place}]", timed=timed)]
    if isinstance(there, str) and isinstance(here, str):
        if _UUID.fullmatch(there) and _UUID.fullmatch(here):
            return []
        if _INSTANT.fullmatch(there) and _INSTANT.fullmatch(here):
            apart = abs((datetime.fromisoformat(there) - datetime.fromisoformat(here)).total_seconds())
            return [] if apart <= TOLERANCE or not timed else [f"{where}: {there} there, {here} here"]
    return [] if there == here else [f"{where}: {there!r} there, {here!r} here"]
