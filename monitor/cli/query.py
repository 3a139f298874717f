"""`watchkeeper query`: PromQL, now or over a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from monitor.cli.exits import CommandError, Exit
from monitor.cli.options import HERE, JsonOption, TokenOption, UrlOption, daemon
from monitor.cli.showing import clean, complain, now, say, say_json, table
from monitor.model.times import Millis, parse_duration, rfc3339

_NAME = "__name__"
_MOST_POINTS = 12


def query(
    expression: Annotated[str, typer.Argument(help="PromQL.", metavar="EXPR")],
    range_: Annotated[
        str, typer.Option("--range", help="Evaluate over the last so long, as 1h.", show_default=False)
    ] = "",
    step: Annotated[str, typer.Option("--step", help="Between the points of a range.", show_default=False)] = "",
    time: Annotated[
        str, typer.Option("--time", help="Evaluate at this instant (RFC 3339 or Unix seconds).", show_default=False)
    ] = "",
    url: UrlOption = HERE,
    token_file: TokenOption = "",
    json_: JsonOption = False,
) -> None:
    """Ask the samples, in PromQL."""
    asked = daemon(url, token_file, {"query": "EXPR", "time": "--time", "step": "--step"})
    if range_:
        span = _span(range_, "--range")
        pause = _span(step, "--step") if step else max(span // 60, 1_000)
        end = now()
        document = asked.get(
            "/api/v1/query_range",
            query=expression,
            start=(end - span) / 1000,
            end=end / 1000,
            step=pause / 1000,
        )
    elif step:
        raise CommandError(Exit.USAGE, "--step belongs to a range", "add --range 1h")
    else:
        document = asked.get("/api/v1/query", query=expression, time=time)
    if json_:
        say_json(document)
        return
    for warning in (*document.get("warnings", ()), *document.get("infos", ())):
        complain(f"note: {warning}")
    _show(document["data"]["resultType"], document["data"]["result"])


def series_text(labels: Mapping[str, str]) -> str:
    """`name{a="x", b="y"}`."""
    rest = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != _NAME)
    return f"{labels.get(_NAME, '')}{f'{{{rest}}}' if rest or _NAME not in labels else ''}"


def _show(kind: str, result: Any) -> None:
    if kind in ("scalar", "string"):
        say(clean(result[1]))
        return
    if not result:
        say("[dim]no series[/]")
        return
    if kind == "vector":
        table(("value", "series"), [(clean(_last(one)), clean(series_text(one["metric"]))) for one in result])
        return
    for one in result:
        say(clean(series_text(one["metric"])))
        for row in _rows(one["values"]):
            say(f"  {row}")


def _last(sample: Mapping[str, Any]) -> str:
    return str(sample["value"][1]) if "value" in sample else "(histogram)"


def _rows(values: Sequence[Sequence[Any]]) -> list[str]:
    """All points, or the first and last ones of many."""
    rows = [f"{rfc3339(round(float(at) * 1000))[:19]}Z  {clean(value)}" for at, value in values]
    if len(rows) <= 2 * _MOST_POINTS:
        return rows
    left_out = f"[dim]... {len(rows) - 2 * _MOST_POINTS} more (--json has all)[/]"
    return [*rows[:_MOST_POINTS], left_out, *rows[-_MOST_POINTS:]]


def _span(text: str, option: str) -> Millis:
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"{option}: {error}", "write it as 30s or 1h") from error
    if span <= 0:
        raise CommandError(Exit.USAGE, f"{option} must be more than nothing", "write it as 30s or 1h")
    return span
