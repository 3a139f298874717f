"""All that keeps an alert quiet, together; and alerts that others push."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alerts.dedup import names_text
from monitor.alerts.inhibition import InhibitRule
from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.muting import Mute, Muting, MutingRules
from monitor.alerts.pushed import pushed_alert
from monitor.alerts.routes import Route
from monitor.alerts.silence_book import SilenceBook
from monitor.alerts.silences import Silence
from monitor.alerts.spans import Once
from monitor.calendar.intervals import TimeInterval
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert, MuteReason
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import HOUR, MINUTE, Timestamp, parse_rfc3339

NOW: Timestamp = parse_rfc3339("2026-01-05T12:00:00Z")
LUNCH = TimeInterval(times=((720, 780),))
MORNING = TimeInterval(times=((480, 720),))
RULES = MutingRules(
    inhibit_rules=(InhibitRule(sources=parse_matchers("sev=crit"), targets=parse_matchers("sev=warn")),),
    intervals={"lunch": (LUNCH,), "morning": (MORNING,)},
    maintenance=(MaintenanceWindow(name="upgrade", matchers=parse_matchers("host=x"), intervals=(LUNCH,)),),
)
ROUTE = Route(receiver="r", mute_time_intervals=("lunch",), active_time_intervals=("morning",))
LABELS = Labels({"sev": "warn", "host": "x"})
SILENCE = Silence(
    id="s1",
    matcher_sets=(parse_matchers("host=x"),),
    starts_at=NOW,
    ends_at=NOW + 2 * HOUR,
    updated_at=NOW,
    expires_at=NOW + 9 * HOUR,
)


def test_all_reasons_are_told_in_the_order_of_the_stages() -> None:
    """With who or what is behind each, and when it will end, where that is known."""
    muting = Muting(RULES, SilenceBook([SILENCE]))
    source = Alert(
        labels=Labels({"sev": "crit"}), annotations=EMPTY, starts_at=NOW, ends_at=NOW + MINUTE, updated_at=NOW
    )
    assert muting.learn(source, NOW)
    one = NOW + HOUR
    tomorrow = parse_rfc3339("2026-01-06T08:00:00Z")
    assert muting.mutes(LABELS, ROUTE, NOW) == (
        Mute(reason=MuteReason.INHIBITION, by=(source.fingerprint,)),
        Mute(reason=MuteReason.OUTSIDE_ACTIVE_INTERVAL, by=("morning",), until=tomorrow),
        Mute(reason=MuteReason.MUTE_INTERVAL, by=("lunch",), until=one),
        Mute(reason=MuteReason.SILENCE, by=("s1",), until=NOW + 2 * HOUR),
        Mute(reason=MuteReason.MAINTENANCE, by=("upgrade",), until=one),
    )
    assert muting.next_change(LABELS, ROUTE, NOW) == NOW + MINUTE
    assert muting.next_change(LABELS, ROUTE, NOW + MINUTE) == one


def test_what_nothing_mutes_has_no_reason() -> None:
    """A route without hours, or none at all."""
    muting = Muting(RULES, SilenceBook([SILENCE]))
    assert muting.mutes(Labels({"sev": "warn"}), replace(ROUTE, active_time_intervals=()), NOW - HOUR) == ()
    assert muting.mutes(EMPTY, None, NOW) == ()
    assert muting.next_change(EMPTY, None, NOW) is None


def test_a_window_that_comes_once_comes_once() -> None:
    """Its end is not included."""
    window = MaintenanceWindow(name="move", matchers=parse_matchers("host=x"), once=(Once(NOW, NOW + HOUR),))
    muting = Muting(MutingRules(maintenance=(window,)), SilenceBook())
    assert muting.mutes(LABELS, None, NOW - 1) == ()
    assert muting.next_change(LABELS, None, NOW - 1) == NOW
    assert muting.mutes(LABELS, None, NOW) == (Mute(reason=MuteReason.MAINTENANCE, by=("move",), until=NOW + HOUR),)
    assert muting.mutes(LABELS, None, NOW + HOUR) == ()
    assert muting.next_change(LABELS, None, NOW + HOUR) is None


def test_intervals_are_reckoned_anew_when_the_clock_goes_back() -> None:
    """What was learnt about later does not hold for earlier."""
    muting, route = Muting(RULES, SilenceBook()), replace(ROUTE, active_time_intervals=())
    assert muting.mutes(EMPTY, route, NOW)
    assert muting.mutes(EMPTY, route, NOW + HOUR) == ()
    assert muting.mutes(EMPTY, route, NOW)


def _pushed(starts: Timestamp | None, ends: Timestamp | None, labels: dict[str, str] | None = None) -> Alert:
    return pushed_alert(
        {"alertname": "A", "empty": ""} if labels is None else labels,
        {"summary": "s"},
        starts_at=starts,
        ends_at=ends,
        generator_url="",
        resolve_timeout=5 * MINUTE,
        now=NOW,
    )


def test_missing_times_of_a_pushed_alert_are_filled_in() -> None:
    """It begins now, or with its end, and is believed for the resolve timeout; empty labels are none."""
    fresh = _pushed(None, None)
    assert (fresh.starts_at, fresh.ends_at, fresh.ends_by_timeout) == (NOW, NOW + 5 * MINUTE, True)
    assert dict(fresh.labels) == {"alertname": "A"}
    over = _pushed(None, NOW - MINUTE)
    assert (over.starts_at, over.ends_at, over.ends_by_timeout) == (NOW - MINUTE, NOW - MINUTE, False)


def test_what_is_no_alert_is_refused() -> None:
    """In Alertmanager's words."""
    wrong: list[tuple[Timestamp | None, dict[str, str], str]] = [
        (NOW - 1, {"a": "b"}, "start time must be before end time"),
        (None, {}, "at least one label pair required"),
        (None, {"a": ""}, "at least one label pair required"),
        (None, {"a": "b\\\udcff\n"}, r'invalid label set: invalid value "b\\\xff\n"'),
        (None, {"é\udc80": "b"}, r'invalid label set: invalid name "é\x80"'),
    ]
    for ends, labels, message in wrong:
        with pytest.raises(ValueError, match=r".+") as caught:
            _pushed(NOW, ends, labels)
        assert str(caught.value) == message


def test_many_alerts_are_told_in_a_line() -> None:
    """The commonest first."""
    assert names_text(["Down", "Slow", "Slow"]) == "Slow: 2, Down: 1"
