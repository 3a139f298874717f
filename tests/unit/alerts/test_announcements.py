"""What is announced of a maintenance window, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.announcements import Stage, announce, rows
from monitor.alerts.maintenance import Cut, MaintenanceWindow
from monitor.alerts.maintenance_book import Entry, own_key
from monitor.model.notifications import Destination
from monitor.model.times import DAY, HOUR, MINUTE, parse_rfc3339, rfc3339
from tests.support.windows import nightly, once

HEARD = {"announce_to": "team", "announce_before": (HOUR, 10 * MINUTE)}
BEGIN, END = parse_rfc3339("2026-01-05T02:00:00Z"), parse_rfc3339("2026-01-05T04:00:00Z")


def window(**more: object) -> MaintenanceWindow:
    return replace(once("2026-01-05T02:00:00Z", "2026-01-05T04:00:00Z", **HEARD), **more)


class Listener:
    """Decides as the loop does, and keeps what is stored."""

    def __init__(self, window: MaintenanceWindow | None) -> None:
        self.window = window
        self.entry = Entry(key=own_key("move"), window=window)
        self.wake_at: int | None = None

    def at(self, now: int) -> list[str]:
        """What is said at this instant, as `soon 02:00-04:00`."""
        found = announce(self.window, self.entry, now)
        self.entry = replace(self.entry, told=found.told)
        self.wake_at = found.wake_at
        return [
            f"{one.stage.value} {rfc3339(one.occurrence.starts_at)[11:16]}-{rfc3339(one.occurrence.ends_at or 0)[11:16]}"
            for one in found.notices
        ]


def test_each_notice_is_given_when_it_is_due_and_once() -> None:
    """An hour and ten minutes before, at the begin and at the end; asked again at the same instant nothing is said."""
    listener, now, heard = Listener(window()), BEGIN - DAY, list[tuple[int, str]]()
    for _ in range(6):
        heard += [((now - BEGIN) // MINUTE, said) for said in listener.at(now)]
        assert listener.at(now) == []
        if listener.wake_at is None:
            break
        now = listener.wake_at
    assert heard == [
        (-60, "soon 02:00-04:00"),
        (-10, "soon 02:00-04:00"),
        (0, "begun 02:00-04:00"),
        (120, "ended 02:00-04:00"),
    ]
    assert listener.wake_at is None
    assert listener.entry.told is None


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (-61, []),
        (-30, ["soon 02:00-04:00"]),
        (-5, ["soon 02:00-04:00"]),
        (30, ["begun 02:00-04:00"]),
        (120, []),
        (3_000, []),
    ],
)
def test_after_an_absence_only_what_still_matters_is_said(minutes: int, said: list[str]) -> None:
    """One notice for all that were missed; a beginning until the end, and nothing of what passed unseen."""
    assert Listener(window()).at(BEGIN + minutes * MINUTE) == said


def test_whoever_was_told_of_a_beginning_is_told_of_the_end() -> None:
    """However late, and also when only the notice before had been given."""
    for before in (-30, 30):
        listener = Listener(window())
        listener.at(BEGIN + before * MINUTE)
        assert listener.at(END + 3 * DAY) == ["ended 02:00-04:00"]


def test_an_end_that_is_moved_is_told() -> None:
    """Before the begin and after it; then the new end counts."""
    later = parse_rfc3339("2026-01-05T05:00:00Z")
    for before in (-30, 30):
        listener = Listener(window())
        listener.at(BEGIN + before * MINUTE)
        listener.window = once("2026-01-05T02:00:00Z", "2026-01-05T05:00:00Z", **HEARD)
        assert listener.at(BEGIN + 45 * MINUTE)[0] == "changed 02:00-05:00"
        assert listener.at(later) == ["ended 02:00-05:00"]


def test_what_does_not_take_place_is_told() -> None:
    """Because it was left out, moved, is gone, or is announced to nobody any more."""
    skipped = Cut(BEGIN, END)
    moved = once("2026-01-05T06:00:00Z", "2026-01-05T07:00:00Z", **HEARD)
    for after, cuts in ((window(), (skipped,)), (None, ()), (moved, ()), (window(announce_to=""), ())):
        listener = Listener(window())
        assert listener.at(BEGIN - 5 * MINUTE) == ["soon 02:00-04:00"]
        listener.window, listener.entry = after, replace(listener.entry, cuts=cuts)
        assert listener.at(BEGIN - 4 * MINUTE) == ["cancelled 02:00-04:00"]


def test_one_that_is_ended_early_is_over_then() -> None:
    """At that instant, not at its planned end; and so is one whose window is gone."""
    for after, cuts in ((window(), (Cut(BEGIN + HOUR, END),)), (None, ())):
        listener = Listener(window())
        listener.at(BEGIN)
        listener.window, listener.entry = after, replace(listener.entry, cuts=cuts)
        assert listener.at(BEGIN + HOUR) == ["ended 02:00-03:00"]


def test_occurrences_that_come_again_are_announced_each() -> None:
    """By the clocks of the place, which change in between."""
    listener = Listener(nightly("0 2 * * *", "2h", "Europe/Berlin", announce_to="team"))
    now, heard = parse_rfc3339("2026-03-28T12:00:00Z"), list[str]()
    for _ in range(5):
        heard += [f"{rfc3339(now)[8:16]} {said.partition(' ')[0]}" for said in listener.at(now)]
        now = listener.wake_at or 0
    assert heard == ["29T01:00 begun", "29T03:00 ended", "30T00:00 begun", "30T02:00 ended"]


@given(
    looks=st.lists(st.integers(-90, 400), max_size=12),
    ended=st.none() | st.integers(0, 119),
)
def test_whenever_one_looks_what_is_heard_makes_sense(looks: list[int], ended: int | None) -> None:
    """No stage twice, none after its time, and an end whenever a beginning was told, wherever restarts fall between."""
    listener, heard = Listener(window()), list[str]()
    over = END if ended is None else BEGIN + ended * MINUTE
    for minutes in sorted([*looks, 400]):
        now = BEGIN + minutes * MINUTE
        if ended is not None and now >= over:
            listener.entry = replace(listener.entry, cuts=(Cut(over, END),))
        said = [one.partition(" ")[0] for one in listener.at(now)]
        heard += said
        assert not ("soon" in said and now >= BEGIN)
        assert not ("begun" in said and not BEGIN <= now < over)
    assert heard.count("begun") <= 1
    assert heard.count("soon") <= 2
    assert heard.count("ended") + heard.count("cancelled") == (1 if heard else 0)


def test_an_announcement_says_what_when_and_who() -> None:
    """On the clocks of the place and in UTC, for people and for what reads alerts only."""
    said = replace(window(), location="Europe/Berlin", comment="New disks.")
    (notice,) = announce(said, Entry(key=own_key("move"), window=said), BEGIN - 30 * MINUTE).notices
    webhook = Destination("team", "webhook")
    (row,) = rows(own_key("move"), said, notice, [webhook], "http://w.test", BEGIN - 30 * MINUTE)
    assert row.message.title == 'Maintenance "move" begins in 30m'
    assert row.message.text == (
        "New disks.\n"
        "From Mon 2026-01-05 03:00 CET (2026-01-05 02:00:00 UTC)\n"
        "until Mon 2026-01-05 05:00 CET (2026-01-05 04:00:00 UTC).\n"
        'Nobody is told meanwhile of alerts with {check=~"api|shop"}.\n'
        "Planned by ana."
    )
    (alert,) = row.message.alerts
    assert (alert.firing, alert.labels["window"], alert.starts_at) == (True, "move", BEGIN)
    over = replace(notice, stage=Stage.ENDED)
    (row,) = rows(own_key("move"), None, over, [webhook], "", END)
    assert (row.message.title, row.message.alerts[0].firing) == ('Maintenance "move" is over', False)
