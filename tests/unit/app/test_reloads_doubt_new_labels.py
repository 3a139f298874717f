"""What a reload warns of when alerts leave the rules otherwise than before."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alerts.orphans import Regrouping
from monitor.app.reloading import doubts, regrouped, relabelled
from monitor.config.configuration import Configuration
from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.model.labels import Labels

ROUTED = "alertmanager: {route: {receiver: chat}, receivers: [{name: chat}]}\n"
RELABELED = "prometheus_file: prometheus.yml\n"


def loaded(folder: Path, text: str) -> Configuration:
    file = folder / "watchkeeper.yml"
    file.write_text(text)
    relabeling = "alerting: {alert_relabel_configs: [{regex: replica, action: labeldrop}]}\n"
    (folder / "prometheus.yml").write_text(relabeling)
    return load(Overrides(config=str(file)), Environment(), {})


@pytest.mark.parametrize(
    ("before", "after", "path", "whose"),
    [
        ("environment: a\n", "environment: b\n", "environment", "every alert "),
        ("", RELABELED, "alerting.alert_relabel_configs", "every alert "),
        ("", ROUTED, "alertmanager", "every alert of a check "),
        (ROUTED, "", "alertmanager", "every alert of a check "),
    ],
    ids=["environment", "relabelling", "default tree goes", "default tree comes"],
)
def test_other_labels_are_other_alerts(tmp_path: Path, before: str, after: str, path: str, whose: str) -> None:
    """The place is named, and which alerts are meant."""
    (found,) = doubts(loaded(tmp_path, before), loaded(tmp_path, after))
    assert found.path == path
    assert f"the labels of {whose}have changed" in found.problem


def test_the_same_labels_are_no_doubt(tmp_path: Path) -> None:
    """Whatever else changes."""
    assert not list(doubts(loaded(tmp_path, ""), loaded(tmp_path, "page_environments: [live]\n")))


def test_nothing_is_promised_of_alerts_whose_labels_changed(tmp_path: Path) -> None:
    """What fires in their place opens incidents: only of the others is nobody paged again."""
    former, fresh = loaded(tmp_path, ""), loaded(tmp_path, ROUTED)
    check, other = Labels({"alertname": "Down", "check": "shop"}), Labels({"alertname": "Slow"})
    left = relabelled(former, fresh, [check, other])
    assert left == {check.with_(job="shop").fingerprint}
    held = Regrouping(kept=left | {other.fingerprint})
    (warning,) = regrouped(fresh, held, left)
    assert warning.problem.startswith("1 alert that fires is in groups with other keys now, and with the incidents of")
    assert not list(regrouped(fresh, Regrouping(kept=left), left))


def test_labels_that_stay_are_relabelled_nowhere(tmp_path: Path) -> None:
    """A reload that changes none of them."""
    configuration = loaded(tmp_path, ROUTED)
    assert not relabelled(configuration, configuration, [Labels({"alertname": "Down", "check": "shop"})])
