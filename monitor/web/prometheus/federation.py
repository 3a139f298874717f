"""/federate: the newest sample of each wanted series as a page to be scraped by another Prometheus.

The sample keeps its time. A series that has ended, or has had no sample for the lookback, is not on the page. External labels
are added where a series has none of that name, and `instance` at least as an empty one, so that the scraper does not
put its own there. Source: prometheus web/federate.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import MINUTE, Timestamp
from monitor.web.answers import streamed_answer
from monitor.web.parts import up
from monitor.web.prometheus.parameters import parameters, selectors_of
from monitor.web.prometheus.rendering import value_text
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.matching.matchers import Matcher
    from monitor.tsdb.view import View

_LOOKBACK: Final = 5 * MINUTE
_ANY_NAMES: Final = "escaping=allow-utf-8"
_PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_QUOTED: Final = f"text/plain; version=1.0.0; charset=utf-8; {_ANY_NAMES}"


async def federate(call: Call) -> web.StreamResponse:
    """In the text format; names that it cannot hold are quoted for who can read that, and escaped for others."""
    given = await parameters(call)
    selectors = selectors_of(given)
    view, now = up(call.parts.samples).view(), call.now
    external = {"instance": "", **dict(call.parts.configuration().external_labels)}
    quoted = _ANY_NAMES in call.request.headers.get("Accept", "").replace(" ", "")

    def parts() -> Iterator[str]:
        return _page(_newest(view, selectors, now), external, quoted=quoted)

    return await streamed_answer(call.request, parts, _QUOTED if quoted else _PLAIN)


def _newest(
    view: View, selectors: Sequence[Sequence[Matcher]], now: Timestamp
) -> list[tuple[Labels, float, Timestamp]]:
    """Sorted by name, then by labels; each series once."""
    import numpy as np

    from monitor.promql.selection import newest

    found: dict[Labels, tuple[float, Timestamp]] = {}
    for matchers in selectors:
        frames = view.select(matchers, now - _LOOKBACK, now)
        labels = [one for frame in frames for one in frame.labels]
        block, times = newest(frames, labels, np.array([now], dtype=np.int64), _LOOKBACK + 1)
        there = [True] * len(labels) if block.present is None else block.present[:, 0].tolist()
        for row, (value, seconds) in enumerate(zip(block.values[:, 0].tolist(), times[:, 0].tolist(), strict=True)):
            if there[row]:
                found[block.labels[row]] = (value, round(seconds * 1000))
    return sorted(
        ((labels, value, at) for labels, (value, at) in found.items()),
        key=lambda one: (one[0].get(METRIC_NAME, ""), one[0].pairs),
    )


def _page(
    samples: Sequence[tuple[Labels, float, Timestamp]], external: Mapping[str, str], *, quoted: bool
) -> Iterator[str]:
    before = None
    for labels, value, at in samples:
        metric = labels.get(METRIC_NAME, "")
        if not metric:
            continue  # as Prometheus: the format has no place for it
        name, plain = _name(metric, quoted=quoted, metric=True)
        own = [pair for pair in labels.pairs if pair[0] != METRIC_NAME]
        added = [(other, text) for other, text in sorted(external.items()) if not labels.get(other)]
        inner = [] if plain else [name]
        inner += [f'{_name(key, quoted=quoted, metric=False)[0]}="{_escaped(text)}"' for key, text in (*own, *added)]
        if metric != before:
            yield f"# TYPE {name} untyped\n"
            before = metric
        yield f"{name if plain else ''}{{{','.join(inner)}}} {value_text(value)} {at}\n"


def _name(text: str, *, quoted: bool, metric: bool) -> tuple[str, bool]:
    """The name as it stands on the page, and whether it may stand outside the braces."""
    legal = text.replace(":", "_") if metric else text
    if legal.isascii() and legal.isidentifier():
        return text, True
    if quoted:
        return f'"{_escaped(text)}"', False
    kept = [
        char if char.isascii() and (char.isalnum() or char == "_" or (metric and char == ":")) else "_" for char in text
    ]
    if kept[0].isdigit():
        kept[0] = "_"
    return "".join(kept), True


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


ROUTES: Final = (Route(method="GET", path="/federate", handler=federate, dialect=Dialect.TEXT),)
