"""Data that somebody writes down for a preview of templates."""

from __future__ import annotations

import pytest

from monitor.alerts.templating.given import EXAMPLE, read_data
from monitor.alerts.templating.renderer import Rendering, TemplateLibrary


def test_example_is_whole() -> None:
    """Two alerts with all that templates ask for."""
    text = Rendering(TemplateLibrary(), read_data(EXAMPLE), 0).text(
        "{{ .Receiver }} {{ len .Alerts.Firing }} {{ (index .Alerts 1).EndsAt.Unix }} {{ .CommonLabels.severity }}"
    )
    assert text == "team 1 1772420700 critical"


def test_body_of_a_webhook_can_be_given_as_it_is() -> None:
    """With the keys that templates do not see."""
    assert (
        read_data('{"version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing"}').status == "firing"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "line 1: no JSON"),
        ("[]", "the data: expected an object"),
        ('{"alert": []}', "the data: unknown key alert; known are alerts, commonAnnotations"),
        ('{"alerts": {}}', "alerts: expected a list of alerts"),
        ('{"alerts": [{"labels": {"a": 1}}]}', "alerts[0].labels.a: expected a text, got 1"),
        ('{"alerts": [{"startsAt": "today"}]}', "alerts[0].startsAt: expected a time as 2026-03-02T03:04:22Z"),
        ('{"status": 1}', "status: expected a text, got 1"),
    ],
)
def test_mistake_is_told_with_its_place(text: str, complaint: str) -> None:
    """And with what would be right."""
    with pytest.raises(ValueError, match=r"expected|unknown|JSON") as caught:
        read_data(text)
    assert str(caught.value).startswith(complaint)
