"""What a configuration would have made of alerts that there were: who would have been told what, and when.

The whole daemon runs in virtual time with that configuration, without checks, scrapes and rules; the alerts of a history come
in at the times at which they came. Messages arrive wherever they are sent, at once, and nobody answers: whoever acknowledged a
page then does not do so here. Silences and maintenance windows count as they are stored, with their beginning and end.

What fires when the history begins was told of before. So the world starts earlier, and what it says then is not shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from monitor.alerts.history import since as since_then
from monitor.alerts.maintaining import MaintenanceStep
from monitor.alerts.maintenance_book import Entry
from monitor.alerts.silences import Silence, SilenceStep
from monitor.alerts.step import AlertStep
from monitor.config.configuration import Configuration, HostSettings
from monitor.model.alerts import Alert, MuteReason
from monitor.model.labels import Labels
from monitor.model.notifications import MessageKind, NotifyReason
from monitor.model.times import DAY, HOUR, Millis, Timestamp
from monitor.simulate.loop import run
from monitor.simulate.world import Heard, World
from monitor.state.maintenance_store import SqlMaintenanceStore
from monitor.state.silence_store import SqlSilenceStore

_BEFORE: Final[Millis] = DAY
"""So much earlier the world starts, for what fires at the beginning to have been told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A message that would have been sent."""

    at: Timestamp
    to: str
    """A receiver, a person, or a channel that a policy names."""
    by: str
    """The integration: webhook, email."""
    kind: MessageKind
    reason: NotifyReason
    group: str
    """The key of the alert group, or the policy of the incident."""
    firing: frozenset[Labels]
    resolved: frozenset[Labels]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """An alert that a receiver would not have heard of, at one flush or at several."""

    labels: Labels
    to: str
    group: str
    reason: MuteReason
    by: tuple[str, ...]
    since: Timestamp
    until: Timestamp
    """The last flush that left it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """All that would have happened."""

    told: tuple[Telling, ...]
    """In the order of their times."""
    quiet: tuple[Quiet, ...]
    unheard: tuple[Labels, ...]
    """Alerts that fired and of which nobody was told."""
    trouble: tuple[str, ...]
    """Templates that failed, parts of the daemon that broke."""


def replay(
    configuration: Configuration,
    history: Sequence[Alert],
    silences: Sequence[Silence],
    since: Timestamp,
    until: Timestamp,
    maintenance: Sequence[Entry] = (),
) -> Replayed:
    """Let it happen. `history`: as in `alerts.history`; `maintenance`: what was done to windows while the daemon ran."""
    start = since - _BEFORE
    alone = replace(
        configuration,
        checks=(),
        jobs=(),
        groups=(),
        remote_writes=(),
        query_engine=None,
        host=HostSettings(enabled=False, interval=HOUR),
    )
    world = World(alone, start=start, upkeep=False)
    seen = _Seen(since)
    world.watch = seen.decided
    reports = [alert for alert in since_then(history, start) if alert.updated_at < until]
    run(_let_happen(world, reports, silences, maintenance, until), world.loop)
    told = tuple(one for heard in world.heard if (one := telling(heard, start)).at >= since)
    names = {labels for one in told for labels in one.firing | one.resolved}
    fired = dict.fromkeys(
        alert.labels.without(*configuration.replica_labels)
        for alert in reports
        if alert.ends_at > max(since, alert.updated_at)
    )
    failed = [f"{one.who}: {one.message.trouble}" for one in world.heard if one.message.trouble]
    return Replayed(
        told=told,
        quiet=seen.quiet(),
        unheard=tuple(labels for labels in fired if labels not in names),
        trouble=tuple(dict.fromkeys([*failed, *world.crashes])),
    )


async def _let_happen(
    world: World, reports: Sequence[Alert], silences: Sequence[Silence], maintenance: Sequence[Entry], until: Timestamp
) -> None:
    stored = await SqlSilenceStore.load(world.database)
    await stored.transact(lambda _: SilenceStep(put=tuple(silences)), lambda _: None)
    windows = await SqlMaintenanceStore.load(world.database)
    # They are stored as they stand now: what was announced in the time that is replayed is announced there again.
    entries = [replace(entry, told=None) for entry in maintenance]
    put = tuple(entry for entry in entries if not entry.empty)
    await windows.transact(lambda _: MaintenanceStep(put=put), lambda _: None)
    await world.start()
    for at, together in groupby(reports, key=lambda alert: alert.updated_at):
        await world.clock.sleep(at - world.clock.now())
        await world.running.dispatcher.accept(list(together))
    await world.clock.sleep(until - world.clock.now())
    await world.crash()
    await world.database.close()


class _Seen:
    """Who was left out of notifications, as the flushes tell."""

    def __init__(self, since: Timestamp) -> None:
        self._since = since
        self._found: dict[tuple[str, str, Timestamp, MuteReason, tuple[str, ...]], Quiet] = {}

    def quiet(self) -> tuple[Quiet, ...]:
        return tuple(sorted(self._found.values(), key=lambda one: one.since))

    def decided(self, step: AlertStep) -> None:
        for group in step.groups:
            flushed = group.last_flush
            if flushed is None or flushed.at < self._since:
                continue
            for muted in flushed.muted:
                member = group.member(muted.fingerprint)
                if member is None:
                    continue
                key = (group.id, muted.fingerprint, member.starts_at, muted.reason, muted.by)
                known = self._found.get(key)
                if known is not None:
                    self._found[key] = replace(known, until=flushed.at)
                else:
                    self._found[key] = Quiet(
                        labels=member.labels,
                        to=group.receiver,
                        group=group.key,
                        reason=muted.reason,
                        by=muted.by,
                        since=flushed.at,
                        until=flushed.at,
                    )


def telling(heard: Heard, start: Timestamp) -> Telling:
    """What was heard in a world whose clock began at `start`."""
    message = heard.message
    group = message.group.key if message.group is not None else ""
    if not group and message.incident is not None:
        group = message.incident.policy
    return Telling(
        at=start + heard.at,
        to=heard.who,
        by=heard.integration,
        kind=message.kind,
        reason=message.reason,
        group=group,
        firing=frozenset(alert.labels for alert in message.alerts if alert.firing),
        resolved=frozenset(alert.labels for alert in message.alerts if not alert.firing),
    )
