"""Options that many verbs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeAlias

import typer

from monitor.cli.connection import DEFAULT_URL, Daemon, read_token
from monitor.cli.exits import CommandError, Exit
from monitor.promql.features import Features, named_features

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
IgnoreUnknownOption: TypeAlias = Annotated[
    bool, typer.Option("--ignore-unknown-fields", help="Pass over keys that nobody knows.")
]
FeatureOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--enable-feature",
        help="Allow experimental parts of PromQL, named as Prometheus names them; may come again, or hold commas.",
        show_default=False,
    ),
]

HERE = DEFAULT_URL


def refuse_two_ends(for_: str, end: str) -> None:
    """Raises CommandError when both say when it ends."""
    if for_ and end:
        raise CommandError(Exit.USAGE, "--for and --end both say when it ends", "give one of them")


def daemon(url: str, token_file: str, words: Mapping[str, str] | None = None) -> Daemon:
    """The daemon that the options name. `words`: which of them gives which field of the API. Raises CommandError."""
    return Daemon(url, read_token(token_file), words=words)


def features_of(given: Sequence[str] | None) -> Features:
    """What `--enable-feature` allows. Raises CommandError."""
    return named_features(feature_names(given))


def feature_names(given: Sequence[str] | None) -> tuple[str, ...]:
    """The names that `--enable-feature` was given. Raises CommandError for one that is none of PromQL's."""
    names = tuple([name for text in given or () for name in text.split(",") if name])
    try:
        named_features(names)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--enable-feature: {error}") from error
    return names
