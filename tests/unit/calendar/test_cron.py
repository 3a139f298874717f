"""Cron expressions as instants, with the clocks of places that change them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.calendar.cron import Cron, parse_cron
from monitor.calendar.walls import instant_of, parse_local, wall_of, wall_text
from monitor.model.times import DAY, HOUR, MINUTE, parse_rfc3339, rfc3339

BERLIN = "Europe/Berlin"


def matches(text: str, since: str, number: int, location: str = BERLIN) -> list[str]:
    """The first ones after an instant, as UTC without the year and the seconds."""
    cron, at = parse_cron(text, location), parse_rfc3339(since)
    found: list[str] = []
    for _ in range(number):
        after = cron.after(at)
        assert after is not None
        at = after
        found.append(rfc3339(at)[5:16])
    return found


def test_a_daily_time_that_the_clocks_skip_comes_at_the_change() -> None:
    """02:30 on 29 March 2026 in Berlin: the clocks go from 02:00 to 03:00, at 01:00 UTC."""
    found = matches("30 2 * * *", "2026-03-28T00:00:00Z", 3)
    assert found == ["03-28T01:30", "03-29T01:00", "03-30T00:30"]


def test_a_daily_time_that_comes_twice_counts_once() -> None:
    """02:30 on 25 October 2026 in Berlin: the first one, in summer time."""
    found = matches("30 2 * * *", "2026-10-24T12:00:00Z", 2)
    assert found == ["10-25T00:30", "10-26T01:30"]


def test_what_comes_every_hour_goes_by_the_minutes_that_pass() -> None:
    """In the repeated hour twice, in the skipped one not at all, and never with a gap of its own."""
    assert matches("0 * * * *", "2026-10-24T23:30:00Z", 4) == [
        "10-25T00:00",
        "10-25T01:00",
        "10-25T02:00",
        "10-25T03:00",
    ]
    assert matches("15 */1 * * *", "2026-03-29T00:00:00Z", 3) == ["03-29T00:15", "03-29T01:15", "03-29T02:15"]
    assert matches("0 */2 * * *", "2026-03-28T23:30:00Z", 2) == ["03-29T02:00", "03-29T04:00"]


def test_several_times_in_a_skipped_hour_are_one_change() -> None:
    """Nobody hears of 02:00 and 02:30 separately."""
    assert matches("*/30 2,3 * * *", "2026-03-28T23:00:00Z", 3) == ["03-29T01:00", "03-29T01:30", "03-30T00:00"]


def test_a_skipped_day_counts_at_the_change() -> None:
    """Samoa had no 30 December 2011."""
    assert matches("0 12 30 12 *", "2011-12-01T00:00:00Z", 1, "Pacific/Apia") == ["12-30T10:00"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 * * 0", ["01-04"]),
        ("0 0 * * 7", ["01-04"]),
        ("0 0 * * sun", ["01-04"]),
        ("0 0 * * 1", ["01-05"]),
        ("0 0 * * 5-7", ["01-02", "01-03", "01-04"]),
        ("0 0 * * fri-mon", ["01-02", "01-03", "01-04", "01-05", "01-09"]),
        ("0 0 * * 1-5/2", ["01-02", "01-05", "01-07"]),
        ("0 0 13 * fri", ["01-02", "01-09", "01-13", "01-16"]),
        ("0 0 */2 * fri", ["01-09", "01-23"]),
        ("0 0 last * *", ["01-31", "02-28"]),
        ("@weekly", ["01-04", "01-11"]),
        ("@Monthly", ["02-01"]),
    ],
)
def test_days_are_those_of_a_crontab(text: str, days: list[str]) -> None:
    """Sunday is 0 and 7; named days of month and of week hold either, one that begins with a star narrows the other."""
    assert [one[:5] for one in matches(text, "2026-01-01T00:00:00Z", len(days), "")] == days


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x", "write five fields"),
        ("@reboot", "write five fields"),
        ("60 2 * * *", "60"),
        ("0 2 * * funday", "is no day of the week"),
        ("0 2 * * abc", "is no day of the week"),
        ("0 2 * * 8", "is no day of the week"),
        ("0 2 L * *", "L"),
        ("0 2 31 2 *", "never comes"),
        ("0 " * 200, "not that long"),
    ],
)
def test_what_is_none_is_refused(text: str, problem: str) -> None:
    """With the field that is wrong."""
    with pytest.raises(ValueError, match=problem.lower()):
        parse_cron(text)


def test_the_shortest_pause_between_two_is_known() -> None:
    """So that a window that never ends can be refused."""
    assert parse_cron("0 */6 * * *").shortest_pause() == 6 * HOUR
    assert parse_cron("0 2 * * mon,tue").shortest_pause() == DAY


@given(
    text=st.sampled_from(
        ["*/7 * * * *", "30 2 * * *", "0 0 * * *", "5 */3 * * *", "0 1,2,3 * * sun", "15 2 25,29 * *"]
    ),
    location=st.sampled_from(["", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    at=st.integers(parse_rfc3339("2026-01-01T00:00:00Z"), parse_rfc3339("2027-12-31T00:00:00Z")),
)
def test_matches_follow_one_another(text: str, location: str, at: int) -> None:
    """Each is after the one before, the clocks show what was asked for unless they skipped it, and asking from anywhere
    between two gives the later one."""
    cron = parse_cron(text, location)
    found = [at]
    for _ in range(5):
        found.append(cron.after(found[-1]) or 0)
    for one, other in pairwise(found):
        assert one < other
        assert cron.after((one + other) // 2) == other
        assert cron.after(other - 1) == other
        assert other % MINUTE == 0


@given(
    location=st.sampled_from(["", BERLIN, "America/New_York", "Australia/Lord_Howe", "Local"]),
    at=st.integers(parse_rfc3339("2000-01-01T00:00:00Z"), parse_rfc3339("2037-12-31T00:00:00Z")),
)
def test_what_the_clocks_show_leads_back(location: str, at: int) -> None:
    """To the same instant, or to the first of two that look alike."""
    wall = wall_of(at, location)
    found = instant_of(wall, location)
    assert wall_of(found, location) == wall
    assert found <= at


def test_instants_are_read_with_a_zone_or_on_the_clocks_of_a_place() -> None:
    """And told on them."""
    assert rfc3339(parse_local("2026-07-01 02:00", BERLIN)) == "2026-07-01T00:00:00.000Z"
    assert rfc3339(parse_local("2026-07-01T02:00:00+05:00", BERLIN)) == "2026-06-30T21:00:00.000Z"
    assert wall_text(parse_rfc3339("2026-07-01T00:00:00Z"), BERLIN) == "Wed 2026-07-01 02:00 CEST"
    for text in ("2026-07-01 02:00", "2026-07-01", "tomorrow"):
        with pytest.raises(ValueError, match=r"zone|instant"):
            parse_local(text, "")


def test_an_expression_survives_being_copied() -> None:
    """Configurations are read by a child and come pickled."""
    assert Cron("0 2 * * *", BERLIN) == parse_cron(" 0  2 * * * ", BERLIN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("99 * * * *", 'the minute "99" is not understood: write 0 to 59, as 30 or */15'),
        ("0 24 * * *", 'the hour "24" is not understood: write 0 to 23, as 2 or 8-17'),
        ("0 2 0 * *", 'the day of month "0" is not understood: write 1 to 31, as 1 or 1,15'),
        ("0 2 1 13 *", 'the month "13" is not understood: write 1 to 12 or jan to dec, as 6 or jan-mar'),
        ("0 2 * * 8", '"8" is no day of the week: write 0 to 7 or sun to sat, mon-fri, or *'),
    ],
)
def test_a_field_that_is_wrong_is_named_with_what_it_takes(text: str, said: str) -> None:
    """In words of a crontab's, with an example."""
    with pytest.raises(ValueError, match=re.escape(f'"{text}" is no cron expression: {said}')):
        parse_cron(text)
