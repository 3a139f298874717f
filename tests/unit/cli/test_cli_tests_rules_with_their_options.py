"""`rules test --config`: unit tests of rules honour the `rule_options` that the daemon will."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line

_RULES = """
groups:
  - name: rooms
    interval: 7m
    rules:
      - {alert: RoomHot, expr: temp > 30}
      - {alert: Lags, expr: lag > 60, for: 2m}
      - {alert: Stalled, expr: 'rate(orders_total{shop="main"}[2m]) == 0', for: 1m}
      - {alert: Quiet, expr: temp < 31}
"""
_OPTIONS = """
checks: [{name: "{no check}", url: "${NOWHERE}"}]
rule_options:
  - {alert: RoomHot, group: rooms, resolve_expr: temp < 25}
  - {alert: Lags, no_data: keep}
  - {alert: Stalled, no_data: alert}
  - {alert: Quiet, active: {tz: Europe/Berlin, hours: "01:05-02:00"}}
  - {alert: Elsewhere, no_data: keep}
"""


def _test(name: str, alert: str, series: str, firing: str, start: str = "0") -> str:
    """`firing`: a mark for each minute, `x` where the alert fires."""
    cases = [
        f"{{eval_time: {minute}m, alertname: {alert}, exp_alerts: [{'{}' if mark == 'x' else ''}]}}"
        for minute, mark in enumerate(firing)
    ]
    rows = f"[{series}]"
    return f"- {{name: {name}, start_timestamp: {start}, input_series: {rows}, alert_rule_test: [{', '.join(cases)}]}}"


_HOT = "{series: temp, values: 31 28 24 28 31 _x9}"
_LAGGING = "{series: lag, values: 61 61 61 stale _ _ 61 1}"
_NIGHT = "{series: temp, values: 1x9}"
_WITH = [
    _test("hysteresis", "RoomHot", _HOT, "xx..x"),
    _test("kept", "Lags", _LAGGING, "..xxxxx."),
    _test("hours", "Quiet", _NIGHT, ".....xx", "'2026-01-01T00:00:00Z'"),
]
_WITHOUT = [
    _test("no hysteresis", "RoomHot", _HOT, "x...x"),
    _test("not kept", "Lags", _LAGGING, "..x....."),
    _test("all day", "Quiet", _NIGHT, "xxxxxxx", "'2026-01-01T00:00:00Z'"),
]
_BLIND = """
- name: blind
  input_series: [{series: temp, values: 1x9}]
  alert_rule_test:
    - {eval_time: 1m, alertname: Stalled}
    - {eval_time: 2m, alertname: Stalled, exp_alerts: [{exp_labels: {shop: main}}]}
    - {eval_time: 9m, alertname: Stalled, exp_alerts: [{exp_labels: {shop: main}}]}
"""


def ran(folder: Path, tests: list[str], *more: str, options: str = _OPTIONS) -> int:
    (folder / "rules.yml").write_text(_RULES)
    (folder / "watchkeeper.yml").write_text(options)
    (folder / "tests.yml").write_text("rule_files: [rules.yml]\ntests:\n" + "\n".join(tests))
    return command_line(["rules", "test", str(folder / "tests.yml"), *more])


@pytest.mark.parametrize("place", range(len(_WITH)))
def test_options_count_where_the_file_that_has_them_is_named(
    tmp_path: Path, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hysteresis, data that are gone, hours; without the file the rules are Prometheus's."""
    config = ("--config", str(tmp_path / "watchkeeper.yml"))
    assert ran(tmp_path, [_WITH[place]], *config) == Exit.OK, capsys.readouterr().out
    assert ran(tmp_path, [_WITHOUT[place]]) == Exit.OK, capsys.readouterr().out
    assert ran(tmp_path, [_WITHOUT[place]], *config) == Exit.FINDINGS
    assert ran(tmp_path, [_WITH[place]]) == Exit.FINDINGS


def test_no_data_at_all_is_an_alert_after_two_intervals_of_the_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As everything in a unit test goes by the file's evaluation interval, whatever the group's says."""
    config = ("--config", str(tmp_path / "watchkeeper.yml"))
    assert ran(tmp_path, [_BLIND], *config) == Exit.OK, capsys.readouterr().out


def test_what_is_wrong_with_the_options_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not there, keys that nobody knows, expressions that cannot be parsed, options that mean nothing."""
    config = ("--config", str(tmp_path / "watchkeeper.yml"))
    for options, told in (
        ("rule_options: [{alert: RoomHot, no_data: sleep}]", "watchkeeper.yml:1:33: rule_options[0].no_data"),
        ("rule_options: [{alert: RoomHot, resolve_expr: 'temp <'}]", "rule_options[0].resolve_expr: could not parse"),
        ("rule_options: [{alert: RoomHot}, {alert: RoomHot}]", "has options already"),
        ("queries: {enable_features: [warp]}", "warp is not a feature"),
        ("[]", "is not a mapping"),
    ):
        assert ran(tmp_path, _WITH[:1], *config, options=options) != Exit.OK
        output = capsys.readouterr()
        assert told in output.out + output.err, output
    assert ran(tmp_path, _WITH[:1], "--config", str(tmp_path / "none.yml")) == Exit.FINDINGS
    output = capsys.readouterr()
    assert "none.yml: cannot be read" in output.out + output.err


def test_young_parts_of_promql_are_allowed_by_the_file_or_by_the_command(tmp_path: Path) -> None:
    """Those that change the language, and those that change what it means."""
    test = """
- input_series: [{series: a_total, values: 1 2 3}, {series: a_created, values: -9 -9 119.5}]
  promql_expr_test:
    - {expr: 'limitk(1, resets(a_total[3m]))', eval_time: 2m, exp_samples: [{labels: "{}", value: RESETS}]}
"""
    told, silent = test.replace("RESETS", "1"), test.replace("RESETS", "0")
    flags = "promql-experimental-functions,use-start-timestamps"
    assert ran(tmp_path, [told]) == Exit.FINDINGS
    assert ran(tmp_path, [silent], "--enable-feature", "promql-experimental-functions") == Exit.OK
    options = f"queries: {{enable_features: [{flags}]}}"
    assert ran(tmp_path, [told], "--enable-feature", flags) == Exit.OK
    assert ran(tmp_path, [told], "--config", str(tmp_path / "watchkeeper.yml"), options=options) == Exit.OK
