"""Which series there are, their labels, and what targets say about their metrics. Looked up in worker threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import web
from multidict import MultiDict

from monitor.model.labels import Labels, quote
from monitor.web.answers import BadCallError, built_answer, json_parts, streamed_answer
from monitor.web.parts import up
from monitor.web.prometheus.parameters import limit_of, parameters, selectors_of, span_of, unescaped_name
from monitor.web.prometheus.rendering import labels_text, notes
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.matching.matchers import Matcher
    from monitor.model.times import Timestamp
    from monitor.remote.messages import MetricMetadata
    from monitor.scrape.exposition.reading import Metadata

    Told = Metadata | MetricMetadata

T = TypeVar("T", Labels, str)
_TRUNCATED = ["results truncated due to limit"]


async def series(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    if "match[]" not in given:
        raise BadCallError("no match[] parameter provided")
    limit = limit_of(given)
    start, end = span_of(given)
    selectors = selectors_of(given)
    view = up(call.parts.samples).view()

    def parts() -> Iterator[str]:
        found = _union(lambda matchers: view.series(matchers, start, end), selectors)
        kept = found[:limit] if limit else found
        yield '{"status":"success","data":['
        for place, one in enumerate(kept):
            yield f",{labels_text(one)}" if place else labels_text(one)
        yield f"]{notes(_TRUNCATED if len(kept) < len(found) else ())}}}"

    return await streamed_answer(call.request, parts)


async def labels(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    view = up(call.parts.samples).view()
    return await _texts(call, given, lambda matchers, start, end: view.label_names(matchers, start, end))


async def label_values(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    name = unescaped_name(call.path("name"))
    if not name:
        raise BadCallError(f"invalid label name: {quote(name)}")
    view = up(call.parts.samples).view()
    return await _texts(call, given, lambda matchers, start, end: view.label_values(name, matchers, start, end))


async def metadata(call: Call) -> web.StreamResponse:
    given = await parameters(call)
    limit, each = limit_of(given), limit_of(given, "limit_per_metric")
    wanted = given.get("metric", "")
    sources: list[Mapping[str, Told]] = [known for _, known in up(call.parts.scraping).metadata()]
    if call.parts.receiving is not None:
        sources.append(dict(call.parts.receiving.metadata))

    def build() -> object:
        found: dict[str, dict[tuple[str, str, str], None]] = {}
        for known in sources:
            for name, entry in known.items():
                if wanted and name != wanted:
                    continue
                if name not in found and limit and len(found) >= limit:
                    continue
                entries = found.setdefault(name, {})
                if not each or len(entries) < each:
                    entries[entry.type, entry.help, entry.unit] = None
        data = {
            name: [{"type": type_, "help": help_, "unit": unit} for type_, help_, unit in entries]
            for name, entries in found.items()
        }
        return {"status": "success", "data": data}

    return await built_answer(call.request, build, sum(len(known) for known in sources))


async def _texts(
    call: Call, given: MultiDict[str], look: Callable[[Sequence[Matcher], Timestamp, Timestamp], list[str]]
) -> web.StreamResponse:
    limit = limit_of(given)
    start, end = span_of(given)
    selectors = selectors_of(given) or [()]

    def parts() -> Iterator[str]:
        found = _union(lambda matchers: look(matchers, start, end), selectors)
        kept = found[:limit] if limit else found
        told = {"warnings": _TRUNCATED} if len(kept) < len(found) else {}
        return json_parts({"status": "success", "data": kept, **told})

    return await streamed_answer(call.request, parts)


def _union(look: Callable[[Sequence[Matcher]], list[T]], selectors: list[Sequence[Matcher]]) -> list[T]:
    found = [look(matchers) for matchers in selectors]
    return found[0] if len(found) == 1 else sorted({one for part in found for one in part})


ROUTES: Final = (
    *(
        Route(method=method, path=f"/api/v1/{name}", handler=handler, dialect=Dialect.PROMETHEUS)
        for name, handler in (("series", series), ("labels", labels))
        for method in ("GET", "POST")
    ),
    Route(method="GET", path="/api/v1/label/{name}/values", handler=label_values, dialect=Dialect.PROMETHEUS),
    Route(method="GET", path="/api/v1/metadata", handler=metadata, dialect=Dialect.PROMETHEUS),
)
