"""Maintenance windows of the configuration file, from text to plain values; and what silences are asked."""

from __future__ import annotations

from pathlib import Path

from monitor.alerts.breadth import Bounds
from monitor.alerts.silence_care import Reminders
from monitor.alerts.spans import Once, Repeated
from monitor.calendar.cron import Cron
from monitor.model.times import MINUTE, parse_rfc3339
from tests.unit.config.test_loading_configuration import loaded, mistakes


def test_maintenance_comes_by_cron_on_the_clocks_of_a_place_and_is_announced(tmp_path: Path) -> None:
    """Instants without an offset are read on them as well; one notice need not be a list."""
    text = """
people: {ana: {console: true}}
maintenance:
  - {name: backup, matchers: [host=x], cron: 30 2 * * SUN, duration: 90m, location: Europe/Berlin,
     announce_to: "user:ana", announce_before: 30m}
  - {name: move, matchers: [host=y], starts_at: 2026-07-01 22:00, duration: 2h, location: Europe/Berlin,
     announce_to: default, announce_before: [30m, 1d]}
"""
    backup, move = loaded(tmp_path, text).paging.muting.maintenance
    assert backup.repeated == (Repeated(Cron("30 2 * * sun", "Europe/Berlin"), 90 * MINUTE),)
    assert (backup.announce_before, backup.place.rpartition(":")[2]) == ((30 * MINUTE,), "4")
    assert move.once == (Once(parse_rfc3339("2026-07-01T20:00:00Z"), parse_rfc3339("2026-07-01T22:00:00Z")),)
    assert move.announce_before == (1440 * MINUTE, 30 * MINUTE)
    for wrong, message in (
        ("cron: 0 2 * * *", "maintenance[0].cron: has no length: give a duration"),
        ("cron: 0 2 * *, duration: 1h", '"0 2 * *" is no cron expression: write five fields'),
        ("cron: 0 2 31 2 *, duration: 1h", '"0 2 31 2 *" never comes'),
        ("cron: 0 * * * *, duration: 1h", "begins again 1h after it began, before its 1h are over"),
        ("cron: 0 2 * * *, duration: 1h, location: Nowhere", "unknown time zone Nowhere: write it as Europe/Berlin"),
        ("starts_at: 2026-07-01 22:00, duration: 1h", "has no zone"),
        ("duration: 1h, time_intervals: [{months: [may]}]", "duration: is the length of nothing"),
        ("cron: 0 2 * * *, duration: 1h, announce_before: 1h", "is heard by nobody: name a receiver"),
        ("cron: 0 2 * * *, duration: 1h, announce_to: bo", 'nobody hears what is announced to "bo": name one'),
        ("cron: 0 2 * * *, duration: 1h, announce_to: default, announce_before: 0s", "at most 60d"),
    ):
        found = mistakes(tmp_path, f"maintenance: [{{matchers: [a=b], {wrong}}}]\n")
        assert any(message in line for line in found), found


def test_who_is_asked_and_reminded(tmp_path: Path) -> None:
    """The defaults ask and remind nobody; a receiver must be able to hear, and must be named."""
    text = "people: {ana: {console: true}}\n"
    settings = loaded(tmp_path, text).paging.silencing
    assert (settings.bounds, settings.asks_in_api, settings.reminders) == (
        Bounds(alerts=50, percent=50),
        False,
        Reminders(),
    )
    more = (
        "silences: {ask_above: 0, ask_above_percent: 20, ask_in_api: true, remind_to: 'user:ana', remind_before: 15m}\n"
    )
    settings = loaded(tmp_path, text + more).paging.silencing
    assert (settings.bounds, settings.asks_in_api) == (Bounds(alerts=0, percent=20), True)
    assert settings.reminders == Reminders(to="user:ana", before=15 * MINUTE)
    for wrong, message in (
        ("remind_before: 15m", "is heard by nobody: name a receiver"),
        ("remind_to: bo", 'nobody hears what is announced to "bo"'),
        ("ask_above: -1", "ask_above"),
        ("ask_above_percent: 101", "ask_above_percent"),
    ):
        found = mistakes(tmp_path, f"silences: {{{wrong}}}\n")
        assert any(message in line for line in found), found
