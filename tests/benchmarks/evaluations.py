"""What evaluating a rule costs: at its slot, and as an early look."""

from __future__ import annotations

import asyncio

from monitor.model.labels import Labels
from monitor.rules.evaluating import GroupRun
from tests.benchmarks.figures import Figure, cpu_of
from tests.support.rule_worlds import RuleWorld, groups_of

_TARGETS = 1000
_DOWN = 10
_LOOKS = 20


def measure() -> list[Figure]:
    """An alerting rule over a thousand checks, ten of which are down."""
    with asyncio.Runner() as runner:
        return [_slot(runner), _look(runner)]


class _World:
    def __init__(self) -> None:
        self.world = RuleWorld()
        rule = {
            "alert": "Down",
            "expr": "probe_success == 0",
            "annotations": {"summary": "{{ $labels.check }} is down"},
        }
        self.run = GroupRun(groups_of(rule)[0], self.world.around)
        self.at = 0
        self._writers = [
            self.world.store.open([Labels({"__name__": "probe_success", "check": f"c{number}"})])
            for number in range(_TARGETS)
        ]

    def write(self) -> None:
        """Every check has a result."""
        self.at += 1_000
        for number, writer in enumerate(self._writers):
            writer.append(self.at, [float(number >= _DOWN)])


def _slot(runner: asyncio.Runner) -> Figure:
    one = _World()
    one.write()

    async def slots() -> None:
        for _ in range(_LOOKS):
            one.at += 1_000
            await one.run.slot(one.at)

    cost = cpu_of(lambda: runner.run(slots()), count=_LOOKS)
    return Figure(name="slot", value=cost, unit="us", what="evaluate a rule over 1,000 checks and write its samples")


def _look(runner: asyncio.Runner) -> Figure:
    one = _World()
    one.write()

    async def looks() -> None:
        for _ in range(_LOOKS):
            one.at += 50
            await one.run.look(0, one.at)

    cost = cpu_of(lambda: runner.run(looks()), count=_LOOKS)
    return Figure(name="look", value=cost, unit="us", what="look early at a rule over 1,000 checks")
