"""What people read at three in the morning.

The title says how bad it is and what is ill; the text says what is known, since when, what changed shortly before, who
else was woken, and when the next one will be. Alerts of one kind are told once with their number, and only the first few
are spelled out: the page behind the link has them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from monitor.model.changes import Deployment
from monitor.model.dataclass import dataclass
from monitor.model.incidents import IncidentState, Member
from monitor.model.labels import Labels, in_common
from monitor.model.notifications import (
    AlertView,
    GroupView,
    IncidentView,
    Message,
    MessageKind,
    NotifyReason,
    absolute,
)
from monitor.model.times import HOUR, SECOND, Millis, Timestamp, spoken_duration, spoken_instant
from monitor.oncall.incident import Incident

_TITLE: Final = 250
_TEXT: Final = 3000
_DESCRIPTION: Final = 1000
_REASON: Final = 120
_SPELLED_OUT = 5
_ALERTS = 20
_LATELY = 6 * HOUR
_DEPLOYMENTS = 3
_TELLING: Final = ("instance", "service", "check", "job", "host", "pod", "name")
"""Labels that say what is ill, the most exact first."""
_LINKS: Final = (("Runbook", "runbook_url"), ("Dashboard", "dashboard_url"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why something is said now."""

    kind: MessageKind
    reason: NotifyReason
    paged: tuple[str, ...] = ()
    """Who is woken by this decision."""
    step: int = -1
    """The step that it belongs to, from 0; -1 for none."""
    note: str = ""
    """One sentence about what happened, such as a failed delivery."""


def build(
    incident: Incident,
    occasion: Occasion,
    deployments: tuple[Deployment, ...],
    external_url: str,
    now: Timestamp,
) -> Message:
    """The message about `incident` as it stands after the decision."""
    shown = _shown(incident)
    since = min((member.starts_at for member in shown), default=incident.opened_at)
    common = in_common(member.labels for member in shown)
    changes = _lately(deployments, common, since, now)
    lead = shown[0] if shown else None
    return Message(
        kind=occasion.kind,
        reason=occasion.reason,
        at=now,
        title=_cut(_title(incident, occasion, shown, since, now), _TITLE),
        text=_cut("\n".join(_lines(incident, occasion, shown, since, changes, now)), _TEXT),
        severity=incident.severity,
        since=since,
        source=_source(lead.labels if lead is not None else incident.group_labels),
        facts=_facts(incident, occasion, since, changes, now),
        links=_links(incident, shown, external_url),
        alerts=tuple(_view(member) for member in shown[:_ALERTS]),
        group=GroupView(
            key=incident.group_key,
            receiver=incident.receiver,
            labels=incident.group_labels,
            common_labels=common,
            common_annotations=in_common(member.annotations for member in shown),
            truncated=max(len(shown) - _ALERTS, 0),
        ),
        incident=IncidentView(
            id=incident.id,
            number=incident.number,
            generation=incident.generation,
            epoch=incident.epoch,
            policy=incident.policy,
            state=incident.state.value,
            step=occasion.step + 1,
            steps=len(incident.pinned.policy.steps),
            loop=incident.loop,
            next_step_at=_next_page(incident),
            acknowledged_by=incident.acked_by,
        ),
        external_url=external_url,
    )


def headline(incident: Incident) -> str:
    """What is ill and how, in one line without severity or state."""
    shown = _shown(incident)
    if not shown:
        return ", ".join(f"{name}={value}" for name, value in incident.group_labels.items()) or incident.policy
    first = _saying(shown[0])
    if (reason := shown[0].annotations.get("reason", "").strip()) and shown[0].firing:
        first = f"{first}: {_cut(reason, _REASON)}"
    others = len(shown) - 1
    return f"{first} (+{others} more)" if others else first


def changes_before(incident: Incident, deployments: tuple[Deployment, ...], now: Timestamp) -> tuple[str, ...]:
    """What went live shortly before, a sentence each, the newest first."""
    shown = _shown(incident)
    since = min((member.starts_at for member in shown), default=incident.opened_at)
    common = in_common(member.labels for member in shown)
    return tuple(_deployment(change, since) for change in _lately(deployments, common, since, now))


def counted(alerts: int) -> str:
    """`1 alert fires`, `3 alerts fire`."""
    return "1 alert fires" if alerts == 1 else f"{alerts} alerts fire"


def _shown(incident: Incident) -> tuple[Member, ...]:
    """Firing members once each, loud ones first and the worst first; all of them when none fires any more."""
    members = incident.firing or incident.members
    once = {member.fingerprint: member for member in members}
    return tuple(
        sorted(
            once.values(),
            key=lambda member: (bool(member.muted_by), -member.severity.rank, member.starts_at, member.labels.pairs),
        )
    )


def _title(incident: Incident, occasion: Occasion, shown: tuple[Member, ...], since: Timestamp, now: Timestamp) -> str:
    what = headline(incident)
    match occasion.kind:
        case MessageKind.RESOLVE:
            by = f" by {incident.resolved_by}" if incident.resolved_by else ""
            return f"RESOLVED{by} after {spoken_duration(now - since)}: {what}"
        case MessageKind.ACKNOWLEDGE if incident.state is IncidentState.SNOOZED:
            return f"SNOOZED by {incident.acked_by}: {what}"
        case MessageKind.ACKNOWLEDGE:
            return f"ACKNOWLEDGED by {incident.acked_by}: {what}"
        case MessageKind.REMINDER:
            return f"STILL OPEN {incident.severity.value.upper()} for {spoken_duration(now - since)}: {what}"
        case MessageKind.TRIGGER | MessageKind.UNACKNOWLEDGE | MessageKind.UPDATE | MessageKind.TEST:
            return f"{incident.severity.value.upper()}: {what}"
        case _:
            assert_never(occasion.kind)


def _lines(
    incident: Incident,
    occasion: Occasion,
    shown: tuple[Member, ...],
    since: Timestamp,
    changes: tuple[Deployment, ...],
    now: Timestamp,
) -> Iterable[str]:
    if occasion.note:
        yield occasion.note
    if occasion.kind is MessageKind.RESOLVE:
        yield f"Began {spoken_instant(since)}, over after {spoken_duration(now - since)}."
    else:
        yield from _what_is_wrong(shown)
        yield f"Since {spoken_instant(since)}{_lasting(now - since)}."
    yield from _roll_call(incident, shown)
    for change in changes:
        yield f"Changed lately: {_deployment(change, since)}."
    if occasion.reason in _WHY:
        yield _WHY[occasion.reason]
    if occasion.paged:
        yield f"Paged: {', '.join(occasion.paged)}."
    if (upcoming := _next_page(incident)) is not None:
        yield f"Next page at {spoken_instant(upcoming)} ({spoken_duration(upcoming - now)}) unless somebody acknowledges."


def _lasting(span: Millis) -> str:
    return f" ({spoken_duration(span)})" if span >= SECOND else ""


def _what_is_wrong(shown: tuple[Member, ...]) -> Iterable[str]:
    if not shown:
        return
    if reason := shown[0].annotations.get("reason", "").strip():
        yield f"Seen: {_cut(reason, _DESCRIPTION)}"
    if description := shown[0].annotations.get("description", "").strip():
        yield _cut(description, _DESCRIPTION)


_WHY: Final = {
    NotifyReason.NEW_ALERT_AFTER_ACK: "Something new joined what was acknowledged.",
    NotifyReason.ACK_TIMEOUT: "It was acknowledged and is still not over.",
    NotifyReason.EXHAUSTED: "Every step of the policy was taken and nobody acknowledged.",
}


def _roll_call(incident: Incident, shown: tuple[Member, ...]) -> Iterable[str]:
    if len(shown) < 2:
        return
    over = sum(1 for member in incident.members if not member.firing)
    firing = len(incident.firing)
    yield f"{counted(firing)}{f', {over} over' if over else ''}:" if firing else f"{len(shown)} alerts are over:"
    said: dict[str, int] = {}
    for member in shown:
        line = _saying(member)
        said[line] = said.get(line, 0) + 1
    for line, count in list(said.items())[:_SPELLED_OUT]:
        yield f"- {_cut(line, _TITLE)}{f' ({count} times)' if count > 1 else ''}"
    if (rest := sum(list(said.values())[_SPELLED_OUT:])) > 0:
        yield f"- and {rest} more"


def _facts(
    incident: Incident, occasion: Occasion, since: Timestamp, changes: tuple[Deployment, ...], now: Timestamp
) -> tuple[tuple[str, str], ...]:
    facts = [("Incident", f"#{incident.number}"), ("State", incident.state.value), ("Since", spoken_instant(since))]
    if occasion.step >= 0:
        facts.append(("Step", f"{occasion.step + 1} of {len(incident.pinned.policy.steps)}, page {incident.pages}"))
    if occasion.paged:
        facts.append(("Paged", ", ".join(occasion.paged)))
    if (upcoming := _next_page(incident)) is not None:
        facts.append(("Next page", spoken_instant(upcoming)))
    if incident.acked_by:
        facts.append(("Acknowledged by", incident.acked_by))
    if incident.snoozed_until is not None:
        facts.append(("Snoozed until", spoken_instant(incident.snoozed_until)))
    facts.extend(("Changed", _deployment(change, since)) for change in changes)
    facts.append(("Policy", f"{incident.policy} ({incident.pinned.hash})"))
    return tuple(facts)


def _links(incident: Incident, shown: tuple[Member, ...], external_url: str) -> tuple[tuple[str, str], ...]:
    links = list(_annotated_links(shown, external_url))
    if shown and (graph := absolute(shown[0].generator_url, external_url)):
        links.append(("Graph", graph))
    if external_url:
        links.append(("Incident", f"{external_url}/incidents/{incident.number}"))
    return tuple(links)


def _annotated_links(shown: tuple[Member, ...], external_url: str) -> Iterable[tuple[str, str]]:
    for name, annotation in _LINKS:
        found = (absolute(member.annotations.get(annotation, ""), external_url) for member in shown)
        if url := next(filter(None, found), ""):
            yield name, url


def _lately(
    deployments: tuple[Deployment, ...], common: Labels, since: Timestamp, now: Timestamp
) -> tuple[Deployment, ...]:
    """The newest few that went live in the hours before the trouble or since, for this service or for all."""
    values = {value for _, value in common.pairs}
    near = [
        one
        for one in deployments
        if since - _LATELY <= one.at <= now and (not one.service or not values or one.service in values)
    ]
    return tuple(sorted(near, key=lambda one: (-one.at, one.service, one.version))[:_DEPLOYMENTS])


def _deployment(change: Deployment, since: Timestamp) -> str:
    service = f"{change.service} " if change.service else "version "
    by = f" by {change.by}" if change.by else ""
    span = spoken_duration(abs(since - change.at))
    return f"{service}{change.version}{by} went live {span} {'before' if change.at <= since else 'after'} it began"


def _next_page(incident: Incident) -> Timestamp | None:
    waiting = incident.state is IncidentState.TRIGGERED and not incident.held
    return incident.due_at if waiting else None


def _saying(member: Member) -> str:
    if summary := member.annotations.get("summary", "").strip():
        return summary
    source = _source(member.labels)
    return f"{member.name or 'an alert without a name'}{f' on {source}' if source else ''}"


def _source(labels: Labels) -> str:
    return next((value for name in _TELLING if (value := labels.get(name, ""))), "")


def _view(member: Member) -> AlertView:
    return AlertView(
        labels=member.labels,
        annotations=member.annotations,
        starts_at=member.starts_at,
        ends_at=None if member.firing else (member.ends_at or member.starts_at),
        fingerprint=member.fingerprint,
        generator_url=member.generator_url,
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
