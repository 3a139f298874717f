"""Samples with times of their own, stored in steps: what is stored and counted is as if it had been done at once."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from monitor.chance import Chance
from monitor.model.labels import Labels
from monitor.model.times import DAY, HOUR, MINUTE, Millis
from monitor.tsdb.store import SampleStore
from tests.support.samples import everything, points

SERIES = tuple(Labels({"__name__": f"m{number % 7}", "n": str(number)}) for number in range(3_000))


def run(steps: Generator[None, None, None]) -> int:
    """All of them; how many."""
    return 1 + sum(1 for _ in steps)


def counts(store: SampleStore) -> tuple[int, ...]:
    intake = store.intake
    return intake.dropped, intake.too_old, intake.duplicates, intake.overtaken, intake.taken_late


@pytest.mark.parametrize("window", [0, 30 * MINUTE], ids=["no window", "late ones are taken"])
@pytest.mark.parametrize("seed", range(4))
def test_steps_store_and_count_what_is_stored_and_counted_at_once(window: Millis, seed: int) -> None:
    """New, known, repeated, equal, late and moved series, some of them in a writer's hands as well."""
    dice = Chance(seed)
    stepped, whole = SampleStore.in_memory(DAY), SampleStore.in_memory(DAY)
    for store in (stepped, whole):
        store.take_late(window)
        store.open(SERIES[:40]).append(DAY, [0.5] * 40)
    at = DAY
    for _ in range(12):
        at += (0, MINUTE, MINUTE, -MINUTE, -5 * MINUTE, 1, 2 * HOUR, -2 * HOUR)[dice.span(0, 7)]
        begin, count = dice.span(0, len(SERIES)), (3, 300, 2_900)[dice.span(0, 2)]
        labels = [SERIES[(begin + 7 * number) % len(SERIES)] for number in range(count)]
        if dice.fraction() < 0.3:
            labels.append(labels[0])
        values = [float(dice.span(0, 2)) for _ in labels]
        run(stepped.appending_stamped(at, labels, values))
        whole.append_stamped(at, zip(labels, values, strict=True))
        assert counts(stepped) == counts(whole)
    assert everything(stepped.view()) == everything(whole.view())


@pytest.mark.parametrize("window", [0, 30 * MINUTE], ids=["no window", "late ones are taken"])
def test_many_take_many_steps_whether_they_are_new_the_same_or_older(window: Millis) -> None:
    """None of which is a second's work for the loop."""
    store = SampleStore.in_memory(DAY)
    store.take_late(window)
    values = [1.0] * len(SERIES)
    times = (DAY, DAY + 1, DAY + 1, DAY, DAY - 1, DAY - 2)
    assert [run(store.appending_stamped(at, SERIES, values)) > 3 for at in times] == [True] * 6
    assert run(store.appending_stamped(DAY + 2, SERIES[:10], values[:10])) == 1


def test_a_writer_that_comes_between_two_steps_loses_nothing() -> None:
    """Another target has the same series at the same time: what came first stays."""
    store = SampleStore.in_memory(DAY)
    run(store.appending_stamped(DAY, SERIES, [0.0] * len(SERIES)))
    steps = store.appending_stamped(DAY + 1, SERIES, [1.0] * len(SERIES))
    for _ in range(5):  # looked up, and two thirds placed
        next(steps)
    store.append_stamped(DAY + 1, [(SERIES[0], 2.0), (SERIES[-1], 2.0)])
    run(steps)
    stored = everything(store.view())
    last = [stored[labels][-1] for labels in (SERIES[0], SERIES[1], SERIES[-1])]
    assert last == points([(DAY + 1, 2.0), (DAY + 1, 1.0), (DAY + 1, 2.0)])
    assert store.intake.duplicates == 2


@pytest.mark.parametrize("count", range(1_500, 3_001, 1_500))
def test_many_that_are_too_old_for_any_series_are_not_stored(count: int) -> None:
    """Nor taken to be new because their series have nothing newer."""
    store = SampleStore.in_memory(DAY)
    store.take_late(30 * MINUTE)
    store.append_stamped(DAY, [(SERIES[0], 0.0)])
    run(store.appending_stamped(DAY - 2 * HOUR, SERIES[1:count], [1.0] * (count - 1)))
    assert (store.intake.too_old, set(everything(store.view()))) == (count - 1, {SERIES[0]})


@pytest.mark.parametrize("stamped", [True, False], ids=["stamped", "of now"])
@pytest.mark.parametrize("count", range(8))
def test_what_the_store_forgets_between_two_steps_costs_no_new_sample(stamped: bool, count: int) -> None:
    """All samples of their series but one are long past, and gone with the frame in which the new ones had their place."""
    store = SampleStore.in_memory(DAY)
    old, now = SERIES[:-1], 3 * DAY
    store.append_stamped(DAY, [(labels, 0.0) for labels in old])
    store.append_stamped(now - 1, [(SERIES[-1], 0.0)])
    values = [1.0] * len(SERIES)
    steps = store.appending_stamped(now, SERIES, values) if stamped else store.appending(now, SERIES, values)
    assert [next(steps, "ended") for _ in range(count)] == [None] * count
    store.forget(now)
    run(steps)
    stored = everything(store.view())
    assert {labels: there[-1] for labels, there in stored.items()} == dict.fromkeys(SERIES, points([(now, 1.0)])[0])
    assert set(counts(store)) == {0}


@pytest.mark.parametrize("count", [*range(0, 35, 4), 35])
def test_late_samples_that_others_bring_between_two_steps_stay_the_first(count: int) -> None:
    """Whenever they come; of the rest none is lost."""
    store = SampleStore.in_memory(DAY)
    store.take_late(30 * MINUTE)
    store.append_stamped(DAY, [(labels, 0.0) for labels in SERIES])
    steps = store.appending_stamped(DAY - MINUTE, SERIES, [1.0] * len(SERIES))
    ended = [next(steps, "ended") for _ in range(count)][-1:] == ["ended"]
    store.append_stamped(DAY - MINUTE, [(SERIES[0], 2.0), (SERIES[-1], 2.0)])
    run(steps)
    assert ended == (count == 35)
    stored = everything(store.view())
    first = points([(DAY - MINUTE, 1.0 if ended else 2.0), (DAY, 0.0)])
    assert stored == dict.fromkeys(SERIES, points([(DAY - MINUTE, 1.0), (DAY, 0.0)])) | {
        SERIES[0]: first,
        SERIES[-1]: first,
    }
    assert (store.intake.overtaken, store.intake.taken_late) == (2, len(SERIES))


def test_late_samples_put_away_in_steps_share_a_frame() -> None:
    """One for all of them, which also takes the next ones; narrow ones for each thousand would cost memory for ever."""
    store = SampleStore.in_memory(DAY)
    store.take_late(30 * MINUTE)
    store.append_stamped(DAY, [(labels, 0.0) for labels in SERIES])
    for at in (DAY - 1, DAY - 2):
        run(store.appending_stamped(at, SERIES, [1.0] * len(SERIES)))
    assert store.stats().frames == 2
