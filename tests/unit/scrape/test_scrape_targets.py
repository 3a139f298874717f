"""From groups and relabelling to targets, their URLs and their slots."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.relabel import Relabeling, RelabelRule
from monitor.model.labels import Labels
from monitor.scrape.jobs import Limits, ScrapeJob, TargetGroup
from monitor.scrape.targets import Target, gathered, next_due, offset_of, targets_of

JOB = ScrapeJob(name="j", groups=(TargetGroup(addresses=("a:1",), labels=Labels({"env": "prod"})),))


def only(job: ScrapeJob) -> Target:
    (target,) = targets_of(job).active
    return target


def test_a_plain_address_becomes_a_target_with_job_and_instance() -> None:
    """The `__`-labels are gone from its series, and no port is added."""
    target = only(JOB)
    assert target.url == "http://a:1/metrics"
    assert target.labels == Labels({"job": "j", "instance": "a:1", "env": "prod"})
    assert target.discovered["__scrape_interval__"] == "1m"
    assert (target.interval, target.timeout) == (60_000, 10_000)


def test_the_blackbox_pattern_rewrites_address_and_parameter() -> None:
    """The address goes to a parameter and to instance, and the exporter's address takes its place."""
    rules = [
        RelabelRule(source_labels=("__address__",), target_label="__param_target"),
        RelabelRule(source_labels=("__param_target",), target_label="instance"),
        RelabelRule(target_label="__address__", replacement="bb:9115"),
    ]
    target = only(replace(JOB, metrics_path="/probe", params=(("module", ("http_2xx",)),), relabel=Relabeling(rules)))
    assert target.url == "http://bb:9115/probe?module=http_2xx&target=a%3A1"
    assert target.labels["instance"] == "a:1"


def test_a_parameter_label_takes_the_place_of_the_first_value_only() -> None:
    """Further values of the parameter stay."""
    rule = RelabelRule(target_label="__param_match", replacement="x")
    target = only(replace(JOB, params=(("match", ("a", "b")),), relabel=Relabeling([rule])))
    assert target.url.endswith("?match=x&match=b")


def test_interval_and_timeout_can_be_relabelled() -> None:
    """And a target whose timeout is beyond its interval is none."""
    rule = RelabelRule(target_label="__scrape_interval__", replacement="15s")
    assert only(replace(JOB, relabel=Relabeling([rule]))).interval == 15_000
    worse = RelabelRule(target_label="__scrape_timeout__", replacement="2m")
    found = targets_of(replace(JOB, relabel=Relabeling([worse])))
    assert found.active == ()
    assert 'cannot be greater than scrape interval ("2m" > "1m")' in found.problems[0]


def test_dropped_targets_are_remembered_with_their_labels() -> None:
    """So that people can see why a target is not there."""
    rule = RelabelRule(source_labels=("env",), regex="prod", action="drop")
    found = targets_of(replace(JOB, relabel=Relabeling([rule])))
    assert found.active == ()
    assert found.dropped[0]["__address__"] == "a:1"


def test_only_so_many_dropped_targets_are_kept_but_all_are_counted() -> None:
    """keep_dropped_targets bounds what thousands of them would cost."""
    rule = RelabelRule(source_labels=("env",), regex=".*", action="drop")
    many = TargetGroup(addresses=tuple(f"a:{port}" for port in range(9)))
    for limit, kept in ((0, 9), (2, 2)):
        job = replace(JOB, groups=(many,), relabel=Relabeling([rule]), limits=Limits(dropped=limit))
        found = targets_of(job)
        assert (len(found.dropped), found.dropped_count) == (kept, 9)


@pytest.mark.parametrize(
    ("address", "rules", "words"),
    [
        ("", [], "no address"),
        ("http://a:1", [], "is not a valid hostname"),
        ("a:1", [RelabelRule(target_label="__scheme__", replacement="ftp")], "neither http nor https"),
        ("a:1", [RelabelRule(target_label="__scrape_interval__", replacement="soon")], "error parsing scrape interval"),
        ("a:1", [RelabelRule(target_label="__scrape_interval__", replacement="0s")], "scrape interval cannot be 0"),
    ],
)
def test_what_cannot_be_a_target_is_a_problem_in_words(address: str, rules: list[RelabelRule], words: str) -> None:
    """The other targets of the job are not touched by it."""
    groups = (TargetGroup(addresses=(address,)),)
    found = targets_of(replace(JOB, groups=groups, relabel=Relabeling(rules)))
    assert found.active == ()
    assert words in found.problems[0]


def test_the_same_target_twice_is_one_and_too_many_are_refused() -> None:
    """target_limit fails each target of the job."""
    groups = (TargetGroup(addresses=("a:1", "a:1", "b:1")),)
    assert len(targets_of(replace(JOB, groups=groups)).active) == 2
    limited = targets_of(replace(JOB, groups=groups, limits=Limits(targets=1)))
    assert [target.refused for target in limited.active] == list(limited.problems) * 2
    assert limited.problems == ("target_limit exceeded (number of targets: 2, limit: 1)",)


def test_two_urls_with_the_same_labels_are_refused_the_second_time() -> None:
    """Their series would be the same series."""
    rule = RelabelRule(target_label="instance", replacement="one")
    found = targets_of(replace(JOB, groups=(TargetGroup(addresses=("a:1", "b:1")),), relabel=Relabeling([rule])))
    assert [target.url for target in found.active] == ["http://a:1/metrics"]
    assert "carries the same labels" in found.problems[0]


@given(st.integers(0, 10**13), st.integers(1, 10**7), st.integers(0, 10**7))
def test_the_next_slot_is_later_than_now_and_no_more_than_an_interval(now: int, interval: int, offset: int) -> None:
    """And always at the target's place in the interval."""
    target = replace(only(JOB), interval=interval)
    due = next_due(target, offset % interval, now)
    assert now < due <= now + interval
    assert due % interval == offset % interval


def test_offsets_spread_targets_over_the_interval_and_depend_on_the_seed() -> None:
    """A hundred targets fall into all ten tenths, and two seeds differ."""
    groups = (TargetGroup(addresses=tuple(f"h{number}:1" for number in range(200))),)
    targets = targets_of(replace(JOB, groups=groups)).active
    tenths = Counter(offset_of(target, 0) * 10 // target.interval for target in targets)
    assert set(tenths) == set(range(10))
    assert max(tenths.values()) < 45
    assert [offset_of(target, 0) for target in targets] != [offset_of(target, 1) for target in targets]


@given(st.integers(0, 10**9), st.integers(1_000, 10**6), st.integers(1, 10_000))
def test_few_targets_share_a_moment_and_none_leaves_its_place(offset: int, interval: int, targets: int) -> None:
    """A target moves ahead by less than a second, and no more than some ten come together on average."""
    offset %= interval
    moved = gathered(offset, interval, targets)
    assert 0 <= moved <= offset < moved + 1_000
    assert gathered(moved, interval, targets) == moved
    moments = len({gathered(place, interval, targets) for place in range(0, interval, max(interval // 20_000, 1))})
    assert targets <= 12 * moments or moments > interval // 2
