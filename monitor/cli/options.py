"""Options that many verbs share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from monitor.cli.connection import DEFAULT_URL, Daemon, read_token

UrlOption: TypeAlias = Annotated[
    str, typer.Option("--url", envvar="WATCHKEEPER_URL", help="Where the daemon is.", show_default=True)
]
TokenOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--token-file",
        envvar="WATCHKEEPER_TOKEN_FILE",
        help="A file with the token; WATCHKEEPER_TOKEN may hold the token itself.",
        show_default=False,
    ),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

HERE = DEFAULT_URL


def daemon(url: str, token_file: str) -> Daemon:
    """The daemon that the options name. Raises CommandError."""
    return Daemon(url, read_token(token_file))
