"""Notifications: what is to be said, to whom by reference, and how a delivery ended.

A `Message` is complete and rendered when it is decided; the kind only dresses it for its vendor. It never holds a
credential or an address: those are read at the moment of sending through the `Destination`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from monitor.model.incidents import Severity
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import Millis, Timestamp


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """A reference to one integration: of a receiver (`page-payments`), a person (`user:ana`) or a channel named in a
    policy step (`slack:#payments`)."""

    receiver: str
    integration: str
    """The kind: pagerduty, slack, email, webhook, console."""
    index: int = 0

    def __str__(self) -> str:
        return f"{self.receiver}/{self.integration}[{self.index}]"


class MessageKind(Enum):
    """What a message does at the other end."""

    TRIGGER = "trigger"
    """Page or alert: must arrive."""
    ACKNOWLEDGE = "acknowledge"
    UNACKNOWLEDGE = "unacknowledge"
    UPDATE = "update"
    """Something changed that nobody needs to be woken for."""
    RESOLVE = "resolve"
    """Ends what a trigger began; must arrive if the trigger may have."""
    REMINDER = "reminder"
    """An open incident that nobody took; wakes people again, slowly."""
    TEST = "test"

    @property
    def wakes(self) -> bool:
        """Is somebody to be woken by it?"""
        return self in (MessageKind.TRIGGER, MessageKind.REMINDER, MessageKind.UNACKNOWLEDGE)


RUNBOOK: Final = "Runbook"
"""What the link to a runbook is called."""


class NotifyReason(Enum):
    """Why a notification was sent, or not. The first six are Alertmanager's, with its texts."""

    NONE = "none"
    FIRST = "first notification"
    NEW_ALERTS = "new alerts added"
    ALL_RESOLVED = "all alerts resolved"
    SOME_RESOLVED = "some alerts resolved"
    REPEAT = "repeat interval elapsed"
    UNMUTED = "no longer muted"
    FLAPPING = "alerts began to flap"
    CALM = "alerts are calm again"
    STEP = "escalation step is due"
    NEW_ALERT_AFTER_ACK = "a new alert joined an acknowledged incident"
    ACK_TIMEOUT = "acknowledged, but not resolved in time"
    EXHAUSTED = "the policy is exhausted and nobody acknowledged"
    STATE_CHANGE = "the incident changed its state"
    MANUAL = "somebody asked for it"
    ANNOUNCEMENT = "it was announced"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """An alert as messages show it."""

    labels: Labels
    annotations: Labels
    starts_at: Timestamp
    ends_at: Timestamp | None
    """None while it fires."""
    fingerprint: str
    generator_url: str = ""

    @property
    def firing(self) -> bool:
        return self.ends_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """The incident as messages show it."""

    id: str
    number: int
    generation: int
    epoch: int
    policy: str
    state: str
    step: int = 0
    """The step that this message belongs to, from 1; 0 when it belongs to none."""
    steps: int = 0
    loop: int = 0
    next_step_at: Timestamp | None = None
    acknowledged_by: str = ""
    wake: int = 0
    """How often the incident had paged again after somebody had it, when the one who gets this was paged last."""
    news: tuple[str, ...] = ()
    """Fingerprints of the alerts that joined what its readers knew already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """The alert group as messages show it; what Alertmanager's templates and webhook call data."""

    key: str
    receiver: str
    labels: Labels = EMPTY
    common_labels: Labels = EMPTY
    common_annotations: Labels = EMPTY
    route_labels: Labels = EMPTY
    """Of the route that the group took, rendered."""
    truncated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Who was to have a message that another one has instead."""

    destination: Destination
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Everything a kind needs to say it."""

    kind: MessageKind
    reason: NotifyReason
    at: Timestamp
    title: str
    """One line: who is ill and how. At most 250 characters."""
    text: str
    """A few lines: values, since when, what changed, what to do."""
    severity: Severity
    since: Timestamp
    """When the earliest firing alert began; for a resolve, when the trouble began."""
    source: str = ""
    """The check or instance that is ill, for vendors that ask for one."""
    facts: tuple[tuple[str, str], ...] = ()
    """Short name and value pairs, the most telling first."""
    links: tuple[tuple[str, str], ...] = ()
    """(text, URL): runbook, graph, status page."""
    alerts: tuple[AlertView, ...] = ()
    group: GroupView | None = None
    incident: IncidentView | None = None
    external_url: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    """Templated options of the integration, rendered when this was decided."""
    trouble: str = ""
    """What went wrong while rendering; the kind then says `title` and `text` plainly."""
    meant_for: Missed | None = None
    """The first who was to have it, if it comes to a fallback. The text of a page says so as well."""


def absolute(url: str, external_url: str) -> str:
    """A link as people can follow it: relative ones, such as those of shipped runbooks, are the daemon's own pages. Empty
    for what no browser follows."""
    if url.startswith(("http://", "https://")):
        return url
    if not url or not external_url or ":" in url.partition("/")[0] or url.startswith("//"):
        return ""
    return f"{external_url}/{url.lstrip('/')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One message for one destination, decided and not yet (or already) delivered."""

    dedupe_key: str
    """Unique for ever: the same decision made twice inserts once."""
    order_key: str
    """Rows with one order key are delivered in their order; only the first undelivered one may be claimed."""
    destination: Destination
    message: Message
    due_at: Timestamp
    incident: str = ""
    epoch: int = 0
    """Of the incident when this was decided; a trigger of an older epoch is never started."""


class OutboxState(Enum):
    """Where a row stands."""

    PENDING = "pending"
    """Waiting for its first or next attempt."""
    LEASED = "leased"
    """An attempt is under way."""
    SENT = "sent"
    UNKNOWN = "unknown"
    """An attempt may have arrived; the next one reconciles or says that it may repeat."""
    FAILED = "failed"
    """Given up, with the reason; somebody else was told."""
    CANCELLED = "cancelled"
    """No longer wanted before any attempt succeeded."""


class DeliveryFailure(Enum):
    """Why a vendor did not take a notification, for counting: the values are those of Alertmanager's metric of failures."""

    AUTH = "authError"
    RATE_LIMITED = "rateLimited"
    CLIENT = "clientError"
    SERVER = "serverError"
    CANCELED = "contextCanceled"
    """Alertmanager's, when it stops or reloads; here a message outlives both, so nothing is counted so."""
    DEADLINE = "contextDeadlineExceeded"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The vendor has it. `handle` finds the message again (Slack channel/ts, PagerDuty dedup key)."""

    handle: str = ""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """It did not arrive; another attempt may. `after` is the vendor's own wish (Retry-After), if any."""

    why: str
    after: Millis | None = None
    failure: DeliveryFailure = field(default=DeliveryFailure.OTHER, compare=False, repr=False)
    """For counting. It tells no two outcomes apart: `why` says the same, and more."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never arrive as it is."""

    why: str
    failure: DeliveryFailure = field(default=DeliveryFailure.OTHER, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have arrived: the request went out and no answer came back."""

    why: str
    failure: DeliveryFailure = field(default=DeliveryFailure.OTHER, compare=False, repr=False)


Undelivered: TypeAlias = RetryLater | Rejected | Unknown
DeliveryOutcome: TypeAlias = Delivered | Undelivered


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What became of an outbox row, told to whoever decided it."""

    dedupe_key: str
    destination: Destination
    kind: MessageKind
    at: Timestamp
    arrived: bool
    """False: it was given up, or failed so often that somebody else must be told; the row may still be tried further."""
    incident: str = ""
    epoch: int = 0
    order_key: str = ""
    """Of the row as it was decided, though this is the end of one that was redirected."""
    why: str = ""
    """What went wrong; empty when it arrived."""
    redirected_to: Destination | None = None
    """Who was told instead."""
    trying: bool = False
    """It did not arrive so far and is tried further."""
