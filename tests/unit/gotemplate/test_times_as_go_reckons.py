"""Go's times where they differ from Python's: any year, durations that end somewhere, zones with seasons."""

from __future__ import annotations

import pytest

from monitor.gotemplate.moment_parsing import parse_moment
from monitor.gotemplate.moments import ZERO, Moment

_RFC3339 = "2006-01-02T15:04:05Z07:00"
_SHOWN = "2006-01-02 15:04:05 -0700 MST"


def test_difference_ends_at_292_years() -> None:
    """How long an alert that still fires has lasted: its end is the zero time."""
    start = parse_moment(_RFC3339, "2024-02-29T00:00:00Z")
    assert ZERO.since(start).go_string() == "-2562047h47m16.854775808s"
    assert start.since(ZERO).round(1_000_000_000).go_string() == "2562047h47m16.854775807s"


def test_zero_time_has_a_face_in_every_zone() -> None:
    """West of Greenwich it lies in the year 0."""
    assert ZERO.within("America/New_York").format(_SHOWN) == "0000-12-31 19:03:58 -0456 LMT"
    assert ZERO.add_date(-2, 0, 0).format(_SHOWN) == "-0001-01-01 00:00:00 +0000 UTC"
    assert ZERO.add_date(10_000, 0, 1).format(_SHOWN) == "10001-01-02 00:00:00 +0000 UTC"


def test_moved_time_has_the_offset_of_its_season() -> None:
    """An hour later it may be summer."""
    winter = parse_moment(_RFC3339, "2024-03-10T06:30:00Z").within("America/New_York")
    assert winter.format(_SHOWN) == "2024-03-10 01:30:00 -0500 EST"
    assert winter.add(3_600_000_000_000).format(_SHOWN) == "2024-03-10 03:30:00 -0400 EDT"
    assert winter.add_date(0, 0, 1).format(_SHOWN) == "2024-03-11 01:30:00 -0400 EDT"


def test_zone_without_a_name_shows_its_offset() -> None:
    """As of a time that was given with one."""
    assert parse_moment(_RFC3339, "2024-03-10T06:30:00+02:00").format("MST") == "+0200"


@pytest.mark.parametrize("text", ["2024-02-29T23:59:58.123456789Z", "2024-02-29T23:59:58,123456789Z"])
def test_fraction_is_read_though_the_layout_has_none(text: str) -> None:
    """Behind the seconds."""
    assert parse_moment(_RFC3339, text).nanos % 1_000_000_000 == 123_456_789


def test_nanoseconds_of_a_far_time_wrap() -> None:
    """As 64 bits do."""
    assert ZERO.go_methods()["UnixNano"].call() == -6_795_364_578_871_345_152
    assert Moment(5).go_methods()["UnixNano"].call() == 5
