"""Histories: what began and ended becomes reports in their order, and lines on paper."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.history import OPEN_END, Ending, from_lines, reports, since, to_line
from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.times import HOUR, MINUTE, Timestamp

NOW: Timestamp = 1_767_225_600_000


def alert(at: int, end: int | None = None, **labels: str) -> Alert:
    """Came at this minute, and ends at that one."""
    return Alert(
        labels=Labels({"alertname": "Down", **labels}),
        annotations=Labels({"summary": "down"}),
        starts_at=NOW + at * MINUTE,
        ends_at=OPEN_END if end is None else NOW + end * MINUTE,
        updated_at=NOW + at * MINUTE,
    )


def ending(of: Alert, end: int, told: int | None = None) -> Ending:
    at = None if told is None else NOW + told * MINUTE
    return Ending(fingerprint=of.fingerprint, ends_at=NOW + end * MINUTE, told_at=at)


def test_an_end_that_was_reported_is_a_report() -> None:
    """It comes when it came, and says when the alert ended."""
    down = alert(0, 5)
    assert reports([down], [ending(down, 9, told=10)]) == (
        replace(down, ends_at=OPEN_END),
        replace(down, ends_at=NOW + 9 * MINUTE, updated_at=NOW + 10 * MINUTE),
    )


def test_an_end_that_came_by_time_stands_in_the_beginning() -> None:
    """Whatever end was believed at first; twice from two groups is once, and one that nobody knows of is none."""
    down, other = alert(0, 5), alert(1, a="b")
    assert reports([down], [ending(down, 12), ending(down, 12), ending(other, 3)]) == (
        replace(down, ends_at=NOW + 12 * MINUTE),
    )


def test_each_beginning_has_its_own_end() -> None:
    """An alert that comes again, and one that fires on."""
    down = alert(0)
    again, third = alert(20), alert(40)
    found = reports([down, again, third], [ending(down, 9, told=10), ending(down, 33)])
    assert [(one.updated_at - NOW) // MINUTE for one in found] == [0, 10, 20, 40]
    assert [one.ends_at for one in found] == [OPEN_END, NOW + 9 * MINUTE, NOW + 33 * MINUTE, OPEN_END]


def test_an_alert_that_ended_before_it_began_began_when_it_ended() -> None:
    """By the clock of whoever reported it; a line of it would be refused."""
    down = alert(5)
    early = ending(down, 3, told=10)
    assert reports([down], [early])[1] == replace(
        down, starts_at=NOW + 3 * MINUTE, ends_at=NOW + 3 * MINUTE, updated_at=NOW + 10 * MINUTE
    )


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("ab")), max_size=8),
    st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9), st.sampled_from("ab")), max_size=8),
)
def test_every_history_can_be_written_and_read(
    began: list[tuple[int, int, str]], ended: list[tuple[int, int | None, str]]
) -> None:
    """Whatever the clocks of those who reported said."""
    starts = [replace(alert(at, name=name), starts_at=NOW + start * MINUTE) for at, start, name in began]
    history = reports(starts, [ending(alert(0, name=name), end, told) for end, told, name in ended])
    assert tuple(from_lines(to_line(one) for one in history)) == history


def test_an_alert_that_came_often_costs_no_more_for_each_time() -> None:
    """Each end is looked at for few beginnings."""
    looked = 0

    class Counted(int):
        def __lt__(self, other: int) -> bool:
            nonlocal looked
            looked += 1
            return int(self) < int(other)

        def __le__(self, other: int) -> bool:
            return not other < self

        def __ge__(self, other: int) -> bool:
            return not self < other

    down = alert(0)
    many = 500
    began = [replace(down, updated_at=NOW + place * HOUR) for place in range(many)]
    told = [Counted(NOW + place * HOUR + MINUTE) for place in range(many)]
    found = reports(began, [Ending(fingerprint=down.fingerprint, ends_at=at, told_at=at) for at in told])
    assert len(found) == 2 * many
    assert looked < 40 * many


def test_a_history_may_begin_later() -> None:
    """What fires then is reported then, with the start that it had; what is over is left out."""
    history = (
        alert(0),
        alert(1, 8, a="b"),
        alert(2, a="c"),
        replace(alert(2, a="c"), ends_at=NOW + 5 * MINUTE, updated_at=NOW + 5 * MINUTE),
        alert(20, a="d"),
    )
    found = since(history, NOW + 10 * MINUTE)
    assert [(one.labels.get("a"), one.starts_at - NOW, one.updated_at - NOW) for one in found] == [
        (None, 0, 10 * MINUTE),
        ("d", 20 * MINUTE, 20 * MINUTE),
    ]


def test_reports_are_lines_and_lines_are_reports() -> None:
    """Everything comes back; what may be left out has its default."""
    told = (replace(alert(0), generator_url="http://p/g", starts_at=NOW - HOUR), alert(3, 9, a='ü"\n'))
    assert tuple(from_lines(to_line(one) for one in told)) == told
    (bare,) = from_lines(["", '{"at": "2026-01-01T00:00:00Z", "labels": {"alertname": "Down"}}', " "])
    assert bare == replace(alert(0), annotations=Labels({}))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2 is no JSON: "),
        ("[]", "line 2: is no mapping"),
        ("[" * 100_000, "line 2: is nested too deeply"),
        ('{"at": "2026-01-01T01:00:00Z", "labels": {"a": ""}}', "line 2: has no labels"),
        ('{"labels": {"a": "b"}}', "line 2: `at`, when it came, is missing"),
        ('{"at": "2026-01-01T01:00:00Z"}', "line 2: has no labels"),
        ('{"at": "yesterday", "labels": {"a": "b"}}', "line 2: `at` is no time"),
        ('{"at": 5, "labels": {"a": "b"}}', "line 2: `at` is no time"),
        ('{"at": "2026-01-01T01:00:00Z", "labels": {"a": 1}}', "line 2: `labels` is no mapping of names to texts"),
        ('{"at": "2026-01-01T01:00:00Z", "labels": {"": "x"}}', "line 2: invalid name"),
        (
            '{"at": "2026-01-01T01:00:00Z", "labels": {"a": "b"}, "annotations": []}',
            "line 2: `annotations` is no mapping",
        ),
        (
            '{"at": "2026-01-01T01:00:00Z", "labels": {"a": "b"}, "generatorURL": 1}',
            "line 2: `generatorURL` is no text",
        ),
        ('{"at": "2026-01-01T01:00:00Z", "labels": {"a": "b"}, "status": "x"}', "line 2: `status` is not known"),
        ('{"at": "2025-01-01T01:00:00Z", "labels": {"a": "b"}}', "line 2: comes before the line above it"),
        (
            '{"at": "2026-01-01T01:00:00Z", "labels": {"a": "b"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}',
            "line 2: endsAt is before startsAt",
        ),
    ],
)
def test_a_bad_line_is_named(line: str, problem: str) -> None:
    """By its number, with what is wrong."""
    good = to_line(alert(0))
    with pytest.raises(ValueError, match=problem.replace("(", r"\(")):
        list(from_lines([good, line]))
