"""Durations and instants read and print without loss."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.times import (
    DAY,
    FIRST_INSTANT,
    HOUR,
    LAST_INSTANT,
    MINUTE,
    SECOND,
    format_duration,
    from_datetime,
    parse_duration,
    parse_rfc3339,
    rfc3339,
    spoken_duration,
    spoken_instant,
    to_datetime,
)

# from the year 1 to the year 9892
_instants = st.integers(-62_135_596_800_000, 250_000_000_000_000)


@given(st.integers(0, (2**63 - 1) // 1_000_000))
def test_a_printed_duration_reads_back(span: int) -> None:
    """parse∘format is identity."""
    assert parse_duration(format_duration(span)) == span


@given(_instants)
def test_a_printed_instant_reads_back(at: int) -> None:
    """Through RFC 3339 and through datetime."""
    assert parse_rfc3339(rfc3339(at)) == at
    assert from_datetime(to_datetime(at)) == at


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (FIRST_INSTANT, "0001-01-01T00:00:00.000Z"),
        (FIRST_INSTANT - 14 * HOUR + 1, "0001-01-01T00:00:00.000Z"),
        (-(2**63), "0001-01-01T00:00:00.000Z"),
        (LAST_INSTANT, "9999-12-31T23:59:59.999Z"),
        (LAST_INSTANT + 1, "9999-12-31T23:59:59.999Z"),
        (2**63 - 1, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_instants_beyond_the_calendar_are_told_as_its_ends(at: int, text: str) -> None:
    """In all ways in which an instant is told: what was stored must not break whoever shows it."""
    assert rfc3339(at) == text
    assert spoken_instant(at).endswith(f"{text[5:10]} {text[11:19]} UTC")
    assert from_datetime(to_datetime(at)) == parse_rfc3339(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [("0", 0), ("1h30m", 90 * MINUTE), ("1d2h", DAY + 2 * HOUR), ("1m500ms", MINUTE + 500), ("2w", 14 * DAY)],
)
def test_durations_are_prometheus_durations(text: str, span: int) -> None:
    """Units in descending order, each at most once."""
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "1", "1.5h", "30m1h", "1h1h", "-1s", "1 h", "h", "٣s", "99999y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Also what is out of range."""
    with pytest.raises(ValueError, match=r"duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("span", "text"), [(0, "0s"), (90 * SECOND, "1m30s"), (DAY, "1d"), (25 * HOUR, "25h"), (-1500, "-1s500ms")]
)
def test_durations_print_as_prometheus_prints_them(span: int, text: str) -> None:
    """Days only when they divide it."""
    assert format_duration(span) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [(999, "999ms"), (45_000, "45s"), (125 * MINUTE, "2h 5m"), (3 * DAY, "3d"), (DAY + MINUTE, "1d"), (-5, "0ms")],
)
def test_people_hear_two_units_at_most(span: int, text: str) -> None:
    """Neighbouring ones."""
    assert spoken_duration(span) == text


def test_an_instant_needs_a_zone() -> None:
    """Local times are refused; offsets are taken."""
    assert parse_rfc3339("2026-01-02T04:04:05.678+01:00") == from_datetime(datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC))
    with pytest.raises(ValueError, match="has no zone"):
        parse_rfc3339("2026-01-02T03:04:05")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-00:01"])
def test_an_instant_lies_in_our_years_in_utc(text: str) -> None:
    """An offset moves none out of them: nobody could tell it again."""
    with pytest.raises(ValueError, match="outside of the years 1 to 9999"):
        parse_rfc3339(text)
