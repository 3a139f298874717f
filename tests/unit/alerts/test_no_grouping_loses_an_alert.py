"""However alerts are routed, grouped and batched: each is told to each receiver that its routes name, once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.groups import AlertGroup
from monitor.alerts.pipeline import ingest, look_again
from monitor.alerts.placement import Routing, placements
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.alerts.step import AlertStep
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import Labels
from monitor.model.notifications import Destination
from monitor.model.times import HOUR, MINUTE, Timestamp

NOW: Timestamp = 1_767_225_600_000
RECEIVERS = ("one", "two")

label_sets = st.fixed_dictionaries(
    {"alertname": st.sampled_from(["A", "B"])},
    optional={name: st.sampled_from(["x", "y"]) for name in ("team", "zone", "host")},
)
groupings = st.one_of(
    st.just({"group_by_all": True}),
    st.sets(st.sampled_from(["alertname", "team", "zone", "host"])).map(lambda names: {"group_by": frozenset(names)}),
)


@st.composite
def trees(draw: st.DrawFn, depth: int = 2, id_: str = "{}", key: str = "{}") -> Route:
    children: list[Route] = []
    for place in range(draw(st.integers(0, 2)) if depth else 0):
        matcher = draw(st.sampled_from(['team="x"', 'zone!="x"', 'host=~".+"', 'alertname="A"']))
        child = draw(trees(depth - 1, f"{id_}/{{{matcher}}}/{place}", f"{key}/{{{matcher}}}"))
        children.append(replace(child, matchers=parse_matchers(matcher), continue_=draw(st.booleans())))
    grouping: dict[str, object] = dict(draw(groupings))
    return replace(
        Route(receiver=draw(st.sampled_from(RECEIVERS)), id=id_, key=key, children=tuple(children)), **grouping
    )


def routing_of(root: Route) -> Routing:
    return Routing(
        root=root,
        receivers={
            name: Receiver(name=name, integrations=(Integration(destination=Destination(name, "webhook")),), policy="")
            for name in RECEIVERS
        },
    )


def alert(labels: dict[str, str]) -> Alert:
    return Alert(labels=Labels(labels), annotations=Labels(), starts_at=NOW, ends_at=NOW + 10 * HOUR, updated_at=NOW)


@given(trees(), st.lists(st.lists(label_sets, max_size=6), min_size=1, max_size=3))
def test_each_alert_is_told_once_by_each_route_that_takes_it(root: Route, batches: list[list[dict[str, str]]]) -> None:
    """Batches arrive within the group wait, a second apart."""
    routing = routing_of(root)
    groups: dict[str, AlertGroup] = {}

    def keep(step: AlertStep) -> None:
        groups.update((group.id, group) for group in step.groups)

    for second, batch in enumerate(batches):
        arrivals = [(one, placements(one.labels, routing)) for one in map(alert, batch)]
        keep(ingest(dict(groups), arrivals, routing, NOW + 1000 * second))
    told: Counter[tuple[str, str, str]] = Counter()
    for group in list(groups.values()):
        step = look_again(group, routing, NOW + MINUTE)
        keep(step)
        for row in step.outbox:
            view = row.message.group
            assert view is not None
            for one in row.message.alerts:
                told[(view.key, row.destination.receiver, str(one.labels))] += 1
                assert all(one.labels.get(name) == value for name, value in view.labels.pairs)
    everyone = {str(one.labels): one for batch in batches for one in map(alert, batch)}
    wanted = Counter(
        (place.group.key, place.group.receiver, text)
        for text, one in everyone.items()
        for place in placements(one.labels, routing)
    )
    assert told == wanted
    assert all(placements(one.labels, routing) for one in everyone.values())
