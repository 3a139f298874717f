"""A call that brings alerts, read as Alertmanager reads it.

Nearly every call holds only alerts that have the fields of the schema under their exact names, each once, and nothing that
would be refused: such a one is read in one pass. Any other is read with care, which finds what is wrong with it, and of all
that is wrong in the call what Alertmanager tells first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import orjson

from monitor.alerts.pushed import are_label_names, pushed_alert, reported
from monitor.model.labels import EMPTY, Labels, quote
from monitor.web.alertmanager.asking import ShapedError
from monitor.web.alertmanager.bodies import BAD_TYPE, Reader, elements, names, required
from monitor.web.alertmanager.instants import NO_TIME, instant, nanos
from monitor.web.alertmanager.uris import is_request_uri

if TYPE_CHECKING:
    from monitor.config.configuration import AlertmanagerFacts
    from monitor.model.alerts import Alert
    from monitor.model.times import Timestamp

_NAMES: Final = ("labels", "annotations", "startsAt", "endsAt", "generatorURL")
_FIELDS: Final = names(*_NAMES)
_PLAIN: Final = frozenset(_NAMES)
_MAPS: Final = frozenset({dict})
_TEXTS: Final = frozenset({str})
_TEXT_OR_NOT: Final = frozenset({str, type(None)})
_TIMES: Final = ("startsAt", "endsAt")
_AT_ONCE: Final = 128 << 10
"""Bytes of a call that is read in one go; a longer one would hold up others that share the interpreter."""
_TOGETHER: Final = 250
"""Alerts of a longer one that are looked at together."""


@dataclass(slots=True)
class Pushed:
    """What one call brought."""

    alerts: list[Alert] = field(default_factory=list["Alert"])
    problems: list[str] = field(default_factory=list[str])
    firing: int = 0
    resolved: int = 0


class _Merged:
    """A map that may be sent more than once: each adds to those before it, and null begins it anew. What is wrong with one is
    told only if no other field of another type is wrong, for at these Go stops."""

    def __init__(self, name: str, what: str) -> None:
        self.name = name
        self.found: dict[str, str] | None = None
        self._what = what
        self._wrong: ShapedError | None = None

    def add(self, reader: Reader, value: object) -> None:
        try:
            more = reader.labels(value, self.name, self._what)
        except ShapedError as error:
            self._wrong = self._wrong or error
        else:
            self.found = more if self.found is None or more is None else self.found | more

    def check(self) -> None:
        """Raises ShapedError."""
        if self._wrong is not None:
            raise self._wrong


class _Given(NamedTuple):
    """An alert as it was sent."""

    labels: Mapping[str, str] | None
    annotations: Mapping[str, str]
    starts_at: Timestamp | None
    ends_at: Timestamp | None
    generator_url: str
    backwards: bool
    """It ends before it starts, by less than a millisecond."""

    @classmethod
    def read(cls, reader: Reader, item: object) -> _Given:
        """Go reads an alert twice, for the fields of its report and for those that every alert has. Maps that are sent more
        than once are one map. Raises ShapedError."""
        members = reader.members(item, _FIELDS, "PostableAlert")
        times: dict[str, Timestamp] = {}
        below: dict[str, int] = {}
        url = ""
        annotations = _Merged("annotations", "")
        for name, value in members:
            if name == annotations.name:
                annotations.add(reader, value)
            elif name in _TIMES and (time := reader.time(value, name)) is not None:
                times[name], below[name] = time, nanos(str(value))
        annotations.check()
        labels = _Merged("labels", "Alert")
        for name, value in members:
            if name == labels.name:
                labels.add(reader, value)
            elif name == "generatorURL":
                url = reader.text({name: value}, name, "Alert") or ""
        labels.check()
        starts_at, ends_at = (None if times.get(name) == NO_TIME else times.get(name) for name in _TIMES)
        return cls(
            labels=labels.found,
            annotations=annotations.found or {},
            starts_at=starts_at,
            ends_at=ends_at,
            generator_url=url,
            backwards=starts_at is not None and starts_at == ends_at and below["startsAt"] > below["endsAt"],
        )


def read_push(raw: bytes, facts: AlertmanagerFacts, now: Timestamp) -> Pushed:
    """The alerts of a body, and what is wrong with those that are refused alone. Raises ShapedError: then the schema forbids
    the whole call."""
    plain = _read_plainly(raw, facts, now)
    return _read_with_care(raw, facts, now) if plain is None else plain


def _read_plainly(raw: bytes, facts: AlertmanagerFacts, now: Timestamp) -> Pushed | None:
    """If there is nothing in it to look at twice. Many alerts at a time: what is asked of each of them is asked of all their
    names, or values, in one go."""
    pushed, texts = Pushed(), 0
    try:
        for items in _plain_items(raw):
            found = _plain_alerts(items, facts, now)
            if found is None:
                return None
            alerts, held = found
            pushed.alerts += alerts
            texts += held
    except (ValueError, RecursionError):
        return None  # no JSON, or JSON that only Go reads
    if _repeats(raw, 2 * texts):
        return None
    pushed.resolved = sum([not alert.ends_by_timeout and alert.ends_at <= now for alert in pushed.alerts])
    pushed.firing = len(pushed.alerts) - pushed.resolved
    return pushed


def _plain_items(raw: bytes) -> Iterable[list[object]]:
    """The elements of a list, whose texts are whole, some at a time. Raises ValueError or RecursionError, also while they are
    read."""
    if len(raw) > _AT_ONCE:
        if b"\\ud" in raw or b"\\uD" in raw:
            raise ValueError
        rest = iter(elements(raw.decode()))
        return iter(lambda: list(islice(rest, _TOGETHER)), [])
    found = orjson.loads(raw)  # it refuses halves of surrogate pairs
    if not isinstance(found, list):
        raise ValueError
    return [cast("list[object]", found)]


def _read_with_care(raw: bytes, facts: AlertmanagerFacts, now: Timestamp) -> Pushed:
    """Raises ShapedError."""
    reader = Reader("alerts")
    items = reader.items(raw)
    try:
        given = [_Given.read(reader, item) for item in items]
    except ShapedError:
        for _ in items:
            pass  # what is no JSON further on is told before what is wrong here
        raise
    for place, one in enumerate(given):
        if one.generator_url and not is_request_uri(one.generator_url):
            shown = quote(one.generator_url)
            raise ShapedError(422, f"{place}.generatorURL in body must be of type uri: {shown}", BAD_TYPE)
        if one.labels is None:
            raise required(f"{place}.labels")
    pushed = Pushed()
    for one in given:
        try:
            pushed.alerts.append(_alert(one, facts, now))
        except ValueError as error:
            pushed.problems.append(str(error))
        pushed.resolved += one.ends_at is not None and one.ends_at <= now
    pushed.firing = len(given) - pushed.resolved
    return pushed


def _plain_alerts(items: list[object], facts: AlertmanagerFacts, now: Timestamp) -> tuple[list[Alert], int] | None:
    """The alerts, and how many texts stand in them, if there is nothing to look at twice about any. Raises ValueError."""
    if not _MAPS.issuperset(map(type, items)):
        return None
    given = cast("list[dict[str, Any]]", items)
    if not _PLAIN.issuperset(chain.from_iterable(given)) or None in _values(given):
        return None
    labels, annotations, starts, ends, urls = (_column(given, name) for name in _NAMES)
    maps = [*labels, *[one for one in annotations if one is not None]]
    if not _MAPS.issuperset(map(type, maps)) or not _TEXT_OR_NOT.issuperset(map(type, chain(starts, ends, urls))):
        return None
    if not _TEXTS.issuperset(map(type, _values(maps))):
        return None
    if not all(are_label_names(some, facts.syntax) for some in {tuple(one) for one in maps}):
        return None
    if not all(labels) or "" in _values(maps[: len(given)]):
        return None
    if not all(not url or is_request_uri(url) for url in set(urls)):
        return None
    times = {text: _plain_time(text) for text in {*starts, *ends}}
    alerts: list[Alert] = []
    for pairs, notes, start, end, url in zip(labels, annotations, starts, ends, urls, strict=True):
        starts_at = times[start]
        alert = reported(
            _sorted(pairs),
            _sorted(notes) if notes else EMPTY,
            starts_at,
            times[end],
            url or "",
            resolve_timeout=facts.resolve_timeout,
            now=now,
        )
        if starts_at is not None and alert.starts_at >= alert.ends_at:
            return None
        alerts.append(alert)
    return alerts, 2 * (sum(map(len, given)) + sum(map(len, maps))) - len(maps)


def _repeats(raw: bytes, quotes: int) -> bool:
    """May a name stand twice in an object? Then there are more quotes than what was found of it takes."""
    found = raw.count(b'"')
    return found != quotes and (b"\\\\" in raw or found - raw.count(b'\\"') != quotes)


def _column(maps: Iterable[Mapping[str, Any]], name: str) -> list[Any]:
    """None where there is no such key."""
    return [one.get(name) for one in maps]


def _values(maps: Iterable[Mapping[str, object]]) -> Iterable[object]:
    return chain.from_iterable([one.values() for one in maps])


def _sorted(words: Mapping[str, str]) -> Labels:
    return Labels.of_sorted(tuple(sorted(words.items())))


def _plain_time(text: str | None) -> Timestamp | None:
    """Raises ValueError."""
    found = None if text is None else instant(text)
    return None if found == NO_TIME else found


def _alert(one: _Given, facts: AlertmanagerFacts, now: Timestamp) -> Alert:
    """Raises ValueError with Alertmanager's text."""
    return pushed_alert(
        one.labels or {},
        one.annotations,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        generator_url=one.generator_url,
        resolve_timeout=facts.resolve_timeout,
        now=now,
        syntax=facts.syntax,
        backwards=one.backwards,
    )
