"""What the command line really offers, asked of itself once."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
from collections.abc import Generator

from monitor.cli.alertmanager import alertmanager
from monitor.cli.run import run
from monitor.cli.verbs import command_line

_ALSO_ALONE = frozenset({"alerts"})
"""Groups that are verbs as well."""
_LISTED = re.compile(r"^│ (?:\* +)?(?P<name>[a-z][a-z-]*) {2,}", re.MULTILINE)


@functools.cache
def verbs() -> frozenset[str]:
    """Every verb that can be called, those of a group as `incidents ack`."""
    found: set[str] = set()
    for name in _listed(_help(())):
        inner = _listed(_help((name,))) if name not in ("run", "alertmanager") else []
        found.update(f"{name} {one}" for one in inner)
        if not inner or name in _ALSO_ALONE:
            found.add(name)
    return frozenset(found)


@functools.cache
def _help(words: tuple[str, ...]) -> str:
    said = io.StringIO()
    with _wide_terminal(), contextlib.redirect_stdout(said):
        if words in (("run",), ("alertmanager",)):
            with contextlib.suppress(SystemExit):
                (run if words == ("run",) else alertmanager)(["--help"])
        else:
            code = command_line([*words, "--help"])
            assert code == 0, f"watchkeeper {' '.join(words)} --help ends with {code}"
    return said.getvalue()


def problem_of(words: list[str]) -> str:
    """What is wrong with the arguments of a `watchkeeper` command; empty if nothing is."""
    name = " ".join(words[:2]) if " ".join(words[:2]) in verbs() else " ".join(words[:1])
    if name not in verbs():
        return f"there is no verb {' '.join(words[:2])!r}"
    help_text = _help(tuple(name.split()))
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("-") and not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text):
            return f"{name} has no option {option}"
    return ""


def _listed(help_text: str) -> list[str]:
    _, found, commands = help_text.partition("Commands ─")
    return [match["name"] for match in _LISTED.finditer(commands)] if found else []


@contextlib.contextmanager
def _wide_terminal() -> Generator[None]:
    """So that no option is broken over two lines."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "200"
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
