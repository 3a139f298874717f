"""A template that fails when a message is due: the message goes out in its plain form and says what failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.simulate.stories import Played, Story
from monitor.simulate.tellings import page, resolve
from tests.support.pushed_stories import pushed

_RECEIVERS = {
    "webhook": '{url: "http://team.test/", payload: {a: {b: [%s]}}}',
    "slack": '{api_url: "http://slack.test/", channel: "#a", send_resolved: true, %s: %s}',
    "pagerduty": "{routing_key: 0123456789abcdef0123456789abcdef, %s: %s}",
    "email": "{to: a@b.test, from: c@d.test, smarthost: 'm.test:25', send_resolved: true, %s: %s}",
}
_BROKEN = {
    "index out of range": ("{{ (index .Alerts 9).Status }}", "index out of range: 9"),
    "unknown field": ("{{ .Nope }}", "can't evaluate field Nope"),
    "unknown function": ("{{ nope }}", 'function "nope" not defined'),
    "unknown template": ('{{ template "nope" . }}', 'template "nope" not defined'),
    "no template at all": ("{{ if }}", "missing value for if"),
    "a function's error": ('{{ match "(" "a" }}', "error parsing regexp"),
    "endless calls": ('{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}', "maximum template depth"),
    "endless loop": ("{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}", "more than 500000 steps"),
    "too long": ('{{ $x := "0123456789" }}{{ range 30 }}{{ $x = print $x $x }}{{ end }}', "longer than"),
    "lists in lists": ("{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ $x }}", "holds more than"),
    "lists in lists as JSON": (
        "{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ toJson $x }}",
        "json: more than",
    ),
    "nesting and calls": (
        '{{ define "r" }}' + "{{ if true }}" * 45 + '{{ template "r" . }}' + "{{ end }}" * 45 + "{{ end }}"
        '{{ template "r" . }}',
        "too deeply",
    ),
}


def told(folder: Path, kind: str, options: str) -> Played:
    """One alert, told and ended."""
    story = Story(pushed(folder, receiver=f"{kind}_configs: [{options}]"))
    story.at("1s").alert("Down", instance="a")
    story.at("31s").expect(page("team", by=kind))
    story.at("2m").over("Down", instance="a")
    story.at("5m31s").expect(resolve("team", by=kind))
    return story.until("20m").expect_nothing()


@pytest.mark.parametrize("why", list(_BROKEN))
def test_message_goes_out_plain_and_names_the_reason(tmp_path: Path, why: str) -> None:
    """At the flush at which it is due, whatever is wrong with the template; its end as well."""
    template, reason = _BROKEN[why]
    played = told(tmp_path, "slack", _RECEIVERS["slack"] % ("title", json.dumps(template)))
    for heard in played.world.heard:
        assert heard.message.trouble.startswith("title: ")
        assert reason in heard.message.trouble
        assert heard.message.fields == ()
        assert heard.message.title == "Down"
    logged = [facts["error"] for _, event, facts in played.world.log.lines if "template failed" in event]
    assert logged == [heard.message.trouble for heard in played.world.heard]


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        *(("slack", name) for name in ("title", "title_link", "pretext", "text", "fallback", "color", "footer")),
        *(("slack", name) for name in ("username", "icon_emoji", "image_url", "callback_id")),
        *(("pagerduty", name) for name in ("description", "severity", "class", "component", "group", "client")),
        *(("email", name) for name in ("html", "text")),
    ],
)
def test_each_option_may_be_the_broken_one(tmp_path: Path, kind: str, option: str) -> None:
    """It is named."""
    played = told(tmp_path, kind, _RECEIVERS[kind] % (option, '"{{ .Nope }}"'))
    assert [heard.message.trouble.partition(": ")[0] for heard in played.world.heard] == [option, option]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("webhook", _RECEIVERS["webhook"] % '"{{ .Nope }}"'),
        ("pagerduty", _RECEIVERS["pagerduty"] % ("details", '{a: "{{ .Nope }}"}')),
        ("slack", _RECEIVERS["slack"] % ("fields", '[{title: a, value: "{{ .Nope }}"}]')),
        ("email", _RECEIVERS["email"] % ("headers", '{Subject: "{{ .Nope }}"}')),
    ],
)
def test_options_that_hold_others_may_be_broken_within(tmp_path: Path, kind: str, options: str) -> None:
    """Documents, rows and headers."""
    played = told(tmp_path, kind, options)
    assert all("can't evaluate field Nope" in heard.message.trouble for heard in played.world.heard)
