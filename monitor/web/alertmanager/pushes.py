"""A call that brings alerts, read as Alertmanager reads it.

Nearly every alert that comes in has the fields of the schema under their exact names and nothing that would be refused: such
a one is read in one pass. Any other is read with care, which finds what is wrong with it, and of all that is wrong in the
call what Alertmanager tells first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from monitor.alerts.pushed import are_label_names, pushed_alert, reported
from monitor.model.dataclass import dataclass
from monitor.model.labels import EMPTY, Labels
from monitor.web.alertmanager.asking import ShapedError
from monitor.web.alertmanager.bodies import BAD_TYPE, NO_TIME, Reader, instant, is_request_uri, names, required

if TYPE_CHECKING:
    from monitor.config.configuration import AlertmanagerFacts
    from monitor.matching.parse import Syntax
    from monitor.model.alerts import Alert
    from monitor.model.times import Timestamp

_NAMES: Final = ("labels", "annotations", "startsAt", "endsAt", "generatorURL")
_FIELDS: Final = names(*_NAMES)
_PLAIN: Final = frozenset(_NAMES)
_TEXTS: Final = frozenset({str})


@dataclass(slots=True)
class Pushed:
    """What one call brought."""

    alerts: list[Alert] = field(default_factory=list["Alert"])
    problems: list[str] = field(default_factory=list[str])
    firing: int = 0
    resolved: int = 0


class _Given(NamedTuple):
    """An alert as it was sent."""

    labels: Mapping[str, str] | None
    annotations: Mapping[str, str]
    starts_at: Timestamp | None
    ends_at: Timestamp | None
    generator_url: str

    @classmethod
    def read(cls, reader: Reader, item: object) -> _Given:
        """Raises ShapedError."""
        fields = reader.fields(item, _FIELDS, "PostableAlert")
        starts_at, ends_at = reader.time(fields, "startsAt"), reader.time(fields, "endsAt")
        return cls(
            labels=reader.labels(fields, "labels", "Alert"),
            annotations=reader.labels(fields, "annotations", "PostableAlert") or {},
            starts_at=None if starts_at == NO_TIME else starts_at,
            ends_at=None if ends_at == NO_TIME else ends_at,
            generator_url=reader.text(fields, "generatorURL", "Alert") or "",
        )


def read_push(raw: bytes, facts: AlertmanagerFacts, now: Timestamp) -> Pushed:
    """The alerts of a body, and what is wrong with those that are refused alone. Raises ShapedError: then the schema forbids
    the whole call."""
    reader = Reader("alerts")
    given = [
        (reader.sound and _plain_alert(item, facts, now)) or _Given.read(reader, item) for item in reader.items(raw)
    ]
    for place, one in enumerate(given):
        if not isinstance(one, _Given):
            continue
        if one.generator_url and not is_request_uri(one.generator_url):
            raise ShapedError(422, f'{place}.generatorURL in body must be of type uri: "{one.generator_url}"', BAD_TYPE)
        if one.labels is None:
            raise required(f"{place}.labels")
    pushed = Pushed()
    for one in given:
        if isinstance(one, _Given):
            ended = one.ends_at is not None and one.ends_at <= now
            try:
                pushed.alerts.append(_alert(one, facts, now))
            except ValueError as error:
                pushed.problems.append(str(error))
        else:
            ended = not one.ends_by_timeout and one.ends_at <= now
            pushed.alerts.append(one)
        pushed.resolved += ended
    pushed.firing = len(given) - pushed.resolved
    return pushed


def _plain_alert(item: object, facts: AlertmanagerFacts, now: Timestamp) -> Alert | None:
    """The alert, if there is nothing about it to look at twice. Its texts must be known to be whole."""
    if type(item) is not dict:
        return None
    given = cast("dict[str, object]", item)
    if not _PLAIN.issuperset(given):
        return None
    labels = _plain_labels(given.get("labels"), facts.syntax)
    words = given.get("annotations")
    annotations = EMPTY if words is None else _plain_labels(words, facts.syntax)
    url = given.get("generatorURL", "")
    if not labels or annotations is None or type(url) is not str or (url and not is_request_uri(url)):
        return None
    try:
        starts_at, ends_at = _plain_time(given.get("startsAt")), _plain_time(given.get("endsAt"))
    except (ValueError, OverflowError):
        return None
    alert = reported(labels, annotations, starts_at, ends_at, url, resolve_timeout=facts.resolve_timeout, now=now)
    return alert if alert.starts_at <= alert.ends_at else None


def _plain_labels(value: object, syntax: Syntax) -> Labels | None:
    if type(value) is not dict:
        return None
    given = cast("dict[str, str]", value)
    values = given.values()
    if not _TEXTS.issuperset(map(type, values)) or "" in values or not are_label_names(tuple(given), syntax):
        return None
    return Labels.of_sorted(tuple(sorted(given.items())))


def _plain_time(value: object) -> Timestamp | None:
    """Raises ValueError or OverflowError."""
    if value is None:
        return None
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
    )
