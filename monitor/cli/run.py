"""`watchkeeper run`: the daemon in the foreground. Only the standard library until its options are read."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from monitor.cli.exits import TABLE, Exit

_DESCRIPTION = """Watch, alert and page. URLs alone are enough: they are checked every 30 seconds, and pages go to this
terminal. Without URLs and --config the file watchkeeper.yml is read, if there is one."""


def run(arguments: Sequence[str]) -> int:
    """Run the daemon until SIGINT or SIGTERM; the exit code."""
    given = _parser().parse_args(arguments)
    from monitor.app.daemon import run_daemon
    from monitor.config.loading import Overrides
    from monitor.model.errors import ConfigError, LockedError, WatchkeeperError

    overrides = Overrides(config=given.config, urls=tuple(given.url), listen=given.listen, data=given.data)
    try:
        return asyncio.run(run_daemon(overrides, print_line=_print_line))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="watchkeeper run", description=_DESCRIPTION, epilog=TABLE)
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


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")
