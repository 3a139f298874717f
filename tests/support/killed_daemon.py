"""The daemon, composed so that it dies by SIGKILL at one point of its start or its stop.

The composition is production's. Once it is up it stops by itself, as after a SIGTERM from outside.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from monitor.app.daemon import Daemon, run_daemon
from monitor.app.drivers import Stores
from monitor.config.configuration import Configuration
from monitor.config.overrides import Overrides
from monitor.config.reading import Reading
from monitor.state.database import Database

STARTING = ("folder taken", "listening", "up")
"""Points of a start, in order. Those of a stop are the numbers of its steps, from 0 on."""


class KilledDaemon(Daemon):
    """Dies when it reaches the point."""

    def __init__(
        self,
        configuration: Configuration,
        overrides: Overrides,
        print_line: Callable[[str], None],
        *,
        point: str,
    ) -> None:
        self._point = point
        self._steps = 0
        super().__init__(configuration, overrides, print_line)

    def make_stores(self, database: Database) -> Stores:
        die_at("folder taken", self._point)
        return super().make_stores(database)

    async def start(self) -> None:
        await super().start()
        die_at("up", self._point)
        os.kill(os.getpid(), signal.SIGTERM)

    async def _step(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        die_at(str(self._steps), self._point)
        self._steps += 1
        await super()._step(work, *arguments)


def die_at(here: str, point: str) -> None:
    """Do not return from the point."""
    if here == point:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.killed_daemon", description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--point", required=True)
    given = parser.parse_args()
    overrides = Overrides(config=given.config, data=given.data, listen="127.0.0.1:0")
    return asyncio.run(
        run_daemon(
            Reading.of(overrides).finish(),
            overrides,
            print_line=lambda _: die_at("listening", given.point),
            compose=partial(KilledDaemon, point=given.point),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
