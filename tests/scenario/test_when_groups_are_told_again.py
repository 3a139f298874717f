"""Each rule by which a group is told again, at the exact flush; and what fails on the way.

Groups flush 30 seconds after their first alert and then every five minutes; they are repeated after an hour. Source of the
rules: Alertmanager notify/dedup_stage.go.
"""

from __future__ import annotations

from pathlib import Path

from monitor.model.notifications import MessageKind, NotifyReason
from monitor.simulate.stories import Played, Story
from monitor.simulate.tellings import page, resolve
from monitor.simulate.world import Line
from tests.support.pushed_stories import pushed


def reasons(played: Played, who: str = "team") -> list[NotifyReason]:
    return [heard.message.reason for heard in played.world.heard if heard.who == who]


def instances(played: Played, number: int, *, firing: bool = True) -> list[str]:
    """Of the alerts in one message."""
    alerts = played.world.heard[number].message.alerts
    return [alert.labels["instance"] for alert in alerts if alert.firing == firing]


def test_first_notification_waits_for_company(tmp_path: Path) -> None:
    """What joins within the group wait is in the first message."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a")
    story.at("20s").alert("Down", instance="b")
    story.at("31s").expect(page("team"))
    played = story.until("50m").expect_nothing()
    assert reasons(played) == [NotifyReason.FIRST]
    assert instances(played, 0) == ["a", "b"]


def test_what_resolves_within_the_group_wait_is_never_told(tmp_path: Path) -> None:
    """Nothing was said, so nothing has to be ended."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a")
    story.at("20s").over("Down", instance="a")
    assert reasons(story.until("3h").expect_nothing()) == []


def test_new_alert_is_told_at_the_next_flush(tmp_path: Path) -> None:
    """With those that fire on."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").alert("Down", instance="b")
    story.at("5m31s").expect(page("team"))
    played = story.until("50m").expect_nothing()
    assert reasons(played) == [NotifyReason.FIRST, NotifyReason.NEW_ALERTS]
    assert instances(played, 1) == ["a", "b"]


def test_end_of_all_is_told_at_the_next_flush(tmp_path: Path) -> None:
    """And then the group is gone: the next alert waits for company again, and is a first one."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").over("Down", instance="a")
    story.at("5m31s").expect(resolve("team"))
    story.at("7m").alert("Down", instance="a")
    story.at("7m30s").expect(page("team"))
    played = story.until("50m").expect_nothing()
    assert reasons(played) == [NotifyReason.FIRST, NotifyReason.ALL_RESOLVED, NotifyReason.FIRST]


def test_end_of_some_is_told_to_who_hears_of_ends(tmp_path: Path) -> None:
    """The other one hears nothing of it, and nothing of the end of all; for it the group is new afterwards."""
    story = Story(pushed(tmp_path, quiet=True))
    story.at("1s").alert("Down", instance="a").alert("Down", instance="b")
    story.at("31s").expect(page("team"), page("quiet"))
    story.at("2m").over("Down", instance="a")
    story.at("5m31s").expect(page("team"))
    story.at("7m").over("Down", instance="b")
    story.at("10m31s").expect(resolve("team"))
    story.at("12m").alert("Down", instance="b")
    story.at("12m30s").expect(page("team"), page("quiet"))
    played = story.until("50m").expect_nothing()
    assert reasons(played)[1:3] == [NotifyReason.SOME_RESOLVED, NotifyReason.ALL_RESOLVED]
    assert reasons(played, "quiet") == [NotifyReason.FIRST, NotifyReason.FIRST]


def test_what_resolved_and_was_told_is_not_told_again(tmp_path: Path) -> None:
    """A resolved alert leaves the group with the message that tells of it."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a").alert("Down", instance="b")
    story.at("31s").expect(page("team"))
    story.at("2m").over("Down", instance="a")
    story.at("5m31s").expect(page("team"))
    story.at("7m").alert("Down", instance="c")
    story.at("10m31s").expect(page("team"))
    played = story.until("50m").expect_nothing()
    assert instances(played, 1, firing=False) == ["a"]
    assert (instances(played, 2), instances(played, 2, firing=False)) == (["b", "c"], [])


def test_without_ends_resolved_alerts_are_left_out_of_the_message(tmp_path: Path) -> None:
    """For a receiver that hears of what fires only."""
    story = Story(pushed(tmp_path, quiet=True))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"), page("quiet"))
    story.at("2m").over("Down", instance="a").alert("Down", instance="b")
    story.at("5m31s").expect(page("team"), page("quiet"))
    played = story.until("50m").expect_nothing()
    (last,) = [heard.message for heard in played.world.heard if heard.who == "quiet"][1:]
    assert [alert.labels["instance"] for alert in last.alerts] == ["b"]


def test_repeat_comes_with_the_first_flush_behind_the_interval(tmp_path: Path) -> None:
    """An hour after 0:31 is over at 1:00:31 sharp, which is not more than an hour: the next flush repeats."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("1h5m31s").expect(page("team"))
    story.at("2h10m31s").expect(page("team"))
    played = story.until("3h").expect_nothing()
    assert reasons(played) == [NotifyReason.FIRST, NotifyReason.REPEAT, NotifyReason.REPEAT]


def test_any_message_puts_the_repeat_off(tmp_path: Path) -> None:
    """It counts from the last one, whatever its reason."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("40m").alert("Down", instance="b")
    story.at("40m31s").expect(page("team"))
    story.at("1h45m31s").expect(page("team"))
    story.until("2h").expect_nothing()


def test_alert_that_nobody_renews_ends_at_its_own_end(tmp_path: Path) -> None:
    """As of a Prometheus that died."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", "4m", instance="a")
    story.at("31s").expect(page("team"))
    story.at("5m31s").expect(resolve("team"))
    story.until("50m").expect_nothing()


def test_refused_message_is_decided_anew_at_a_later_flush(tmp_path: Path) -> None:
    """What was not delivered is not in the log: it is a first notification still. Somebody else is told meanwhile."""
    story = Story(pushed(tmp_path))
    story.at("0s").line("team", Line.DEAD)
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("console:"))
    story.at("3m").line("team", Line.GOOD)
    story.at("5m31s").expect(page("team"))
    played = story.until("50m").expect_nothing()
    assert reasons(played) == [NotifyReason.FIRST]


def test_restart_keeps_timers_and_says_nothing_twice(tmp_path: Path) -> None:
    """Neither the flush nor the repeat moves."""
    story = Story(pushed(tmp_path))
    story.at("1s").alert("Down", instance="a")
    story.at("10s").crash(back_after="2s")
    story.at("31s").expect(page("team"))
    story.at("3m").restart(back_after="30s")
    story.at("4m").alert("Down", instance="b")
    story.at("5m31s").expect(page("team"))
    story.at("40m").crash()
    story.at("1h10m31s").expect(page("team"))
    played = story.until("2h").expect_nothing()
    assert all(heard.kind is MessageKind.TRIGGER for heard in played.world.heard)
