"""`watchkeeper deployments`: what went live, and telling so."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.connection import OWN
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import ago, clean, now, say, say_json, table

deployments = typer.Typer(no_args_is_help=True, help="What went live, seen in health bodies or reported.")


@deployments.command("list")
def list_(
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.", min=1, max=1000)] = 20,
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """The latest deployments."""
    document = daemon(url, token_file).get(f"{OWN}/deployments", limit=limit)
    if json_:
        say_json(document)
        return
    if not document["deployments"]:
        say("No deployment is known.")
        return
    at = now()
    table(
        ("when", "service", "version", "before", "by", "detail"),
        [
            (
                ago(one["at"], at),
                clean(one["service"] or "(all)"),
                clean(one["version"]),
                clean(one["previous"]),
                clean(one["by"]),
                clean(one["detail"]),
            )
            for one in document["deployments"]
        ],
    )


@deployments.command()
def record(
    version: Annotated[str, typer.Argument(help="What went live.")],
    service: Annotated[str, typer.Option(help="The check or service; all if none is named.", show_default=False)] = "",
    by: Annotated[str, typer.Option(help="Who did it.", show_default=False)] = "",
    environment: Annotated[str, typer.Option(help="Where.", show_default=False)] = "",
    detail: Annotated[str, typer.Option(help="Anything more, as a link to the change.", show_default=False)] = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Report a deployment: alerts of the next hours show it."""
    fields = {"version": version, "service": service, "by": by, "environment": environment, "detail": detail}
    document = daemon(url, token_file, {**{name: f"--{name}" for name in fields}, "version": "VERSION"}).post(
        f"{OWN}/deployments", {name: value for name, value in fields.items() if value}
    )
    if json_:
        say_json(document)
        return
    one = document["deployment"]
    say(f"Recorded {clean(one['service'] or 'a deployment')} {clean(one['version'])} by {clean(one['by'])}.")
