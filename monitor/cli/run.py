"""`watchkeeper run`: the daemon in the foreground. Little is imported until the reading of the configuration has begun."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from monitor.cli.exits import TABLE, Exit
from monitor.cli.usage import Parser

if TYPE_CHECKING:
    from monitor.config.configuration import Configuration
    from monitor.config.overrides import Overrides
    from monitor.config.reading import Reading

_THREADS_SECONDS = 2.0
"""After everything is down. Threads look now and then whether they are still wanted, so they mostly end at once."""
_DESCRIPTION = """Watch, alert and page. URLs alone are enough: they are checked every 30 seconds, and pages go to this
terminal. Without URLs and --config the file watchkeeper.yml is read, if there is one."""


def run(arguments: Sequence[str]) -> int:
    """Run the daemon until SIGINT or SIGTERM; the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    file = next((one for one in given.url if _is_file(one)), "")
    if file:
        parser.error(f"{file} is a file, and what stands without an option is a URL to check: write --config {file}")
    # Until the daemon listens for it: what is being read now is new already, and a sidecar that reloads must not kill.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Importing makes much that stays and no garbage. The daemon sets the collector up when it stands.
    gc.disable()
    from monitor.config.reading import Reading

    reading = Reading.begin()

    from monitor.config.overrides import Overrides

    overrides = Overrides(config=given.config, urls=tuple(given.url), listen=given.listen, data=given.data)
    reading.ask(overrides)
    return run_until_stopped(overrides, reading, print_line=_print_line)


def run_until_stopped(overrides: Overrides, reading: Reading, *, print_line: Callable[[str], None]) -> int:
    """The daemon whose configuration is being read, until SIGINT or SIGTERM; the exit code."""
    # What follows is imported while the configuration is read.
    import asyncio

    from monitor.app.importing import import_daemon

    import_daemon(in_place=overrides.alertmanager is not None)
    gc.freeze()
    from monitor.app.daemon import run_daemon
    from monitor.model.errors import ConfigError, LockedError, WatchkeeperError

    async def work(configuration: Configuration) -> int:
        code = await run_daemon(configuration, overrides, print_line=print_line)
        leave_within(_THREADS_SECONDS, code)
        return code

    try:
        return asyncio.run(work(reading.finish()))
    except ConfigError as error:
        for finding in error.findings:
            _complain(f"{'warning: ' if finding.warning else ''}{finding}")
        return Exit.FINDINGS
    except LockedError as error:
        _complain(str(error))
        return Exit.REFUSED
    except WatchkeeperError as error:
        _complain(str(error))
        return Exit.FAILED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def leave_within(seconds: float, code: int) -> None:
    """End the process so soon, whatever its threads still do. All is written, and the data folder is free: what a thread works
    out now, nobody waits for. Python would wait for each of them."""
    watch = threading.Timer(seconds, os._exit, (code,))
    watch.daemon = True
    watch.start()


def _parser() -> Parser:
    parser = Parser(prog="watchkeeper run", description=_DESCRIPTION, epilog=TABLE)
    parser.add_argument("url", nargs="*", metavar="URL", help="a health address to check")
    parser.add_argument("--config", default="", metavar="FILE", help="the configuration file (WATCHKEEPER_CONFIG)")
    parser.add_argument(
        "--listen",
        default="",
        metavar="HOST:PORT",
        help="where to listen; 127.0.0.1:9797 by default (WATCHKEEPER_LISTEN)",
    )
    parser.add_argument(
        "--data", default="", metavar="DIR", help="the data folder; ./data by default (WATCHKEEPER_DATA)"
    )
    return parser


def _is_file(text: str) -> bool:
    """Would somebody who gives this as a URL mean a configuration?"""
    from pathlib import Path

    return "://" not in text and (text.endswith((".yml", ".yaml")) or Path(text).is_file())


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")
