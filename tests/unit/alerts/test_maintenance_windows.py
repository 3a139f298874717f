"""When a maintenance window holds, and what becomes of it when an occurrence is cut."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.maintenance import (
    Cut,
    MaintenanceWindow,
    Occurrence,
    cut_next,
    cut_running,
    ended_now,
    has_ended,
    running,
    upcoming,
)
from monitor.alerts.maintenance_book import Entry, MaintenanceBook, WindowIndex, own_key, times
from monitor.alerts.muting import Mute, Muting, MutingRules
from monitor.alerts.silence_book import SilenceBook
from monitor.alerts.spans import Once, Repeated, Span, Watched, began, holds, next_flip
from monitor.calendar.cron import parse_cron
from monitor.calendar.intervals import TimeInterval
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import MuteReason
from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR, MINUTE, parse_rfc3339, rfc3339
from monitor.state.codec import dumps, loads
from tests.support.windows import nightly, once

BERLIN = "Europe/Berlin"
API = Labels({"alertname": "Down", "check": "api"})


def spoken(found: Occurrence | None) -> tuple[str, str] | None:
    """From and until, without year and seconds."""
    if found is None:
        return None
    return rfc3339(found.starts_at)[5:16], "" if found.ends_at is None else rfc3339(found.ends_at)[5:16]


def at(text: str) -> int:
    return parse_rfc3339(text)


def test_a_nightly_window_keeps_its_length_when_the_clocks_change() -> None:
    """Two hours from 02:00 in Berlin: in spring from the change at 01:00 UTC on, in autumn from the first 02:00 on."""
    window = nightly("0 2 * * *", "2h", BERLIN)
    spring = upcoming(window, (), at("2026-03-28T12:00:00Z"), 2)
    assert [spoken(one) for one in spring] == [("03-29T01:00", "03-29T03:00"), ("03-30T00:00", "03-30T02:00")]
    autumn = upcoming(window, (), at("2026-10-24T12:00:00Z"), 2)
    assert [spoken(one) for one in autumn] == [("10-25T00:00", "10-25T02:00"), ("10-26T01:00", "10-26T03:00")]


def test_what_goes_past_midnight_in_two_ranges_is_one_occurrence() -> None:
    """Alertmanager's ranges end at midnight; whoever hears of the window hears of one night."""
    night = TimeInterval(times=((22 * 60, 1440), (0, 6 * 60)), location=BERLIN)
    window = MaintenanceWindow(name="night", matchers=parse_matchers("a=b"), intervals=(night,))
    assert spoken(running(window, (), at("2026-01-05T02:00:00Z"))) == ("01-04T21:00", "01-05T05:00")
    (soon,) = upcoming(window, (), at("2026-01-05T02:00:00Z"), 1)
    assert spoken(soon) == ("01-05T21:00", "01-06T05:00")


def test_days_that_follow_one_another_are_one_occurrence() -> None:
    """Saturday and Sunday written as two intervals are a weekend."""
    days = (TimeInterval(weekdays=((6, 6),)), TimeInterval(weekdays=((0, 0),)))
    window = MaintenanceWindow(name="weekend", matchers=parse_matchers("a=b"), intervals=days)
    assert spoken(running(window, (), at("2026-01-04T12:00:00Z"))) == ("01-03T00:00", "01-05T00:00")


def test_one_that_has_held_for_years_has_no_begin_and_no_end() -> None:
    """None within a year, as time intervals can say."""
    window = MaintenanceWindow(name="all", matchers=parse_matchers("a=b"), intervals=(TimeInterval(),))
    assert running(window, (), at("2026-01-04T12:00:00Z")) == Occurrence(starts_at=0, ends_at=None)
    assert upcoming(window, (), at("2026-01-04T12:00:00Z"), 3) == ()


def test_an_occurrence_that_is_ended_early_leaves_the_next_ones() -> None:
    """And one that is left out leaves the one that is under way."""
    window, now = nightly("0 2 * * *", "2h"), at("2026-01-05T02:30:00Z")
    cuts = cut_running(window, (), now)
    assert cuts is not None
    assert cuts == (Cut(now, at("2026-01-05T04:00:00Z")),)
    assert running(window, cuts, now) is None
    assert spoken(upcoming(window, cuts, now, 1)[0]) == ("01-06T02:00", "01-06T04:00")
    skipped = cut_next(window, (), now)
    assert skipped is not None
    assert running(window, skipped, now) is not None
    assert spoken(upcoming(window, skipped, now, 1)[0]) == ("01-07T02:00", "01-07T04:00")
    both = cut_next(window, skipped, now)
    assert both is not None
    assert spoken(upcoming(window, both, now, 1)[0]) == ("01-08T02:00", "01-08T04:00")


def test_where_nothing_runs_or_comes_nothing_can_be_cut() -> None:
    """And old cuts are thrown away with the next one."""
    window = once("2026-01-05T00:00:00Z", "2026-01-05T01:00:00Z")
    assert cut_running(window, (), at("2026-01-04T00:00:00Z")) is None
    assert cut_next(window, (), at("2026-01-05T00:30:00Z")) is None
    nights = nightly("0 2 * * *", "2h")
    old = (Cut(at("2026-01-01T02:00:00Z"), at("2026-01-01T04:00:00Z")),)
    assert len(cut_running(nights, old, at("2026-01-05T03:00:00Z")) or ()) == 1


def test_a_window_that_came_once_is_over() -> None:
    """Also when it was ended before it began. One by cron never is."""
    window = once("2026-01-05T00:00:00Z", "2026-01-05T01:00:00Z")
    assert not has_ended(window, at("2026-01-05T00:59:59Z"))
    assert has_ended(window, at("2026-01-05T01:00:00Z"))
    assert has_ended(ended_now(window, at("2026-01-04T00:00:00Z")), at("2026-01-04T00:00:00Z"))
    assert not has_ended(nightly("0 2 * * *", "2h"), at("2026-01-05T00:00:00Z"))


def test_windows_of_the_file_and_of_run_time_mute_alike() -> None:
    """Both are named; an occurrence that was cut does not mute, whichever of the two it is of."""
    now, end = at("2026-01-05T02:30:00Z"), at("2026-01-05T04:00:00Z")
    file, added = nightly("0 2 * * *", "2h", name="file", place="w.yml:1"), nightly("0 2 * * *", "2h", name="added")
    book = MaintenanceBook([Entry(key=own_key("added"), window=added)])
    muting = Muting(MutingRules(maintenance=(file,)), SilenceBook(), book)
    both = (Mute(reason=MuteReason.MAINTENANCE, by=("file", "added"), until=end),)
    assert muting.mutes(API, None, now) == both
    assert muting.next_change(API, None, now) == end
    assert muting.mutes(API.with_(check="other"), None, now) == ()
    assert muting.next_change(API.with_(check="other"), None, now) is None
    book.take([Entry(key="file/file", cuts=(Cut(now, end),))], ())
    assert muting.mutes(API, None, now) == (Mute(reason=MuteReason.MAINTENANCE, by=("added",), until=end),)
    book.take((), [own_key("added")])
    assert muting.mutes(API, None, now) == ()
    assert muting.mutes(API, None, now + DAY) == (Mute(reason=MuteReason.MAINTENANCE, by=("file",), until=end + DAY),)


def test_a_window_that_is_changed_mutes_by_its_new_times() -> None:
    """What was reckoned of the old ones is forgotten."""
    now = at("2026-01-05T02:30:00Z")
    book = MaintenanceBook([Entry(key=own_key("move"), window=nightly("0 2 * * *", "2h"))])
    assert book.own.muting(API, now)
    book.take([Entry(key=own_key("move"), window=nightly("0 5 * * *", "2h"))], ())
    assert not book.own.muting(API, now)
    assert book.own.next_change(API, now) == at("2026-01-05T05:00:00Z")
    assert WindowIndex(book).muting(API, now) == []


def test_a_cut_of_a_window_of_the_file_counts_for_the_times_that_it_was_made_of() -> None:
    """A reload that moves the window undoes it; one that changes anything else does not. What is not known of counts."""
    now = at("2026-01-05T02:30:00Z")
    window, moved = nightly("0 2 * * *", "2h", name="file"), nightly("0 1 * * *", "3h", name="file")
    cut = Entry(key="file/file", cuts=(Cut(now, now + HOUR),), cut_of=times(window))
    for one, entry, quiet in (
        (window, cut, False),
        (replace(window, comment="later", announce_to="team"), cut, False),
        (moved, cut, True),
        (moved, replace(cut, cut_of=""), False),
    ):
        muting = Muting(MutingRules(maintenance=(one,)), SilenceBook(), MaintenanceBook([entry]))
        assert bool(muting.mutes(API, None, now + MINUTE)) is quiet
        assert bool(entry.cuts_of(one)) is not quiet
    assert times(loads(Entry, dumps(Entry(key="own/x", window=window))).window or moved) == times(window)


def test_a_window_is_stored_and_read_as_it_is() -> None:
    """With all its parts."""
    window = nightly("0 2 * * *", "2h", BERLIN, announce_to="team", announce_before=(HOUR, MINUTE))
    entry = Entry(key=own_key("move"), window=window, cuts=(Cut(1, 2),), created_at=3)
    assert loads(Entry, dumps(entry)) == entry


FIRST = at("2026-03-27T00:00:00Z")


def some_minutes(begin: int, length: int) -> Span:
    return Once(FIRST + begin * MINUTE, FIRST + (begin + length) * MINUTE)


def by_cron(text: str, hours: int) -> Span:
    return Repeated(parse_cron(text, BERLIN), hours * HOUR)


def by_the_day(first: int, length: int, location: str) -> Span:
    return TimeInterval(times=((first, first + length),), location=location)


SPANS: st.SearchStrategy[Span] = st.one_of(
    st.builds(some_minutes, st.integers(0, 4_000), st.integers(1, 4_000)),
    st.builds(by_cron, st.sampled_from(["0 2 * * *", "30 2 * * sun"]), st.integers(1, 20)),
    st.builds(by_the_day, st.integers(0, 700), st.integers(1, 700), st.sampled_from(["", BERLIN, "America/New_York"])),
    st.just(TimeInterval(weekdays=((0, 0), (6, 6)))),
)


@given(
    spans=st.lists(SPANS, min_size=1, max_size=3),
    now=st.integers(FIRST, at("2026-03-31T00:00:00Z")),
    looks=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
)
def test_between_begin_and_end_nothing_changes(spans: list[Span], now: int, looks: list[float]) -> None:
    """Since `began` and until `next_flip` it holds throughout, just before and just after it does not; and whoever watches
    without asking each time sees the same."""
    held, end = holds(spans, now), next_flip(spans, now)
    begin = began(spans, now) if held else now
    watched = Watched(spans)
    # a hundred joined spans are looked through; a window that never ends is refused
    if begin > 0:
        assert not held or not holds(spans, begin - 1)
    if end is not None and end - now < 3 * DAY:
        assert holds(spans, end) != held
        for share in sorted(looks):
            look = begin + int((end - begin) * share)
            assert holds(spans, look) == held == watched.holds(look)
