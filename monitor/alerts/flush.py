"""A flush: whom the group's destinations are told of, why, and in which words.

The notification log decides for each destination; what is muted is left out and recorded with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from monitor.alerts.dedup import (
    entry_expires,
    in_reading_order,
    recognised,
    to_send,
    why_notify,
    why_of_flapping,
)
from monitor.alerts.flapping import forgotten_at
from monitor.alerts.groups import AlertGroup, Flushed, MutedMember, NotifyEntry, ends_by_time
from monitor.alerts.mending import after_quiet, heard, held_back
from monitor.alerts.messages import group_message
from monitor.alerts.muting import Mute
from monitor.alerts.placement import Routing
from monitor.alerts.receivers import Integration
from monitor.alerts.routes import Route
from monitor.alerts.step import AlertStep
from monitor.model.alerts import Alert
from monitor.model.errors import TemplateError
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, Message, NotifyReason, OutboxRow
from monitor.model.times import Timestamp

_RECORDED: Final = 100
"""So many muted members are written down with a flush."""


def order_key_of(key: str, destination: Destination) -> str:
    """What a destination hears of the groups with this key, it hears in order."""
    return f"group|{key}|{destination}"


def is_told_by(key: str, order_key: str) -> bool:
    """Is that the order key of a destination that hears of the groups with this key?"""
    return order_key.startswith(f"group|{key}|")


def retire(group: AlertGroup, now: Timestamp) -> AlertStep:
    """A group without a route: nothing to notify; it ends with its last firing member."""
    if group.firing(now):
        return AlertStep(groups=(replace(group, next_flush=None),))
    return AlertStep(removed=(group.id,))


def flush(group: AlertGroup, route: Route, routing: Routing, now: Timestamp) -> AlertStep:
    """The group's flush is due: what its destinations are sent, and the group as it is afterwards."""
    muted = _muted(group, route, routing, now)
    suppressed = tuple(mutes[0].reason for mutes in muted.values())
    reasons: list[tuple[Destination, NotifyReason]] = []
    rows: list[OutboxRow] = []
    log = {entry.destination: recognised(entry, group.members) for entry in group.log}
    waiting: set[str] = set()
    flapping = {flap.fingerprint for flap in group.flaps if flap.held_since is not None}
    for integration in routing.receivers[route.receiver].integrations:
        entry = log.get(integration.destination)
        audible = heard(entry, group.members, muted, routing.repairs, now)
        if entry is not None:
            waiting.update(held_back(entry, group.members, muted, routing.repairs, now))
            log[integration.destination] = after_quiet(entry, group.members, muted, routing.repairs, now)
        if not audible:
            continue
        # Both in the order of the members, who are sorted by fingerprint.
        firing = tuple([alert.labels.fingerprint for alert in audible if alert.ends_at > now])
        resolved = tuple([alert.labels.fingerprint for alert in audible if alert.ends_at <= now])
        reason = why_notify(
            entry,
            frozenset(firing),
            frozenset(resolved),
            repeat_interval=route.repeat_interval,
            send_resolved=integration.send_resolved,
            now=now,
        )
        if reason is NotifyReason.NONE and entry is not None:
            reason = why_of_flapping(entry, frozenset(firing), flapping)
        reasons.append((integration.destination, reason))
        if reason is NotifyReason.NONE:
            continue
        log[integration.destination] = NotifyEntry(
            destination=integration.destination,
            firing=firing,
            resolved=resolved,
            at=now,
            flapping=tuple([name for name in firing if name in flapping]),
        )
        if shown := to_send(audible, integration.send_resolved, now):
            rows.append(notification(group, integration, shown, reason, routing, now))
    left = group.firing(now)
    over: tuple[Alert, ...] = ()
    if len(left) < len(group.members):
        gone = (alert for alert in group.resolved(now) if alert.fingerprint not in waiting)
        over = tuple(alert for alert in gone if ends_by_time(alert))
    if not left:
        after = _ended(replace(group, log=tuple(log.values())), route, routing, now)
        return replace(after, outbox=tuple(rows), suppressed=suppressed, ended=over)
    soon = route.group_wait if route.page_first and not group.flushed else route.group_interval
    after = replace(
        group,
        members=tuple([one for one in group.members if not one.resolved(now) or one.fingerprint in waiting])
        if len(left) < len(group.members)
        else group.members,
        log=tuple(log.values()),
        flushed=True,
        next_flush=now + soon,
        epoch=group.epoch + 1,
        last_flush=Flushed(at=now, reasons=tuple(reasons), muted=_recorded(muted)),
    )
    return AlertStep(groups=(after,), outbox=tuple(rows), suppressed=suppressed, ended=over)


def _muted(group: AlertGroup, route: Route, routing: Routing, now: Timestamp) -> dict[str, tuple[Mute, ...]]:
    """The members that are kept quiet, by fingerprint."""
    mutes = routing.overlay.mutes
    if not routing.overlay.mutes_any(route):
        return {}
    asked = [(alert.fingerprint, mutes(alert.labels, route, now)) for alert in group.members]
    return {fingerprint: found for fingerprint, found in asked if found}


def _ended(group: AlertGroup, route: Route, routing: Routing, now: Timestamp) -> AlertStep:
    """All its alerts have resolved; the group goes, unless it is to be remembered by whom nobody told."""
    unheard = [entry_expires(entry.at, route.repeat_interval, routing.retention) for entry in group.log if entry.firing]
    until = max(unheard, default=now)
    remembered = forgotten_at(group.flaps, routing.flapping)
    if max(until, remembered) > now:
        kept = group if until > now else replace(group, log=())
        return AlertStep(groups=(kept.remembered(max(until, remembered)),))
    return AlertStep(removed=(group.id,))


def _recorded(muted: Mapping[str, tuple[Mute, ...]]) -> tuple[MutedMember, ...]:
    return tuple(
        MutedMember(fingerprint=fingerprint, reason=mute.reason, by=mute.by)
        for fingerprint, mutes in list(muted.items())[:_RECORDED]
        for mute in mutes
    )


def notification(
    group: AlertGroup,
    integration: Integration,
    alerts: Sequence[Alert],
    reason: NotifyReason,
    routing: Routing,
    now: Timestamp,
) -> OutboxRow:
    """What one destination of a group is sent, ready for the outbox."""
    message = group_message(
        group,
        in_reading_order(alerts),
        reason=reason,
        external_url=routing.external_url,
        recent_changes=routing.recent_changes([alert.labels for alert in alerts], now),
        now=now,
    )
    return OutboxRow(
        dedupe_key=f"group|{group.id}|{group.created_at}|{group.epoch}|{integration.destination}",
        order_key=order_key_of(group.key, integration.destination),
        destination=integration.destination,
        message=_rendered(message, routing.routes().get(group.route), integration, routing),
        due_at=now,
    )


def route_labels(group: AlertGroup, route: Route, routing: Routing, now: Timestamp) -> Labels:
    """The labels of a route as a message about this group would have them now; as they are written, if a template fails."""
    written = Labels(dict(route.labels))
    if routing.fields is None:
        return written
    alerts = in_reading_order(group.members)
    reason = NotifyReason.NONE
    message = group_message(group, alerts, reason=reason, external_url=routing.external_url, recent_changes=(), now=now)
    try:
        return routing.fields.route_labels(route.labels, message)
    except TemplateError:
        return written


def _rendered(message: Message, route: Route | None, integration: Integration, routing: Routing) -> Message:
    """The message with the labels of its route and the integration's templated options; in its plain form, with the reason, if
    a template fails."""
    if routing.fields is None:
        return message
    try:
        if route is not None and route.labels and message.group is not None:
            labels = routing.fields.route_labels(route.labels, message)
            message = replace(message, group=replace(message.group, route_labels=labels))
        fields = routing.fields.render(integration.destination, message)
    except TemplateError as error:
        return replace(message, trouble=str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours in a template must not keep the message from anybody
        return replace(message, trouble=f"{type(error).__name__}: {error}")
    return replace(message, fields=tuple(fields.items()))
