"""Alerts, silences and groups as the API's JSON, keys in the order in which Alertmanager writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.model.alerts import MuteReason
from monitor.model.times import Timestamp, rfc3339

if TYPE_CHECKING:
    from monitor.alerts.muting import Mute
    from monitor.alerts.silences import Silence
    from monitor.model.alerts import Alert

Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Quiet:
    """Why an alert is quiet, as the API tells it."""

    inhibited_by: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    """Time intervals of its route, and our maintenance windows."""

    @classmethod
    def of(cls, mutes: Iterable[Mute]) -> Quiet:
        found: dict[MuteReason, tuple[str, ...]] = {mute.reason: mute.by for mute in mutes}
        return cls(
            inhibited_by=found.get(MuteReason.INHIBITION, ()),
            silenced_by=found.get(MuteReason.SILENCE, ()),
            muted_by=(
                *found.get(MuteReason.OUTSIDE_ACTIVE_INTERVAL, ()),
                *found.get(MuteReason.MUTE_INTERVAL, ()),
                *found.get(MuteReason.MAINTENANCE, ()),
            ),
        )

    @property
    def active(self) -> bool:
        """Nothing keeps the alert itself quiet; its group may be muted all the same."""
        return not self.inhibited_by and not self.silenced_by


def alert_document(alert: Alert, receivers: Sequence[str], quiet: Quiet) -> Document:
    """A `gettableAlert`."""
    suppressed = bool(quiet.inhibited_by or quiet.silenced_by or quiet.muted_by)
    document: Document = {
        "annotations": dict(alert.annotations),
        "endsAt": rfc3339(alert.ends_at),
        "fingerprint": alert.fingerprint,
        "receivers": [{"name": name} for name in receivers],
        "startsAt": rfc3339(alert.starts_at),
        "status": {
            "inhibitedBy": list(quiet.inhibited_by),
            "mutedBy": list(quiet.muted_by),
            "silencedBy": list(quiet.silenced_by),
            "state": "suppressed" if suppressed else "active",
        },
        "updatedAt": rfc3339(alert.updated_at),
    }
    if alert.generator_url:
        document["generatorURL"] = alert.generator_url
    return {**document, "labels": dict(alert.labels)}


def silence_document(silence: Silence, now: Timestamp) -> Document:
    """A `gettableSilence`. Raises ValueError for one with several sets of matchers: the API has no words for it."""
    from monitor.matching.printing import matcher_document

    if len(silence.matcher_sets) != 1:
        raise ValueError(f"silence {silence.id} has {len(silence.matcher_sets)} sets of matchers, the API knows one")
    return {
        "id": silence.id,
        "status": {"state": silence.state(now).value},
        "updatedAt": rfc3339(silence.updated_at),
        "annotations": dict(silence.annotations),
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": rfc3339(silence.ends_at),
        "matchers": [
            {name: document[name] for name in ("isEqual", "isRegex", "name", "value")}
            for document in map(matcher_document, silence.matcher_sets[0])
        ],
        "startsAt": rfc3339(silence.starts_at),
    }
