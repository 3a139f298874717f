"""The section `rule_options`: which rules it means, and what is wrong with it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.model.errors import ConfigError
from monitor.promql.parser import parse
from monitor.promql.printer import to_text
from monitor.rules.groups import AlertingRule
from monitor.rules.options import NoData

_NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]
_RULES = """
groups:
  - {name: g, rules: [{alert: Hot, expr: temp > 80}, {record: r, expr: '1'}, {alert: Hot, expr: temp > 90}]}
  - {name: h, rules: [{alert: Hot, expr: temp > 70}, {alert: Gone, expr: absent(temp)}]}
"""


def written(folder: Path, options: str, rules: str = _RULES) -> Overrides:
    (folder / "r.yml").write_text(rules)
    file = folder / "w.yml"
    file.write_text(f"rule_files: [r.yml]\nrules: {{shipped: false}}\nrule_options:\n{options}")
    return Overrides(config=str(file))


def with_options(folder: Path, options: str) -> dict[str, AlertingRule]:
    """The rules that are not plain, by group and expression."""
    groups = load(written(folder, options), _NOTHING_SET, {}).groups
    return {
        f"{group.name} {rule.query}": rule
        for group in groups
        for rule in group.rules
        if isinstance(rule, AlertingRule) and not rule.options.plain
    }


def test_options_go_to_every_rule_that_they_name(tmp_path: Path) -> None:
    """Those of one group, or of all groups."""
    assert list(with_options(tmp_path, "  - {alert: Hot, group: g, no_data: keep}\n")) == ["g temp > 80", "g temp > 90"]
    everywhere = with_options(tmp_path, "  - {alert: Hot, no_data: keep}\n")
    assert list(everywhere) == ["g temp > 80", "g temp > 90", "h temp > 70"]


def test_options_become_values(tmp_path: Path) -> None:
    """Parsed, with what `no_data` asks made ready; and the same after the way from the reading process."""
    found = with_options(
        tmp_path,
        "  - {alert: Hot, group: h, resolve_expr: 'temp<60', no_data: Alert,"
        " active: {tz: Europe/Berlin, hours: 09:00-17:00, days: [mon-wed, fri]}}\n",
    )
    rule = found["h temp > 70"]
    options = rule.options
    assert options.resolve == parse("temp < 60")
    assert options.resolve_query == "temp < 60"
    assert options.no_data is NoData.ALERT
    assert options.data is not None
    assert to_text(options.data) == "temp > bool 70"
    assert str(options.active) == "mon, tue, wed, fri 09:00-17:00 Europe/Berlin"
    assert pickle.loads(pickle.dumps(rule)) == rule


def test_shipped_rules_have_options_too(tmp_path: Path) -> None:
    """They are rules like any other."""
    file = tmp_path / "w.yml"
    file.write_text("rule_options: [{alert: ServiceDown, active: {days: mon-fri}}]\n")
    groups = load(Overrides(config=str(file)), _NOTHING_SET, {}).groups
    changed = [
        rule.name for group in groups for rule in group.rules if isinstance(rule, AlertingRule) and rule.options.active
    ]
    assert set(changed) == {"ServiceDown"}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("{alert: Nope}", '4:6: rule_options[0].alert: no alert is called "Nope"'),
        ("{alert: Gone, group: g}", '4:6: rule_options[0].alert: no alert is called "Gone" in the group g'),
        ("{alert: Hot, group: x}", '4:18: rule_options[0].group: no rule group is called "x"'),
        ("{group: g}", "4:5: rule_options[0].alert: is missing"),
        ("{alert: r}", '4:6: rule_options[0].alert: no alert is called "r"'),
        ("{alert: Hot, resolve_expr: 'sum('}", "4:18: rule_options[0].resolve_expr: could not parse expression: 1:5"),
        ("{alert: Hot, resolve_expr: '1'}", "4:18: rule_options[0].resolve_expr: gives a scalar"),
        ("{alert: Hot, no_data: no}", "4:18: rule_options[0].no_data: is none of the words"),
        ("{alert: Gone, no_data: keep}", "4:19: rule_options[0].no_data: has no meaning here"),
        ("{alert: Hot, active: {tz: Mars/X, days: mon}}", '4:27: rule_options[0].active.tz: "Mars/X" is no time zone'),
        ("{alert: Hot, active: {hours: 9-17}}", '4:27: rule_options[0].active.hours: "9-17" is no span of hours'),
        ("{alert: Hot, active: {days: [no]}}", '4:27: rule_options[0].active.days: "no" is no day'),
        ("{alert: Hot, active: {}}", "4:18: rule_options[0].active: says neither hours nor days"),
        ("{alert: Hot, resolve: x}", '4:18: rule_options[0].resolve: "resolve" is not a known key here'),
        ("{alert: Hot}\n  - {alert: Hot, group: h}", "5:5: rule_options[1]: Hot has options already"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, options: str, problem: str) -> None:
    """File, line, path and what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, f"  - {options}\n"), _NOTHING_SET, {})
    (finding, *more) = caught.value.findings
    assert more == []
    assert str(finding).startswith(f"{tmp_path}/w.yml:{problem}")


def test_a_broken_rule_file_is_not_told_twice(tmp_path: Path) -> None:
    """Rules with mistakes are left out, so that options for them are not judged."""
    rules = "groups: [{name: g, rules: [{alert: Hot, expr: 'sum('}]}]\n"
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, "  - {alert: Hot}\n", rules), _NOTHING_SET, {})
    assert ["rule_options" in str(finding) for finding in caught.value.findings] == [False]
