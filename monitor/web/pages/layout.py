"""What all pages share: the frame around them, and small pieces: states, times, labels, buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from monitor.model.checks import HealthState
from monitor.model.times import SECOND, Millis, Timestamp, rfc3339, spoken_duration
from monitor.web.pages.markup import Child, Html, join, tag
from monitor.web.pages.style import POLICY, SCRIPT, STYLE
from monitor.web.routes import Call

TONES: Final[Mapping[HealthState, str]] = {
    HealthState.HEALTHY: "good",
    HealthState.DEGRADED: "warn",
    HealthState.UNHEALTHY: "bad",
    HealthState.UNKNOWN: "none",
}
_ICON_COLOURS: Final = {"good": "%231a9e4b", "warn": "%23e69500", "bad": "%23d92630", "none": "%23808a97"}
_HIDDEN_LABELS: Final = frozenset({"__name__", "alertname", "severity"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What stands in the frame."""

    title: str
    tone: str
    """Colours the icon: good, warn, bad or none."""
    body: Sequence[Child]


async def page_answer(call: Call, build: Callable[[], Page]) -> web.Response:
    """A whole page. It is built in a worker thread: hundreds of checks are many small pieces of markup."""
    text = await asyncio.to_thread(lambda: _document(call, build()))
    headers = {"Content-Security-Policy": POLICY}
    response = web.Response(text=text, headers=headers, content_type="text/html", charset="utf-8")
    response.enable_compression()
    return response


def _document(call: Call, page: Page) -> str:
    title, tone = page.title, page.tone
    configuration = call.parts.configuration()
    icon = (
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
        f"<circle cx='8' cy='8' r='7' fill='{_ICON_COLOURS[tone]}'/></svg>"
    )
    environment = tag("span", configuration.environment, class_="chip") if configuration.environment else None
    document = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", title),
            tag("link", rel="icon", href=icon),
            tag("style", Html(STYLE)),
            tag("noscript", tag("meta", http_equiv="refresh", content="15")),
        ),
        tag(
            "body",
            tag(
                "div",
                tag(
                    "header",
                    tag("a", "Watchkeeper", href="/", class_="name"),
                    environment,
                    tag("span", f"{call.parts.version}, up {spoken_duration(call.now - call.parts.started_at)}"),
                    tag("span", who(call), class_="right"),
                ),
                tag("div", id="lost", class_="lost", role="alert"),
                tag("main", page.body),
                class_="page",
            ),
            tag("script", Html(SCRIPT)),
        ),
        lang="en",
    )
    return f"<!doctype html>{document}"


def who(call: Call) -> str:
    """Who is looking."""
    caller = call.caller
    return f"{caller.name} ({caller.role.value})" if caller.known else "not signed in"


def state(tone: str, word: str) -> Html:
    """A coloured mark with its word."""
    return tag("span", word, class_=f"state {tone}")


def moment(at: Timestamp | None) -> Html:
    """The exact time, in UTC."""
    if at is None:
        return Html("")
    text = rfc3339(at)
    return tag("time", f"{text[:10]} {text[11:19]}", datetime=text)


def ago(at: Timestamp | None, now: Timestamp) -> Html:
    """How long ago, with the exact time behind it."""
    if not at:
        return Html("")
    text = rfc3339(at)
    return tag("time", short(now - at), datetime=text, title=f"{text[:10]} {text[11:19]} UTC")


def short(span: Millis) -> str:
    """`4m`, `2h 5m`: no more precise than people ask for."""
    if span < SECOND:
        return "0s"
    return spoken_duration(span - span % SECOND if span < 60 * SECOND else span - span % (60 * SECOND))


def latency(seconds: float) -> str:
    """`12 ms`, `1.20 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def labels(found: Mapping[str, str]) -> Html:
    """The labels that tell one alert from another."""
    return join(
        tag("span", f"{name}={value}", class_="label") for name, value in found.items() if name not in _HIDDEN_LABELS
    )


def button(reference: str, action: str, text: str, back: str, *, first: bool = False, span: str = "") -> Html:
    """A button that does this to an incident and comes back."""
    return tag(
        "form",
        tag("input", type="hidden", name="back", value=back),
        tag("input", type="hidden", name="for", value=span) if span else None,
        tag("button", text, type="submit", class_="first" if first else None),
        method="post",
        action=f"/incidents/{quote(reference, safe='')}/{action}",
    )


def section(title: str, *body: Child, count: int | None = None) -> Html:
    heading = tag("h2", title, tag("span", f" {count}", class_="count") if count is not None else None)
    return tag("section", heading, *body)


def table(heads: list[tuple[str, str]], rows: list[Html]) -> Html:
    """Heads are (text, class)."""
    head = tag("tr", [tag("th", text, class_=class_ or None, scope="col") for text, class_ in heads])
    inner = tag("table", tag("thead", head), tag("tbody", rows))
    return tag("div", tag("div", inner, class_="scroll"), class_="card")
