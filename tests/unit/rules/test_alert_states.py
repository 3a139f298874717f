"""The state machine of alerts: every path through the table, and its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.alerts import AlertState
from monitor.model.errors import EvaluationError
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import MINUTE
from monitor.promql.parser import parse
from monitor.rules.groups import AlertingRule
from monitor.rules.leaving import Leaving
from monitor.rules.reports import due, quiet_until, report, sent
from monitor.rules.restore import changes
from monitor.rules.states import NEXT, Active, LimitError, Seen, carried, step
from monitor.rules.texts import Rendered

_ONE = Labels({"alertname": "A", "host": "1"})
_TWO = Labels({"alertname": "A", "host": "2"})


def rule(hold: int = 0, keep: int = 0) -> AlertingRule:
    return AlertingRule(name="A", expr=parse("x"), query="x", for_=hold * MINUTE, keep_firing_for=keep * MINUTE)


def seen(*labels: Labels, value: float = 1.0) -> list[Rendered]:
    return [Rendered(labels=one, annotations=EMPTY, value=value) for one in labels]


def walk(of: AlertingRule, pattern: str) -> str:
    """One evaluation a minute: `x` the element is there, `.` it is not. The states passed through."""
    active: Active = {}
    path: list[str] = []
    for minute, mark in enumerate(pattern):
        active = step("g", of, active, seen(_ONE) if mark == "x" else [], minute * MINUTE).active
        state = active[_ONE].state.value if _ONE in active else "-"
        if not path or path[-1] != state:
            path.append(state)
    return "=>".join(path)


_PATHS = [
    (0, 0, "x", "firing"),
    (0, 0, "xx.", "firing=>inactive"),
    (2, 0, "x", "pending"),
    (2, 0, "xx.", "pending=>-"),
    (2, 0, "xxx", "pending=>firing"),
    (2, 0, "xxx.", "pending=>firing=>inactive"),
    (2, 0, "xxx.x", "pending=>firing=>inactive=>pending"),
    (2, 0, "xxx.xxx", "pending=>firing=>inactive=>pending=>firing"),
    (2, 0, "xxx" + "." * 17, "pending=>firing=>inactive=>-"),
    (2, 0, "xxx" + "." * 16, "pending=>firing=>inactive"),
    (0, 3, "x..", "firing"),
    (0, 3, "x....", "firing=>inactive"),
    (0, 3, "x..x..x", "firing"),
    (0, 3, "x...", "firing"),
    (1, 1, "xx..", "pending=>firing=>inactive"),
    (0, 0, "x.x", "firing=>inactive=>firing"),
]


@pytest.mark.parametrize(("hold", "keep", "pattern", "path"), _PATHS, ids=[f"{p[3]}:{p[2]}" for p in _PATHS])
def test_path(hold: int, keep: int, pattern: str, path: str) -> None:
    """Presence over time gives exactly these states."""
    assert walk(rule(hold, keep), pattern) == path


def test_table_answers_every_pair_that_can_occur() -> None:
    """A living alert may be seen in any way but forgotten, a resolved one is never kept."""
    for state in AlertState:
        possible = set(Seen) - ({Seen.KEPT} if state is AlertState.INACTIVE else {Seen.FORGOTTEN})
        assert {pair[1] for pair in NEXT if pair[0] is state} == possible


def test_returning_alert_starts_anew() -> None:
    """An alert that resolved and came back has a new beginning, though it is remembered."""
    active = step("g", rule(), {}, seen(_ONE), 0).active
    active = step("g", rule(), active, [], MINUTE).active
    assert active[_ONE].resolved_at == MINUTE
    again = step("g", rule(), active, seen(_ONE), 2 * MINUTE).active[_ONE]
    assert (again.active_at, again.fired_at, again.resolved_at) == (2 * MINUTE, 2 * MINUTE, None)


def test_value_is_kept_when_it_resolves() -> None:
    """The last value seen goes out with the resolve, and the transition carries it."""
    active = step("g", rule(), {}, seen(_ONE, value=7.5), 0).active
    after = step("g", rule(), active, [], MINUTE)
    assert after.active[_ONE].value == 7.5
    assert after.transitions[0].value == 7.5


def test_two_elements_that_become_one_alert_are_an_error() -> None:
    """With Prometheus's words."""
    with pytest.raises(
        EvaluationError, match="vector contains metrics with the same labelset after applying alert labels"
    ):
        step("g", rule(), {}, seen(_ONE, _ONE), 0)


def test_more_alerts_than_the_limit_are_an_error() -> None:
    """Pending ones count; resolved ones do not."""
    with pytest.raises(LimitError, match="exceeded limit of 1 with 2 alerts"):
        step("g", rule(5), {}, seen(_ONE, _TWO), 0, limit=1)
    active = step("g", rule(), {}, seen(_ONE), 0, limit=1).active
    assert step("g", rule(), active, seen(_TWO), MINUTE, limit=1).active[_ONE].state is AlertState.INACTIVE


def test_series_of_alerts() -> None:
    """ALERTS says the state, ALERTS_FOR_STATE since when in whole seconds; a resolved alert has none."""
    first = step("g", rule(5), {}, seen(_ONE), 90_500)
    assert {str(labels): value for labels, value in zip(first.written.labels, first.written.values, strict=True)} == {
        'ALERTS{alertname="A", alertstate="pending", host="1"}': 1.0,
        'ALERTS_FOR_STATE{alertname="A", host="1"}': 90.0,
    }
    assert step("g", rule(5), first.active, [], 120_000).written.labels == ()


def test_what_stays_the_same_stays_the_same_object() -> None:
    """Alerts as they were, and what is written of them; a new state or start makes both anew, another value the alert."""
    first = step("g", rule(2), {}, seen(_ONE, _TWO), 0)
    again = step("g", rule(2), first.active, seen(_TWO, _ONE), MINUTE, written=first.written)
    assert again.active[_ONE] is first.active[_ONE]
    assert again.written is first.written
    other = step("g", rule(2), again.active, [*seen(_ONE, value=9.0), *seen(_TWO)], MINUTE, written=again.written)
    assert (other.active[_ONE].value, other.active[_TWO]) == (9.0, first.active[_TWO])
    assert other.written is first.written
    fires = step("g", rule(2), other.active, seen(_ONE, _TWO), 2 * MINUTE, written=other.written)
    assert 'ALERTS{alertname="A", alertstate="firing", host="1"}' in map(str, fires.written.labels)
    ends = step("g", rule(2), fires.active, seen(_TWO), 3 * MINUTE, written=fires.written)
    assert len(ends.written) == 2
    back = step("g", rule(0), ends.active, seen(_ONE, _TWO), 4 * MINUTE, written=ends.written)
    assert sorted(back.written.values) == [0.0, 1.0, 1.0, 240.0]


def test_bytes_that_are_no_text_leave_as_their_stand_in() -> None:
    """As Prometheus writes them into its JSON; the rule itself goes on to tell them apart."""
    odd = Labels({"host": "\udcff"})
    active = step("g", rule(), {}, seen(odd), 0).active
    (named,) = active
    alert = report(active, (named,), 0, interval=30_000, generator_url="u")[0]
    assert (named["host"], alert.labels["host"]) == ("\udcff", "\ufffd")


def test_alert_is_told_when_it_changes_and_again_after_a_minute() -> None:
    """Pending ones are not told; a report holds for four intervals; a resolve goes out at once and again."""
    active = step("g", rule(), {}, seen(_ONE), 0).active
    assert due(active, 0) == (_ONE,)
    alert = report(
        active,
        (_ONE,),
        0,
        interval=30_000,
        generator_url="u",
        leaving=Leaving(labels=Labels({"env": "p", "host": "z"})),
    )[0]
    assert (alert.starts_at, alert.ends_at, alert.labels) == (0, 4 * MINUTE, _ONE.with_(env="p"))
    active = sent(active, (_ONE,), 0, interval=30_000)
    assert due(active, MINUTE) == ()
    assert due(active, MINUTE + 1) == (_ONE,)
    gone = step("g", rule(), active, [], 30_000).active
    assert due(gone, 30_000) == (_ONE,)
    assert report(gone, (_ONE,), 30_000, interval=30_000, generator_url="")[0].ends_at == 30_000
    gone = sent(gone, (_ONE,), 30_000, interval=30_000)
    assert due(gone, 40_000) == ()
    assert due(gone, 100_000) == (_ONE,)
    assert due(step("g", rule(5), {}, seen(_ONE), 0).active, 0) == ()


def test_longer_for_puts_a_firing_alert_back_to_pending() -> None:
    """A reload that raises `for` above the time the alert has held."""
    active = step("g", rule(), {}, seen(_ONE), 0).active
    assert carried(active, rule(5), 2 * MINUTE)[_ONE].state is AlertState.PENDING
    assert carried(active, rule(1), 2 * MINUTE)[_ONE].state is AlertState.FIRING


@pytest.mark.parametrize("end", [95_000, 100_000, 100_001, 130_000])
def test_an_end_is_due_at_once_wherever_the_clock_is(end: int) -> None:
    """Also when it was set back a little since the last report: that was about an alert that fires."""
    active = step("g", rule(), {}, seen(_ONE), 40_000).active
    active = sent(active, due(active, 100_000), 100_000, interval=MINUTE)
    active = step("g", rule(), active, [], end).active
    assert due(active, end) == (_ONE,)
    assert quiet_until(active) < end
    active = sent(active, due(active, end), end, interval=MINUTE)
    assert due(active, end) == ()


_HISTORY = st.lists(st.tuples(st.integers(1, 300_000), st.booleans()), min_size=1, max_size=30)


@given(_HISTORY, st.integers(0, 10), st.integers(0, 10))
def test_no_alert_fires_before_its_time(history: list[tuple[int, bool]], hold: int, keep: int) -> None:
    """Whenever it fires, the element was there at every evaluation since at least `for` ago, up to the time it fired."""
    of = rule(hold, keep)
    active: Active = {}
    now, since = 0, None
    for gap, there in history:
        now += gap
        since = (now if since is None else since) if there else None
        before = active.get(_ONE)
        active = step("g", of, active, seen(_ONE) if there else [], now).active
        alert = active.get(_ONE)
        newly = (
            alert is not None
            and alert.state is AlertState.FIRING
            and (before is None or before.state is not AlertState.FIRING)
        )
        if newly:
            assert since is not None
            assert now - since >= of.for_


@given(_HISTORY, st.integers(0, 5), st.integers(0, 5))
def test_evaluating_the_same_twice_changes_nothing(history: list[tuple[int, bool]], hold: int, keep: int) -> None:
    """An evaluation repeated at its own instant gives the same alerts and no transition."""
    of = rule(hold, keep)
    active: Active = {}
    now = 0
    for gap, there in history:
        now += gap
        element = seen(_ONE) if there else []
        once = step("g", of, active, element, now)
        twice = step("g", of, once.active, element, now)
        assert twice.active == once.active
        assert twice.transitions == ()
        active = once.active


@given(_HISTORY, st.integers(0, 5))
def test_transitions_tell_the_whole_story(history: list[tuple[int, bool]], hold: int) -> None:
    """Each transition begins where the last one ended."""
    active: Active = {}
    state = AlertState.INACTIVE
    now = 0
    for gap, there in history:
        now += gap
        after = step("g", rule(hold), active, seen(_ONE) if there else [], now)
        for change in after.transitions:
            assert change.before is state
            state = change.after
        active = after.active


_ANSWERS = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.lists(st.tuples(st.sampled_from([_ONE, _TWO]), st.sampled_from([1.0, 2.0, 0.0, -0.0])), max_size=2),
        st.booleans(),
    ),
    max_size=12,
)
"""Since the evaluation before (seconds), the elements, and whether what is due is told."""


@given(_ANSWERS, st.integers(0, 2), st.integers(0, 1))
def test_the_quick_way_is_the_whole_way(
    history: list[tuple[int, list[tuple[Labels, float]], bool]], hold: int, keep: int
) -> None:
    """What is left alone because nothing but values came is what would have become of it; and only what would be written
    to the store counts as a change."""
    active: Active = {}
    written = None
    at = 0
    for seconds, elements, tells in history:
        at += seconds * 1000
        known = dict(elements)
        answer = [one for labels, value in known.items() for one in seen(labels, value=value)]
        whole = step("g", rule(hold, keep), active, answer, at)
        quick = step("g", rule(hold, keep), active, answer, at, written=written)
        assert (list(quick.active.items()), quick.transitions) == (list(whole.active.items()), whole.transitions)
        assert (quick.written, quick.changed) == (whole.written, whole.changed)
        assert quick.changed == any(changes("g", "r", 0, active, quick.active, at, whole=False))
        active, written = quick.active, quick.written
        if tells:
            active = sent(active, due(active, at), at, interval=MINUTE)


@given(_ANSWERS, st.integers(-5, 70))
def test_nothing_is_due_while_it_is_quiet(
    history: list[tuple[int, list[tuple[Labels, float]], bool]], later: int
) -> None:
    """Up to the instant that is said, and from the next one on something is."""
    active: Active = {}
    at = 0
    for seconds, elements, tells in history:
        at += seconds * 1000
        active = step("g", rule(), active, seen(*dict(elements)), at).active
        if tells:
            active = sent(active, due(active, at), at, interval=MINUTE)
        moment = at + later * 1000
        assert (moment <= quiet_until(active)) == (not due(active, moment))
