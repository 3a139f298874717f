"""What stands in a route and not in its alerts: its labels, inherited, templates themselves."""

from __future__ import annotations

from pathlib import Path

from monitor.model.labels import Labels
from monitor.simulate.stories import Played, Story
from monitor.simulate.tellings import page, resolve
from tests.support.pushed_stories import pushed

_HOOK = """webhook_configs: [{url: "http://team.test/", payload: {team: '{{ .RouteLabels.team }}', who: '{{ routeLabels "who" }}'}}]"""


def told(folder: Path, labels: str, receiver: str) -> Played:
    story = Story(pushed(folder, route=f", labels: {labels}", receiver=receiver))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team"))
    story.at("2m").over("Down", instance="a")
    story.at("5m31s").expect(resolve("team"))
    return story.until("20m").expect_nothing()


def test_labels_are_rendered_and_seen_by_templates(tmp_path: Path) -> None:
    """With the data of the message; one may use another."""
    labels = """{team: shop, who: '{{ routeLabels "team" }} for {{ .GroupLabels.alertname }}'}"""
    for heard in told(tmp_path, labels, _HOOK).world.heard:
        assert heard.message.group is not None
        assert heard.message.group.route_labels == Labels({"team": "shop", "who": "shop for Down"})
        assert dict(heard.message.fields) == {"payload": '{"team":"shop","who":"shop for Down"}'}


def test_labels_reach_a_webhook_without_any_template(tmp_path: Path) -> None:
    """They stand in its body."""
    played = told(tmp_path, "{team: shop}", 'webhook_configs: [{url: "http://team.test/"}]')
    views = [heard.message.group for heard in played.world.heard]
    assert [view.route_labels for view in views if view is not None] == [Labels({"team": "shop"})] * 2


def test_label_that_refers_to_itself_keeps_no_message_back(tmp_path: Path) -> None:
    """It goes out in its plain form and names the label."""
    played = told(tmp_path, """{team: '{{ routeLabels "team" }}'}""", _HOOK)
    assert all(heard.message.trouble.startswith("route label team: ") for heard in played.world.heard)
