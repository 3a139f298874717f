"""Which groups take an alert, what two reports of one alert come to, and when a group is due."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.dedup import why_notify
from monitor.alerts.groups import NotifyEntry, merge, taken_together
from monitor.alerts.routes import Route, group_key, labels_text
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import EMPTY, Labels
from monitor.model.notifications import Destination, NotifyReason
from monitor.model.times import HOUR, MINUTE, Timestamp

NOW: Timestamp = 1_767_225_600_000
HOOK = Destination("team", "webhook")


def route(receiver: str, matchers: str = "", *children: Route, continue_: bool = False) -> Route:
    return Route(receiver=receiver, matchers=parse_matchers(matchers), children=children, continue_=continue_)


TREE = route(
    "root",
    "",
    route("a", 'team="a"', route("a-page", 'severity="critical"')),
    route("all", 'severity=~"critical|error"', continue_=True),
    route("b", 'team!=""'),
)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ["root"]),
        ({"team": "a"}, ["a"]),
        ({"team": "a", "severity": "critical"}, ["a-page"]),
        ({"team": "b", "severity": "error"}, ["all", "b"]),
        ({"severity": "error"}, ["all"]),
    ],
)
def test_the_first_child_that_matches_takes_the_alert_unless_it_continues(
    labels: dict[str, str], receivers: list[str]
) -> None:
    """Depth first; a node none of whose children match takes it itself; a missing label is an empty one."""
    assert [found.receiver for found in TREE.match(labels)] == receivers


def test_group_keys_are_alertmanagers_byte_for_byte() -> None:
    """Their hash is the dedup key at PagerDuty."""
    child = Route(receiver="x", key='{}/{team="a"}', group_by=frozenset({"alertname", "severity", "absent"}))
    labels = Labels({"alertname": "Foo", "severity": 'cr"it', "team": "a"})
    assert group_key(child, child.group_labels(labels)) == '{}/{team="a"}:{alertname="Foo", severity="cr\\"it"}'
    assert labels_text(EMPTY) == "{}"
    assert replace(child, group_by_all=True).group_labels(labels) == labels


def entry(firing: str = "", resolved: str = "", at: Timestamp = NOW) -> NotifyEntry:
    return NotifyEntry(destination=HOOK, firing=tuple(firing), resolved=tuple(resolved), at=at)


@pytest.mark.parametrize(
    ("last", "firing", "resolved", "send_resolved", "reason"),
    [
        (None, "", "", True, NotifyReason.NONE),
        (None, "a", "", True, NotifyReason.FIRST),
        (entry("a"), "a", "", True, NotifyReason.NONE),
        (entry("a"), "ab", "", True, NotifyReason.NEW_ALERTS),
        (entry("", "a"), "a", "", True, NotifyReason.FIRST),
        (entry("a"), "", "a", True, NotifyReason.ALL_RESOLVED),
        (entry("a"), "", "a", False, NotifyReason.ALL_RESOLVED),
        (entry("", "a"), "", "a", True, NotifyReason.NONE),
        (entry("ab"), "a", "b", True, NotifyReason.SOME_RESOLVED),
        (entry("ab"), "a", "b", False, NotifyReason.NONE),
        (entry("a", at=NOW - 4 * HOUR - 1), "a", "", True, NotifyReason.REPEAT),
        (entry("a", at=NOW - 4 * HOUR), "a", "", True, NotifyReason.NONE),
    ],
)
def test_a_notification_is_due_for_a_reason(
    last: NotifyEntry | None, firing: str, resolved: str, send_resolved: bool, reason: NotifyReason
) -> None:
    """The first rule that applies decides."""
    found = why_notify(last, set(firing), set(resolved), repeat_interval=4 * HOUR, send_resolved=send_resolved, now=NOW)
    assert found is reason


def report(starts: int, ends: int, updated: int, *, by_timeout: bool = False) -> Alert:
    return Alert(
        labels=Labels({"alertname": "A"}),
        annotations=EMPTY,
        starts_at=NOW + starts * MINUTE,
        ends_at=NOW + ends * MINUTE,
        updated_at=NOW + updated * MINUTE,
        ends_by_timeout=by_timeout,
    )


def test_reports_that_overlap_are_one_activity() -> None:
    """The earliest start counts; a report that begins after the end is a new activity."""
    assert taken_together(report(-9, 5, -9), report(-2, 4, 0), NOW).starts_at == NOW - 9 * MINUTE
    assert taken_together(report(-9, -5, -5), report(-2, 4, 0), NOW).starts_at == NOW - 2 * MINUTE


def test_an_end_that_only_a_timeout_gave_does_not_outlive_a_newer_report() -> None:
    """A reported end does."""
    assert merge(report(-9, 9, -9, by_timeout=True), report(-9, 4, 0), NOW).ends_at == NOW + 4 * MINUTE
    assert merge(report(-9, 9, -9), report(-9, 4, 0), NOW).ends_at == NOW + 9 * MINUTE


minutes = st.integers(-20, 20)


@given(minutes, minutes, minutes, minutes, minutes, minutes)
def test_merging_does_not_depend_on_the_order(a: int, b: int, c: int, d: int, e: int, f: int) -> None:
    """Two reports with different times of report merge to the same alert either way round."""
    one, other = report(a, a + abs(b), c), report(d, d + abs(e), f)
    if one.updated_at != other.updated_at:
        assert merge(one, other, NOW) == merge(other, one, NOW)
