"""All verbs. Only the one that is called is imported, so that a health check in a container costs little."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException

from monitor.cli.exits import TABLE, CommandError, Exit

_VERBS: Final = {
    "demo": ("monitor.cli.demo", "demo"),
    "init": ("monitor.cli.init", "init"),
    "check-config": ("monitor.cli.check_config", "check_config"),
    "check-metrics": ("monitor.cli.check_metrics", "check_metrics"),
    "status": ("monitor.cli.status", "status"),
    "checks": ("monitor.cli.checks", "checks"),
    "alerts": ("monitor.cli.alerts", "alerts"),
    "why": ("monitor.cli.why", "why"),
    "incidents": ("monitor.cli.incidents", "incidents"),
    "silence": ("monitor.cli.silence", "silence"),
    "maintenance": ("monitor.cli.maintenance", "maintenance"),
    "query": ("monitor.cli.query", "query"),
    "deployments": ("monitor.cli.deployments", "deployments"),
    "audit": ("monitor.cli.audit", "audit"),
    "receivers": ("monitor.cli.receivers", "receivers"),
    "import": ("monitor.cli.import_state", "app"),
    "reload": ("monitor.cli.reload", "reload"),
    "rules": ("monitor.cli.rules", "rules"),
    "samples": ("monitor.cli.samples", "samples"),
    "template": ("monitor.cli.template", "template"),
    "health": ("monitor.cli.health", "health"),
    "version": ("monitor.cli.version", "version"),
}
"""Name to module and attribute: a function, or a typer app for a verb with verbs of its own."""

_ABOUT: Final = """Watchkeeper watches services, evaluates alert rules, pages the on-call, and proves that it did.

Start with `watchkeeper demo`, or `watchkeeper run https://shop.example.com/healthz`."""


def command_line(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    try:
        code: object = _app(arguments)(args=list(arguments), prog_name="watchkeeper", standalone_mode=False)
    except CommandError as error:
        _tell(error, as_json="--json" in arguments)
        return error.code
    except typer.Abort:
        return Exit.INTERRUPTED
    except TyperException as error:
        return _misused(error, arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return code if isinstance(code, int) else Exit.OK


def _misused(error: TyperException, arguments: Sequence[str]) -> int:
    """What typer refuses. Where nothing is given it shows the help instead."""
    from monitor.cli.usage import is_help, usage_error

    if not is_help(error):
        verb = arguments[0] if arguments and arguments[0] in _VERBS else ""
        _tell(usage_error(error, verb), as_json="--json" in arguments)
    return Exit.USAGE


def _app(arguments: Sequence[str]) -> typer.Typer:
    app = typer.Typer(
        no_args_is_help=True, help=_ABOUT, epilog=TABLE, pretty_exceptions_enable=False, rich_markup_mode="markdown"
    )
    wanted = arguments[0] if arguments and arguments[0] in _VERBS else ""
    app.command("run", help="Run the daemon in the foreground (`watchkeeper run --help`).")(_run)
    about = "Serve an Alertmanager configuration in Alertmanager's place (`watchkeeper alertmanager --help`)."
    app.command("alertmanager", help=about)(_run)
    app.callback()(_main)
    for name, (module, attribute) in _VERBS.items():
        if wanted and name != wanted:
            continue
        verb = getattr(import_module(module), attribute)
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name, epilog=TABLE)
        else:
            app.command(name, epilog=TABLE)(verb)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from monitor.cli.version import version

        version()
        raise typer.Exit


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Here also so that a single imported verb still is called by its name."""


def _run() -> None:
    """Never called: `monitor.__main__` sends these elsewhere before typer is imported."""


def _tell(error: CommandError, *, as_json: bool) -> None:
    from monitor.cli.showing import complain, say_json

    if as_json:
        say_json(error.document())
        return
    complain(f"watchkeeper: {error.message}{f': {error.remedy}' if error.remedy else ''}")
    sys.stderr.flush()
