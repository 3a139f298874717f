"""Alerts that others push, as Alertmanager takes them: missing times are filled in, what is no alert is refused.

Source: Alertmanager api/v2/api.go, alert/alert.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from monitor.matching.parse import Syntax, is_label_name
from monitor.model.alerts import Alert
from monitor.model.labels import Labels, quote
from monitor.model.surrogates import is_whole
from monitor.model.times import Millis, Timestamp


def pushed_alert(
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    *,
    starts_at: Timestamp | None,
    ends_at: Timestamp | None,
    generator_url: str,
    resolve_timeout: Millis,
    now: Timestamp,
    syntax: Syntax = Syntax.FALLBACK,
    backwards: bool = False,
) -> Alert:
    """The alert that a report stands for. One that gives no end is believed for `resolve_timeout`; empty labels are none,
    empty annotations are kept. `backwards`: it ends before it starts, though within one millisecond. Raises ValueError with
    Alertmanager's text."""
    notes = Labels.of_sorted(tuple(sorted(annotations.items())))
    alert = reported(Labels(labels), notes, starts_at, ends_at, generator_url, resolve_timeout=resolve_timeout, now=now)
    if alert.ends_at < alert.starts_at or backwards:
        raise ValueError("start time must be before end time")
    if not alert.labels:
        raise ValueError("at least one label pair required")
    for words, pairs in (("label set", alert.labels.pairs), ("annotations", alert.annotations.pairs)):
        try:
            check_labels(pairs, syntax)
        except ValueError as error:
            raise ValueError(f"invalid {words}: {error}") from error
    return alert


def reported(
    labels: Labels,
    annotations: Labels,
    starts_at: Timestamp | None,
    ends_at: Timestamp | None,
    generator_url: str,
    *,
    resolve_timeout: Millis,
    now: Timestamp,
) -> Alert:
    """A report with the times that were not given filled in; whether it may be one is for others to say."""
    if starts_at is None:
        starts_at = now if ends_at is None else ends_at
    return Alert(
        labels=labels,
        annotations=annotations,
        starts_at=starts_at,
        ends_at=now + resolve_timeout if ends_at is None else ends_at,
        updated_at=now,
        generator_url=generator_url,
        ends_by_timeout=ends_at is None,
    )


def check_labels(pairs: Sequence[tuple[str, str]], syntax: Syntax = Syntax.FALLBACK) -> None:
    """May alerts have these labels? Raises ValueError."""
    for name, value in pairs:
        if not is_label_name(name, syntax):
            raise ValueError(f"invalid name {quote(name)}")
        if not is_whole(value):
            raise ValueError(f"invalid value {quote(value)}")


@lru_cache(1_024)
def are_label_names(names: tuple[str, ...], syntax: Syntax) -> bool:
    """May labels have these names? Alerts have many values and few names."""
    return all(is_label_name(name, syntax) for name in names)
