"""The stores in SQLite keep the same contracts as the ones in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from monitor.model.changes import AuditEntry
from monitor.model.incidents import IncidentEvent, Severity
from monitor.model.notifications import DeliveryReport, Destination, Message, MessageKind, OutboxRow, OutboxState
from monitor.model.times import MINUTE
from monitor.notify.outbox import IncidentMark
from monitor.oncall.incident import Incident
from monitor.state.audit_store import SqlAuditStore
from monitor.state.codec import loads
from monitor.state.database import Database, WriterThread
from monitor.state.fresh import FreshMessages
from monitor.state.inbox import put_event, put_report
from monitor.state.incident_store import SqlIncidentStore
from monitor.state.outbox_store import SqlOutboxStore, insert_rows
from tests.contract.incident_store_contract import Bench, IncidentStoreContract
from tests.contract.outbox_store_contract import Kept, OutboxBench, OutboxStoreContract
from tests.support.messages import INCIDENT, T0, a_row

_LIVE = "SELECT * FROM outbox_rows WHERE state NOT IN ('sent', 'failed', 'cancelled') ORDER BY seq"
_INCIDENT = (
    "INSERT INTO incidents (id, number, policy, group_key, generation, state, opened_at, epoch, doc) "
    "VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM incidents), 'p', ?, 1, ?, 0, ?, '{}') "
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, epoch = excluded.epoch"
)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = Database.open(None, WriterThread())
    yield opened
    await opened.close()


class TestSqlIncidentStore(IncidentStoreContract):
    """Every sentence of the contract."""

    @pytest.fixture
    def bench(self, database: Database) -> Bench:
        store = SqlIncidentStore(database)

        async def hand_over(content: IncidentEvent | DeliveryReport) -> None:
            def work(connection: sqlite3.Connection) -> None:
                if isinstance(content, IncidentEvent):
                    put_event(connection, content)
                else:
                    put_report(connection, content)

            await database.write(work)

        async def outbox() -> list[OutboxRow]:
            return await database.read(lambda connection: [_row(row) for row in connection.execute(_LIVE)])

        async def attempt(row: OutboxRow) -> None:
            statement = "UPDATE outbox SET attempts = 1, state = 'unknown', uncertain = 1 WHERE dedupe_key = ?"
            await database.write(lambda connection: connection.execute(statement, (row.dedupe_key,)))

        async def refuse(row: OutboxRow) -> None:
            statement = "UPDATE outbox SET attempts = attempts + 1 WHERE dedupe_key = ?"
            await database.write(lambda connection: connection.execute(statement, (row.dedupe_key,)))

        async def audit() -> list[AuditEntry]:
            return list(reversed(await SqlAuditStore(database).recent(1000)))

        async def spoil(incident: Incident) -> None:
            statement = "UPDATE incidents SET doc = '{\"id\": 1}' WHERE id = ?"
            await database.write(lambda connection: connection.execute(statement, (incident.id,)))

        return Bench(
            store=store,
            queries=store,
            hand_over=hand_over,
            outbox=outbox,
            attempt=attempt,
            refuse=refuse,
            audit=audit,
            spoil=spoil,
        )


class TestSqlOutboxStore(OutboxStoreContract):
    """Every sentence of the contract."""

    @pytest.fixture
    def bench(self, database: Database) -> OutboxBench:
        store = SqlOutboxStore(database)

        async def add(row: OutboxRow) -> None:
            await store.add(row)

        async def set_incident(incident: str, mark: IncidentMark | None) -> None:
            def work(connection: sqlite3.Connection) -> None:
                if mark is None:
                    connection.execute("DELETE FROM incidents WHERE id = ?", (incident,))
                else:
                    state = "triggered" if mark.open else "resolved"
                    connection.execute(_INCIDENT, (incident, incident, state, mark.epoch))

            await database.write(work)

        async def kept() -> list[Kept]:
            return await database.read(
                lambda connection: [
                    Kept(
                        key=row["dedupe_key"],
                        state=OutboxState(row["state"]),
                        attempts=row["attempts"],
                        uncertain=bool(row["uncertain"]),
                        error=row["last_error"],
                    )
                    for row in connection.execute("SELECT * FROM outbox ORDER BY seq")
                ]
            )

        async def reports() -> list[DeliveryReport]:
            return await database.read(
                lambda connection: [
                    loads(DeliveryReport, row["doc"])
                    for row in connection.execute("SELECT doc FROM inbox WHERE kind = 'report' ORDER BY id")
                ]
            )

        return OutboxBench(store=store, add=add, set_incident=set_incident, kept=kept, reports=reports)


async def test_a_message_that_cannot_be_read_wakes_people_in_poor_words(database: Database) -> None:
    """It neither vanishes nor holds up the rows behind it, and closes under the same key as it was opened."""
    store = SqlOutboxStore(database)
    await database.write(lambda connection: connection.execute(_INCIDENT, (INCIDENT, INCIDENT, "triggered", 1)))
    await store.add(a_row(key="spoilt"), a_row(key="sound", order="other"))
    spoil = "UPDATE outbox_messages SET doc = '{\"kind\": 7}' WHERE seq = (SELECT seq FROM outbox WHERE dedupe_key = 'spoilt')"
    await database.write(lambda connection: connection.execute(spoil))
    database.fresh = FreshMessages()  # as after a start
    spoilt, sound = await store.claim("webhook", T0, 10, MINUTE)
    assert "incident #1 (trigger) cannot be read" in spoilt.row.message.title
    assert spoilt.row.message.kind is MessageKind.TRIGGER
    assert spoilt.row.message.severity is Severity.CRITICAL
    assert spoilt.row.message.incident is not None
    assert spoilt.row.message.incident.id == INCIDENT
    assert "a stored Message cannot be read" in spoilt.row.message.trouble
    assert sound.row == a_row(key="sound", order="other")
    assert spoilt.row.message.title in [sent.title for sent in await store.of_incident(INCIDENT)]


async def test_a_number_that_was_rolled_back_tells_the_words_of_who_has_it_now(database: Database) -> None:
    """What was decided and not committed is in memory for a moment; it must never be told in another's place."""
    store = SqlOutboxStore(database)
    lost, kept = (a_row(key=key, order=key, of_incident=False) for key in ("lost", "kept"))
    kept = replace(kept, message=replace(kept.message, title="what counts"))

    def breaks(connection: sqlite3.Connection) -> None:
        insert_rows(connection, [lost], database.fresh)
        raise RuntimeError("after it was inserted")

    with pytest.raises(RuntimeError, match="after it was inserted"):
        await database.write(breaks)
    await store.add(kept)
    (claimed,) = await store.claim("webhook", T0, 10, MINUTE)
    assert claimed.row.message.title == "what counts"


async def test_a_message_is_claimed_as_it_was_decided_also_after_a_start(database: Database) -> None:
    """From memory or from its document: the same words."""
    store = SqlOutboxStore(database)
    rows = [a_row(key=key, order=key, of_incident=False) for key in ("one", "two")]
    await store.add(*rows)
    database.fresh.drop(2)
    one, two = await store.claim("webhook", T0, 10, MINUTE)
    assert (one.row, two.row) == tuple(rows)
    assert one.row.message is rows[0].message
    assert two.row.message is not rows[1].message


def _row(row: sqlite3.Row) -> OutboxRow:
    return OutboxRow(
        dedupe_key=row["dedupe_key"],
        order_key=row["order_key"],
        destination=Destination(row["receiver"], row["integration"], row["position"]),
        message=loads(Message, row["message"]),
        due_at=row["due_at"],
        incident=row["incident"],
        epoch=row["epoch"],
    )
