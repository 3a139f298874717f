"""The files in `rules/` and `dashboards/` are products as much as the code: what they promise is held here.

Every alert can be understood at night (summary, values, severity, a runbook that exists and says what to do), every alert
has the cases that show it firing, just below its limit, without data and over a counter reset, and every series that a rule
or panel reads is one that somebody writes. That the unit tests of the rules pass, under our runner and under promtool, is
shown in tests/integration/test_shipped_rules_by_two_runners.py.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from monitor.config.findings import Findings
from monitor.config.rule_files import read_rule_file
from monitor.rules.lint import doubts
from monitor.rules.rule_files import Defaults
from tests.support.dashboards import expressions, panels

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "rules"
DASHBOARDS = ROOT / "dashboards"
RULE_FILES = sorted(RULES.glob("*.yml"))
TEST_FILES = sorted((RULES / "tests").glob("*.test.yml"))
BOARD_FILES = sorted(DASHBOARDS.glob("*.json"))

_SECTIONS = ("## What it means", "## Impact", "## Diagnose", "## Mitigate", "## Silence")
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_FLAG = re.compile(r"== (?:0|1|0\.5)\b")
_COUNTED = re.compile(r"\b(rate|increase|irate)\(")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """One rule as Prometheus 2.42 knows it: a key it does not know is an error here, too."""

    record: str = ""
    alert: str = ""
    expr: str
    wait: Annotated[str, Field(alias="for")] = "0s"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Group(_Strict):
    """A rule group as it stands in the file."""

    name: str
    interval: str
    rules: tuple[Rule, ...]


class RuleFile(_Strict):
    """A whole rule file."""

    groups: tuple[Group, ...]


class AlertTest(_Strict):
    """What fires at one time of a case."""

    eval_time: str
    alertname: str
    exp_alerts: tuple[dict[str, dict[str, str]], ...]


class Case(_Strict):
    """One test group of promtool's format. The part of `name` after the last ': ' tells the kind of case."""

    name: str
    interval: str
    input_series: tuple[dict[str, str], ...]
    alert_rule_test: tuple[AlertTest, ...] = ()
    promql_expr_test: tuple[dict[str, object], ...] = ()


class TestFile(_Strict):
    """A whole unit test file of promtool's format."""

    __test__ = False

    rule_files: tuple[str, ...]
    evaluation_interval: str
    group_eval_order: tuple[str, ...]
    tests: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Whether an alert fired in a case of one kind, as the tests expect."""

    alert: str
    kind: str
    fires: bool


@functools.cache
def _load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


def _rules() -> list[Rule]:
    return [
        rule for path in RULE_FILES for group in RuleFile.model_validate(_load(path)).groups for rule in group.rules
    ]


def _cases() -> list[Case]:
    return [case for path in TEST_FILES for case in TestFile.model_validate(_load(path)).tests]


def _alerts() -> dict[str, Rule]:
    return {rule.alert: rule for rule in _rules() if rule.alert}


ALERTS = _alerts()


@functools.cache
def _seen() -> list[Seen]:
    return [
        Seen(alert=test.alertname, kind=case.name.rsplit(": ", 1)[-1], fires=bool(test.exp_alerts))
        for case in _cases()
        for test in case.alert_rule_test
    ]


def _reads_counters(expression: str) -> bool:
    """Whether a counter stands behind an expression, directly or through the recording rules it reads."""
    recorded: dict[str, list[str]] = {}
    for rule in _rules():
        if rule.record:
            recorded.setdefault(rule.record, []).append(rule.expr)
    waiting, known = [expression], set[str]()
    while waiting:
        current = waiting.pop()
        if _COUNTED.search(current):
            return True
        for name in set(_WORD.findall(current)) & recorded.keys() - known:
            known.add(name)
            waiting += recorded[name]
    return False


def test_there_are_rules_tests_and_dashboards() -> None:
    """The tests below loop over files; an empty folder must not pass for a good one."""
    assert [path.name for path in RULE_FILES] == ["critical.yml", "recording.yml", "warning.yml", "watchkeeper.yml"]
    assert len(TEST_FILES) >= 10
    assert [path.name for path in BOARD_FILES] == ["service.json", "watchkeeper.json"]


def test_our_own_lint_has_no_doubt_about_them() -> None:
    """What it tells others, it has told us."""
    findings = Findings()
    groups = [
        one for path in sorted(RULES.glob("*.yml")) for one in read_rule_file(path, str(path), Defaults(), findings)
    ]
    assert (findings.all, doubts(groups)) == ([], ())


def test_alert_names_and_group_names_are_unique() -> None:
    """Two rules of one name would share a runbook, a silence and, if their labels agree, an identity."""
    names = [rule.alert for rule in _rules() if rule.alert]
    groups = [group.name for path in RULE_FILES for group in RuleFile.model_validate(_load(path)).groups]
    assert len(names) == len(set(names))
    assert len(groups) == len(set(groups))


@pytest.mark.parametrize("rule", ALERTS.values(), ids=list(ALERTS))
def test_every_alert_can_be_understood_at_night(rule: Rule) -> None:
    """A one-line summary that says who, a description with the value (of a flag, its meaning), a severity, and nothing that
    changes its identity."""
    assert set(rule.annotations) == {"summary", "description", "runbook_url"}
    assert "\n" not in rule.annotations["summary"]
    tells_value = "{{ $value" in rule.annotations["description"]
    assert tells_value or "eq $value" in rule.annotations["description"] or _FLAG.search(rule.expr)
    assert not (tells_value and _FLAG.search(rule.expr)), (
        "a flag is told in words: a number has another meaning elsewhere"
    )
    assert rule.labels.get("severity") in {"critical", "warning"}
    assert "$value" not in "".join(rule.labels.values()), "a label with the value makes a new alert at each evaluation"


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_the_severity_is_the_one_of_the_file(path: Path) -> None:
    """critical.yml pages, warning.yml does not; only the daemon's own file may hold both."""
    severities = {
        rule.labels["severity"]
        for group in RuleFile.model_validate(_load(path)).groups
        for rule in group.rules
        if rule.alert
    }
    allowed = {
        "critical.yml": {"critical"},
        "warning.yml": {"warning"},
        "recording.yml": set[str](),
        "watchkeeper.yml": {"critical", "warning"},
    }
    assert severities == allowed[path.name]


@pytest.mark.parametrize("rule", ALERTS.values(), ids=list(ALERTS))
def test_every_alert_has_a_runbook_page_that_says_what_to_do(rule: Rule) -> None:
    """The page exists under the alert's name and has every section, none of them empty."""
    assert rule.annotations["runbook_url"] == f"runbooks/{rule.alert}.md"
    text = (RULES / rule.annotations["runbook_url"]).read_text(encoding="utf-8")
    assert text.startswith(f"# {rule.alert}\n")
    assert f"Severity: {rule.labels['severity']}." in text
    places = [text.index(f"\n{section}\n") for section in _SECTIONS]
    assert places == sorted(places)
    for section, start, end in zip(_SECTIONS, places, [*places[1:], len(text)], strict=True):
        assert text[start:end].replace(section, "").strip(), f"{section} is empty"


def test_no_runbook_page_is_left_over() -> None:
    """A page whose alert is gone misleads whoever finds it."""
    assert {path.stem for path in (RULES / "runbooks").glob("*.md")} == set(ALERTS)


@pytest.mark.parametrize("name", list(ALERTS))
def test_every_alert_is_shown_firing_just_below_and_without_data(name: str) -> None:
    """Three cases for each; a fourth, over a counter reset, where counters stand behind it."""
    seen = [each for each in _seen() if each.alert == name]
    assert any(each.fires for each in seen if each.kind.startswith("firing"))
    assert any(not each.fires for each in seen if each.kind.startswith("just below"))
    silent = [each for each in seen if each.kind in {"no traffic", "no data"}]
    assert silent
    assert not any(each.fires for each in silent)
    if _reads_counters(ALERTS[name].expr):
        assert any(each.kind == "counter reset" for each in seen)


INSTRUMENTATIONS = (
    "fastapi_instrumentator",
    "flask_exporter",
    "http_request_duration_seconds",
    "http_requests_total",
    "micrometer",
    "opentelemetry",
)


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_every_instrumentation_is_shown_in_every_kind_of_case(instrumentation: str) -> None:
    """The request alerts are tested with what each kind of service really exports."""
    file = TestFile.model_validate(_load(RULES / "tests" / f"service_{instrumentation}.test.yml"))
    kinds = {case.name.rsplit(": ", 1)[-1]: case for case in file.tests}
    assert set(kinds) == {
        "firing",
        "just below the pages",
        "just below the warning",
        "no traffic",
        "counter reset",
        "too few requests to judge",
    }
    fired = {test.alertname for test in kinds["firing"].alert_rule_test if test.exp_alerts}
    assert fired == {"ErrorRateHigh", "ErrorRateElevated", "LatencyHigh"}


def test_every_recording_rule_is_read_by_a_rule_a_panel_or_a_person() -> None:
    """A recording rule that nothing reads costs an evaluation for ever."""
    texts = [rule.expr for rule in _rules()] + [expression for path in BOARD_FILES for expression in expressions(path)]
    read = {word for text in texts for word in _WORD.findall(text)}
    assert {rule.record for rule in _rules() if rule.record} <= read


# -- dashboards ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BOARD_FILES, ids=lambda path: path.name)
def test_a_dashboard_is_one_that_grafana_accepts(path: Path) -> None:
    """Schema version, identities, places and data source of every panel are in order."""
    board = json.loads(path.read_text(encoding="utf-8"))
    found = panels(board)
    assert board["schemaVersion"] >= 39
    assert board["id"] is None, "an id belongs to one installation; the uid identifies the dashboard"
    assert board["uid"]
    assert board["title"]
    assert len({panel["id"] for panel in found}) == len(found)
    assert {each["name"] for each in board["templating"]["list"]} >= {"datasource"}
    for panel in found:
        assert panel["title"]
        if panel["type"] == "row":
            continue
        assert panel["description"]
        assert panel["targets"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("path", BOARD_FILES, ids=lambda path: path.name)
def test_panels_stand_side_by_side_and_never_on_each_other(path: Path) -> None:
    """Grafana's grid is 24 wide; overlapping panels are pushed about on load."""
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(json.loads(path.read_text(encoding="utf-8"))):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]


@pytest.mark.parametrize("path", BOARD_FILES, ids=lambda path: path.name)
def test_panels_use_only_variables_that_the_dashboard_has(path: Path) -> None:
    """A variable that does not exist reaches the data source as its own name."""
    board = json.loads(path.read_text(encoding="utf-8"))
    known = {each["name"] for each in board["templating"]["list"]} | {"__rate_interval"}
    used = {name for text in expressions(path) for name in re.findall(r"\$\{?(\w+)", text)}
    assert used <= known


def test_provisioning_names_the_data_source_and_the_folder() -> None:
    """Grafana skips a provisioning file whose version or type it does not know."""
    (source,) = _load(DASHBOARDS / "provisioning/datasources/watchkeeper.yml")["datasources"]
    (provider,) = _load(DASHBOARDS / "provisioning/dashboards/watchkeeper.yml")["providers"]
    assert source["type"] == "prometheus"
    assert source["url"] == "${WATCHKEEPER_URL}"
    assert provider["type"] == "file"
    assert provider["options"]["path"]
