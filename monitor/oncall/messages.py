"""What people read at three in the morning.

The title says how bad it is and what is ill; the text says what is known, since when, what changed shortly before, who
else was woken, and when the next one will be. When something joins what people know already, that comes first, and what they
know after it. Alerts of one kind are told once with their number, and only the first few are spelled out: the page behind the
link has them all. What is muted stands apart, with its reason, and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, assert_never

from monitor.model.changes import Deployment
from monitor.model.incidents import IncidentState, Member
from monitor.model.labels import Labels, in_common
from monitor.model.notifications import (
    RUNBOOK,
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
_LINKS: Final = ((RUNBOOK, "runbook_url"), ("Dashboard", "dashboard_url"))


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
    news: tuple[str, ...] = ()
    """Fingerprints of the alerts that are told of for the first time; none when all are."""
    taken_by: str = ""
    """Who had acknowledged what was known before the news, if it pages again because of them."""
    taken_at: Timestamp | None = None


def build(
    incident: Incident,
    occasion: Occasion,
    deployments: tuple[Deployment, ...],
    external_url: str,
    now: Timestamp,
) -> Message:
    """The message about `incident` as it stands after the decision."""
    shown = _shown(incident, occasion.news)
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
        facts=_facts(incident, occasion, shown, since, changes),
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
            news=tuple(member.fingerprint for member in _new(shown, occasion)),
        ),
        external_url=external_url,
    )


def headline(incident: Incident) -> str:
    """What is ill and how, in one line without severity or state."""
    return _headline(incident, _shown(incident))


def changes_before(incident: Incident, deployments: tuple[Deployment, ...], now: Timestamp) -> tuple[str, ...]:
    """What went live shortly before, a sentence each, the newest first."""
    shown = _shown(incident)
    since = min((member.starts_at for member in shown), default=incident.opened_at)
    common = in_common(member.labels for member in shown)
    return tuple(_deployment(change, since) for change in _lately(deployments, common, since, now))


def counted(alerts: int) -> str:
    """`1 alert fires`, `3 alerts fire`."""
    return "1 alert fires" if alerts == 1 else f"{alerts} alerts fire"


def _shown(incident: Incident, news: tuple[str, ...] = ()) -> tuple[Member, ...]:
    """Firing members once each: loud ones first, of them the new ones, then the worst; all of them when none fires any
    more."""
    members = incident.firing or incident.members
    once = {member.fingerprint: member for member in members}
    return tuple(
        sorted(
            once.values(),
            key=lambda member: (
                bool(member.muted_by),
                member.fingerprint not in news,
                -member.severity.rank,
                member.starts_at,
                member.labels.pairs,
            ),
        )
    )


def _loud(shown: tuple[Member, ...]) -> tuple[Member, ...]:
    """Those that nothing mutes; all of them if something mutes each."""
    return tuple(member for member in shown if not member.muted_by) or shown


def _new(shown: tuple[Member, ...], occasion: Occasion) -> tuple[Member, ...]:
    return tuple(member for member in shown if member.fingerprint in occasion.news)


def _known(shown: tuple[Member, ...], occasion: Occasion) -> tuple[Member, ...]:
    """What was told of before the news, muted by now or not."""
    if not occasion.news:
        return ()
    before = occasion.taken_at if occasion.taken_at is not None else 0
    loud, new = _loud(shown), _new(shown, occasion)
    return tuple(member for member in shown if member not in new and (member in loud or member.starts_at <= before))


def _headline(incident: Incident, shown: tuple[Member, ...], more: str = "more") -> str:
    if not shown:
        return ", ".join(f"{name}={value}" for name, value in incident.group_labels.items()) or incident.policy
    first = _seen(shown[0])
    others = len(_loud(shown)) - 1
    return f"{first} (+{others} {more})" if others else first


def _title(incident: Incident, occasion: Occasion, shown: tuple[Member, ...], since: Timestamp, now: Timestamp) -> str:
    what = _headline(incident, shown)
    severity = incident.severity.value.upper()
    match occasion.kind:
        case MessageKind.RESOLVE:
            by = f" by {incident.resolved_by}" if incident.resolved_by else ""
            return f"RESOLVED{by} after {spoken_duration(now - since)}: {what}"
        case MessageKind.ACKNOWLEDGE if incident.state is IncidentState.SNOOZED:
            return f"SNOOZED by {incident.acked_by}: {what}"
        case MessageKind.ACKNOWLEDGE:
            return f"ACKNOWLEDGED by {incident.acked_by}: {what}"
        case MessageKind.REMINDER:
            return f"STILL OPEN {severity} for {spoken_duration(now - since)}: {what}"
        case MessageKind.TRIGGER | MessageKind.UNACKNOWLEDGE | MessageKind.UPDATE | MessageKind.TEST:
            if new := _new(shown, occasion):
                return f"{severity}, NEW: {_headline(incident, shown, 'more' if len(new) > 1 else 'known before')}"
            return f"{severity}: {what}"
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
        yield from _roll_call(incident, _loud(shown))
    elif new := _new(shown, occasion):
        yield from _what_is_new(new, _known(shown, occasion), occasion, now)
    else:
        yield from _what_is_wrong(shown)
        yield f"Since {spoken_instant(since)}{_lasting(now - since)}."
        yield from _roll_call(incident, _loud(shown))
    yield from _what_is_quiet(shown, _known(shown, occasion))
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


def _what_is_new(
    new: tuple[Member, ...], known: tuple[Member, ...], occasion: Occasion, now: Timestamp
) -> Iterable[str]:
    """What joined, since when, and what was known before it."""
    yield from _each("New", new, now)
    yield from _what_is_wrong(new)
    yield from _each("Known before", known, now)
    if occasion.taken_by and occasion.taken_at is not None:
        ago = spoken_duration(now - occasion.taken_at)
        yield f"{occasion.taken_by} acknowledged what was known {ago} ago; it pages again because of what is new."


def _what_is_quiet(shown: tuple[Member, ...], told: tuple[Member, ...]) -> Iterable[str]:
    """What fires and is muted, and stands nowhere else in the message: it may tell more of the cause than what is heard."""
    loud, firing = _loud(shown), {member.fingerprint for member in shown}
    quiet = [member for member in shown if member not in loud and member not in told]
    for member in quiet[:_SPELLED_OUT]:
        said, since = _cut(_saying(member), _TITLE), spoken_instant(member.starts_at)
        if member.explained_by in firing:
            yield f"With it, since {since}: {said}"
        else:
            yield f"Muted, since {since}: {said} ({'; '.join(reason.sentence for reason in member.muted_by)})"
    if (rest := len(quiet) - _SPELLED_OUT) > 0:
        yield f"and {rest} more that fire quietly"


def _each(what: str, members: tuple[Member, ...], now: Timestamp) -> Iterable[str]:
    for member in members[:_SPELLED_OUT]:
        since = f"since {spoken_instant(member.starts_at)}{_lasting(now - member.starts_at)}"
        yield f"{what}, {since}: {_cut(_saying(member), _TITLE)}"
    if (rest := len(members) - _SPELLED_OUT) > 0:
        yield f"{what}: {rest} more"


_WHY: Final = {
    NotifyReason.ACK_TIMEOUT: "It was acknowledged and is still not over.",
    NotifyReason.EXHAUSTED: "Every step of the policy was taken and nobody acknowledged.",
}


def _roll_call(incident: Incident, shown: tuple[Member, ...]) -> Iterable[str]:
    if len(shown) < 2:
        return
    over = sum(1 for member in incident.members if not member.firing)
    yield f"{counted(len(shown))}{f', {over} over' if over else ''}:" if incident.firing else f"{over} alerts are over:"
    said: dict[str, int] = {}
    for member in shown:
        line = _saying(member)
        said[line] = said.get(line, 0) + 1
    for line, count in list(said.items())[:_SPELLED_OUT]:
        yield f"- {_cut(line, _TITLE)}{f' ({count} times)' if count > 1 else ''}"
    if (rest := sum(list(said.values())[_SPELLED_OUT:])) > 0:
        yield f"- and {rest} more"


def _facts(
    incident: Incident,
    occasion: Occasion,
    shown: tuple[Member, ...],
    since: Timestamp,
    changes: tuple[Deployment, ...],
) -> tuple[tuple[str, str], ...]:
    facts = [("New", f"{member.name} since {spoken_instant(member.starts_at)}") for member in _new(shown, occasion)[:1]]
    facts += [("Incident", f"#{incident.number}"), ("State", incident.state.value), ("Since", spoken_instant(since))]
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


def _seen(member: Member) -> str:
    """What it says, with what its check saw last."""
    said = _saying(member)
    reason = member.annotations.get("reason", "").strip()
    return f"{said}: {_cut(reason, _REASON)}" if reason and member.firing else said


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
