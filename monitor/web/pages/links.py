"""Where the links of alerts lead: the runbooks that ship with the rules, and the expression behind an alert."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.errors import NotFoundError, UserError
from monitor.model.labels import EMPTY
from monitor.model.samples import Sample
from monitor.model.times import HOUR
from monitor.web.pages.layout import Page, labels, moment, page_answer, section, table
from monitor.web.pages.markup import Child, Html, join, tag
from monitor.web.parts import up
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.model.samples import Series
    from monitor.promql.engine import Answer

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_SHOWN_SERIES: Final = 50
_POINTS: Final = 120
_WIDTH, _HEIGHT = 240, 28


async def runbook(call: Call) -> web.Response:
    """A shipped runbook, as it is written: Markdown reads well as text."""
    from monitor.config.shipped import shipped

    name = call.path("name").removesuffix(".md")
    path = shipped("rules") / "runbooks" / f"{name}.md"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFoundError(f'no runbook named "{name}" ships with Watchkeeper')
    text = path.read_text(encoding="utf-8")
    return await page_answer(
        call,
        lambda: Page(title=f"Runbook: {name}", tone="none", body=[tag("article", _markdown(text), class_="card")]),
    )


async def graph(call: Call) -> web.Response:
    """The expression of an alert now and over the last hour. The parameters are those of Prometheus's own page."""
    text = call.request.query.get("g0.expr", "").strip()
    problem, answer, history = "", None, None
    if text:
        querier = up(call.parts.querier)
        try:
            answer = await querier.answer(text, call.now, seconds=10)
            history = await querier.answer_range(text, call.now - HOUR, call.now, HOUR // _POINTS, seconds=10)
        except UserError as error:
            problem = str(error)
    return await page_answer(
        call, lambda: Page(title="Query", tone="none", body=_graph(call, text, problem, answer, history))
    )


def _graph(call: Call, text: str, problem: str, answer: Answer | None, history: Answer | None) -> list[Child]:
    form = tag(
        "form",
        tag("input", name="g0.expr", value=text, aria_label="PromQL expression", spellcheck="false"),
        tag("button", "Ask", type="submit", class_="first"),
        method="get",
        action="/graph",
    )
    body: list[Child] = [section("Query", tag("div", form, class_="card ask"))]
    if problem:
        body.append(tag("p", problem, class_="state bad"))
    if answer is None:
        return body
    lines = {series.labels: series for series in _series(history)} if history is not None else {}
    rows = [
        tag(
            "tr",
            tag("td", tag("b", sample.labels.get("__name__", "")), " ", labels(sample.labels)),
            tag("td", _number(sample.value), class_="num"),
            tag("td", _line(lines.get(sample.labels)), class_="strip"),
        )
        for sample in _samples(answer)[:_SHOWN_SERIES]
    ]
    found = len(_samples(answer))
    if rows:
        body.append(section("Now", table([("Series", ""), ("Value", "num"), ("Last hour", "")], rows), count=found))
    else:
        body.append(section("Now", tag("p", "Nothing: no series satisfies it at ", moment(call.now), " UTC.")))
    if found > _SHOWN_SERIES:
        body.append(tag("p", f"{found - _SHOWN_SERIES} more are not shown."))
    return body


def _samples(answer: Answer) -> list[Sample]:
    from monitor.promql.engine import ScalarValue

    value = answer.value
    if isinstance(value, ScalarValue):
        return [Sample(EMPTY, value.timestamp, value.value)]
    return [one for one in value if isinstance(one, Sample)] if isinstance(value, tuple) else []


def _series(answer: Answer) -> list[Series]:
    return [one for one in answer.value if not isinstance(one, Sample)] if isinstance(answer.value, tuple) else []


def _number(value: float) -> str:
    return f"{value:.6g}"


def _line(series: Series | None) -> Html:
    """The last hour as a small line; gaps stay gaps in time."""
    points = [(at, value) for at, value in series.points if math.isfinite(value)] if series is not None else []
    if len(points) < 2:
        return Html("")
    low, high = min(value for _, value in points), max(value for _, value in points)
    span = high - low or 1.0
    end = points[-1][0]
    start = end - HOUR
    path = " ".join(
        f"{_WIDTH * (at - start) / HOUR:.1f},{_HEIGHT - 3 - (_HEIGHT - 6) * (value - low) / span:.1f}"
        for at, value in points
    )
    return tag(
        "svg",
        tag("polyline", points=path, fill="none", stroke="currentColor", stroke_width="1.5"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        height=_HEIGHT,
        role="img",
        aria_label=f"between {_number(low)} and {_number(high)}",
    )


def _markdown(text: str) -> Html:
    """Headings, lists, code and paragraphs: what the runbooks use."""
    parts = re.split(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return join(tag("pre", part.rstrip()) if place % 2 else _prose(part) for place, part in enumerate(parts))


def _prose(text: str) -> Html:
    out: list[Html] = []
    for block in re.split(r"\n{2,}", text.strip()):
        if block.startswith("#"):
            out.append(tag("h1" if block.startswith("# ") else "h2", block.lstrip("# ")))
        elif re.match(r"([-*]|\d+\.) ", block):
            kind = "ul" if block[0] in "-*" else "ol"
            out.append(tag(kind, [tag("li", _inline(item)) for item in re.split(r"\n(?=[-*] |\d+\. )", block)]))
        elif block:
            out.append(tag("p", _inline(block)))
    return join(out)


def _inline(text: str) -> Html:
    cleaned = re.sub(r"^([-*]|\d+\.) ", "", text)
    parts = re.split(r"`([^`]+)`", cleaned)
    return join(tag("code", part) if place % 2 else part for place, part in enumerate(parts))
