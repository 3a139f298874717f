"""What verbs print: tables that line up, times as people say them, colour only on a terminal.

rich honours NO_COLOR and leaves colour out when the output is no terminal; then lines are not wrapped either, so that
`grep` and `awk` see whole rows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from monitor.clock import Clock
from monitor.model.times import Millis, Timestamp, parse_rfc3339, rfc3339, spoken_duration

_COLOURS: Final = {
    "healthy": "green",
    "up": "green",
    "ok": "green",
    "connected": "green",
    "resolved": "green",
    "delivered": "green",
    "degraded": "yellow",
    "pending": "yellow",
    "acknowledged": "yellow",
    "snoozed": "yellow",
    "warning": "yellow",
    "unhealthy": "bold red",
    "down": "bold red",
    "firing": "bold red",
    "triggered": "bold red",
    "critical": "bold red",
    "failed": "bold red",
    "unknown": "dim",
}
_WIDE: Final = 1_000
_IRREGULAR: Final = {"people": "person"}
_BOTH: Final = frozenset({"series"})
"""One and many are called the same."""
_PLAIN_CONTROLS: Final = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x0A, 0x09)}


def console() -> Console:
    """Standard output as it is now."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=_WIDE, soft_wrap=True)


def say(line: str = "") -> None:
    """A line of markup of ours; foreign texts in it go through `clean`."""
    console().print(line)


def counted(number: int, plural: str) -> str:
    """`1 rule`, `2 policies`, `1 person`, `1 series`."""
    if number != 1 or plural in _BOTH:
        return f"{number} {plural}"
    if plural in _IRREGULAR:
        return f"1 {_IRREGULAR[plural]}"
    return f"1 {plural.removesuffix('ies')}y" if plural.endswith("ies") else f"1 {plural.removesuffix('s')}"


def say_json(document: object) -> None:
    """The document, indented."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def complain(line: str) -> None:
    """A line on standard error."""
    sys.stderr.write(line.translate(_PLAIN_CONTROLS) + "\n")


def clean(text: object) -> str:
    """A foreign text as it may stand in markup: no control characters (a terminal must not obey labels), no markup."""
    return escape(str(text).translate(_PLAIN_CONTROLS))


def coloured(word: str) -> str:
    """A state in its colour."""
    colour = _COLOURS.get(word.lower())
    return f"[{colour}]{clean(word)}[/]" if colour else clean(word)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows of markup in columns as wide as they need; on a terminal the last column wraps."""
    out = console()
    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for place, header in enumerate(headers):
        grid.add_column(header.upper(), no_wrap=place < len(headers) - 1 or not out.is_terminal)
    for row in rows:
        grid.add_row(*(Text.from_markup(cell) for cell in row))
    with out.capture() as drawn:
        out.print(grid)
    lines = [line.rstrip() for line in drawn.get().splitlines()]
    sys.stdout.write("\n".join(lines) + "\n")


def now() -> Timestamp:
    return Clock().now()


def instant(value: Any) -> Timestamp | None:
    """An instant of the API: RFC 3339 or milliseconds."""
    if isinstance(value, bool) or value in (None, ""):
        return None
    if isinstance(value, int | float):
        return int(value)
    try:
        return parse_rfc3339(str(value))
    except ValueError:
        return None


def ago(value: Any, at: Timestamp) -> str:
    """`3m 12s ago`, `in 40s`, or nothing."""
    when = instant(value)
    if when is None:
        return ""
    span: Millis = at - when
    return f"{_spoken(span)} ago" if span >= 0 else f"in {_spoken(-span)}"


def since(value: Any, at: Timestamp) -> str:
    """`since 3m 12s`, or nothing."""
    when = instant(value)
    return f"since {_spoken(max(at - when, 0))}" if when else ""


def clock_time(value: Any) -> str:
    """`2026-01-02 03:04:05Z`."""
    when = instant(value)
    return rfc3339(when)[:19].replace("T", " ") + "Z" if when is not None else ""


def _spoken(span: Millis) -> str:
    return spoken_duration(span - span % 1000) if span >= 1000 else "0s"
