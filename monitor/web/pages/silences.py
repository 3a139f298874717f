"""What is silenced now, on the front page: nobody hears of it, so whoever looks must see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from monitor.web.pages.layout import moment, section, table
from monitor.web.pages.markup import Html, tag
from monitor.web.routes import Call

if TYPE_CHECKING:
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
