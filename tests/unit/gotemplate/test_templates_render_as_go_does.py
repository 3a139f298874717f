"""Each construct of text/template with the text Go gives for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.gotemplate.evaluation import Limits, MissingKey
from monitor.gotemplate.template import TemplateSet
from monitor.gotemplate.values import ANY, STRING, Function
from monitor.model.errors import TemplateError
from monitor.model.labels import Labels

_FUNCTIONS = {
    "upper": Function(str.upper, (STRING,)),
    "list": Function(lambda *values: list(values), (), ANY),
}
_DATA: dict[str, object] = {
    "name": "ana",
    "n": 3,
    "x": 1.5,
    "yes": True,
    "no": False,
    "nil": None,
    "empty": [],
    "list": ["a", "b", "c"],
    "map": {"b": "2", "a": "1"},
    "deep": {"er": {"est": 7}},
    "labels": Labels({"job": "api", "code": "500"}),
    "at": datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=UTC),
}


def render(
    text: str, data: object = None, missing: MissingKey = MissingKey.INVALID, limits: Limits | None = None
) -> str:
    templates = TemplateSet.allowing(_FUNCTIONS).parse("t", text)
    given = _DATA if data is None else data
    return templates.execute("t", given, _FUNCTIONS, missing_key=missing, limits=limits or Limits())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("a {{- 1 -}} b", "a1b"),
        ("a{{/* said\nnothing */}}b", "ab"),
        ("a {{- /* x */ -}} b", "ab"),
        ("{{ .name }} {{ .n }} {{ .x }}", "ana 3 1.5"),
        ("{{ .nope }}", "<no value>"),
        ("{{ .deep.er.est }}", "7"),
        ("{{ (.deep).er.est }}", "7"),
        ("{{ .map }} {{ .list }} {{ .labels }}", "map[a:1 b:2] [a b c] map[code:500 job:api]"),
        ("{{ if .yes }}y{{ else }}n{{ end }}", "y"),
        ("{{ if .no }}1{{ else if .nil }}2{{ else if .name }}3{{ else }}4{{ end }}", "3"),
        ("{{ if not .empty }}e{{ end }}", "e"),
        ("{{ if 0.0 }}t{{ else }}f{{ end }}", "f"),
        ("{{ with .deep.er }}{{ .est }}{{ else }}none{{ end }}", "7"),
        ("{{ with .nil }}1{{ else with .name }}{{ . }}{{ end }}", "ana"),
        ("{{ with $v := .n }}{{ $v }}{{ end }}", "3"),
        ("{{ range .list }}<{{ . }}>{{ end }}", "<a><b><c>"),
        ("{{ range $i, $e := .list }}{{ $i }}{{ $e }}{{ end }}", "0a1b2c"),
        ("{{ range $e := .list }}{{ $e }}{{ end }}", "abc"),
        ("{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=2;"),
        ("{{ range .empty }}x{{ else }}none{{ end }}", "none"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .list }}{{ if eq . `b` }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"),
        ("{{ range .list }}{{ if eq . `b` }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"),
        ("{{ $s := 0 }}{{ range .list }}{{ $s = . }}{{ end }}{{ $s }}", "c"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ range .list }}{{ $.n }}{{ end }}", "333"),
        ('{{ define "a" }}[{{ . }}]{{ end }}{{ template "a" .name }}', "[ana]"),
        ('{{ block "a" .n }}<{{ . }}>{{ end }}', "<3>"),
        ('{{ "x" | upper | printf "%s-%s" "y" }}', "y-X"),
        ("{{ upper (printf `%s` .name) }}", "ANA"),
        (r'{{ "q\"\t\u00e9\x41" }}{{ `raw\n` }}', 'q"\té' + "A" + r"raw\n"),
        ("{{ 'a' }} {{ 0x1F }} {{ 1e3 }} {{ 1_000 }} {{ -4 }} {{ 0b11 }} {{ 017 }}", "97 31 1000 1000 -4 3 15"),
        ("{{ and 1 0 2 }} {{ or 0 `` `z` }} {{ and true .n }} {{ not 1 }}", "0 z 3 false"),
        ("{{ or .name (index .list 9) }}", "ana"),
        (
            "{{ eq 1 1 }} {{ eq .n 1 2 3 }} {{ ne `a` `b` }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt 1.5 0.5 }} {{ ge `b` `a` }}",
            "true true true true true true true",
        ),
        ("{{ len .list }} {{ len `é` }} {{ len .map }} {{ len .empty }}", "3 2 2 0"),
        ("{{ index .list 1 }} {{ index .map `b` }} {{ index .deep `er` `est` }} [{{ index .map `zz` }}]", "b 2 7 []"),
        ("{{ slice .name 1 }} {{ slice .list 1 2 }} {{ slice .name 0 2 }}", "na [b] an"),
        ("{{ print 1 2 `a` `b` 3 }}|{{ println 1 `a` }}|", "1 2ab3|1 a\n|"),
        ('{{ html `<a href="x">\'&` }}', "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"),
        ("{{ js `it's <b>` }}", "it\\'s \\u003Cb\\u003E"),
        ("{{ urlquery `a b&c/é~` }}", "a+b%26c%2F%C3%A9~"),
        (
            "{{ .at.Year }} {{ .at.Format `Jan _2 15:04:05.000 MST` }} {{ .at }}",
            "2026 Jan  2 03:04:05.600 UTC 2026-01-02 03:04:05.6 +0000 UTC",
        ),
        ("{{ .at.Unix }} {{ .at.Weekday }} {{ .at.Month }} {{ printf `%d` .at.Month }}", "1767323045 Friday January 1"),
        (
            "{{ 1000000.0 }} {{ 100000.0 }} {{ 1234567.5 }} {{ 0.0001 }} {{ 0.00001 }} {{ 21.0 }}",
            "1e+06 100000 1.2345675e+06 0.0001 1e-05 21",
        ),
        ("{{if 1}}\n  {{- .n}}\n{{- end}}", "3"),
    ],
)
def test_construct(text: str, wanted: str) -> None:
    """The construct gives Go's text."""
    assert render(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{", "template: t:1: unclosed action"),
        ("a\nb {{ .x", "template: t:2: unclosed action"),
        ("{{ nope }}", 'template: t:1: function "nope" not defined'),
        ("{{ $x }}", 'template: t:1: undefined variable "$x"'),
        ("{{ if 1 }}", "template: t:1: unexpected EOF"),
        ("{{ end }}", "template: t:1: unexpected {{end}}"),
        ("{{ break }}", "template: t:1: {{break}} outside {{range}}"),
        ("{{ .x * 2 }}", 'template: t:1: unexpected "*" in operand'),
        ("{{ 12 | false }}", "template: t:1: non executable command in pipeline stage 2"),
        ("{{ ( ) }}", "template: t:1: missing value for parenthesized pipeline"),
        ("{{ }}", "template: t:1: missing value for command"),
        ("{{ if }}{{ end }}", "template: t:1: missing value for if"),
        ("{{ true.any }}", 'template: t:1: unexpected . after term "true"'),
        ("{{ (1 }}", "template: t:1: unclosed left paren"),
        ("{{ 1) }}", "template: t:1: unexpected right paren"),
        ('{{ "abc }}', "template: t:1: unterminated quoted string"),
        ("{{/* x", "template: t:1: unclosed comment"),
        ("{{ 3k }}", 'template: t:1: bad number syntax: "3k"'),
        ("{{ range $a, $b, $c := .x }}{{ end }}", "template: t:1: too many declarations in range"),
        ("{{ \u00a0 }}", "template: t:1: unrecognized character in action: U+00A0"),
    ],
)
def test_bad_template_is_refused_when_it_is_read(text: str, wanted: str) -> None:
    """The error has Go's words and place."""
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "x{{ .name.first }}",
            'template: t:1:9: executing "t" at <.name.first>: can\'t evaluate field first in type string',
        ),
        ("{{ upper 1 }}", 'template: t:1:9: executing "t" at <1>: expected string; found 1'),
        ("{{ upper .n }}", 'template: t:1:9: executing "t" at <.n>: wrong type for value; expected string; got int'),
        ("{{ upper }}", 'template: t:1:3: executing "t" at <upper>: wrong number of args for upper: want 1 got 0'),
        (
            "{{ index .list 9 }}",
            'template: t:1:3: executing "t" at <index .list 9>: error calling index: index out of range: 9',
        ),
        (
            "{{ index .list (len .list) }}",
            'template: t:1:3: executing "t" at <index .list (len .list)>: error calling index: reflect: slice index out of range',
        ),
        (
            '{{ index "ab" 2 }}',
            'template: t:1:3: executing "t" at <index "ab" 2>: error calling index: reflect: string index out of range',
        ),
        (
            "é\n {{ lt 1 `a` }}",
            'template: t:2:4: executing "t" at <lt 1 `a`>: error calling lt: incompatible types for comparison',
        ),
        ('{{ template "z" }}', 'template: t:1:12: executing "t" at <{{template "z"}}>: template "z" not defined'),
        ("{{ range .x }}{{ end }}", 'template: t:1:9: executing "t" at <.x>: range can\'t iterate over 1.5'),
        ("{{ nil }}", 'template: t:1:3: executing "t" at <nil>: nil is not a command'),
        ("{{ 1 2 }}", 'template: t:1:3: executing "t" at <1>: can\'t give argument to non-function 1'),
    ],
)
def test_failing_execution_names_place_and_node(text: str, wanted: str) -> None:
    """Column in bytes from 0, node as written, Go's words."""
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert str(caught.value) == wanted


@pytest.mark.parametrize(
    ("missing", "wanted"),
    [(MissingKey.INVALID, "<no value>"), (MissingKey.ZERO, "")],
    ids=["invalid", "zero"],
)
def test_missing_label_follows_the_option(missing: MissingKey, wanted: str) -> None:
    """A label that a set lacks is the empty text under missingkey=zero."""
    assert render("{{ .labels.nope }}", missing=missing) == wanted


def test_missing_key_can_be_an_error() -> None:
    """missingkey=error names the key."""
    with pytest.raises(TemplateError, match='map has no entry for key "nope"'):
        render("{{ .labels.nope }}", missing=MissingKey.ERROR)


@pytest.mark.parametrize(
    "text",
    [
        "{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}",
        '{{ define "a" }}{{ template "a" }}{{ end }}{{ template "a" }}',
        "{{ range 1000 }}" + "x" * 5000 + "{{ end }}",
        '{{ $s := "xxxxxxxxxx" }}{{ range 100 }}{{ $s = print $s $s }}{{ end }}',
        "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    ],
    ids=["steps", "depth", "output", "doubling", "nesting"],
)
def test_greedy_template_is_stopped(text: str) -> None:
    """Steps, depth, output and nesting are bounded."""
    with pytest.raises(TemplateError):
        render(text)


@given(st.text())
def test_any_text_renders_or_is_refused_politely(text: str) -> None:
    """Whatever stands between braces, the only error is TemplateError."""
    for candidate in (text, "{{" + text + "}}", "{{ " + text, "{{ range .list }}{{ " + text + " }}{{ end }}"):
        try:
            render(candidate)
        except TemplateError:
            continue


@given(st.text().filter(lambda text: "{{" not in text and not text.endswith("{")))
def test_text_without_actions_is_itself(text: str) -> None:
    """Plain text passes unchanged."""
    assert render(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ html nil }} {{ urlquery nil }}", "&lt;no value&gt; %3Cno+value%3E"),
        ('{{ js "\\u2028\\x7f/" }}', "\\u2028\x7f/"),
        ("{{ (.at.Sub .at).Round (.at.Sub .at) }}", "0s"),
    ],
)
def test_what_escapes_and_rounds(text: str, wanted: str) -> None:
    """Nothing is `<no value>` to the escaping functions; DEL is no control to `js`."""
    assert render(text, _DATA) == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ 1e1000 }}", 'illegal number syntax: "1e1000"'),
        ("{{ 1__0 }}", 'illegal number syntax: "1__0"'),
        ("{{ 08 }}", 'integer overflow: "08"'),
        ("{{ 99999999999999999999 }}", 'integer overflow: "99999999999999999999"'),
        ("{{ '' }}", "invalid syntax"),
        ("{{ .at.Date }}", 'can\'t call method/function "Date" with 3 results'),
        ("{{ .at.ISOWeek }}", 'can\'t call method/function "ISOWeek" with 2 results'),
        ("{{ len nil }}", "error calling len: reflect: call of reflect.Value.Type on zero Value"),
    ],
)
def test_numbers_and_calls_that_go_refuses(text: str, problem: str) -> None:
    """In its words, read with promtool."""
    with pytest.raises(TemplateError) as caught:
        render(text, _DATA)
    assert str(caught.value).endswith(problem)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ $x }}", "holds more than"),
        ("{{ $x := list 1 }}{{ range 40 }}{{ $x = list $x $x }}{{ end }}{{ printf `%v` $x }}", "holds more than"),
        ("{{ printf .pads 1 }}", "a text longer than"),
    ],
)
def test_what_is_too_large_to_be_shown_fails(text: str, complaint: str) -> None:
    """A few lines of template can ask for more than there is memory for."""
    with pytest.raises(TemplateError, match=complaint):
        render(text, {"pads": "%[1]99999d" * 20})
