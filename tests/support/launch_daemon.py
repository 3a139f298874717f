"""The daemon as a process, composed as in production, from a configuration file and a data folder.

`python -m tests.support.launch_daemon --config FILE --data FOLDER`. Exit code 0 after a shutdown that was asked for, 2 when
it could not come up, with the reason on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable

from monitor.app.daemon import Daemon, run_daemon
from monitor.config.loading import Configuration, Overrides
from monitor.model.errors import WatchkeeperError

Compose = Callable[[Configuration, Overrides, Callable[[str], None]], Daemon]


def arguments() -> argparse.ArgumentParser:
    """What every launcher takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", required=True)
    return parser


def launch(config: str, data: str, compose: Compose | None = None) -> int:
    """Run until told to stop; the exit code."""
    try:
        return asyncio.run(
            run_daemon(
                Overrides(config=config, data=data), print_line=lambda line: print(line, flush=True), compose=compose
            )
        )
    except WatchkeeperError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    given = arguments().parse_args()
    sys.exit(launch(given.config, given.data))
