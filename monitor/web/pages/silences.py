"""What is silenced or maintained now, on the front page: nobody hears of it, so whoever looks must see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from monitor.model.times import DAY
from monitor.web.pages.layout import moment, section, table
from monitor.web.pages.markup import Html, tag
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.alerts.maintaining import Planned
    from monitor.alerts.silences import Silence

_MOST: Final = 50


async def active_silences(call: Call) -> Sequence[Silence]:
    """By their end; none while the daemon starts."""
    from monitor.alerts.silences import SilenceState

    silencing = call.parts.silencing
    return () if silencing is None else await silencing.silences({SilenceState.ACTIVE})


def silences_section(silences: Sequence[Silence]) -> Html:
    """Which alerts, why, by whom and until when."""
    from monitor.matching.printing import matchers_text

    rows = [
        tag(
            "tr",
            tag("td", " or ".join(map(matchers_text, one.matcher_sets)), tag("div", one.comment), class_="wide fill"),
            tag("td", one.created_by, class_="soft tight"),
            tag("td", "until ", moment(one.ends_at), " UTC", class_="num"),
        )
        for one in silences[:_MOST]
    ]
    more = len(silences) - _MOST
    rest = tag("p", f"{more} more are not shown.", class_="soft") if more > 0 else None
    return section("Silenced", table([("Alerts", ""), ("By", ""), ("", "num")], rows), rest, count=len(silences))


async def windows_at_hand(call: Call) -> Sequence[Planned]:
    """Maintenance windows that are running or begin within a day, by their ends and begins; none while the daemon starts."""
    maintaining = call.parts.maintaining
    found = () if maintaining is None else await maintaining.planned(1)
    soon = call.now + DAY
    return [one for one in found if one.running or (one.upcoming and one.upcoming[0].starts_at < soon)]


def windows_section(windows: Sequence[Planned]) -> Html:
    """Which alerts, why, by whom, and from when until when."""
    from monitor.matching.printing import matchers_text

    rows = [
        tag(
            "tr",
            tag("td", one.window.name, tag("div", matchers_text(one.window.matchers)), class_="wide fill"),
            tag("td", one.window.comment, tag("div", one.window.created_by, class_="soft"), class_="tight"),
            tag("td", *_when(one), class_="num"),
        )
        for one in windows[:_MOST]
    ]
    more = len(windows) - _MOST
    rest = tag("p", f"{more} more are not shown.", class_="soft") if more > 0 else None
    return section("Maintenance", table([("Alerts", ""), ("Why", ""), ("", "num")], rows), rest, count=len(windows))


def _when(one: Planned) -> Sequence[Html | str]:
    if one.running is None:
        return "from ", moment(one.upcoming[0].starts_at), " UTC"
    return ("until ", moment(one.running.ends_at), " UTC") if one.running.ends_at is not None else ("running",)
