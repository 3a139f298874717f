"""Whatever happens to the clock and to the daemon, no step is skipped and none is doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.model.times import HOUR, parse_duration
from monitor.simulate.stories import Story
from monitor.simulate.tellings import acknowledged, page, resolve
from monitor.simulate.world import Line
from tests.support.story_files import COMMON, QUEUE, story_configuration


def test_a_clock_set_forward_ends_no_alert(tmp_path: Path) -> None:
    """The next step counts as due within half a minute; nothing resolves only because its reports look old, and the pause
    to the step after it is whole."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api", "shop")
    story.at("2s50ms").expect(page("ana"), page("ana"))
    story.at("30s").ack("ana", 2).expect(acknowledged("ana"))
    story.at("1m1s").jump(HOUR)
    story.at("1m30s").expect(page("bo"))
    story.at("6m30s").expect(page("console:"))
    story.at("7m").up("api")
    story.at("7m21s50ms").expect(resolve("ana"), resolve("bo"), resolve("console:"))
    story.until("30m").expect_nothing()


def test_a_clock_set_back_delays_a_step_by_its_own_pause_at_most(tmp_path: Path) -> None:
    """The audit finds the timer too far ahead and starts its pause anew; new failures are found as before."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("1m1s").jump(-HOUR)
    story.at("6m30s").expect(page("bo"))
    story.at("7m").ack("bo").expect(acknowledged("ana"), acknowledged("bo"))
    story.at("10m").down("shop")
    story.at("10m22s50ms").expect(page("ana"))
    story.at("11m").ack("ana").expect(acknowledged("ana"))
    story.at("20m").up("api")
    story.at("20m21s50ms").expect(resolve("ana"), resolve("bo"))
    story.until("1h").expect_nothing()


@pytest.mark.parametrize("jump", ["1m30s", "2m25s", "2m45s"])
def test_an_end_is_told_at_once_when_the_clock_was_set_back(tmp_path: Path, jump: str) -> None:
    """Before it, or between the two attempts that it takes: what was told before the jump was not told after the end."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at(jump).jump(-HOUR)
    story.at("2m30s").up("api")
    story.at("2m51s50ms").expect(resolve("ana"))
    story.until("2h").expect_nothing()


@pytest.mark.parametrize(("back", "told"), [("8s", "11s202ms"), ("9s900ms", "13s102ms")])
def test_an_end_is_told_at_once_when_the_clock_was_set_back_a_little(tmp_path: Path, back: str, told: str) -> None:
    """By less than is noticed: the slot that finds the alert over is not later than the one that told of it."""
    rule = "{alert: Down, expr: watchkeeper_check_status == 0, labels: {severity: critical}}"
    (tmp_path / "often.yml").write_text(f"groups: [{{name: often, interval: 5s, rules: [{rule}]}}]")
    common = COMMON.replace("rule_files: [rules.yml]", "rule_files: [often.yml]").replace(
        "rules: {shipped: false}", "rules: {shipped: false, early_evaluation: false}"
    )
    checks = 'checks: [{name: api, url: "http://api.test/health", interval: 5s, success_threshold: 1}]\n'
    story = Story(story_configuration(tmp_path, checks=checks, common=common))
    story.at("0s").down("api")
    story.at("3s202ms").expect(page("ana"))
    story.at("7s").up("api")
    story.at("7s500ms").jump(-parse_duration(back))
    story.at(told).expect(resolve("ana"))
    story.until("20m").expect_nothing()


def test_scrapes_go_on_when_the_clock_is_set_back(tmp_path: Path) -> None:
    """A queue that fills after the jump is noticed within the job's interval, and so is its end."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").serve(QUEUE, "queue_length 1\n")
    story.at("5m1s").jump(-HOUR)
    story.at("10m").serve(QUEUE, "queue_length 500\n")
    story.at("10m8s50ms").expect(page("ana"))
    story.at("11m").serve(QUEUE, "queue_length 1\n")
    story.at("11m8s50ms").expect(resolve("ana"))
    story.until("2h").expect_nothing()


@pytest.mark.parametrize("back", ["3m", "6m2s", "11m", "15m"])
@pytest.mark.parametrize(
    ("early", "fires", "misses_one", "resolves"),
    [(True, "11m8s50ms", "11m23s50ms", "20m8s50ms"), (False, "11m20s156ms", "11m50s156ms", "20m20s156ms")],
    ids=["early", "slots"],
)
def test_a_pending_alert_fires_one_evaluation_later_at_most_when_the_clock_is_set_back(
    tmp_path: Path, back: str, early: bool, fires: str, misses_one: str, resolves: str
) -> None:
    """What was observed of `for` counts, and the rest is as long as it was: but for the scrape, or the slot, that was being
    waited for when the clock changed, all comes when it would have come. So does the end."""
    rule = "{alert: Stuck, expr: queue_length > 5, for: 10m, labels: {severity: critical}}"
    (tmp_path / "patient.yml").write_text(f"groups: [{{name: patient, interval: 30s, rules: [{rule}]}}]")
    common = COMMON.replace("rule_files: [rules.yml]", "rule_files: [patient.yml]").replace(
        "rules: {shipped: false}", f"rules: {{shipped: false, early_evaluation: {str(early).lower()}}}"
    )
    story = Story(story_configuration(tmp_path, common=common))
    story.at("1m").serve(QUEUE, "queue_length 50\n")
    story.at(back).jump(-HOUR)
    story.at(misses_one if back == "11m" else fires).expect(page("ana"))
    story.at("12m").ack("ana").expect(acknowledged("ana"))
    story.at("20m").serve(QUEUE, "queue_length 1\n")
    story.at(resolves).expect(resolve("ana"))
    story.until("3h").expect_nothing()


def test_a_group_that_waits_for_company_waits_no_longer_when_the_clock_is_set_back(tmp_path: Path) -> None:
    """The half minute of a warning is half a minute, and its group's interval five: noticed within a nap of the clock."""
    story = Story(story_configuration(tmp_path))
    story.at("5m").serve(QUEUE, "queue_length 50\n")
    story.at("5m20s").jump(-HOUR)
    story.at("5m38s50ms").expect(page("default"))
    story.at("19m").serve(QUEUE, "queue_length 5\n")
    story.at("20m38s50ms").expect(resolve("default"))
    story.until("2h").expect_nothing()


@pytest.mark.parametrize("killed", ["2s51ms", "3m", "5m2s49ms", "5m2s51ms", "6m59s999ms"])
def test_a_kill_at_any_time_neither_loses_nor_repeats_a_page(tmp_path: Path, killed: str) -> None:
    """The daemon that starts again at once goes on where the other one was."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at(killed).crash()
    story.at("5m2s50ms").expect(page("bo"))
    story.at("7m").ack("bo").expect(acknowledged("ana"), acknowledged("bo"))
    story.until("1h").expect_nothing()


@pytest.mark.parametrize(("away", "resolves"), [("1s", "1m22s50ms"), ("1m30s", "2m51s50ms"), ("2m30s", "5m1s786ms")])
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
def test_an_end_that_nobody_saw_is_told_by_the_next_daemon(
    tmp_path: Path, killed: bool, away: str, resolves: str
) -> None:
    """Judged well, and stopped before the rules looked. After a short while the first answer counts; after a longer one it may
    be that of half of the data, and the alert is held for two intervals."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("50s").up("api")
    gone = story.at("1m21s")
    (gone.crash if killed else gone.restart)(back_after=away)
    story.at(resolves).expect(resolve("ana"))
    story.until("30m").expect_nothing()


def test_a_kill_between_verdict_and_page_loses_nothing(tmp_path: Path) -> None:
    """Judged, and killed before the rules looked: the next daemon's first attempt pages."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s20ms").crash()
    story.at("2s70ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.until("30m").expect_nothing()


def test_a_stop_and_start_in_good_order_is_not_noticed(tmp_path: Path) -> None:
    """A restart between two steps changes neither."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("2m").restart(back_after="20s")
    story.at("5m2s50ms").expect(page("bo"))
    story.at("6m").ack("bo").expect(acknowledged("ana"), acknowledged("bo"))
    story.until("1h").expect_nothing()


def test_steps_missed_while_down_are_made_up_for_one_at_a_time(tmp_path: Path) -> None:
    """After ten minutes of absence the overdue step comes at once, and the one after it in its own time."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("1m").crash(back_after="20m")
    story.at("21m").expect(page("bo"))
    story.at("26m").expect(page("console:"))
    story.until("30m").expect_nothing()


def test_what_recovered_while_we_were_down_resolves_after_the_start(tmp_path: Path) -> None:
    """The first good answers after the start end the incident, and nobody else is paged."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").down("api")
    story.at("2s50ms").expect(page("ana"))
    story.at("1m").crash(back_after="2m")
    story.at("2m").up("api")
    story.at("3m1s50ms").expect(resolve("ana"))
    story.until("1h").expect_nothing()


def test_a_page_whose_answer_was_never_seen_is_repeated_with_its_mark(tmp_path: Path) -> None:
    """Killed while the vendor was silent: the next daemon does not know whether it arrived, and says so."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").line("ana", Line.SILENT).down("api")
    story.at("5s").crash(back_after="5s")
    story.at("9s").line("ana", Line.GOOD)
    story.at("10s").expect(page("ana", repeated=True))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.until("30m").expect_nothing()


def test_a_page_that_is_tried_again_does_not_wait_for_the_clock_that_was_set_back(tmp_path: Path) -> None:
    """Its pause of seconds stays one: noticed within a nap of the clock."""
    story = Story(story_configuration(tmp_path))
    story.at("0s").line("ana", Line.BUSY).down("api")
    story.at("12s").jump(-HOUR)
    story.at("14s").line("ana", Line.GOOD)
    story.at("26s545ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    story.until("2h").expect_nothing()
