"""Inhibition, and the index that it and silences are found by."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.inhibition import Inhibition, InhibitRule
from monitor.matching.index import MatcherIndex
from monitor.matching.matchers import Matcher, MatchOp, all_match
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import MINUTE, Timestamp

NOW: Timestamp = 1_767_225_600_000


def rule(sources: str, targets: str, *equal: str, name: str = "") -> InhibitRule:
    return InhibitRule(name=name, sources=parse_matchers(sources), targets=parse_matchers(targets), equal=equal)


def alert(ends: int = 5, **labels: str) -> Alert:
    return report(labels, ends)


def report(labels: dict[str, str], ends: int = 5) -> Alert:
    return Alert(labels=Labels(labels), annotations=EMPTY, starts_at=NOW, ends_at=NOW + ends * MINUTE, updated_at=NOW)


def test_any_of_several_sources_inhibits_until_the_last_has_resolved() -> None:
    """The one that resolves first does not end it for the others (Alertmanager before 0.34.1 did)."""
    inhibition = Inhibition([rule("sev=crit", "sev=warn", "cluster", name="worse")])
    target = Labels({"sev": "warn", "cluster": "a"})
    one, other = (alert(sev="crit", cluster="a", host=host) for host in ("x", "y"))
    assert inhibition.learn(one, NOW)
    assert inhibition.learn(other, NOW)
    assert not inhibition.learn(other, NOW)
    found = inhibition.inhibited(target, NOW)
    assert found is not None
    assert (found.by.fingerprint, found.rule.name, found.until) == (one.fingerprint, "worse", NOW + 5 * MINUTE)
    assert inhibition.learn(alert(ends=0, sev="crit", cluster="a", host="x"), NOW)
    still = inhibition.inhibited(target, NOW)
    assert still is not None
    assert still.by.fingerprint == other.fingerprint
    assert inhibition.inhibited(target, NOW + 5 * MINUTE) is None
    inhibition.learn(alert(ends=0, sev="crit", cluster="a", host="y"), NOW)
    assert inhibition.inhibited(target, NOW) is None
    assert repr(inhibition) == "Inhibition(1 rules, 0 sources)"


def test_equal_labels_that_both_lack_are_equal() -> None:
    """A missing label is an empty one."""
    inhibition = Inhibition([rule("sev=crit", "sev=warn", "cluster")])
    inhibition.learn(alert(sev="crit"), NOW)
    assert inhibition.inhibited(Labels({"sev": "warn"}), NOW)
    assert inhibition.inhibited(Labels({"sev": "warn", "cluster": "a"}), NOW) is None


def test_nothing_inhibits_itself_nor_two_alerts_each_other() -> None:
    """An alert on both sides is inhibited by one-sided sources only."""
    inhibition = Inhibition([rule("noisy=yes", "sev=~warn|info")])
    both = alert(noisy="yes", sev="warn")
    inhibition.learn(both, NOW)
    assert inhibition.inhibited(both.labels, NOW) is None
    assert inhibition.inhibited(Labels({"noisy": "yes", "sev": "info"}), NOW) is None
    assert inhibition.inhibited(Labels({"sev": "info"}), NOW)
    inhibition.learn(alert(noisy="yes", sev="crit"), NOW)
    assert inhibition.inhibited(both.labels, NOW)


def test_a_rule_may_want_sources_in_which_labels_are_alike() -> None:
    """Another one explains nothing by this rule, whether it comes, stays or goes."""
    inhibition = Inhibition([replace(rule("sev=crit", "sev=warn"), alike=("check", "job"))])
    target = Labels({"sev": "warn"})
    assert not inhibition.learn(alert(sev="crit", check="admin", job="shop"), NOW)
    assert inhibition.inhibited(target, NOW) is None
    main = alert(sev="crit", check="shop", job="shop")
    assert inhibition.learn(main, NOW)
    found = inhibition.inhibited(target, NOW)
    assert found is not None
    assert found.by == main.labels


def test_a_rule_may_ask_whether_its_source_is_heard() -> None:
    """One that is silenced explains nothing then, and another one that is heard does; other rules do not ask."""
    asking = replace(rule("sev=crit", "sev=warn"), by_what_is_heard=True)
    target = Labels({"sev": "warn"})
    one, other = (alert(sev="crit", host=host) for host in ("x", "y"))
    for rules, heard, by in (
        ([asking], set[Labels](), None),
        ([asking], {other.labels}, other.labels),
        ([rule("sev=crit", "sev=warn")], set[Labels](), one.labels),
    ):
        inhibition = Inhibition(rules)
        inhibition.learn(one, NOW)
        inhibition.learn(other, NOW)
        found = inhibition.inhibited(target, NOW, lambda labels, heard=heard: labels in heard)
        assert (found.by if found is not None else None) == by


def began(minute: int, ends: int = 60, /, **labels: str) -> Alert:
    start = NOW + minute * MINUTE
    return replace(report(labels), starts_at=start, ends_at=NOW + ends * MINUTE, updated_at=start)


def test_a_rule_may_explain_only_what_begins_soon_after_its_source() -> None:
    """Before it, with it or within the span; later is inhibited only by a source that began later as well."""
    inhibition = Inhibition([replace(rule("sev=crit", "sev=warn"), within=15 * MINUTE)])
    inhibition.learn(began(20, sev="crit", host="x"), NOW)
    minutes = {minute: began(minute, sev="warn", host=str(minute)) for minute in (0, 20, 35, 36)}
    for target in minutes.values():
        inhibition.learn(target, NOW)
    quiet = [minute for minute, target in minutes.items() if inhibition.inhibited(target.labels, NOW)]
    assert quiet == [0, 20, 35]
    assert inhibition.learn(began(30, sev="crit", host="y"), NOW)
    found = inhibition.inhibited(minutes[36].labels, NOW)
    assert found is not None
    assert found.by["host"] == "y"
    assert Inhibition([rule("sev=crit", "sev=warn")]).inhibited(minutes[36].labels, NOW) is None


def test_one_activity_began_when_its_first_report_says() -> None:
    """Reports that give a later start (they are pushed without one) make neither the cause nor the symptom younger; what was
    over in between is another activity."""
    inhibition = Inhibition([replace(rule("sev=crit", "sev=warn"), within=15 * MINUTE)])
    cause, symptom = {"sev": "crit"}, {"sev": "warn"}
    inhibition.learn(began(0, **cause), NOW)
    assert not inhibition.learn(began(30, **cause), NOW + 30 * MINUTE)
    inhibition.learn(began(30, **symptom), NOW + 30 * MINUTE)
    assert inhibition.inhibited(Labels(symptom), NOW + 30 * MINUTE) is None
    inhibition.learn(began(10, **symptom), NOW + 31 * MINUTE)
    inhibition.learn(began(32, **symptom), NOW + 32 * MINUTE)
    assert inhibition.inhibited(Labels(symptom), NOW + 32 * MINUTE)
    inhibition.learn(began(10, 33, **symptom), NOW + 33 * MINUTE)
    inhibition.learn(began(34, **symptom), NOW + 34 * MINUTE)
    assert inhibition.inhibited(Labels(symptom), NOW + 34 * MINUTE) is None


def test_sources_that_end_without_a_report_are_thrown_away() -> None:
    """However many come and go."""
    inhibition = Inhibition([rule("sev=crit", "sev=warn", "host")])
    for number in range(5_000):
        inhibition.learn(alert(ends=1, sev="crit", host=str(number)), NOW + number * MINUTE // 10)
    assert int(repr(inhibition).split()[2]) < 1_000


SOURCES = st.lists(st.fixed_dictionaries({"s": st.sampled_from("01"), "e": st.sampled_from("ab")}), max_size=6)


@given(SOURCES, SOURCES, st.sampled_from("ab"))
def test_more_sources_never_inhibit_less(some: list[dict[str, str]], more: list[dict[str, str]], value: str) -> None:
    """Inhibition is monotonic in what fires."""
    few, many = (Inhibition([rule("s=1", "t=1", "e")]) for _ in range(2))
    for labels in some:
        few.learn(report(labels), NOW)
    for labels in some + more:
        many.learn(report(labels), NOW)
    target = Labels({"t": "1", "e": value})
    if few.inhibited(target, NOW):
        assert many.inhibited(target, NOW)


VALUES = st.sampled_from(["", "x", "y", "x|y", "x.*", "x|"])
MATCHER = st.builds(Matcher, st.sampled_from("abc"), st.sampled_from(list(MatchOp)), VALUES)
LISTS = st.lists(st.lists(MATCHER, max_size=3), min_size=1, max_size=2)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.none() | LISTS), max_size=12),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", "xy"])),
)
def test_the_index_finds_what_asking_everyone_finds(
    changes: list[tuple[int, list[list[Matcher]] | None]], labels: dict[str, str]
) -> None:
    """After any additions, replacements and removals."""
    index, plain = MatcherIndex[int](), dict[int, list[list[Matcher]]]()
    for key, lists in changes:
        if lists is None:
            index.drop(key)
            plain.pop(key, None)
        else:
            index.put(key, lists)
            plain[key] = lists
    wanted = {key for key, lists in plain.items() if any(all_match(one, Labels(labels)) for one in lists)}
    assert set(index.matching(Labels(labels))) == wanted
    assert len(index) == len(plain)


def test_a_list_is_filed_where_it_has_fewest_neighbours() -> None:
    """A thousand silences of one alert that each name an instance are found by the instance."""
    index = MatcherIndex[int]()
    for number in range(1_000):
        index.put(number, [parse_matchers(f'alertname="Down",instance="i{number}"')])
    assert repr(index) == "MatcherIndex(1000 keys, 0 asked always)"
    assert index.matching(Labels({"alertname": "Down", "instance": "i7"})) == [7]
    assert index.crowd(Labels({"alertname": "Down", "instance": "i7"})) <= 2
