"""What alerts did: when each began to fire and when it ended, as it was learnt. What routing made of it is not part of it.

A history is a list of reports that changed something, in the order in which they came. One that tells of a beginning has the
end of the alert if that came by time alone, because nobody reported the alert any longer; one that tells of an end comes
when that was reported. So whoever takes the reports in at their times knows of each alert what was known then.

On paper a report is a line of JSON, an alert as Alertmanager's API takes it, with the time at which it came:

    {"at": "2026-01-31T10:00:00Z", "labels": {"alertname": "Down"}, "startsAt": "2026-01-31T09:59:30Z"}
    {"at": "2026-01-31T10:20:00Z", "labels": {"alertname": "Down"}, "endsAt": "2026-01-31T10:19:30Z"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from monitor.alerts.pushed import check_labels
from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.times import LAST_INSTANT, Timestamp, parse_rfc3339, rfc3339

OPEN_END: Final[Timestamp] = LAST_INSTANT
"""The end of an alert of which no end is known."""
_KEYS: Final = frozenset({"at", "labels", "annotations", "startsAt", "endsAt", "generatorURL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An alert ended."""

    fingerprint: str
    ends_at: Timestamp
    told_at: Timestamp | None
    """When its end was reported; None: nobody did, its time was over."""


def reports(began: Iterable[Alert], endings: Iterable[Ending]) -> tuple[Alert, ...]:
    """The history of these beginnings and ends; each in the order in which it was written down. A report is an alert whose
    `updated_at` is the time at which it came. Ends without a beginning are left out, and what came twice is told once."""
    found: list[Alert] = []
    ends: dict[str, list[Ending]] = {}
    for ending in sorted(endings, key=_learnt):
        ends.setdefault(ending.fingerprint, []).append(ending)
    beginnings: dict[str, list[Alert]] = {}
    for alert in began:
        beginnings.setdefault(alert.fingerprint, []).append(alert)
    for fingerprint, starts in beginnings.items():
        starts.sort(key=lambda alert: alert.updated_at)
        known, first = ends.get(fingerprint, []), 0
        for place, alert in enumerate(starts):
            next_at = starts[place + 1].updated_at if place + 1 < len(starts) else OPEN_END + 1
            while first < len(known) and _learnt(known[first]) < alert.updated_at:
                first += 1
            ending = known[first] if first < len(known) and _learnt(known[first]) <= next_at else None
            if ending is None or ending.told_at is not None:
                found.append(replace(alert, ends_at=OPEN_END))
            else:
                found.append(_ended(alert, ending))
            if ending is not None and ending.told_at is not None:
                found.append(replace(_ended(alert, ending), updated_at=ending.told_at))
    return tuple(sorted(found, key=lambda alert: alert.updated_at))


def _ended(alert: Alert, ending: Ending) -> Alert:
    """Its source may say that it ended before it began, by another clock: then it began when it ended."""
    return replace(alert, starts_at=min(alert.starts_at, ending.ends_at), ends_at=ending.ends_at)


def _learnt(ending: Ending) -> Timestamp:
    return ending.ends_at if ending.told_at is None else ending.told_at


def since(history: Sequence[Alert], at: Timestamp) -> tuple[Alert, ...]:
    """The part that begins at this instant: what fires then is reported at once, with the start that it had."""
    standing: dict[str, Alert] = {}
    later: list[Alert] = []
    for alert in history:
        if alert.updated_at >= at:
            later.append(alert)
        elif alert.ends_at > at:
            standing[alert.fingerprint] = replace(alert, updated_at=at)
        else:
            standing.pop(alert.fingerprint, None)
    return (*standing.values(), *later)


def to_line(report: Alert) -> str:
    """One report as a line of JSON."""
    document: dict[str, object] = {
        "at": rfc3339(report.updated_at),
        "labels": dict(report.labels),
        "annotations": dict(report.annotations),
        "startsAt": rfc3339(report.starts_at),
    }
    if report.ends_at < OPEN_END:
        document["endsAt"] = rfc3339(report.ends_at)
    if report.generator_url:
        document["generatorURL"] = report.generator_url
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def from_lines(lines: Iterable[str]) -> Iterator[Alert]:
    """The reports of such lines, which may leave out all but `at` and `labels`. Empty lines are passed over. Raises ValueError
    with the number of the line."""
    before: Timestamp | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            report = _from_document(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} is no JSON: {error.msg}") from error
        except RecursionError as error:
            raise ValueError(f"line {number}: is nested too deeply") from error
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        if before is not None and report.updated_at < before:
            raise ValueError(f"line {number}: comes before the line above it: sort the lines by `at`")
        before = report.updated_at
        yield report


def _from_document(document: object) -> Alert:
    if not isinstance(document, dict):
        raise ValueError('is no mapping: write {"at": ..., "labels": {...}}')
    found = cast("dict[str, Any]", document)
    if unknown := sorted(found.keys() - _KEYS):
        raise ValueError(f"`{unknown[0]}` is not known; known: {', '.join(sorted(_KEYS))}")
    labels, annotations = (_texts(found, key) for key in ("labels", "annotations"))
    if not any(labels.values()):  # an empty value is no label
        raise ValueError("has no labels")
    check_labels(list(labels.items()))
    at = _instant(found, "at")
    if at is None:
        raise ValueError("`at`, when it came, is missing")
    starts_at, ends_at = _instant(found, "startsAt"), _instant(found, "endsAt")
    if ends_at is None:
        ends_at = OPEN_END
    if starts_at is None:
        starts_at = min(at, ends_at)
    if ends_at < starts_at:
        raise ValueError("endsAt is before startsAt")
    url = found.get("generatorURL", "")
    if not isinstance(url, str):
        raise ValueError("`generatorURL` is no text")
    return Alert(
        labels=Labels(labels),
        annotations=Labels(annotations),
        starts_at=starts_at,
        ends_at=ends_at,
        updated_at=at,
        generator_url=url,
    )


def _texts(document: Mapping[str, Any], key: str) -> dict[str, str]:
    given = document.get(key, {})
    if not isinstance(given, dict) or not all(isinstance(one, str) for one in cast("dict[str, Any]", given).values()):
        raise ValueError(f"`{key}` is no mapping of names to texts")
    return cast("dict[str, str]", given)


def _instant(document: Mapping[str, Any], key: str) -> Timestamp | None:
    given = document.get(key)
    if given is None:
        return None
    try:
        return parse_rfc3339(given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{key}` is no time: write 2026-01-31T10:00:00Z") from error
