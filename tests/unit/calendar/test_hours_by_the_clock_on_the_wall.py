"""Hours and days of a place, over midnight and over changes of the clock."""

from __future__ import annotations

import pickle

import pytest

from monitor.calendar.hours import ActiveHours, days_of, span_of, zone_of
from monitor.model.times import MINUTE, parse_rfc3339


def hours(*spans: str, days: tuple[str, ...] = ("mon-sun",), zone: str = "Europe/Berlin") -> ActiveHours:
    return ActiveHours(zone=zone_of(zone), hours=tuple(map(span_of, spans)), days=days_of(days))


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-01-05T07:59:59Z", False),
        ("2026-01-05T08:00:00Z", True),
        ("2026-01-05T15:59:59Z", True),
        ("2026-01-05T16:00:00Z", False),
        ("2026-07-06T06:59:59Z", False),
        ("2026-07-06T07:00:00Z", True),
        ("2026-07-04T07:00:00Z", False),
    ],
    ids=["before", "begins", "last second", "over", "summer: before", "summer: an hour earlier", "saturday"],
)
def test_nine_to_five_follows_the_local_clock(at: str, inside: bool) -> None:
    """09:00 is nine by the clock in winter and in summer; the end does not belong to it."""
    assert hours("09:00-17:00", days=("mon-fri",)).covers(parse_rfc3339(at)) is inside


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-01-09T21:30:00Z", True),
        ("2026-01-10T04:59:00Z", True),
        ("2026-01-10T05:00:00Z", False),
        ("2026-01-10T21:30:00Z", False),
        ("2026-01-09T04:00:00Z", False),
    ],
    ids=["friday evening", "saturday morning", "over", "saturday evening", "friday morning"],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(at: str, inside: bool) -> None:
    """22:00-06:00 on Fridays holds Saturday's small hours and not Friday's."""
    assert hours("22:00-06:00", days=("fri",)).covers(parse_rfc3339(at)) is inside


def test_skipped_and_repeated_hours() -> None:
    """In spring 02:15-02:45 has no instant and 02:30-04:00 begins at three; in autumn 02:00-03:00 lasts two hours."""
    spring, autumn = parse_rfc3339("2026-03-28T23:00:00Z"), parse_rfc3339("2026-10-24T22:00:00Z")

    def minutes(span: str, midnight: int) -> list[int]:
        return [one for one in range(6 * 60) if hours(span).covers(midnight + one * MINUTE)]

    assert minutes("02:15-02:45", spring) == []
    assert minutes("02:30-04:00", spring) == list(range(120, 180))
    assert minutes("02:00-03:00", autumn) == list(range(120, 240))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["mon"], {0}),
        (["Monday", "sun"], {0, 6}),
        (["mon-fri"], {0, 1, 2, 3, 4}),
        (["sat:mon"], {5, 6, 0}),
    ],
)
def test_days_and_runs_of_days(texts: list[str], found: set[int]) -> None:
    """Short or long, with Alertmanager's colon as well, over the end of the week."""
    assert days_of(texts) == found


@pytest.mark.parametrize("text", ["9-17", "09:00", "24:00-25:00", "10:60-11:00", "09:00-24:01", "09:00-09:00", ""])
def test_what_is_no_span_is_refused(text: str) -> None:
    """With the text that was meant."""
    with pytest.raises(ValueError, match=f'^"{text}" is '):
        span_of(text)


@pytest.mark.parametrize("text", ["funday", "mon-", "mon-tue-wed", "m"])
def test_what_is_no_day_is_refused(text: str) -> None:
    """And no zone is invented."""
    with pytest.raises(ValueError, match="day"):
        days_of([text])
    with pytest.raises(ValueError, match="is no time zone"):
        zone_of(f"Nowhere/{text}")


def test_hours_survive_the_way_from_the_reading_process() -> None:
    """Equal after pickling, so that a reload that changes nothing restarts nothing; and they say what they are."""
    one = hours("09:00-17:00", "22:00-06:00", days=("mon-fri",))
    assert pickle.loads(pickle.dumps(one)) == one
    assert str(one) == "mon, tue, wed, thu, fri 09:00-17:00, 22:00-06:00 Europe/Berlin"
