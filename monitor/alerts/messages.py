"""What a group notification says. Plain and complete: it must stand on its own at three in the morning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Protocol

from monitor.alerts.flapping import ANNOTATION
from monitor.alerts.groups import AlertGroup
from monitor.model.alerts import Alert
from monitor.model.incidents import Severity
from monitor.model.labels import Labels, in_common
from monitor.model.notifications import (
    AlertView,
    Destination,
    GroupView,
    Message,
    MessageKind,
    NotifyReason,
    absolute,
)
from monitor.model.times import Timestamp, spoken_duration, spoken_instant

_SHOWN_ALERTS = 5
_TITLE_LIMIT = 250
_FACTS = ("environment", "check", "service", "job", "instance", "component", "team")


class Fields(Protocol):
    """Renders the templated options of one integration."""

    def render(self, destination: Destination, message: Message) -> Mapping[str, str]:
        """Option name to text. Raises TemplateError, which names the option; the message is then sent in its plain form."""
        ...

    def route_labels(self, templates: Sequence[tuple[str, str]], message: Message) -> Labels:
        """The labels of a route, which are templates by name, for this message. Raises TemplateError, which names the
        label."""
        ...


def group_message(
    group: AlertGroup,
    alerts: Sequence[Alert],
    *,
    reason: NotifyReason,
    external_url: str,
    recent_changes: Sequence[str],
    now: Timestamp,
) -> Message:
    """A message about these members of a group; they count as firing or resolved as of `now`."""
    firing = [alert for alert in alerts if alert.ends_at > now]
    shown = firing or list(alerts)
    resolved = not firing
    since = min((alert.starts_at for alert in shown), default=now)
    severities = {alert.labels.get("severity", "") for alert in shown}
    severity = max(map(Severity.of, severities), key=lambda s: s.rank, default=Severity.WARNING)
    common_labels = in_common(alert.labels for alert in alerts)
    return Message(
        kind=MessageKind.RESOLVE if resolved else MessageKind.TRIGGER,
        reason=reason,
        at=now,
        title=_title(group, shown),
        text=_text(shown, resolved, since, recent_changes, now, calm=reason is NotifyReason.CALM),
        severity=severity,
        since=since,
        source=_first_label(shown, ("instance", "check", "job")),
        facts=_facts(common_labels if len(shown) == len(alerts) else in_common(alert.labels for alert in shown)),
        links=_links(shown, external_url),
        alerts=tuple(_view(alert, now) for alert in alerts),
        group=GroupView(
            key=group.key,
            receiver=group.receiver,
            labels=group.labels,
            common_labels=common_labels,
            common_annotations=in_common(alert.annotations for alert in alerts),
        ),
        external_url=external_url,
    )


def _title(group: AlertGroup, alerts: Sequence[Alert]) -> str:
    first = alerts[0] if alerts else None
    summary = first.annotations.get("summary", "") if first else ""
    name = summary or (first.name if first else "") or str(group.labels)
    more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
    return _cut(name, _TITLE_LIMIT - 40) + more


def _text(
    alerts: Sequence[Alert],
    resolved: bool,
    since: Timestamp,
    recent_changes: Sequence[str],
    now: Timestamp,
    *,
    calm: bool,
) -> str:
    lines = ["It flapped and is calm again; it fires."] if calm else []
    for alert in alerts[:_SHOWN_ALERTS]:
        words = alert.annotations.get("description", "") or alert.annotations.get("summary", "") or str(alert.labels)
        if (reason := alert.annotations.get("reason", "")) and not resolved:
            words = f"Seen: {reason}\n{words}"
        if swings := alert.annotations.get(ANNOTATION, ""):
            words = f"Flapping, {swings}: it is held as firing until it is calm.\n{words}"
        lines.append(words if len(alerts) == 1 else f"• {words}")
    if len(alerts) > _SHOWN_ALERTS:
        lines.append(f"… and {len(alerts) - _SHOWN_ALERTS} more")
    lasted = spoken_duration(now - since)
    lines.append(
        f"Lasted {lasted}, since {spoken_instant(since)}." if resolved else f"Since {spoken_instant(since)} ({lasted})."
    )
    if not resolved:
        lines.extend(f"Changed before: {change}" for change in recent_changes)
    return "\n".join(lines)


def _facts(common: Labels) -> tuple[tuple[str, str], ...]:
    return tuple((name, common[name]) for name in _FACTS if name in common)


def _links(alerts: Sequence[Alert], external_url: str) -> tuple[tuple[str, str], ...]:
    """Of each kind the first that leads anywhere."""
    annotations = dict.fromkeys(chain.from_iterable([alert.annotations.pairs for alert in alerts]))
    kinds = (
        ("Runbook", [url for name, url in annotations if name == "runbook_url"]),
        ("Dashboard", [url for name, url in annotations if name == "dashboard_url"]),
        ("Graph", dict.fromkeys([alert.generator_url for alert in alerts])),
    )
    whole = ((text, next(filter(None, (absolute(url, external_url) for url in urls)), "")) for text, urls in kinds)
    return tuple((text, url) for text, url in whole if url)


def _view(alert: Alert, now: Timestamp) -> AlertView:
    return AlertView(
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at if alert.ends_at <= now else None,
        fingerprint=alert.labels.fingerprint,
        generator_url=alert.generator_url,
    )


def _first_label(alerts: Sequence[Alert], names: Sequence[str]) -> str:
    return next((alert.labels[name] for name in names for alert in alerts if name in alert.labels), "")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


RecentChanges = Callable[[Sequence[Labels], Timestamp], Sequence[str]]
"""(labels of the alerts, now) to lines such as `shop-api 1.4.2 went live 3m before`."""
