"""`watchkeeper receivers`: does a receiver really get what we send?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from monitor.cli.connection import OWN, Daemon, fields, rows
from monitor.cli.exits import TABLE, CommandError, Exit
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import clean, say, say_json
from monitor.model.errors import ConfigError, NotFoundError
from monitor.model.incidents import Actor, Door

if TYPE_CHECKING:
    from monitor.config.configuration import Configuration

receivers = typer.Typer(no_args_is_help=True, help="Who is told, and whether it reaches them.")


@receivers.callback()
def _verbs() -> None:
    """Here so that a single verb still is called by its name."""


@receivers.command(epilog=TABLE)
def test(
    receiver: Annotated[str, typer.Argument(help="A receiver, a person, or a channel as slack:#ops.")],
    label: Annotated[
        list[str] | None, typer.Option(help="A label of the made-up alert, as team=shop; may come again.")
    ] = None,
    annotation: Annotated[
        list[str] | None, typer.Option(help="An annotation of it, as summary=TEXT; may come again.")
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(
            help="An option of the integrations instead of what the configuration says, as title=TEMPLATE; may come again."
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Without a daemon: read the configuration and send from here.")
    ] = False,
    config: Annotated[
        str, typer.Option("--config", help="With --offline: the configuration.", show_default="watchkeeper.yml")
    ] = "",
    config_file: Annotated[
        str,
        typer.Option(
            "--config.file",
            help="With --offline, instead: Alertmanager's file, as `watchkeeper alertmanager` is given it.",
            show_default=False,
        ),
    ] = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Send a test notification to every integration of a receiver, with its own templates. Exit code 1 unless each was
    delivered and every template gave its text."""
    trial = {
        "labels": _pairs("--label", label),
        "annotations": _pairs("--annotation", annotation),
        "templates": _pairs("--template", template),
    }
    if not offline and (config or config_file):
        raise CommandError(Exit.USAGE, "--config and --config.file go with --offline", "add it, or leave them out")
    if offline:
        document = asyncio.run(_alone(_configuration(config, config_file), receiver, trial))
    else:
        asked = daemon(url, token_file)
        document = _asked(asked, receiver, trial)
    results = rows(document["results"])
    if json_:
        say_json(document)
    else:
        for one in results:
            mark = "[green]✓[/]" if one["good"] else "[bold red]✗[/]"
            say(f"{mark} {clean(str(one['integration']))}: {clean(str(one['detail']))}")
    if not all(one["good"] for one in results):
        raise typer.Exit(Exit.FINDINGS)


def _asked(asked: Daemon, receiver: str, trial: dict[str, dict[str, str]]) -> dict[str, object]:
    body = {name: pairs for name, pairs in trial.items() if pairs}
    return fields(asked.post(f"{OWN}/receivers/{quote(receiver, safe='')}/test", body))


def _configuration(config: str, config_file: str) -> Configuration:
    from monitor.cli.check_config import show_findings
    from monitor.config.in_place import load_in_place
    from monitor.config.loading import load, read_environment
    from monitor.config.overrides import AlertmanagerFlags, Overrides

    if config and config_file:
        raise CommandError(Exit.USAGE, "--config and --config.file are two ways to say one thing", "keep one of them")
    try:
        if config_file:
            return load_in_place(AlertmanagerFlags(config_file=config_file))
        return load(Overrides(config=config), read_environment())
    except ConfigError as error:
        show_findings(error.findings)
        raise CommandError(Exit.FINDINGS, "the configuration has mistakes", "see `watchkeeper check-config`") from error


async def _alone(configuration: Configuration, receiver: str, trial: dict[str, dict[str, str]]) -> dict[str, object]:
    from getpass import getuser

    from monitor.app.testing import try_alone
    from monitor.web.answers import BadCallError
    from monitor.web.parts import Trial

    try:
        who = getuser()
    except (OSError, KeyError):  # a container may have no name for its user
        who = "somebody"
    actor = Actor(name=who, door=Door.CLI)
    try:
        found = await try_alone(configuration, receiver, Trial(**trial), actor, print)
    except NotFoundError as error:
        raise CommandError(Exit.NOT_FOUND, str(error)) from error
    except BadCallError as error:
        raise CommandError(Exit.USAGE, str(error), error.remedy) from error
    told = [{"integration": str(one.destination), "good": one.good, "detail": one.detail} for one in found]
    return {"receiver": receiver, "results": told}


def _pairs(option: str, given: Sequence[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise CommandError(Exit.USAGE, f'{option} "{text}" is no pair', f"write {option} name=value")
        found[name.strip()] = value
    return found
