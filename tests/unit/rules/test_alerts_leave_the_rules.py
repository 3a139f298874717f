"""What alerts look like when they leave the rules: added labels, then relabelling, as in Prometheus's notifier."""

from __future__ import annotations

from dataclasses import replace

from monitor.matching.relabel import Relabeling, RelabelRule
from monitor.model.labels import Labels
from monitor.model.times import MINUTE
from monitor.rules.evaluating import GroupRun
from monitor.rules.leaving import Leaving
from tests.support.rule_worlds import RuleWorld, groups_of

_TWO_REPLICAS = Leaving(
    labels=Labels({"replica": "a", "cluster": "eu"}),
    relabeling=Relabeling(
        [
            RelabelRule(regex="replica", action="labeldrop"),
            RelabelRule(source_labels=("severity",), regex="none", action="drop"),
            RelabelRule(source_labels=("cluster", "alertname"), target_label="page"),
        ]
    ),
)


def test_added_labels_come_first_and_relabelling_sees_them() -> None:
    """So that the label that tells two replicas apart can be taken off again."""
    dressed = _TWO_REPLICAS.dressed(Labels({"alertname": "A", "cluster": "us"}))
    assert dressed == Labels({"alertname": "A", "cluster": "us", "page": "us;A"})


def test_a_checks_alerts_leave_with_its_name_as_their_job_where_that_is_wanted() -> None:
    """So that a service has one name; a job of its own is kept, and what relabelling makes of it."""
    naming = Leaving(names_job=True)
    assert naming.dressed(Labels({"check": "shop"})) == Labels({"check": "shop", "job": "shop"})
    assert naming.dressed(Labels({"check": "shop", "job": "web"})) == Labels({"check": "shop", "job": "web"})
    assert naming.dressed(Labels({"alertname": "A"})) == Labels({"alertname": "A"})
    relabeled = Leaving(relabeling=Relabeling([RelabelRule(target_label="job", replacement="x")]), names_job=True)
    assert relabeled.dressed(Labels({"check": "shop"})) == Labels({"check": "shop", "job": "x"})
    assert Leaving().dressed(Labels({"check": "shop"})) == Labels({"check": "shop"})


async def test_a_dropped_alert_is_told_to_nobody_and_is_an_alert_all_the_same() -> None:
    """Its states and series are those of any other, and the others go out."""
    world = RuleWorld()
    world.around = replace(world.around, leaving=_TWO_REPLICAS)
    world.put(0, x=1)
    rules = [{"alert": name, "expr": "x", "labels": {"severity": name}} for name in ("none", "page")]
    run = GroupRun(groups_of(*rules)[0], world.around)
    await run.slot(0)
    await run.slot(2 * MINUTE)
    assert {alert.labels["alertname"] for alert in world.sink.reports} == {"page"}
    assert len(world.sink.reports) == 2
    assert [len(rule.active) for rule in run.rules] == [1, 1]
    assert len(await world.read("ALERTS", 2 * MINUTE)) == 2
