"""Named SQL statements: `-- name: claim` begins one in `sql/<file>.sql`."""

from __future__ import annotations

from functools import cache
from importlib import resources

from monitor.model.errors import BugError


def script(file: str) -> str:
    """The whole text of `sql/<file>.sql`."""
    return resources.files("monitor.state").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")


@cache
def statements(file: str) -> dict[str, str]:
    """The statements of one file by name."""
    found: dict[str, str] = {}
    name = ""
    lines: list[str] = []
    for line in [*script(file).splitlines(), "-- name: "]:
        if line.startswith("-- name:"):
            if name:
                found[name] = "\n".join(lines).strip().rstrip(";")
            elif any(text and not text.startswith("--") for text in lines):
                raise BugError(f"sql/{file}.sql: a statement stands before the first name")
            name, lines = line.removeprefix("-- name:").strip(), []
        else:
            lines.append(line)
    return found
