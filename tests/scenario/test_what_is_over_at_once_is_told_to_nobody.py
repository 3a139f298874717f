"""Alerts that fire and end before on-call looks: the books know of them, people do not."""

from __future__ import annotations

from monitor.chance import Chance
from monitor.clock import Clock
from monitor.model.incidents import IncidentEvent, IncidentState
from monitor.model.notifications import MessageKind, OutboxState
from monitor.model.times import MINUTE
from monitor.oncall.escalating import Escalating, Playbook
from monitor.state.database import Database, Inline
from monitor.state.inbox import put_event
from monitor.state.incident_store import SqlIncidentStore
from monitor.state.outbox_store import SqlOutboxStore
from tests.support.incidents import PAYMENTS, ROSTER, START, alert, group, over


class Desk:
    """On-call and the outbox over one database."""

    def __init__(self) -> None:
        self.database = Database.open(None, Inline())
        self.outbox = SqlOutboxStore(self.database)
        incidents = SqlIncidentStore(self.database)
        self.escalating = Escalating(
            store=incidents,
            queries=incidents,
            clock=Clock(lambda: START),
            chance=Chance(1),
            playbook=Playbook(policies={"payments": PAYMENTS}, directory=ROSTER),
        )

    async def look(self, *events: IncidentEvent) -> list[MessageKind]:
        """On-call looks once after these; what is then to be sent."""
        for event in events:
            await self.database.write(lambda connection, event=event: put_event(connection, event))
        await self.escalating.advance()
        return [one.row.message.kind for one in await self.outbox.claim("pagerduty", START, 10, MINUTE)]


async def test_nobody_hears_the_end_of_what_they_never_heard_of() -> None:
    """The page is written and ends with the same decision, and its resolve finds that nobody was paged."""
    desk = Desk()
    assert await desk.look(group(alert()), group(over(alert()))) == []
    (incident,) = await desk.escalating.incidents()
    assert incident.state is IncidentState.RESOLVED
    sent = await desk.outbox.of_incident(incident.id)
    assert [(one.kind, one.state) for one in sent] == [
        (MessageKind.TRIGGER, OutboxState.CANCELLED),
        (MessageKind.RESOLVE, OutboxState.CANCELLED),
    ]
    assert sent[1].error == "no page was ever sent there, so there is none to resolve"


async def test_what_fires_again_in_the_same_look_pages_once() -> None:
    """For the generation that is open."""
    desk = Desk()
    assert await desk.look(group(alert()), group(over(alert())), group(alert())) == [MessageKind.TRIGGER]
    assert [one.number for one in await desk.escalating.incidents(open_only=True)] == [2]


async def test_a_page_that_the_same_look_raises_goes_out_once() -> None:
    """In its later form."""
    desk = Desk()
    mild = group(alert(severity="warning"))
    assert await desk.look(mild, group(alert(severity="warning"), alert("Worse"))) == [MessageKind.TRIGGER]
    assert await desk.look(group(over(alert(severity="warning")), over(alert("Worse")))) == []
