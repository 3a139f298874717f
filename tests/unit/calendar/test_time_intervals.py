"""Time intervals: what they contain, when that changes, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.calendar.intervals import (
    TimeInterval,
    interval_document,
    names_containing,
    parse_days_of_month,
    parse_months,
    parse_times,
    parse_weekdays,
    parse_years,
)
from monitor.calendar.walls import parse_location
from monitor.model.times import DAY, HOUR, MINUTE, Timestamp, parse_rfc3339

OFFICE = TimeInterval(times=(parse_times("09:00", "17:00"),), weekdays=(parse_weekdays("monday:friday"),))
BERLIN_NIGHT = TimeInterval(times=(parse_times("02:15", "02:45"),), location="Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        ("2026-01-05T09:00:00Z", True),
        ("2026-01-05T16:59:59Z", True),
        ("2026-01-05T17:00:00Z", False),
        ("2026-01-05T08:59:59Z", False),
        ("2026-01-04T12:00:00Z", False),
    ],
)
def test_every_field_must_hold(at: str, holds: bool) -> None:
    """Hours from and before, on the days of the week."""
    assert OFFICE.contains(parse_rfc3339(at)) is holds


def test_an_absent_field_holds_always_and_an_empty_one_never() -> None:
    """As Alertmanager reads `times: []`."""
    now = parse_rfc3339("2026-01-05T09:00:00Z")
    assert TimeInterval().contains(now)
    assert not TimeInterval(times=()).contains(now)


@pytest.mark.parametrize(
    ("days", "at", "holds"),
    [
        ("-1", "2028-02-29T12:00:00Z", True),
        ("-1", "2027-02-28T12:00:00Z", True),
        ("-1", "2100-02-28T12:00:00Z", True),
        ("29:31", "2027-02-28T12:00:00Z", False),
        ("28:31", "2027-02-28T12:00:00Z", True),
        ("25:-1", "2026-04-30T12:00:00Z", True),
        ("-31:-1", "2026-04-01T12:00:00Z", True),
    ],
)
def test_days_count_from_either_end_and_stay_in_the_month(days: str, at: str, holds: bool) -> None:
    """A range that begins after the month's end is not in it."""
    assert TimeInterval(days_of_month=(parse_days_of_month(days),)).contains(parse_rfc3339(at)) is holds


def test_the_local_clock_counts() -> None:
    """In its zone, whatever the offset of the day."""
    office = TimeInterval(times=((540, 1020),), location="Europe/Berlin")
    assert office.contains(parse_rfc3339("2026-01-05T08:00:00Z"))
    assert not office.contains(parse_rfc3339("2026-07-06T15:00:00Z"))
    assert TimeInterval(location="Local").contains(0)


@pytest.mark.parametrize(
    ("now", "changes"),
    [
        ("2026-03-28T00:00:00Z", ["2026-03-28T01:15:00Z", "2026-03-28T01:45:00Z", "2026-03-30T00:15:00Z"]),
        (
            "2026-10-24T23:00:00Z",
            ["2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z", "2026-10-25T01:45:00Z"],
        ),
    ],
    ids=["the hour is skipped", "the hour comes twice"],
)
def test_a_clock_change_skips_or_repeats_what_lies_in_its_hour(now: str, changes: list[str]) -> None:
    """The next change is exact through both."""
    at = parse_rfc3339(now)
    found: list[Timestamp | None] = []
    for _ in changes:
        after = BERLIN_NIGHT.next_change(at)
        found.append(after)
        at = after or at
    assert found == [parse_rfc3339(one) for one in changes]


def test_a_range_that_a_clock_change_cuts_begins_with_the_change() -> None:
    """02:30 does not come; what would hold from then on holds from 03:00."""
    night = TimeInterval(times=((150, 240),), location="Europe/Berlin")
    assert night.next_change(parse_rfc3339("2026-03-29T00:00:00Z")) == parse_rfc3339("2026-03-29T01:00:00Z")


def test_an_interval_that_does_not_change_within_a_year_says_so() -> None:
    """It is looked at again then."""
    assert TimeInterval().next_change(0) is None
    assert TimeInterval(years=((1999, 1999),)).next_change(parse_rfc3339("2026-01-01T00:00:00Z")) is None


def _pairs(first: int, last: int) -> st.SearchStrategy[tuple[tuple[int, int], ...] | None]:
    pair = st.tuples(st.integers(first, last), st.integers(first, last)).map(lambda two: (min(two), max(two)))
    return st.none() | st.lists(pair, min_size=1, max_size=2).map(tuple)


INTERVALS = st.builds(
    TimeInterval,
    times=st.none()
    | st.lists(st.tuples(st.integers(0, 720), st.integers(721, 1440)), min_size=1, max_size=2).map(tuple),
    weekdays=_pairs(0, 6),
    days_of_month=_pairs(1, 31) | _pairs(-31, -1),
    months=_pairs(1, 12),
    years=_pairs(2020, 2035),
    location=st.sampled_from(["", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)


@given(INTERVALS, st.integers(0, 300 * 24 * 60))
def test_nothing_changes_before_the_next_change(interval: TimeInterval, minutes: int) -> None:
    """And at that instant it does."""
    now = parse_rfc3339("2026-01-01T00:00:00Z") + minutes * MINUTE
    held, change = interval.contains(now), interval.next_change(now)
    end = change if change is not None else now + 30 * DAY
    step = max((end - now) // 40, MINUTE)
    assert all(interval.contains(at) == held for at in range(now, min(end, now + 40 * step), step))
    if change is not None:
        assert interval.contains(change - 1) == held != interval.contains(change)


@given(INTERVALS)
def test_what_is_printed_reads_the_same(interval: TimeInterval) -> None:
    """By the words of configuration."""
    document = interval_document(interval)

    def ranges(key: str, parse: Callable[[str], tuple[int, int]]) -> object:
        texts = cast("list[str] | None", document.get(key))
        return None if texts is None else tuple(parse(text) for text in texts)

    assert ranges("weekdays", parse_weekdays) == interval.weekdays
    assert ranges("months", parse_months) == interval.months
    assert ranges("days_of_month", parse_days_of_month) == interval.days_of_month
    assert ranges("years", parse_years) == interval.years


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_weekdays, "friday:monday", "start day cannot be before end day"),
        (parse_weekdays, "a:b:c", "couldn't parse range a:b:c, invalid format"),
        (parse_days_of_month, "5:1", "end day 1 is always before start day 5"),
        (parse_days_of_month, "x", 'strconv.Atoi: parsing "x": invalid syntax'),
        (parse_months, "13", "13 is not a valid month"),
        (parse_location, "Nowhere/Land", "unknown time zone Nowhere/Land"),
        (parse_location, "../../etc/passwd", "unknown time zone ../../etc/passwd"),
    ],
)
def test_what_makes_no_sense_is_refused_in_known_words(parse: object, text: str, message: str) -> None:
    """Alertmanager's own."""
    assert callable(parse)
    with pytest.raises(ValueError, match=r".+") as caught:
        parse(text)
    assert str(caught.value) == message


def test_hours_need_both_ends() -> None:
    """And their order."""
    for start, end in (("09:00", ""), ("17:00", "09:00"), ("9:00", "10:00"), ("09:00", "24:01")):
        with pytest.raises(ValueError, match=r".+"):
            parse_times(start, end)


def test_names_are_those_of_which_one_interval_holds() -> None:
    """In the order in which a route has them."""
    named = {"office": (OFFICE,), "always": (TimeInterval(times=()), TimeInterval()), "never": ()}
    now = parse_rfc3339("2026-01-05T09:00:00Z")
    assert names_containing(named, ("never", "office", "always"), now) == ("office", "always")
    assert names_containing(named, ("office",), now + 8 * HOUR) == ()
