"""Shipped rules go beside those of others; whoever brings a whole Prometheus configuration is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli.check_config import checked_file
from monitor.config.configuration import Configuration
from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.config.shipped import shipped_rules

RULES = "groups: [{name: g, rules: [{alert: InstanceDown, expr: up == 0}, {alert: Own, expr: up == 0}]}]"


def loaded(folder: Path, text: str) -> Configuration:
    (folder / "own.rules").write_text(RULES)
    (folder / "prometheus.yml").write_text("rule_files: [own.rules]\n")
    (folder / "bare.yml").write_text("global: {evaluation_interval: 30s}\n")
    file = folder / "watchkeeper.yml"
    file.write_text(text)
    return load(Overrides(config=str(file)), Environment(), {})


def test_who_brings_rules_in_a_prometheus_file_is_told_of_the_shipped_ones(tmp_path: Path) -> None:
    """With the alerts that would come twice, and what to write instead."""
    configuration = loaded(tmp_path, "prometheus_file: prometheus.yml\n")
    (warning,) = configuration.warnings
    assert warning.path == "prometheus_file"
    assert "shipped alerts are evaluated beside them: InstanceDown would come twice" in warning.problem
    assert "rules: {shipped: true}" in warning.remedy
    assert shipped_rules(configuration.groups) > 40


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("prometheus_file: prometheus.yml\nrules: {shipped: true}\n", True),
        ("prometheus_file: prometheus.yml\nrules: {shipped: false}\n", False),
        ("prometheus_file: bare.yml\n", True),
        ("rule_files: [own.rules]\n", True),
    ],
)
def test_who_has_decided_or_writes_rules_for_us_is_left_alone(tmp_path: Path, text: str, ours: bool) -> None:
    """Whoever writes `rule_files` into our own file has read what it holds."""
    configuration = loaded(tmp_path, text)
    assert configuration.warnings == ()
    assert (shipped_rules(configuration.groups) > 0) is ours


@pytest.mark.parametrize(("text", "said"), [("checks: []\n", True), ("rules: {shipped: false}\n", False)])
def test_check_config_counts_them(tmp_path: Path, text: str, said: bool) -> None:
    """Apart from the others."""
    loaded(tmp_path, text)
    assert ("of these rules shipped" in checked_file(str(tmp_path / "watchkeeper.yml")).counts) is said
