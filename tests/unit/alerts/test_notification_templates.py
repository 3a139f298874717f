"""Notification templates see Alertmanager's data and say what Alertmanager would say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.alerts.templating.data import KV, AlertData, Alerts, Data, data_of, moment_at
from monitor.alerts.templating.payloads import filled
from monitor.alerts.templating.renderer import Rendering, TemplateLibrary, empty_set
from monitor.gotemplate.gojson import json_text
from monitor.model.errors import TemplateError
from monitor.model.notifications import MessageKind
from monitor.model.times import HOUR, MINUTE, parse_rfc3339
from tests.support.messages import T0, a_message

NOW = parse_rfc3339("2026-03-02T09:00:00Z")
SHIPPED = Path(__file__).parents[3] / "monitor" / "config" / "notification_templates" / "default.tmpl"

DOWN = AlertData(
    status="firing",
    labels=KV({"severity": "critical", "alertname": "Down", "instance": "a:1"}),
    annotations=KV({"summary": "a is <down>", "runbook": "https://runbooks.example.com/down"}),
    starts_at=moment_at(NOW - HOUR),
    generator_url="https://graphs.example.com/?a=1&b=2",
    fingerprint="0123456789abcdef",
)
OVER = AlertData(
    status="resolved",
    labels=KV({"alertname": "Down", "instance": "b:1", "severity": "critical"}),
    annotations=KV({"summary": "b is back"}),
    starts_at=moment_at(NOW - HOUR),
    ends_at=moment_at(NOW - MINUTE),
)
DATA = Data(
    receiver="team\\.x",
    status="firing",
    alerts=Alerts([DOWN, OVER]),
    group_labels=KV({"alertname": "Down"}),
    common_labels=KV({"alertname": "Down", "severity": "critical"}),
    common_annotations=KV({}),
    external_url="https://monitor.example.com",
    reason="first notification",
    route_labels=KV({"team": "{{ .GroupLabels.alertname | toLower }}-team", "loop": '{{ routeLabels "loop" }}'}),
)


def rendering(library: TemplateLibrary | None = None) -> Rendering:
    """Over DATA; the route's labels are templates still."""
    return Rendering(library or TemplateLibrary(), DATA, NOW, route_labels_rendered=False)


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{{ range .Alerts.Firing }}{{ .Labels.instance }};{{ end }}", "a:1;"),
        ("{{ range $i, $a := .Alerts }}{{ $i }}={{ $a.Status }} {{ end }}", "0=firing 1=resolved "),
        ("{{ (index .Alerts 0).Annotations.summary }}", "a is <down>"),
        (
            "{{ range .CommonLabels.SortedPairs }}{{ .Name }}:{{ .Value }} {{ end }}",
            "alertname:Down severity:critical ",
        ),
        ('{{ .CommonLabels.Remove (stringSlice "alertname") }}', "severity=critical"),
        ('{{ (.CommonLabels.Remove .GroupLabels.Names).Values | join "," }}', "critical"),
        ("{{ .CommonLabels }}", "alertname=Down, severity=critical"),
        ("{{ .GroupLabels.nothing }}|{{ len .CommonLabels }}", "|2"),
        ('{{ (index .Alerts 0).StartsAt.Format "2006-01-02 15:04" }}', "2026-03-02 08:00"),
        ('{{ ((index .Alerts 0).StartsAt.Add 28800e9).Format "15:04" }}', "16:00"),
        ('{{ date "15:04 MST" (tz "Asia/Seoul" (index .Alerts 0).StartsAt) }}', "17:00 KST"),
        ("{{ since (index .Alerts 0).StartsAt | humanizeDuration }}", "1h 0m 0s"),
        ("{{ ((index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt).Minutes }}", "59"),
        ('{{ toDate "2006-01-02 15:04:05" "2026-03-02 09:10:11" | date "02.01.06 15h04m05" }}', "02.03.26 09h10m11"),
        ("{{ (index .Alerts 0).EndsAt.IsZero }}", "true"),
        ("{{ (now).Unix }}", str(NOW // 1000)),
        ('{{ title "the SHOP-api of foo_bar isn\'t up" }}', "The Shop-Api Of Foo_bar Isn't Up"),
        ('{{ trimSpace "\\u00a0 a b\\n" }}', "a b"),
        ('{{ "a%20b+c" | urlUnescape }}', "a b c"),
        ('{{ base64encode "a?>" }} {{ base64decode "YT8-" }}', "YT8- a?>"),
        ('{{ dict "b" 1 "a" (list 1 "x") | toJson }}', '{"a":[1,"x"],"b":1}'),
        ("{{ toJson .CommonLabels }}", '{"alertname":"Down","severity":"critical"}'),
        ("{{ toJson (index .Alerts 0).Annotations.summary }}", '"a is \\u003cdown\\u003e"'),
        ('{{ append (list 1) 2 3 | printf "%v" }}', "[1 2 3]"),
        ('{{ routeLabels "team" }}/{{ routeLabels "none" }}', "down-team/"),
        ('{{ if match "^a:" (index .Alerts 0).Labels.instance }}yes{{ end }}', "yes"),
        ('{{ reReplaceAll "(.*):.*" "$1" "host:9100" }}', "host"),
        ('{{ (slice .Alerts 0 1).Firing | len }} {{ printf "%T" (slice .Alerts 0 1) }}', "1 template.Alerts"),
        ("{{ (slice .CommonLabels.SortedPairs 1).Names }}", "[severity]"),
        ('{{ join "," nil }}{{ (.CommonLabels.Remove nil).SortedPairs.Names }}', "[alertname severity]"),
        ('{{ html . | printf "%.5s" }}', "{team"),
        ("{{ .NotificationReason }} to {{ .Receiver }}", "first notification to team\\.x"),
    ],
)
def test_what_users_write_gives_what_they_know(template: str, wanted: str) -> None:
    """The constructs that public configurations are full of."""
    assert rendering().text(template) == wanted


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ .Foo }}", "can't evaluate field Foo in type *template.Data"),
        ('{{ routeLabels "loop" }}', 'route label "loop" refers to itself'),
        ('{{ "<b>" | safeHtml | toUpper }}', "at <toUpper>: wrong type for value; expected string; got template.HTML"),
        (
            '{{ index .CommonLabels (safeHtml "q") }}',
            "error calling index: value has type template.HTML; should be string",
        ),
        ('{{ join (safeUrl "x") (stringSlice "a") }}', "wrong type for value; expected string; got template.URL"),
        ('{{ match "(" "x" }}', "error calling match: error parsing regexp: missing closing ): `(`"),
        (
            '{{ reReplaceAll "(" "x" "y" }}',
            "error calling reReplaceAll: regexp: Compile(`(`): error parsing regexp: missing closing ): `(`",
        ),
        (
            '{{ reReplaceAll "`(" "x" "y" }}',
            'error calling reReplaceAll: regexp: Compile("`("): error parsing regexp: missing closing ): ``(`',
        ),
        ('{{ dict "a" }}', "dict expects an even number of arguments"),
        ('{{ tz "Moon/Base" (now) }}', "unknown time zone Moon/Base"),
        ('{{ urlUnescape "%zz" }}', 'invalid URL escape "%zz"'),
        ('{{ base64decode "a!" }}', "illegal base64 data at input byte 1"),
        ('{{ mustToDate "2006-01-02" "2026-02-30" }}', "day out of range"),
        ("{{ nosuch }}", 'function "nosuch" not defined'),
    ],
)
def test_a_broken_template_says_what_is_wrong(template: str, problem: str) -> None:
    """With Go's words: those are what people search for."""
    with pytest.raises(TemplateError) as caught:
        rendering().text(template)
    assert problem in str(caught.value)


def shipped() -> TemplateLibrary:
    """The named templates that come with the daemon."""
    return TemplateLibrary(empty_set().parse("default.tmpl", SHIPPED.read_text(encoding="utf-8")))


def test_every_shipped_template_renders() -> None:
    """And none of them is a name that only exists."""
    library = shipped()
    names = [name for name in library.parsed("").definitions if ".default." in name]
    assert len(names) > 45
    for name in names:
        dot = ".Alerts" if name == "pagerduty.default.instances" else "."
        assert "{{" not in rendering(library).text(f'{{{{ template "{name}" {dot} }}}}')


def test_the_shipped_subject_tells_state_number_and_names() -> None:
    """What stands first in chat and mail."""
    text = rendering(shipped()).text('{{ template "slack.default.title" . }}')
    assert text == "[FIRING:1] Down (critical)"


def test_the_shipped_mail_escapes_what_strangers_wrote() -> None:
    """Labels and annotations are text in it, not markup."""
    page = rendering(shipped()).html('{{ template "email.default.html" . }}')
    assert "a is &lt;down&gt;" in page
    assert '<a href="https://graphs.example.com/?a=1&amp;b=2">' in page
    assert "<down>" not in page


def test_a_later_definition_replaces_a_shipped_one() -> None:
    """That is how users change one piece of a message."""
    named = empty_set().parse("default.tmpl", SHIPPED.read_text(encoding="utf-8"))
    own = named.parse("own.tmpl", '{{ define "__subject" }}mine{{ end }}')
    assert rendering(TemplateLibrary(own)).text('{{ template "discord.default.title" . }}') == "mine"


def test_a_message_becomes_the_dot() -> None:
    """Firing alerts have no end, resolved ones have theirs."""
    firing, resolved = data_of(a_message()), data_of(a_message(MessageKind.RESOLVE))
    assert firing.status == "firing"
    assert firing.receiver == "page\\.shop"
    assert '"endsAt":"0001-01-01T00:00:00Z"' in json_text(firing)
    assert resolved.status == "resolved"
    assert resolved.alerts[0].ends_at == moment_at(T0)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"text": "{{ .Status }}", "count": "{{ len .Alerts }}"}, {"text": "firing", "count": 2}),
        ({"{{ .Status }}": ["{{ toJson .CommonLabels }}", 7, None]}, None),
        ("{{ .Labels }}", TemplateError),
    ],
    ids=["texts-and-numbers", "keys-and-documents", "broken"],
)
def test_documents_are_filled_in(value: object, wanted: object) -> None:
    """A text that has become another document stands for that document."""

    def parse(text: str) -> object:
        return json.loads(text)

    render = rendering().text
    if wanted is TemplateError:
        with pytest.raises(TemplateError):
            filled(value, render, parse)
        return
    if wanted is None:
        wanted = {"firing": [{"alertname": "Down", "severity": "critical"}, 7, None]}
    assert filled(value, render, parse) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (1.5e-7, "1.5e-7"),
        (0.000001, "0.000001"),
        (-0.0, "-0"),
        ([True, None, 3, "\u2028<"], '[true,null,3,"\\u2028\\u003c"]'),
        ({"b": 1, "a": {}}, '{"a":{},"b":1}'),
    ],
)
def test_json_as_go_writes_it(value: object, wanted: str) -> None:
    """Byte for byte, because receivers compare and sign bodies."""
    assert json_text(value) == wanted
