"""Markup that is escaped by construction, and the strips of the last hour."""

from __future__ import annotations

import math
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as some

from monitor.model.times import DAY, MINUTE
from monitor.tsdb.store import SampleStore
from monitor.web.pages.history import strip, strips
from monitor.web.pages.markup import Html, tag, web_link
from tests.support.samples import metric


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(markup: str) -> _Seen:
    parser = _Seen()
    parser.feed(markup)
    parser.close()
    return parser


PLAIN = some.text(some.characters(exclude_categories=["Cs", "Cc"]))


@given(PLAIN, PLAIN)
def test_texts_and_attributes_come_through_as_they_are(text: str, value: str) -> None:
    """One element, nothing else, whatever was written."""
    found = seen(tag("p", text, title=value))
    assert found.tags == [("p", {"title": value})]
    assert found.text == text


def test_what_was_made_here_is_not_escaped_twice() -> None:
    """Children keep their elements."""
    assert tag("p", tag("b", "<"), [Html("<br>"), None, 1]) == "<p><b>&lt;</b><br>1</p>"


def test_only_addresses_of_the_web_become_links() -> None:
    """Annotations are anybody's: no script behind a runbook."""
    assert web_link("Runbook", "javascript:alert(1)") == "Runbook"
    assert web_link("Runbook", "https://[bad") == "Runbook"
    assert seen(web_link("Runbook", "https://r.example/?a=1&b=2")).tags[0][1]["href"] == "https://r.example/?a=1&b=2"


def test_a_strip_draws_neighbours_of_one_tone_as_one() -> None:
    """Twenty good cells and ten bad ones are two bars; the words say it too."""
    found = seen(strip([1.0] * 20 + [0.0] * 10) or "")
    assert [one[1]["class"] for one in found.tags if one[0] == "rect"] == ["good", "bad"]
    assert "20 of the last 60 minutes" in found.text


def test_a_cell_shows_the_worst_of_its_two_minutes() -> None:
    """Over frames too, when a check's labels changed; what is unknown hides nothing."""
    store = SampleStore.in_memory(DAY)
    now = 100 * 2 * MINUTE
    old = store.open([metric("watchkeeper_check_status", check="a", team="x"), metric("up", check="a")])
    new = store.open([metric("watchkeeper_check_status", check="a", team="y")])
    old.append(now - 2 * MINUTE - 1000, [0.5, 1.0])
    old.append(now - 3000, [0.0, 1.0])
    old.close(now - 2000)
    new.append(now - 1000, [1.0])
    cells = strips(store.view(), now)["a"]
    assert len(cells) == 30
    assert cells[-2:] == [0.5, 0.0]
    assert all(math.isnan(cell) for cell in cells[:-2])
    assert strips(store.view(), now, "b") == {}
