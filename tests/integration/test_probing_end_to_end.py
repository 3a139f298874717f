"""The whole prober on real sockets: from a target that breaks to samples and events."""

from __future__ import annotations

import asyncio

from monitor.model.checks import Check, HealthState, Outcome, StatusChanged, Verdict
from monitor.probe.probing import Probing
from monitor.probe.verdict import Event
from tests.support.probe_worlds import FakeStore
from tests.support.probes import instruments
from tests.support.sinks import FakeSink
from tests.support.targets import in_turn, reply, serving


async def test_a_target_that_breaks_and_heals_is_told_twice() -> None:
    """Twenty checks of one server: each is healthy, then unhealthy, then healthy, and every attempt left a row."""
    healthy = reply(200, b'{"status":"healthy","version":"1.2.3","database":"connected"}')
    sink, events, results = FakeSink(), list[Event](), 0
    told = asyncio.Event()

    def on_event(event: Event) -> None:
        events.append(event)
        if len(events) == 3 * 20:
            told.set()

    def on_result(check: Check, outcome: Outcome, verdict: Verdict) -> None:
        nonlocal results
        results += 1

    script = in_turn(*[healthy] * 60, *[reply(500)] * 120, healthy)
    async with serving(script) as target, instruments() as tools:
        probing = Probing(tools, sink, on_result=on_result, on_event=on_event, store=FakeStore())
        probing.configure(
            [
                Check(name=f"c{n}", kind="http", target=target.url(f"/{n}"), interval=200, timeout=1000)
                for n in range(20)
            ]
        )
        await asyncio.wait_for(told.wait(), 20)
        probing.close()
    states = [event.verdict.state for event in events if isinstance(event, StatusChanged) and event.check.name == "c7"]
    assert states == [HealthState.HEALTHY, HealthState.UNHEALTHY, HealthState.HEALTHY]
    assert (
        sum(len(points) for labels, points in sink.samples.items() if labels["__name__"] == "probe_success") == results
    )
    assert sink.last("watchkeeper_check_info", check="c7", version="1.2.3") == 1.0
    assert sink.last("watchkeeper_component_status", check="c7", component="database") == 1.0
    assert sink.last("watchkeeper_check_failure_reason", check="c7") is None
