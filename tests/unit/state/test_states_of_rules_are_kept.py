"""States of alerts in SQLite."""

from __future__ import annotations

from monitor.model.alerts import AlertState
from monitor.model.labels import EMPTY, Labels
from monitor.rules.ports import StoredAlert, StoredKey
from monitor.rules.states import ActiveAlert
from monitor.state.database import Database, Inline
from monitor.state.rule_store import SqlRuleStateStore


def stored(host: str) -> StoredAlert:
    alert = ActiveAlert(
        labels=Labels({"alertname": "A", "host": host}),
        annotations=EMPTY,
        state=AlertState.FIRING,
        value=1.0,
        active_at=0,
    )
    return StoredAlert(group="g", rule="alert A", number=0, alert=alert, seen_at=1)


async def test_bytes_in_labels_are_kept_and_told_apart() -> None:
    """A label that PromQL made of bytes that are no UTF-8 stops neither its own rule nor the others of its group."""
    database = Database.open(None, Inline())
    store = await SqlRuleStateStore.open(database)
    one, other, plain = stored("\udcff"), stored("\udcfe"), stored("é")
    await store.save("g", [one, other, plain], [])
    again = await SqlRuleStateStore.open(database)
    assert sorted(again.load(), key=lambda row: row.alert.labels) == [plain, other, one]
    await store.save("g", [], [StoredKey("alert A", 0, one.alert.labels)])
    again = await SqlRuleStateStore.open(database)
    assert sorted(again.load(), key=lambda row: row.alert.labels) == [plain, other]
