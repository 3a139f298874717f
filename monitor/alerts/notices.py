"""News for people about what mutes alerts: nothing is wrong, and nobody is to be woken.

A receiver of any kind can be told. Those that know alerts only, such as webhooks, get one in Alertmanager's form, which fires
as long as the news is of something that goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.model.incidents import Severity
from monitor.model.labels import ALERT_NAME, Labels
from monitor.model.notifications import (
    AlertView,
    Destination,
    GroupView,
    Message,
    MessageKind,
    NotifyReason,
    OutboxRow,
)
from monitor.model.times import SECOND, Millis, Timestamp, spoken_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is told."""

    key: str
    """Unique for ever: the same news is told once."""
    order_key: str
    """News with one order key are told in their order."""
    name: str
    """Of the alert, for those that know alerts only."""
    labels: Mapping[str, str]
    title: str
    text: str
    since: Timestamp
    over_at: Timestamp | None = None
    """None: it goes on."""


def news_rows(
    news: News, receiver: str, to: Sequence[Destination], external_url: str, now: Timestamp
) -> tuple[OutboxRow, ...]:
    """The news for each of these, ready for the outbox."""
    message = _message(news, receiver, external_url, now)
    return tuple(
        OutboxRow(
            dedupe_key=f"{news.key}|{destination}",
            order_key=f"{news.order_key}|{destination}",
            destination=destination,
            message=message,
            due_at=now,
        )
        for destination in to
    )


def spoken_wait(span: Millis) -> str:
    """How long from now, to the next full second: what is told some milliseconds late is not `9m 59s` off."""
    return spoken_duration(-(-span // SECOND) * SECOND)


def _message(news: News, receiver: str, external_url: str, now: Timestamp) -> Message:
    labels = Labels({ALERT_NAME: news.name, **news.labels})
    alert = AlertView(
        labels=labels,
        annotations=Labels({"summary": news.title, "description": news.text}),
        starts_at=news.since,
        ends_at=news.over_at,
        fingerprint=labels.fingerprint,
    )
    return Message(
        kind=MessageKind.UPDATE,
        reason=NotifyReason.ANNOUNCEMENT,
        at=now,
        title=news.title,
        text=news.text,
        severity=Severity.INFO,
        since=news.since,
        source=next(iter(news.labels.values()), ""),
        facts=tuple(news.labels.items()),
        alerts=(alert,),
        group=GroupView(
            key=news.order_key,
            receiver=receiver,
            labels=labels,
            common_labels=labels,
            common_annotations=alert.annotations,
        ),
        external_url=external_url,
    )
