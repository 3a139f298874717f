"""Rule files: what becomes of good ones, what is said of bad ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from monitor.model.labels import Labels
from monitor.model.times import MINUTE, SECOND
from monitor.rules.groups import AlertingRule, RecordingRule
from monitor.rules.lint import doubts
from monitor.rules.rule_files import Defaults, read_document
from tests.support.rule_worlds import groups_of


def problems_of(*rules: Mapping[str, Any], legacy: bool = False, **keys: object) -> list[tuple[str, str]]:
    document = {"groups": [{"name": "g", "rules": list(rules), **keys}]}
    _, problems = read_document(document, "f", Defaults(legacy_names=legacy))
    return [(problem.path, str(problem)) for problem in problems]


def test_group_and_rules_are_read() -> None:
    """Durations, limits, group labels under rule labels, expressions printed as Prometheus does."""
    group = groups_of(
        {"record": "a:b", "expr": "sum( up ) by(job)", "labels": {"x": "1"}},
        {
            "alert": "A",
            "expr": "up==0",
            "for": "5m",
            "keep_firing_for": "1m",
            "labels": {"x": "r"},
            "annotations": {"s": "t"},
        },
        interval="30s",
        query_offset="10s",
        limit=7,
        labels={"x": "g", "y": "g"},
    )[0]
    assert (group.key, group.interval, group.query_offset, group.limit) == ("r.yml;g", 30 * SECOND, 10 * SECOND, 7)
    record, alert = group.rules
    assert isinstance(record, RecordingRule)
    assert isinstance(alert, AlertingRule)
    assert (record.query, record.labels) == ("sum by (job) (up)", Labels({"x": "1", "y": "g"}))
    assert (alert.query, alert.for_, alert.keep_firing_for) == ("up == 0", 5 * MINUTE, MINUTE)
    assert [(name, text.source) for name, text in alert.labels] == [("x", "r"), ("y", "g")]


def test_a_groups_own_offset_goes_before_the_global_one() -> None:
    """Also when it is none."""
    own, none, silent = ({"name": "own", "query_offset": "10s"}, {"name": "none", "query_offset": "0s"}, {"name": "s"})
    document: dict[str, object] = {"groups": [own, none, silent]}
    groups, problems = read_document(document, "f", Defaults(query_offset=MINUTE))
    assert not problems
    assert [group.query_offset for group in groups] == [10 * SECOND, 0, MINUTE]


def test_equal_groups_are_equal_wherever_they_stand() -> None:
    """White space in expressions does not make another group; another text in an annotation does."""
    rule = {"alert": "A", "expr": "up == 0", "annotations": {"s": "{{ $value }}"}}
    assert groups_of(rule) == groups_of({**rule, "expr": "up  ==  0"})
    assert groups_of(rule) != groups_of({**rule, "annotations": {"s": "{{ $value }}!"}})
    assert groups_of(rule) != groups_of(rule, interval="5s")


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        ({"record": "a", "alert": "b", "expr": "1"}, "record", "only one of 'record' and 'alert' must be set"),
        ({"expr": "1"}, "", "one of 'record' or 'alert' must be set"),
        ({"alert": "b"}, "expr", "field 'expr' must be set in rule"),
        (
            {"alert": "b", "expr": "a\n+ b c"},
            "expr",
            'could not parse expression: 2:5: parse error: unexpected identifier "c"',
        ),
        ({"record": "a", "expr": "1", "for": "1m"}, "for", "invalid field 'for' in recording rule"),
        (
            {"record": "a", "expr": "1", "keep_firing_for": "1m"},
            "keep_firing_for",
            "invalid field 'keep_firing_for' in recording rule",
        ),
        (
            {"record": "a", "expr": "1", "annotations": {"x": "y"}},
            "annotations",
            "invalid field 'annotations' in recording rule",
        ),
        (
            {"record": 'a{b="c"}', "expr": "1"},
            "record",
            "braces present in the recording rule name; should it be in expr?: a{",
        ),
        ({"alert": "b", "expr": "1", "labels": {"__name__": "x"}}, "labels.__name__", "invalid label name: __name__"),
        (
            {"alert": "b", "expr": "1", "labels": {"x": "{{ $y }}"}},
            "labels.x",
            'label "x": template: __alert_b:1: undefined variable "$y"',
        ),
        (
            {"alert": "b", "expr": "1", "annotations": {"x": "{{"}},
            "annotations.x",
            'annotation "x": template: __alert_b:1: unclosed action',
        ),
        ({"alert": "b", "expr": "1", "for": "5x"}, "for", 'not a valid duration string: "5x"'),
        (
            {"alert": "b", "expr": "1", "annotation": {}},
            "annotation",
            "field annotation not found in type rulefmt.Rule",
        ),
        ({"alert": "b", "expr": "1", "labels": ["x"]}, "labels", "cannot unmarshal"),
    ],
)
def test_mistake_is_told_with_place_and_prometheus_text(rule: Mapping[str, Any], path: str, text: str) -> None:
    """One finding, at the key at fault."""
    ((where, said),) = problems_of(rule)
    assert where == f"groups[0].rules[0].{path}".rstrip(".")
    assert text in said
    name = rule.get("alert") or rule.get("record") or ""
    assert said.startswith('group "g", rule 1, "' + name[:3])


def test_all_mistakes_are_told_together() -> None:
    """Of one rule, of several, and of the group."""
    found = problems_of({"alert": "b", "for": "x"}, {"record": "r", "expr": "("}, limit="many", interval="q")
    assert [path for path, _ in found] == [
        "groups[0].interval",
        "groups[0].limit",
        "groups[0].rules[0].expr",
        "groups[0].rules[0].for",
        "groups[0].rules[1].expr",
    ]


def test_group_names_are_there_and_unique() -> None:
    """With Prometheus's texts."""
    _, problems = read_document({"groups": [{"name": "g"}, {"name": "g"}, {}]}, "f", Defaults())
    assert [str(problem) for problem in problems] == [
        'groupname: "g" is repeated in the same file',
        "Groupname must not be empty",
    ]


def test_legacy_names_are_stricter() -> None:
    """`a-b` is a label name only since Prometheus 3."""
    rule = {"alert": "A", "expr": "1", "annotations": {"a-b": "x"}}
    assert problems_of(rule) == []
    assert "invalid annotation name: a-b" in problems_of(rule, legacy=True)[0][1]


def test_empty_document_has_no_groups() -> None:
    """An empty file and one without groups are fine."""
    assert read_document(None, "f", Defaults()) == ((), ())
    assert read_document({"groups": None}, "f", Defaults()) == ((), ())


def test_doubtful_rules_are_found() -> None:
    """What never matches, what changes its identity, and what a page would lack; a good rule has none."""
    good = {"for": "1m", "labels": {"severity": "page"}, "annotations": {"summary": "x"}}
    groups = groups_of(
        {"record": "a", "expr": 'sum(b{c="d",c!="d"}) + b{c="d",c=~"d|e"}'},
        {"alert": "A", "expr": "up == 0", **good, "labels": {"severity": "page", "v": "{{ $value }}", "w": "$value"}},
        {"alert": "B", "expr": "up == 0"},
        {"alert": "C", "expr": 'up{a="",b=~".+"} == 0', **good},
    )
    assert [(doubt.rule, doubt.problem.split(",")[0]) for doubt in doubts(groups)] == [
        ("a", 'the selector can match nothing: c!="d" contradicts another condition on c'),
        ("A", "label v holds the value"),
        ("B", "has no severity label"),
        ("B", "has neither `for` nor `keep_firing_for`"),
        ("B", "has neither summary nor description"),
    ]


def test_unknown_keys_can_be_passed_over() -> None:
    """Others' tools put keys of their own into rule files."""
    document = {
        "owner": "me",
        "groups": [{"name": "g", "owner": "me", "rules": [{"record": "a", "expr": "1", "x": 1}]}],
    }
    assert len(read_document(document, "f", Defaults())[1]) == 3
    groups, problems = read_document(document, "f", Defaults(ignore_unknown=True))
    assert (len(groups), problems) == (1, ())
