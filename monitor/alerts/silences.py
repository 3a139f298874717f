"""Silences: somebody wants to hear nothing of certain alerts for a while.

A silence is pending before its start, active until its end, expired after; it is never deleted by people, only ended, and
forgotten some days later. An edit keeps the id where history stays true: the matchers are the same in the same order, and
what has begun keeps its start. Any other edit ends the old silence and makes a new one. Source: Alertmanager
silence/silence.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeVar

from monitor.alerts.silence_size import stored_size
from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.matching.parse import Syntax, is_label_name
from monitor.matching.regex import compile_re2
from monitor.model.errors import NotFoundError, RequestError
from monitor.model.labels import EMPTY, Labels, quote
from monitor.model.notifications import OutboxRow
from monitor.model.surrogates import is_whole
from monitor.model.times import HOUR, Millis, Timestamp

T = TypeVar("T")
RETENTION: Final[Millis] = 120 * HOUR
"""How long an ended silence is kept, as Alertmanager's `--data.retention` has it."""


class SilenceState(Enum):
    """Where a silence stands, by time alone."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A stored silence."""

    id: str
    matcher_sets: tuple[tuple[Matcher, ...], ...]
    """It concerns an alert when all matchers of any set match. The API knows silences with one set only."""
    starts_at: Timestamp
    ends_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp
    """When it is forgotten."""
    created_by: str = ""
    comment: str = ""
    annotations: Labels = EMPTY
    until_resolved: bool = False
    """It ends when all alerts that it mutes have resolved, if that comes before its end."""
    remind_before: Millis | None = None
    """So long before its end somebody hears that it still mutes; None: as long as is configured, 0: nobody hears of it."""
    seen_at: Timestamp = 0
    """When an alert that it mutes was first seen to fire; 0: never. Looked for only if it is `until_resolved`."""
    reminded_of: Timestamp = 0
    """The end that somebody was reminded of."""

    def state(self, now: Timestamp) -> SilenceState:
        if now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now < self.ends_at else SilenceState.EXPIRED

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Does it concern an alert with these labels, whenever?"""
        return any(all_match(matchers, labels) for matchers in self.matcher_sets)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceDraft:
    """What somebody asks for: a new silence, or, with an id, the edit of one."""

    id: str = ""
    matcher_sets: tuple[tuple[Matcher, ...], ...] = ()
    starts_at: Timestamp | None = None
    """None: now."""
    ends_at: Timestamp | None = None
    created_by: str = ""
    comment: str = ""
    annotations: Labels = EMPTY
    until_resolved: bool | None = None
    """None, here and below: as the one that is edited."""
    remind_before: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceLimits:
    """What may be stored; 0 is no limit."""

    silences: int = 0
    """Of all states."""
    size: int = 0
    """Bytes of one, as Alertmanager stores it."""
    retention: Millis = RETENTION


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceStep:
    """What a decision writes."""

    put: tuple[Silence, ...] = ()
    removed: tuple[str, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    id: str = ""
    """The silence that was asked for: the same id as before, or a new one."""


NO_LIMITS: Final = SilenceLimits()


def place(
    silences: Mapping[str, Silence],
    draft: SilenceDraft,
    new_id: str,
    now: Timestamp,
    *,
    limits: SilenceLimits = NO_LIMITS,
    syntax: Syntax = Syntax.FALLBACK,
) -> SilenceStep:
    """A silence is made or edited. `silences` holds all that are stored. Raises RequestError or NotFoundError, with
    Alertmanager's texts."""
    starts_at = now if draft.starts_at is None else draft.starts_at
    try:
        ends_at = validate(replace(draft, starts_at=starts_at), syntax)
    except ValueError as error:
        raise RequestError(f"invalid silence: {error}") from error
    before = silences.get(draft.id)
    if draft.id and before is None:
        raise NotFoundError("silence not found")
    asked = Silence(
        id=draft.id,
        matcher_sets=draft.matcher_sets,
        starts_at=starts_at,
        ends_at=ends_at,
        updated_at=now,
        expires_at=ends_at + limits.retention,
        created_by=draft.created_by,
        comment=draft.comment,
        annotations=draft.annotations,
        until_resolved=_either(draft.until_resolved, before is not None and before.until_resolved),
        remind_before=_either(draft.remind_before, None if before is None else before.remind_before),
    )
    if before is not None and can_update(before, asked, now):
        _check_size(asked, limits)
        kept = replace(asked, seen_at=before.seen_at, reminded_of=before.reminded_of)
        return SilenceStep(put=(kept,), id=before.id)
    if limits.silences and len(silences) >= limits.silences:
        raise RequestError(f"exceeded maximum number of silences: {len(silences)} (limit: {limits.silences})")
    made = replace(asked, id=new_id, starts_at=max(starts_at, now))
    _check_size(made, limits)
    ended = () if before is None else _ended(before, limits, now)
    return SilenceStep(put=(*ended, made), id=new_id)


def expire(
    silences: Mapping[str, Silence], id_: str, now: Timestamp, *, limits: SilenceLimits = NO_LIMITS
) -> SilenceStep:
    """A silence ends now; one that has ended stays as it is. Raises NotFoundError."""
    silence = silences.get(id_)
    if silence is None:
        raise NotFoundError("silence not found")
    return SilenceStep(put=_ended(silence, limits, now), id=id_)


def forget(silences: Mapping[str, Silence], now: Timestamp) -> SilenceStep:
    """Throw away what ended long ago."""
    return SilenceStep(removed=tuple(one.id for one in silences.values() if one.expires_at <= now))


def merge(silences: Mapping[str, Silence], incoming: Iterable[Silence], now: Timestamp) -> SilenceStep:
    """Silences from another store (a peer, an import): the one changed last counts, outdated ones do not."""
    found: dict[str, Silence] = {}
    for one in incoming:
        before = found.get(one.id) or silences.get(one.id)
        if one.expires_at >= now and (before is None or before.updated_at < one.updated_at):
            found[one.id] = one
    return SilenceStep(put=tuple(found.values()))


def query(
    silences: Iterable[Silence], now: Timestamp, states: Collection[SilenceState] = frozenset(SilenceState)
) -> list[Silence]:
    """Those in one of these states: active by their end, then pending by their start, then expired, the latest first."""
    found = [(one.state(now), one) for one in silences]
    return [one for _, one in sorted(((s, o) for s, o in found if s in states), key=_order)]


def can_update(stored: Silence, asked: Silence, now: Timestamp) -> bool:
    """May the stored silence become the other one in place?"""
    if stored.matcher_sets != asked.matcher_sets:
        return False
    if now < stored.starts_at:
        return asked.starts_at >= now
    if now > stored.ends_at:  # at the very instant of its end it can still be prolonged
        return False
    return stored.starts_at // 1000 == asked.starts_at // 1000 and asked.ends_at >= now


def validate(draft: SilenceDraft, syntax: Syntax = Syntax.FALLBACK) -> Timestamp:
    """The end of a draft that is complete. Raises ValueError."""
    if not draft.matcher_sets:
        raise ValueError("at least one matcher set required")
    for number, matchers in enumerate(draft.matcher_sets):
        if not matchers:
            raise ValueError(f"matcher set {number} is empty")
        for place_, matcher in enumerate(matchers):
            try:
                check_matcher(matcher.name, matcher.op, matcher.value, syntax)
            except ValueError as error:
                raise ValueError(f"invalid label matcher {place_} in set {number}: {error}") from error
        if all(_says_nothing(matcher) for matcher in matchers):
            raise ValueError(f"matcher set {number}: at least one matcher must not match the empty string")
    if draft.starts_at is None:
        raise ValueError("invalid zero start timestamp")
    if draft.ends_at is None:
        raise ValueError("invalid zero end timestamp")
    if draft.ends_at < draft.starts_at:
        raise ValueError("end time must not be before start time")
    return draft.ends_at


def check_matcher(name: str, op: MatchOp, value: str, syntax: Syntax = Syntax.FALLBACK) -> None:
    """May a silence have this matcher? Raises ValueError."""
    if not is_label_name(name, syntax):
        raise ValueError(f"invalid label name {quote(name)}")
    if op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
        if not is_whole(value):
            raise ValueError(f"invalid label value {quote(value)}")
        return
    try:
        compile_re2(value)
    except ValueError as error:
        raise ValueError(f"invalid regular expression {quote(value)}: {error}") from error


def _either(asked: T | None, otherwise: T) -> T:
    return otherwise if asked is None else asked


def _says_nothing(matcher: Matcher) -> bool:
    """Does it hold where the label is missing? Negative ones are taken to mean something."""
    return matcher.op in (MatchOp.EQUAL, MatchOp.MATCHES) and matcher.matches("")


def _ended(silence: Silence, limits: SilenceLimits, now: Timestamp) -> tuple[Silence, ...]:
    match silence.state(now):
        case SilenceState.EXPIRED:
            return ()
        case SilenceState.ACTIVE:
            starts_at = silence.starts_at
        case SilenceState.PENDING:
            starts_at = now
    return (replace(silence, starts_at=starts_at, ends_at=now, updated_at=now, expires_at=now + limits.retention),)


def _check_size(silence: Silence, limits: SilenceLimits) -> None:
    size = stored_size(silence) if limits.size else 0
    if size > limits.size:
        raise RequestError(f"silence exceeded maximum size: {size} bytes (limit: {limits.size} bytes)")


def _order(found: tuple[SilenceState, Silence]) -> tuple[int, Timestamp, str]:
    state, silence = found
    match state:
        case SilenceState.ACTIVE:
            return 0, silence.ends_at, silence.id
        case SilenceState.PENDING:
            return 1, silence.starts_at, silence.id
        case SilenceState.EXPIRED:
            return 2, -silence.ends_at, silence.id
