"""A group at its slots: order, samples, staleness, failures, texts, hand-over, early looks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.model.errors import EvaluationError
from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import MINUTE
from monitor.rules.evaluating import GroupRun
from monitor.rules.restore import restored
from monitor.rules.status import Health
from monitor.rules.texts import World
from tests.support.rule_worlds import RuleWorld, groups_of


async def test_later_rule_reads_what_an_earlier_one_wrote() -> None:
    """Each rule's samples are there before the next rule runs."""
    world = RuleWorld()
    world.put(MINUTE, x=2)
    run = GroupRun(groups_of({"record": "y", "expr": "x * 2"}, {"record": "z", "expr": "y + 1"})[0], world.around)
    await run.slot(MINUTE)
    assert await world.read("z", MINUTE) == {"z": 5.0}


async def test_vanished_series_ends_with_a_stale_marker() -> None:
    """What a rule no longer gives is gone at once; a failing evaluation ends nothing."""
    world = RuleWorld()
    world.put(0, x=1)
    run = GroupRun(groups_of({"record": "y", "expr": "x > 0"})[0], world.around)
    await run.slot(0)
    world.querier.failing = EvaluationError("no")
    await run.slot(MINUTE)
    assert await world.read("y", MINUTE) == {"y": 1.0}
    assert (run.rules[0].health, run.rules[0].last_error) == (Health.BAD, "no")
    world.querier.failing = None
    world.put(2 * MINUTE, x=-1)
    await run.slot(2 * MINUTE)
    assert await world.read("y", 2 * MINUTE) == {}


async def test_recorded_series_keep_their_names_until_the_answer_has_others() -> None:
    """Values change, series come and go; what is written is the present answer."""
    world = RuleWorld()
    run = GroupRun(groups_of({"record": "y", "expr": "x > 0", "labels": {"a": "b"}})[0], world.around)
    for minute, values in enumerate(({"n": 1.0}, {"n": 2.0}, {"n": 2.0, "m": 3.0}, {"m": 4.0}, {"n": 5.0, "m": 6.0})):
        world.store.append(minute * MINUTE, [(Labels({"__name__": "x", "i": i}), v) for i, v in values.items()])
        gone = [(Labels({"__name__": "x", "i": i}), -1.0) for i in ("n", "m") if i not in values]
        world.store.append(minute * MINUTE, gone)
        before = run.rules[0].series
        await run.slot(minute * MINUTE)
        assert await world.read("y", minute * MINUTE) == {f'y{{a="b", i="{i}"}}': v for i, v in values.items()}
        assert (run.rules[0].series is before) == (minute == 1)


async def test_labels_that_do_not_show_the_value_are_made_once() -> None:
    """Another value is another text, and the alert stays the same."""
    world = RuleWorld()
    texts = {"labels": {"at": "{{ $labels.i }}"}, "annotations": {"n": "{{ $value }} of {{ .Labels.i }}"}}
    run = GroupRun(groups_of({"alert": "A", "expr": "x > 0", **texts})[0], world.around)
    for minute, value in enumerate((1.0, 2.0)):
        world.store.append(minute * MINUTE, [(Labels({"__name__": "x", "i": "q"}), value)])
        await run.slot(minute * MINUTE)
        (alert,) = run.rules[0].active.values()
        assert str(alert.labels) == '{alertname="A", at="q", i="q"}'
        assert alert.annotations["n"] == f"{value:.0f} of q"


async def test_query_offset_moves_reading_and_writing() -> None:
    """The rule reads and writes at slot minus offset; states use the slot."""
    world = RuleWorld()
    world.put(MINUTE, x=1)
    world.put(2 * MINUTE, x=2)
    group = groups_of({"record": "y", "expr": "x"}, {"alert": "A", "expr": "x == 1"}, query_offset="1m")[0]
    run = GroupRun(group, world.around)
    await run.slot(2 * MINUTE)
    assert await world.read("y", MINUTE) == {"y": 1.0}
    assert world.sink.reports[0].starts_at == 2 * MINUTE


async def test_query_offset_moves_the_series_of_alerts_but_not_what_texts_ask() -> None:
    """ALERTS stands where the rule's query looked; a template sees the slot's own time."""
    world = RuleWorld()
    world.put(MINUTE, x=1, y=1)
    world.put(2 * MINUTE, x=1, y=2)
    texts = {"annotations": {"y": '{{ query "y" | first | value }}'}}
    run = GroupRun(groups_of({"alert": "A", "expr": "x == 1", **texts}, query_offset="1m")[0], world.around)
    await run.slot(2 * MINUTE)
    assert dict(world.sink.reports[0].annotations) == {"y": "2"}
    for query in ("ALERTS", "ALERTS_FOR_STATE"):
        assert await world.read(query, MINUTE - 1) == {}
        (value,) = (await world.read(query, MINUTE)).values()
        assert value == (1.0 if query == "ALERTS" else 120.0)


async def test_over_the_limit_nothing_is_written_and_nothing_ends() -> None:
    """The series of a recording rule and of alerts stay as the last good evaluation left them; the alerts are dropped and
    begin anew."""
    world = RuleWorld()
    world.put(0, x=1)
    rules = (
        {"record": "r", "expr": '{__name__=~"x|y"}', "labels": {"n": "1"}},
        {"alert": "A", "expr": "sum by (n) (x) > 0"},
    )
    many = {"alert": "B", "expr": 'label_replace({__name__=~"x|y"}, "n", "$1", "__name__", "(.+)")'}
    run = GroupRun(groups_of(*rules, many, limit=1)[0], world.around)
    await run.slot(0)
    assert [rule.health for rule in run.rules] == [Health.OK] * 3
    world.put(MINUTE, x=2, y=2)
    await run.slot(MINUTE)
    assert [rule.health for rule in run.rules] == [Health.BAD, Health.OK, Health.BAD]
    assert run.rules[2].last_error == "exceeded limit of 1 with 2 alerts"
    assert not run.rules[2].active
    assert await world.read("r", MINUTE) == {'r{n="1"}': 1.0}
    assert len(await world.read('ALERTS{alertname="B"}', MINUTE)) == 1
    world.store.append(2 * MINUTE, [(Labels({"__name__": "y"}), STALE)])
    await run.slot(2 * MINUTE)
    (again,) = run.rules[2].active.values()
    assert again.active_at == 2 * MINUTE


async def test_limit_drops_the_alerts_and_fails_the_rule() -> None:
    """As in Prometheus, without stale markers."""
    world = RuleWorld()
    world.put(0, x=1, y=1)
    run = GroupRun(
        groups_of({"alert": "A", "expr": '{__name__=~"x|y"}', "labels": {"n": "{{ .Labels.__name__ }}"}}, limit=1)[0],
        world.around,
    )
    await run.slot(0)
    assert run.rules[0].last_error == "exceeded limit of 1 with 2 alerts"
    assert not run.rules[0].active


async def test_alerts_dropped_over_the_limit_do_not_come_back_with_a_restart() -> None:
    """A process that was killed goes on with what the store has: a `for` begins anew there as it does here."""
    world = RuleWorld()
    rule = {"alert": "A", "expr": '{__name__=~"x|y"}', "labels": {"n": "{{ .Labels.__name__ }}"}, "for": "10m"}
    group = groups_of(rule, limit=1)[0]
    run = GroupRun(group, world.around)
    world.put(0, x=1)
    await run.slot(0)
    assert len(world.states.rows) == 1
    world.put(MINUTE, x=1, y=1)
    await run.slot(MINUTE)
    assert not world.states.rows
    assert restored(world.states.load(), group, 2 * MINUTE) == {}


async def test_texts_see_labels_value_and_the_world() -> None:
    """Labels and annotations are templates over the element; a failing one says so and the alert goes out."""
    world = RuleWorld()
    world.store.append(0, [(Labels({"__name__": "x", "job": "api"}), 0.25)])
    run = GroupRun(
        groups_of(
            {
                "alert": "A",
                "expr": "x",
                "labels": {"team": "t-{{ $labels.job }}", "job": ""},
                "annotations": {
                    "s": "{{ $value | humanizePercentage }} of {{ .Labels.__name__ }} {{ $labels.nope }}.",
                    "q": '{{ query "x * 8" | first | value }}',
                    "none": '{{ with query "nope" }}some{{ else }}none{{ end }}',
                    "bad": "{{ template `z` }}",
                    "u": "{{ $externalURL }}",
                    "empty": "{{ $labels.nope }}",
                    "wrong": "{{ query `x +` }}",
                },
            },
        )[0],
        world.around,
    )
    await run.slot(0)
    alert = world.sink.reports[0]
    assert dict(alert.labels) == {"alertname": "A", "team": "t-api"}
    assert dict(alert.annotations) == {
        "s": "25% of x .",
        "q": "2",
        "none": "none",
        "u": "http://w",
        "empty": "",
        "wrong": "<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "
        '"__alert_A" at <query `x +`>: error calling query: 1:4: parse error: unexpected end of input>',
        "bad": "<error expanding template: error executing template __alert_A: template: __alert_A:1:124: executing "
        '"__alert_A" at <{{template "z"}}>: template "z" not defined>',
    }
    assert alert.generator_url == "http://w/graph?g0.expr=x&g0.tab=1"


async def test_texts_follow_the_value_the_time_and_a_reload() -> None:
    """What was rendered is used again only while nothing that it shows has changed."""
    world = RuleWorld()
    texts = {"value": "{{ $value }}", "time": "{{ now }}", "url": "{{ externalURL }}", "still": "down"}
    rules = [
        {"alert": name, "expr": "x < 1", "labels": {"of": name}, "annotations": {"text": text}}
        for name, text in texts.items()
    ]
    run = GroupRun(groups_of(*rules)[0], world.around)

    def shown() -> list[str]:
        return [alert.annotations["text"] for rule in run.rules for alert in rule.active.values()]

    world.put(0, x=0.0)
    await run.slot(0)
    assert shown() == ["0", "0", "http://w", "down"]
    world.put(MINUTE, x=-0.0)
    await run.slot(MINUTE)
    assert shown() == ["-0", "60", "http://w", "down"]
    run.around = replace(run.around, world=World(external_url="http://v"))
    await run.slot(MINUTE)
    assert shown() == ["-0", "60", "http://v", "down"]


async def test_alerts_are_told_again_until_they_are_taken() -> None:
    """A refused hand-over is repeated at the next slot; added labels leave with the alert and are not stored."""
    world = RuleWorld()
    world.leave_with(env="prod")
    world.put(0, x=1)
    run = GroupRun(groups_of({"alert": "A", "expr": "x"})[0], world.around)
    world.sink.failing = True
    await run.slot(0)
    assert world.sink.reports == []
    world.sink.failing = False
    await run.slot(15_000)
    assert [dict(alert.labels) for alert in world.sink.reports] == [{"alertname": "A", "env": "prod"}]
    assert [alert.starts_at for alert in world.sink.reports] == [0]
    assert list(await world.read("ALERTS", 15_000)) == ['ALERTS{alertname="A", alertstate="firing"}']


async def test_added_labels_give_way_to_an_alerts_own() -> None:
    """As external labels do in Prometheus, also where a rule sets one."""
    world = RuleWorld()
    world.leave_with(env="prod", team="all", job="none")
    world.store.append(0, [(Labels({"__name__": "x", "job": "api"}), 1.0)])
    run = GroupRun(groups_of({"alert": "A", "expr": "x", "labels": {"team": "shop"}})[0], world.around)
    await run.slot(0)
    assert dict(world.sink.reports[0].labels) == {"alertname": "A", "env": "prod", "job": "api", "team": "shop"}


async def test_early_look_steps_states_and_writes_nothing() -> None:
    """A look fires and resolves at once; samples appear with the slot only."""
    world = RuleWorld()
    run = GroupRun(groups_of({"alert": "A", "expr": "x == 0"})[0], world.around)
    world.put(0, x=1)
    await run.slot(0)
    world.put(10_000, x=0)
    await run.look(0, 10_000)
    assert world.path() == ["inactive=>firing@10000"]
    assert await world.read("ALERTS", 11_000) == {}
    world.put(20_000, x=1)
    await run.look(0, 20_000)
    assert world.path()[1:] == ["firing=>inactive@20000"]
    assert [alert.resolved(20_000) for alert in world.sink.reports] == [False, True]
    await run.slot(MINUTE)
    assert await world.read("ALERTS", MINUTE) == {}


async def test_slot_that_is_older_than_a_look_does_not_undo_it() -> None:
    """A slot evaluated late knows less than the look; it writes its samples and leaves the states."""
    world = RuleWorld()
    run = GroupRun(groups_of({"alert": "A", "expr": "x == 0"})[0], world.around)
    world.put(59_000, x=1)
    world.put(60_001, x=0)
    await run.look(0, 60_001)
    await run.slot(MINUTE)
    assert world.path() == ["inactive=>firing@60001"]
    assert await world.read("ALERTS", MINUTE) == {}


async def test_early_look_counts_the_same_for() -> None:
    """The alert that a look saw first fires at the first evaluation at which `for` has passed."""
    world = RuleWorld()
    run = GroupRun(groups_of({"alert": "A", "expr": "x == 0", "for": "1m"})[0], world.around)
    for at in (10_000, 40_000, 69_999, 70_000):
        world.put(at, x=0)
        await run.look(0, at)
    assert world.path() == ["inactive=>pending@10000", "pending=>firing@70000"]


async def test_failing_look_is_left_to_the_slot() -> None:
    """It changes neither states nor health."""
    world = RuleWorld()
    run = GroupRun(groups_of({"alert": "A", "expr": "x"})[0], world.around)
    world.querier.failing = EvaluationError("no")
    await run.look(0, 1000)
    assert run.rules[0].health is Health.UNKNOWN


@pytest.mark.parametrize("failing", [False, True], ids=["stored", "store-down"])
async def test_states_are_stored_when_they_change(failing: bool) -> None:
    """Changes are written once; what could not be written is written later."""
    world = RuleWorld()
    world.states.failing = failing
    world.put(0, x=1)
    run = GroupRun(groups_of({"alert": "A", "expr": "x", "for": "1m"})[0], world.around)
    await run.slot(0)
    world.states.failing = False
    world.put(15_000, x=1)
    await run.slot(15_000)
    rows = list(world.states.rows.values())
    assert [(row.alert.state.value, row.alert.active_at) for row in rows] == [("pending", 0)]
    world.put(30_000, x=float("nan"))
    run2 = GroupRun(groups_of({"alert": "A", "expr": "x > 5", "for": "1m"})[0], world.around)
    run2.follow(run, 30_000)
    await run2.slot(30_000)
    assert world.states.rows == {}


@pytest.mark.parametrize(("text", "breaths_between"), [("{{ $value | humanize }}", 40), ("{{ $value }}", 2)])
async def test_long_evaluation_lets_others_have_their_turn(text: str, breaths_between: int) -> None:
    """After five milliseconds of work, between rules and between alerts; of plain texts many are quick."""
    ticks = iter(range(10_000))
    world = RuleWorld(lambda: next(ticks) / 100)
    breaths: list[int] = []

    async def breathe() -> None:
        breaths.append(1)

    world.store.append(0, [(Labels({"__name__": "x", "i": str(number)}), 1.0) for number in range(40)])
    group = groups_of({"alert": "A", "expr": "x", "annotations": {"t": text}}, {"record": "y", "expr": "x"})[0]
    await GroupRun(group, replace(world.around, breathe=breathe)).slot(0)
    assert len(breaths) == breaths_between + 2
