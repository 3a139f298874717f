"""A call that brings alerts, read as Alertmanager reads it.

Nearly every call holds only alerts that have the fields of the schema under their exact names, each once, and nothing that
would be refused: such a one is read in one pass. Any other is read with care, which finds what is wrong with it, and of all
that is wrong in the call what Alertmanager tells first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import orjson

from monitor.alerts.pushed import are_label_names, pushed_alert, reported
from monitor.model.labels import EMPTY, Labels, quote
from monitor.web.alertmanager.asking import ShapedError
from monitor.web.alertmanager.bodies import BAD_TYPE, Reader, elements, names, required
from monitor.web.alertmanager.instants import NO_TIME, instant, nanos
from monitor.web.alertmanager.uris import is_request_uri

if TYPE_CHECKING:
    from monitor.config.configuration import AlertmanagerFacts
    from monitor.matching.parse import Syntax
    from monitor.model.alerts import Alert
    from monitor.model.times import Timestamp

_NAMES: Final = ("labels", "annotations", "startsAt", "endsAt", "generatorURL")
_FIELDS: Final = names(*_NAMES)
_PLAIN: Final = frozenset(_NAMES)
_TEXTS: Final = frozenset({str})
_TIMES: Final = ("startsAt", "endsAt")
_AT_ONCE: Final = 128 << 10
"""Bytes of a call that is read in one go; a longer one would hold up others that share the interpreter."""


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
    """If there is nothing in it to look at twice."""
    pushed, texts = Pushed(), 0
    try:
        for item in _plain_items(raw):
            alert = _plain_alert(item, facts, now)
            if alert is None:
                return None
            pushed.alerts.append(alert)
            pushed.resolved += not alert.ends_by_timeout and alert.ends_at <= now
            # All but the two maps are pairs of texts.
            given = cast("dict[str, object]", item)
            texts += 2 * (len(given) + len(alert.labels.pairs) + len(alert.annotations.pairs))
            texts -= 2 if "annotations" in given else 1
    except (ValueError, RecursionError):
        return None  # no JSON, or JSON that only Go reads
    if _repeats(raw, 2 * texts):
        return None
    pushed.firing = len(pushed.alerts) - pushed.resolved
    return pushed


def _plain_items(raw: bytes) -> Iterable[object]:
    """The elements of a list, whose texts are whole. Raises ValueError or RecursionError, also while they are read."""
    if len(raw) > _AT_ONCE:
        if b"\\ud" in raw or b"\\uD" in raw:
            raise ValueError
        return elements(raw.decode())
    found = orjson.loads(raw)  # it refuses halves of surrogate pairs
    if not isinstance(found, list):
        raise ValueError
    return cast("list[object]", found)


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


def _plain_alert(item: object, facts: AlertmanagerFacts, now: Timestamp) -> Alert | None:
    """The alert, if there is nothing about it to look at twice."""
    if type(item) is not dict:
        return None
    given = cast("dict[str, object]", item)
    if not _PLAIN.issuperset(given):
        return None
    pairs = given.get("labels")
    labels = _plain_labels(pairs, facts.syntax)
    annotations = _plain_labels(given["annotations"], facts.syntax) if "annotations" in given else EMPTY
    url = given.get("generatorURL", "")
    if not labels or "" in cast("dict[str, str]", pairs).values() or annotations is None:
        return None
    if type(url) is not str or (url and not is_request_uri(url)):
        return None
    try:
        starts_at = _plain_time(given["startsAt"]) if "startsAt" in given else None
        ends_at = _plain_time(given["endsAt"]) if "endsAt" in given else None
    except ValueError:
        return None
    alert = reported(labels, annotations, starts_at, ends_at, url, resolve_timeout=facts.resolve_timeout, now=now)
    return alert if starts_at is None or alert.starts_at < alert.ends_at else None


def _repeats(raw: bytes, quotes: int) -> bool:
    """May a name stand twice in an object? Then there are more quotes than what was found of it takes."""
    found = raw.count(b'"')
    return found != quotes and (b"\\\\" in raw or found - raw.count(b'\\"') != quotes)


def _plain_labels(value: object, syntax: Syntax) -> Labels | None:
    if type(value) is not dict:
        return None
    given = cast("dict[str, str]", value)
    values = given.values()
    if not _TEXTS.issuperset(map(type, values)) or not are_label_names(tuple(given), syntax):
        return None
    return Labels.of_sorted(tuple(sorted(given.items())))


def _plain_time(value: object) -> Timestamp | None:
    """Raises ValueError."""
    if type(value) is not str:
        raise ValueError
    found = instant(value)
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
