"""The scrape loop writes what targets answer, and what it means when they do not."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from dataclasses import replace

import pytest

from monitor.clock import Clock
from monitor.matching.relabel import Relabeling, RelabelRule
from monitor.model.errors import BugError, PeerError
from monitor.model.labels import Labels
from monitor.scrape.jobs import Limits, ScrapeJob, TargetGroup
from monitor.scrape.scraped import Answer
from tests.support.scraped import ScrapeWorld, SlowClock, WorkClock

JOB = ScrapeJob(name="j", interval=10_000, timeout=5_000, groups=(TargetGroup(addresses=("a:1",)),))


@pytest.mark.parametrize("slow", [False, True], ids=["called back", "awaited"])
async def test_a_good_scrape_writes_its_series_and_the_reports_at_the_slot(slow: bool) -> None:
    """All samples of one answer carry the slot's time; up is 1 and the counts are right."""
    world = ScrapeWorld()
    world.fetch.slow = slow
    world.scraping.apply([JOB])
    world.tell('m{a="1"} 2\nm{a="2"} 3\n')
    at = await world.slot()
    assert world.sink.shown("m", a="1", job="j", instance="a:1") == [(at, 2.0)]
    assert world.sink.shown("up", job="j", instance="a:1") == [(at, 1.0)]
    assert world.sink.shown("scrape_samples_scraped") == [(at, 2.0)]
    assert world.sink.shown("scrape_samples_post_metric_relabeling") == [(at, 2.0)]
    assert world.sink.shown("scrape_series_added") == [(at, 2.0)]
    assert world.told == [("j", at, None)]


async def test_over_the_target_limit_all_targets_are_down_and_none_is_asked() -> None:
    """As in Prometheus they stand there with up 0, so that somebody sees it; with fewer they are scraped again."""
    world = ScrapeWorld()
    crowd = replace(JOB, groups=(TargetGroup(addresses=("a:1", "b:1")),), limits=Limits(targets=1))
    world.scraping.apply([crowd])
    await world.slot()
    await world.slot()
    shown = [world.sink.shown("up", job="j", instance=instance) for instance in ("a:1", "b:1")]
    assert {value for samples in shown for _, value in samples} == {0.0}
    world.scraping.apply([replace(crowd, limits=Limits(targets=2))])
    world.tell("m 1\n")
    await world.slot()
    await world.slot()
    assert {value for _, value in world.sink.shown("m")} == {1.0}


async def test_slots_follow_each_other_by_the_interval() -> None:
    """The target keeps its place in the interval, and later answers of the same layout add no series."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    times: list[int] = []
    for value in range(3):
        world.tell(f"m {value}\n")
        times.append(await world.slot())
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == [10_000, 10_000]
    assert world.sink.shown("m") == [(at, float(value)) for value, at in enumerate(times)]
    assert [value for _, value in world.sink.shown("scrape_series_added")] == [1.0, 0.0, 0.0]


async def test_a_late_scrape_carries_its_own_time_and_a_missed_slot_is_left_out() -> None:
    """Two milliseconds late is on time, three are not; after a long gap there is one scrape, not many."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    world.tell("m 1\n")
    due = world.scraping.due_times()[0][0]
    await world.go(due + 2)
    await world.go(due + 10_003)
    await world.go(due + 95_000)
    assert [at for at, _ in world.sink.shown("m")] == [due, due + 10_003, due + 95_000]
    assert world.scraping.due_times()[0][0] == due + 100_000


async def test_a_series_missing_from_an_answer_ends_at_once_and_may_come_back() -> None:
    """Its stale marker has the time of the first answer without it."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    times: list[int] = []
    for body in ("m 1\nn 1\n", "m 2\n", "m 3\nn 3\n"):
        world.tell(body)
        times.append(await world.slot())
    assert world.sink.shown("n") == [(times[0], 1.0), (times[1], "stale"), (times[2], 3.0)]
    assert world.sink.shown("m") == [(times[0], 1.0), (times[1], 2.0), (times[2], 3.0)]


@pytest.mark.parametrize("slow", [False, True], ids=["called back", "awaited"])
async def test_a_failed_scrape_ends_all_series_once_and_up_stays_zero(slow: bool) -> None:
    """The first failure marks every series, the following ones only report; a good answer brings them back."""
    world = ScrapeWorld()
    world.fetch.slow = slow
    world.scraping.apply([JOB])
    times: list[int] = []
    for answer in ("m 1\n", PeerError("server returned HTTP status 500"), PeerError("refused"), "m 4\n"):
        world.tell(answer)
        times.append(await world.slot())
    assert world.sink.shown("m") == [(times[0], 1.0), (times[1], "stale"), (times[3], 4.0)]
    assert [value for _, value in world.sink.shown("up")] == [1.0, 0.0, 0.0, 1.0]
    assert [error for _, _, error in world.told] == [None, "server returned HTTP status 500", "refused", None]
    assert world.scraping.status()[0].health == "up"


async def test_a_broken_body_a_wrong_type_and_a_limit_each_fail_the_whole_scrape() -> None:
    """Nothing of such an answer is stored."""
    for body, content_type, limits, word in (
        ("m 1\nn\n", "text/plain", Limits(), "expected value"),
        ("m 1\n", None, Limits(), "blank Content-Type"),
        ("m 1\n", "application/openmetrics-text; version=1.0.0", Limits(), "does not end with # EOF"),
        ("m 1\n# EOF\n", "application/vnd.google.protobuf", Limits(), "protocol buffers"),
        ("m 1\nn 1\n", "text/plain", Limits(samples=1), "sample limit exceeded"),
        ('m{a="1",b="2"} 1\n', "text/plain", Limits(labels=4), "label_limit exceeded"),
        (
            'm{abc="long"} 1\n',
            "text/plain",
            Limits(label_name_length=8, label_value_length=3),
            "label_value_length_limit",
        ),
    ):
        world = ScrapeWorld()
        world.scraping.apply([replace(JOB, limits=limits)])
        world.tell(body, content_type=content_type)
        at = await world.slot()
        assert world.sink.shown("m") == []
        assert world.sink.shown("up") == [(at, 0.0)]
        assert word in world.scraping.status()[0].last_error


async def test_a_removed_target_ends_its_series_and_an_unchanged_one_goes_on() -> None:
    """Reloading with one address fewer touches only that one; its neighbour keeps its slot."""
    world = ScrapeWorld()
    both = replace(JOB, groups=(TargetGroup(addresses=("a:1", "b:1")),))
    world.scraping.apply([both])
    world.tell("m 1\n")
    world.tell("m 1\n", url="http://b:1/metrics")
    await world.go(world.scraping.due_times()[1][0])
    due = {target.labels["instance"]: at for at, target in world.scraping.due_times()}
    world.scraping.apply([JOB])
    await world.settle()
    assert world.sink.shown("m", instance="b:1")[-1] == (world.wall + 1, "stale")
    assert world.sink.shown("up", instance="b:1")[-1] == (world.wall + 1, "stale")
    assert world.scraping.due_times()[0][0] == due["a:1"]
    await world.slot()
    assert [value for _, value in world.sink.shown("m", instance="a:1")] == [1.0, 1.0]


async def test_the_answer_of_a_removed_target_is_not_read_further() -> None:
    """Neither what was begun nor what has just come: one round of the loop, and it is gone."""
    world = ScrapeWorld(clock=SlowClock)
    world.scraping.apply([replace(JOB, groups=(TargetGroup(addresses=("a:1", "b:1")),))])
    world.fetch.late = []
    for address in ("a:1", "b:1"):
        body = "".join(f'm{{i="{number}"}} 1\n' for number in range(20_000))
        world.tell(body, f"http://{address}/metrics")
    await world.go(max(due for due, _ in world.scraping.due_times()))
    begun, come = world.fetch.late
    begun()
    await Clock().sleep(0)
    come()
    assert world.scraping.unread == 2
    world.scraping.apply([])
    for _ in range(3):
        await Clock().sleep(0)
    assert (world.scraping.unread, world.sink.samples, world.told) == (0, {}, [])


async def test_changed_options_keep_the_series_that_are_still_wanted() -> None:
    """A new metric relabelling ends what it drops at the next scrape and nothing else."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    world.tell("m 1\nn 1\n")
    first = await world.slot()
    drop = Relabeling([RelabelRule(source_labels=("__name__",), regex="n", action="drop")])
    world.scraping.apply([replace(JOB, metric_relabel=drop)])
    second = await world.slot()
    assert world.sink.shown("n") == [(first, 1.0), (second, "stale")]
    assert world.sink.shown("m") == [(first, 1.0), (second, 1.0)]
    assert world.sink.shown("scrape_samples_scraped")[-1] == (second, 2.0)
    assert world.sink.shown("scrape_samples_post_metric_relabeling")[-1] == (second, 1.0)


async def test_shutting_down_ends_no_series() -> None:
    """After a restart they go on."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    world.tell("m 1\n")
    at = await world.slot()
    world.scraping.close()
    assert world.sink.shown("m") == [(at, 1.0)]
    assert world.sink.open_series == set()


async def test_an_answer_that_comes_after_shutdown_is_not_read() -> None:
    """Whatever was asked then: nothing is written any more."""
    world = ScrapeWorld()
    world.fetch.late = []
    world.scraping.apply([JOB])
    world.tell("m 1\n")
    await world.slot()
    world.scraping.close()
    for tell in world.fetch.late:
        tell()
    await world.settle()
    assert world.sink.samples == {}


async def test_a_large_answer_is_read_in_turns() -> None:
    """Others have theirs between; all of it is written for the one slot."""
    world = ScrapeWorld(clock=SlowClock)
    world.scraping.apply([JOB])
    loop = asyncio.get_running_loop()
    turns, counting = 0, True

    def count() -> None:
        nonlocal turns
        turns += 1
        if counting:
            loop.call_soon(count)

    count()
    for answer in range(2):
        world.tell("".join(f'm{{i="{number}"}} {answer}\n' for number in range(20_000)))
        turns = 0
        at = await world.slot()
        assert world.sink.shown("scrape_samples_scraped", job="j")[-1] == (at, 20_000.0)
        assert world.sink.shown("m", i="19999")[-1] == (at, float(answer))
        assert turns > 5
    counting = False


async def test_large_answers_share_the_rounds_of_the_loop_and_a_small_one_passes_them() -> None:
    """One turn a round, however many targets have answered: three large answers are read side by side, two milliseconds of
    them at a time, and a small answer that comes last does not wait for them."""
    world = ScrapeWorld(clock=SlowClock)
    large = tuple(f"large{number}:1" for number in range(3))
    world.scraping.apply([replace(JOB, groups=(TargetGroup(addresses=(*large, "small:1")),))])
    world.fetch.late = []
    for address in large:
        body = "".join(f'm{{i="{number}"}} 1\n' for number in range(20_000))
        world.tell(body, f"http://{address}/metrics")
    world.tell("m 1\n", "http://small:1/metrics")
    for due in sorted({due for due, _ in world.scraping.due_times()}):
        await world.go(due)
    for tell in world.fetch.late:
        tell()
    looks: list[float] = []
    small: list[bool] = []
    while world.scraping.unread:
        looks.append(world.clock.monotonic())
        small.append(bool(world.sink.shown("up", instance="small:1")))
        await Clock().sleep(0)
    spent = [later - sooner for sooner, later in itertools.pairwise(looks)]
    assert max(spent) < 0.010
    assert len(world.told) == len(large) + 1
    assert small.index(True) < len(small) / 2


@pytest.mark.parametrize(
    "bodies", [("m 1\n", "m 2\n"), ("m 1\n", "n 1\n"), ("", "")], ids=["same", "other series", "down"]
)
async def test_a_turn_over_many_answers_ends_when_its_time_is_over(bodies: tuple[str, str]) -> None:
    """The rest come in the next turns, and none is left out; a turn takes two milliseconds and what was begun by then."""
    world = ScrapeWorld(clock=WorkClock)
    addresses = tuple(f"t{number}:1" for number in range(20))
    world.scraping.apply([replace(JOB, interval=1_000, timeout=1_000, groups=(TargetGroup(addresses=addresses),))])
    loop = asyncio.get_running_loop()
    told: list[int] = []
    counting = True

    def count() -> None:
        told.append(len(world.told))
        if counting:
            loop.call_soon(count)

    count()
    for body in bodies:
        for address in addresses:
            world.tell(body or PeerError("refused"), f"http://{address}/metrics")
        await world.go(world.wall + 1_000)
        while len(world.told) % len(addresses):
            await world.settle()
    counting = False
    assert len(world.told) == len(bodies) * len(addresses)
    assert max(later - sooner for sooner, later in itertools.pairwise(told)) <= 4


class _Body(bytearray):
    """A body of which can be told whether somebody still has it."""


async def test_shutting_down_between_two_turns_lets_go_of_what_was_begun() -> None:
    """Nothing more is written, and no body is kept."""
    world = ScrapeWorld(clock=SlowClock)
    addresses = tuple(f"t{number}:1" for number in range(20))
    world.scraping.apply([replace(JOB, interval=1_000, timeout=1_000, groups=(TargetGroup(addresses=addresses),))])
    for address in addresses:
        world.tell("m 1\n", f"http://{address}/metrics")
    await world.go(world.wall + 1_000)
    while len(world.told) < len(addresses):
        await world.settle()
    bodies: list[weakref.ref[_Body]] = []
    for address in addresses:
        body = _Body(b"m 2\n")
        bodies.append(weakref.ref(body))
        world.fetch.answers[f"http://{address}/metrics"] = Answer(body=body, content_type="text/plain")
        del body
    written = await world.stop_after_a_turn(world.wall + 1_000)
    world.fetch.answers.clear()
    await world.settle()
    assert len(addresses) <= written == len(world.told) < 2 * len(addresses)
    gc.collect()
    assert [body for body in bodies if body() is not None] == []


async def test_answers_that_come_together_are_each_read_as_their_own() -> None:
    """Of four targets in one slot two have moved, one has other series, one is broken; each has its own samples."""
    world = ScrapeWorld()
    names = ("a", "b", "c", "d")
    group = TargetGroup(addresses=tuple(f"{name}:1" for name in names))
    world.scraping.apply([replace(JOB, interval=1_000, timeout=1_000, groups=(group,))])
    body = "".join(f"a_metric_{number} {number}00\n" for number in range(20))
    for name in names:
        world.tell(body, f"http://{name}:1/metrics")
    await world.slot()
    world.tell(body.replace(" 700\n", " 701\n"), "http://a:1/metrics")
    world.tell(body.replace("metric_7 ", "metric_x "), "http://b:1/metrics")
    world.tell(body.replace(" 700\n", " 7z0\n"), "http://c:1/metrics")
    world.tell(body.replace(" 700\n", " 702\n"), "http://d:1/metrics")
    at = await world.slot()
    assert {time for _, time, _ in world.told[4:]} == {at}
    last = {name: world.sink.shown("a_metric_7", instance=f"{name}:1")[-1] for name in names}
    assert last == {"a": (at, 701.0), "b": (at, "stale"), "c": (at, "stale"), "d": (at, 702.0)}
    assert world.sink.shown("a_metric_x", instance="b:1") == [(at, 700.0)]
    assert [world.sink.shown("up", instance=f"{name}:1")[-1][1] for name in names] == [1.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("clock", [WorkClock, SlowClock], ids=["in one turn", "in many turns"])
async def test_a_mistake_of_ours_costs_no_other_answer_of_the_turn(clock: type[Clock]) -> None:
    """All targets of the slot go on in the next one, also one that did not answer."""
    world = ScrapeWorld(clock=clock)
    group = TargetGroup(addresses=("a:1", "b:1", "c:1"))
    world.scraping.apply([replace(JOB, interval=1_000, timeout=1_000, groups=(group,))])
    for _ in range(3):
        world.tell("a_metric 1\n", "http://a:1/metrics")
        world.tell("a_metric 2\n", "http://b:1/metrics")
        await world.slot()
    world.listener_breaks = True
    with pytest.raises(BugError):
        await world.slot()
    world.listener_breaks = False
    await world.slot()
    assert [len(world.sink.shown("up", instance=f"{name}:1")) for name in "abc"] == [5, 5, 5]


@pytest.mark.parametrize("slow", [False, True], ids=["called back", "awaited"])
async def test_a_mistake_of_ours_costs_one_scrape_and_is_told(slow: bool) -> None:
    """It comes up as that of a task would; other targets are read, and the next slot is scraped."""
    world = ScrapeWorld()
    world.fetch.slow = slow
    world.scraping.apply([replace(JOB, groups=(TargetGroup(addresses=("a:1", "b:1")),))])
    world.listener_breaks = True
    for _ in range(2):
        with pytest.raises(BugError):
            await world.slot()
    assert len(world.sink.shown("up", instance="a:1")) == len(world.sink.shown("up", instance="b:1")) == 1
    world.listener_breaks = False
    await world.slot()
    await world.slot()
    assert len(world.sink.shown("up", instance="a:1")) == len(world.sink.shown("up", instance="b:1")) == 2
    assert len(world.told) == 2


async def test_explicit_times_are_kept_and_get_no_stale_marker_unless_tracked() -> None:
    """With tracking a vanished one ends too; with honor_timestamps off they are ordinary samples."""
    for job, ending in ((JOB, []), (replace(JOB, track_timestamps_staleness=True), ["stale"])):
        world = ScrapeWorld()
        world.scraping.apply([job])
        world.tell("m 1 5000\nn 1\n")
        await world.slot()
        world.tell("n 2\n")
        await world.slot()
        assert [value for _, value in world.sink.shown("m")] == [1.0, *ending]
        assert world.sink.shown("m")[0][0] == 5000
    world = ScrapeWorld()
    world.scraping.apply([replace(JOB, honor_timestamps=False)])
    world.tell("m 1 5000\n")
    at = await world.slot()
    assert world.sink.shown("m") == [(at, 1.0)]


async def test_equal_series_in_one_answer_count_once_and_our_reports_win() -> None:
    """The first of two equal series is stored; a target cannot say `up` for us."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    world.tell("m 1\nm 2\nup 0\n")
    at = await world.slot()
    assert world.sink.shown("m") == [(at, 1.0)]
    assert world.sink.shown("up") == [(at, 1.0)]


async def test_targets_of_two_jobs_with_the_same_labels_are_scraped_once() -> None:
    """The second is refused with a sentence, since its series would be the first one's."""
    rename = Relabeling([RelabelRule(target_label="job", replacement="same")])
    world = ScrapeWorld()
    world.scraping.apply([replace(JOB, relabel=rename), replace(JOB, name="k", relabel=rename)])
    assert [status.target.job for status in world.scraping.status()] == ["j"]
    assert "carries the same labels" in world.scraping.target_sets()["k"].problems[0]


async def test_extra_reports_come_and_go_with_their_option() -> None:
    """Switched off, their series end."""
    world = ScrapeWorld()
    world.scraping.apply([replace(JOB, extra_metrics=True)])
    world.tell("m 1\n")
    first = await world.slot()
    world.scraping.apply([JOB])
    second = await world.slot()
    assert world.sink.shown("scrape_body_size_bytes") == [(first, 4.0), (second, "stale")]
    assert world.sink.shown("scrape_timeout_seconds") == [(first, 5.0), (second, "stale")]


@pytest.mark.parametrize("answers", [["", "", ""], ["m 1\n", "", ""], ["m 1\n", "", "m 2\n"], ["", "", "m 1\n"]])
async def test_extra_reports_end_also_while_the_target_is_down(answers: list[str]) -> None:
    """Whatever was answered before and after, they end at the first scrape without them, or were at their end already."""
    world = ScrapeWorld()
    last = 0
    for number, answer in enumerate(answers):
        world.scraping.apply([replace(JOB, extra_metrics=number < 2)])
        world.tell(answer or PeerError("refused"))
        last = await world.slot()
    assert world.sink.shown("scrape_timeout_seconds")[-1] == (last, "stale")
    assert len(world.sink.shown("up")) == 3


async def test_a_target_may_change_its_format() -> None:
    """Its series go on; times are milliseconds in the one and seconds in the other."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    for body, content_type in (
        ("m 1 1000\nn 5\n", "text/plain"),
        ("m 2 1.5\nn 6\n# EOF\n", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("m 3 2000\nn 7\n", "text/plain"),
    ):
        world.tell(body, content_type=content_type)
        await world.slot()
    assert world.sink.shown("m") == [(1000, 1.0), (1500, 2.0), (2000, 3.0)]
    assert [value for _, value in world.sink.shown("n")] == [5.0, 6.0, 7.0]


async def test_metadata_and_labels_of_targets_can_be_asked_for() -> None:
    """What HELP and TYPE said last, by target."""
    world = ScrapeWorld()
    world.scraping.apply([JOB])
    world.tell("# HELP m Things.\n# TYPE m counter\nm 1\n")
    await world.slot()
    ((target, metadata),) = world.scraping.metadata()
    assert target.labels == Labels({"job": "j", "instance": "a:1"})
    assert (metadata["m"].type, metadata["m"].help) == ("counter", "Things.")


async def test_a_wall_clock_set_back_does_not_stop_the_scrapes() -> None:
    """Slots are laid anew when the next one is further away than an interval."""
    world = ScrapeWorld(start=100_000_000)
    world.scraping.apply([JOB])
    await world.go(50_000_000)
    assert world.scraping.due_times()[0][0] <= 50_010_000
