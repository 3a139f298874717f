"""What a check costs after its answer has arrived, and what a whole attempt on loopback costs."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator

from monitor.model.checks import Check, HealthState, Outcome
from monitor.model.labels import Labels
from monitor.model.times import HOUR
from monitor.probe.kinds import CATALOGUE
from monitor.probe.kinds.http_target import HttpOptions
from monitor.probe.series import HTTP, PLAIN, labels_of, row_of, shape_of
from monitor.probe.verdict import UNTOLD, judge
from monitor.tsdb.store import SampleStore
from tests.benchmarks.figures import Figure, cpu_of
from tests.support.probes import instruments

_CHECKS = 1000
_BATCH = 10
_SERVER = """\
import asyncio
REPLY = (b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: 20\\r\\nConnection: close\\r\\n\\r\\n"
         b'{"status":"healthy"}')
class Service(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(REPLY); self.transport.close()
async def main():
    server = await asyncio.get_running_loop().create_server(Service, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def measure() -> list[Figure]:
    """Both figures."""
    return [_judged(), _attempted()]


def _check(number: int, url: str) -> Check:
    return Check(
        name=f"c{number}",
        kind="http",
        target=url,
        interval=5_000,
        timeout=5_000,
        labels=Labels({"team": "shop"}),
        options=HttpOptions(),
    )


def _judged() -> Figure:
    store = SampleStore.in_memory(HOUR)
    checks = [_check(number, f"http://a/{number}") for number in range(_CHECKS)]
    writers = [store.open(labels_of(check, HTTP, PLAIN)) for check in checks]
    verdicts = [UNTOLD] * _CHECKS
    at = 0

    def round_of_all() -> None:
        nonlocal at
        at += 5_000
        outcome = Outcome(success=True, state=HealthState.HEALTHY, started=at, took=0.001, status_code=200)
        for number, check in enumerate(checks):
            verdicts[number], _ = judge(check, verdicts[number], outcome, at)
            shape_of(outcome, verdicts[number], ())
            writers[number].append(at, row_of(check, HTTP, outcome, verdicts[number]))

    cost = cpu_of(round_of_all, count=_CHECKS, rounds=20)
    return Figure(name="check", value=cost, unit="us", what="judge an answer, lay out its row, store its 19 samples")


def _attempted() -> Figure:
    cost = asyncio.run(_attempts())
    return Figure(
        name="attempt", value=cost, unit="us", what="connect, ask, read and understand over loopback, ten at a time"
    )


async def _attempts(rounds: int = 200) -> float:
    async with _service() as port, instruments() as tools:
        kind = CATALOGUE["http"].make(tools)
        targets = [kind.prepare(_check(number, f"http://127.0.0.1:{port}/health")) for number in range(_BATCH)]
        ended = asyncio.Event()
        left = 0

        def done(slot: int, outcome: Outcome) -> None:
            nonlocal left
            assert outcome.success, outcome.text
            left -= 1
            if not left:
                ended.set()

        best = float("inf")
        for _ in range(rounds):
            left = _BATCH
            ended.clear()
            began = time.process_time()
            kind.start(list(enumerate(targets)), tools.loop.time() + 5, done)
            await ended.wait()
            best = min(best, time.process_time() - began)
        kind.close()
    return best / _BATCH * 1e6


@contextlib.asynccontextmanager
async def _service() -> AsyncGenerator[int]:
    """A service in a process of its own, so that its CPU time is not ours."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _SERVER, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()
