"""Our words as JSON. Instants are RFC 3339 or null, spans seconds, states the values of their enums."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.model.times import FIRST_INSTANT, LAST_INSTANT, Millis, Timestamp, rfc3339

if TYPE_CHECKING:
    from monitor.model.changes import AuditEntry, Deployment
    from monitor.model.checks import Check, Outcome, Verdict
    from monitor.model.incidents import Member, TimelineEntry
    from monitor.oncall.incident import Incident
    from monitor.state.outbox_store import Sent

Document = dict[str, object]

_USER_INFO: Final = re.compile(r"//[^/?#]*@")
PHASES = ("resolve", "connect", "tls", "processing", "transfer")


def instant(at: Timestamp | None) -> str | None:
    """RFC 3339; None and what no year holds are null."""
    return rfc3339(at) if at is not None and FIRST_INSTANT <= at <= LAST_INSTANT else None


def span(length: Millis) -> float | int:
    """Seconds."""
    return length / 1000 if length % 1000 else length // 1000


def number(value: float | None) -> float | str | None:
    """A number, or `NaN`, `+Inf`, `-Inf` as a text."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def check_document(check: Check, verdict: Verdict, outcome: Outcome | None) -> Document:
    """A check as the list shows it."""
    return {
        "name": check.name,
        "kind": check.kind,
        "target": shown_target(check),
        "labels": dict(check.labels),
        "state": verdict.state.value,
        "since": instant(verdict.since or None),
        "reason": verdict.reason.value if verdict.reason is not None else None,
        "text": verdict.text,
        "version": verdict.version,
        "pending": verdict.pending,
        "failing": {"count": verdict.failures, "of": check.failure_threshold},
        "latency": outcome.took if outcome is not None else None,
        "checked_at": instant(outcome.started) if outcome is not None else None,
    }


def check_details(check: Check, verdict: Verdict, outcome: Outcome | None) -> Document:
    """A check with everything that is known of it."""
    return {
        **check_document(check, verdict, outcome),
        "interval": span(check.interval),
        "timeout": span(check.timeout),
        "thresholds": {"failures": check.failure_threshold, "successes": check.success_threshold},
        "runs": {
            "failures": verdict.failures,
            "impaired": verdict.impaired,
            "successes": verdict.successes,
            "answered": verdict.answered,
        },
        "components": [{"name": one.name, "state": one.state.value, "text": one.text} for one in verdict.components],
        "next_by": instant(next_by(check, outcome)),
        "last": _outcome(outcome) if outcome is not None else None,
    }


def shown_target(check: Check) -> str:
    """The target without credentials that somebody may have written into the address."""
    return _USER_INFO.sub("//<secret>@", check.target) if check.kind != "heartbeat" else "heartbeat"


def next_by(check: Check, outcome: Outcome | None) -> Timestamp | None:
    """When the next attempt starts at the latest; one that confirms a change comes sooner."""
    if outcome is None:
        return None
    regular = outcome.started + check.interval
    return regular if outcome.again_at is None else min(regular, outcome.again_at)


def incident_document(incident: Incident) -> Document:
    """An incident as the list shows it."""
    from monitor.oncall.messages import headline

    return {
        "id": incident.id,
        "number": incident.number,
        "title": headline(incident),
        "state": incident.state.value,
        "severity": incident.severity.value,
        "policy": incident.policy,
        "receiver": incident.receiver,
        "generation": incident.generation,
        "epoch": incident.epoch,
        "group_labels": dict(incident.group_labels),
        "opened_at": instant(incident.opened_at),
        "firing": len(incident.firing),
        "alerts": len(incident.members),
        "step": incident.step + 1,
        "steps": len(incident.pinned.policy.steps),
        "loop": incident.loop,
        "pages": incident.pages,
        "next_step_at": instant(next_step_at(incident)),
        "waits_for": incident.waits_for,
        "held": incident.held,
        "held_until": instant(incident.held_until),
        "exhausted": incident.exhausted,
        "acknowledged_by": incident.acked_by,
        "acknowledged_at": instant(incident.acked_at),
        "snoozed_until": instant(incident.snoozed_until),
        "resolved_at": instant(incident.resolved_at),
        "resolved_by": incident.resolved_by,
    }


def incident_details(
    incident: Incident,
    timeline: Iterable[TimelineEntry],
    sent: Iterable[Sent],
    unreported: Mapping[str, Timestamp] = MappingProxyType({}),
) -> Document:
    """An incident with its alerts, its policy, its history and what was sent. `unreported`: of its alerts that fire, by
    fingerprint, until when those are believed that nobody reports any longer."""
    policy = incident.pinned.policy
    return {
        **incident_document(incident),
        "members": [
            {**_member(one, incident.members), "unreported_until": instant(unreported.get(one.fingerprint))}
            for one in incident.members
        ],
        "policy_steps": [
            {
                "number": place + 1,
                "after": span(step.after),
                "notify": [str(target) for target in step.notify],
                "taken": place <= incident.step,
            }
            for place, step in enumerate(policy.steps)
        ],
        "repeat": policy.repeat,
        "notified": [
            {"who": str(one), "destination": str(one.destination), "step": one.step + 1, "at": instant(one.at)}
            for one in incident.notified
        ],
        "timeline": [
            {"at": instant(one.at), "kind": one.kind, "text": one.text, "actor": one.actor} for one in timeline
        ],
        "notifications": [sent_document(one) for one in sent],
    }


def next_step_at(incident: Incident) -> Timestamp | None:
    """When it is looked at next."""
    return min((timer.due_at for timer in incident.timers), default=None) if incident.state.is_open else None


def sent_document(sent: Sent) -> Document:
    return {
        "destination": str(sent.destination),
        "kind": sent.kind.value,
        "state": sent.state.value,
        "attempts": sent.attempts,
        "created_at": instant(sent.created_at),
        "finished_at": instant(sent.finished_at),
        "error": sent.error,
        "title": sent.title,
    }


def deployment_document(deployment: Deployment) -> Document:
    return {
        "at": instant(deployment.at),
        "version": deployment.version,
        "service": deployment.service,
        "by": deployment.by,
        "environment": deployment.environment,
        "previous": deployment.previous,
        "detail": deployment.detail,
    }


def audit_documents(entries: Sequence[AuditEntry]) -> list[Document]:
    return [
        {
            "at": instant(one.at),
            "actor": one.actor.name,
            "door": one.actor.door.value,
            "action": one.action,
            "subject": one.subject,
            "detail": one.detail,
        }
        for one in entries
    ]


def _member(member: Member, members: tuple[Member, ...]) -> Document:
    from monitor.oncall.membership import why_quiet

    return {
        "fingerprint": member.fingerprint,
        "name": member.name,
        "labels": dict(member.labels),
        "annotations": dict(member.annotations),
        "firing": member.firing,
        "starts_at": instant(member.starts_at),
        "ends_at": instant(member.ends_at),
        "value": number(member.value),
        "muted_by": [{"reason": one.value, "text": text} for one, text in why_quiet(member, members)],
        "explained_by": member.explained_by or None,
        "generator_url": member.generator_url,
    }


def _outcome(outcome: Outcome) -> Document:
    tls = outcome.tls_facts
    return {
        "at": instant(outcome.started),
        "success": outcome.success,
        "state": outcome.state.value,
        "reason": outcome.reason.value if outcome.reason is not None else None,
        "text": outcome.text,
        "took": outcome.took,
        "phases": {name: getattr(outcome, name) for name in PHASES},
        "status_code": outcome.status_code or None,
        "redirects": outcome.redirects,
        "body_length": outcome.body_length,
        "dialect": outcome.reading.dialect,
        "version": outcome.version,
        "certificate_expires_at": instant(tls.earliest_expiry) if tls is not None else None,
        "tls_version": tls.version if tls is not None else None,
    }
