"""`watchkeeper`, and `python -m monitor`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command and leave with its exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["run"]:
        from monitor.cli.run import run

        sys.exit(run(arguments[1:]))
    if arguments[:1] == ["alertmanager"]:
        from monitor.cli.alertmanager import alertmanager

        sys.exit(alertmanager(arguments[1:]))
    from monitor.cli.verbs import command_line

    sys.exit(command_line(arguments))


if __name__ == "__main__":
    main()
