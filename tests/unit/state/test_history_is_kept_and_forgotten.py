"""Audit, deployments and the daily figures; retention takes only what has ended."""

from __future__ import annotations

from dataclasses import replace

from monitor.model.changes import AuditEntry, Deployment
from monitor.model.incidents import Actor, Door
from monitor.model.notifications import Destination, MessageKind, OutboxState
from monitor.model.times import DAY, HOUR
from monitor.notify.outbox import Finish
from monitor.notify.redirects import instead
from monitor.oncall.effects import Step
from monitor.oncall.events import GroupChanged, Resolve
from monitor.oncall.stores import Decision, Snapshot
from monitor.state.audit_store import SqlAuditStore
from monitor.state.database import Database, Inline
from monitor.state.incident_store import SqlIncidentStore
from monitor.state.outbox_store import SqlOutboxStore
from tests.support.incidents import ANA, START, Story, alert, group, over
from tests.support.messages import T0, a_row


def entry(at: int, action: str) -> AuditEntry:
    return AuditEntry(at=at, actor=Actor(name="ana", door=Door.CLI), action=action, subject="incident:1", detail="d")


async def test_audit_and_deployments_come_back_newest_first() -> None:
    """Who did what through which door; and what went live."""
    store = SqlAuditStore(Database.open(None, Inline()))
    await store.add(entry(START, "acknowledge"))
    deployment = Deployment(at=START, version="1.2", service="shop", by="ci", environment="production", previous="1.1")
    await store.add_deployment(deployment, entry(START + 1, "deployment"))
    assert [one.action for one in await store.recent(10)] == ["deployment", "acknowledge"]
    assert (await store.recent(10))[1] == entry(START, "acknowledge")
    assert await store.deployments(START - HOUR) == (deployment,)
    assert await store.deployments(START + HOUR) == ()


async def test_retention_forgets_what_has_ended_and_keeps_what_is_open() -> None:
    """An open incident keeps its rows however old, and so does one that is called resolved while its alerts fire."""
    database = Database.open(None, Inline())
    audit, incidents = SqlAuditStore(database), SqlIncidentStore(database)
    story = Story()
    steps: list[Step] = [story.feed(GroupChanged(group(alert())))]
    await incidents.transact((), lambda _: Decision.of(steps))
    await audit.add(entry(START, "acknowledge"))
    assert await audit.day(START) == {
        "incidents opened": 1,
        "incidents open": 1,
        "pages sent": 0,
        "messages given up": 0,
        "acknowledgements": 1,
        "deployments": 0,
    }
    await audit.forget(START + 365 * DAY)
    assert await audit.recent(10) == ()
    (kept,) = await incidents.recent(10)
    assert await incidents.timeline(kept.id) != ()
    resolved = story.feed(Resolve(ANA))
    await incidents.transact((), lambda _: Decision.of([resolved]))
    assert story.state.still_firing
    older = replace(story.state, id="OLDER", number=2, generation=0)
    last = replace(story.state, id="LAST", number=3, group_key="other", still_firing=(), reopen_at=None)
    await incidents.transact((), lambda _: Decision(incidents=(older, last)))
    await audit.forget(START + 365 * DAY)
    assert [one.id for one in await incidents.recent(10)] == ["LAST", kept.id]
    assert await incidents.timeline(kept.id) == ()


async def test_a_group_that_has_long_been_well_is_forgotten_and_numbers_go_on() -> None:
    """The next incident of it is a first one, and no number is given twice."""
    database = Database.open(None, Inline())
    audit, incidents = SqlAuditStore(database), SqlIncidentStore(database)
    story = Story()
    await incidents.transact((), lambda _: Decision.of([story.feed(GroupChanged(group(alert())))]))
    await incidents.transact((), lambda _: Decision.of([story.feed(GroupChanged(group(over(alert()))))]))
    gone = story.state
    for number in (2, 3):
        other = replace(gone, id=f"OTHER{number}", number=number, group_key=f"other {number}")
        await incidents.transact((), lambda _, other=other: Decision(incidents=(other,)))
    await audit.forget(START)
    assert len(await incidents.recent(10)) == 3
    await audit.forget(START + 365 * DAY)
    assert [one.id for one in await incidents.recent(10)] == ["OTHER3"]
    seen: list[Snapshot] = []

    def look(snapshot: Snapshot) -> Decision:
        seen.append(snapshot)
        return Decision()

    await incidents.transact((gone.key,), look)
    assert (dict(seen[0].incidents), seen[0].next_number) == ({}, 4)


async def test_what_was_sent_stays_as_long_as_something_behind_it_waits() -> None:
    """Also for whoever was told instead: a late end must find that a page was sent, and where."""
    database = Database.open(None, Inline())
    audit, outbox = SqlAuditStore(database), SqlOutboxStore(database)
    page = a_row(key="page", of_incident=False)
    told = instead(page, Destination("ops", "console"), "busy", T0)
    await outbox.add(page, told, a_row(MessageKind.RESOLVE, key="end", of_incident=False), a_row(key="x", order="x"))
    for integration in ("webhook", "console"):
        for one in await outbox.claim(integration, T0, 10, HOUR):
            await outbox.finish(one.seq, one.fence, Finish(state=OutboxState.SENT, due_at=T0), T0)
    await audit.forget(T0 + 365 * DAY)
    assert [await outbox.find(key) is not None for key in ("page", "page>instead", "end", "x")] == [True] * 3 + [False]
    (end,) = await outbox.claim("webhook", T0, 10, HOUR)
    assert end.redirected_to == Destination("ops", "console")
    await outbox.finish(end.seq, end.fence, Finish(state=OutboxState.SENT, due_at=T0), T0)
    await audit.forget(T0 + 365 * DAY)
    assert await outbox.find("page") is None


async def test_a_page_that_is_taken_back_ends_when_it_was_taken_back() -> None:
    """History shows the instant of the decision."""
    database = Database.open(None, Inline())
    incidents, outbox = SqlIncidentStore(database), SqlOutboxStore(database)
    story = Story()
    opened = story.feed(GroupChanged(group(alert())))
    await incidents.transact((), lambda _: Decision.of([opened]))
    resolved = story.at(HOUR).feed(Resolve(ANA))
    await incidents.transact((), lambda _: Decision.of([resolved]))
    sent = await outbox.of_incident(story.state.id)
    assert [one.finished_at for one in sent if one.kind.wakes] == [START + HOUR]
