"""Prometheus's template functions, one by one."""

from __future__ import annotations

import pytest

from monitor.gotemplate.evaluation import MissingKey
from monitor.gotemplate.template import TemplateSet
from monitor.model.errors import TemplateError
from monitor.model.labels import Labels
from monitor.model.samples import Sample
from monitor.rules.template_functions import FUNCTION_NAMES, Rows, Unanswered, functions
from monitor.rules.texts import AlertData, World, compile_text, rows_of

_ANSWERS: dict[str, Rows | ValueError] = {
    "up": rows_of(
        (Sample(Labels({"__name__": "up", "i": "b", "__value__": "v"}), 0, 2.0), Sample(Labels({"i": "a"}), 0, 1.0))
    ),
    "none": Rows(),
    "broken": ValueError("no such thing"),
}


def render(text: str) -> str:
    known = functions(external_url="http://host/pre/fix", now=1_700_000_000_500, answers=_ANSWERS)
    return TemplateSet.allowing(FUNCTION_NAMES).parse("t", text).execute("t", None, known, missing_key=MissingKey.ZERO)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ humanize 0.0 }} {{ humanize 1234567.0 }} {{ humanize 0.12 }} {{ humanize `1500` }}", "0 1.235M 120m 1.5k"),
        ("{{ humanize1024 1048576.0 }} {{ humanize1024 0.5 }} {{ humanize1024 -4096.0 }}", "1Mi 0.5 -4ki"),
        (
            "{{ humanizeDuration 0 }} {{ humanizeDuration 59.5 }} {{ humanizeDuration 90061 }} {{ humanizeDuration 0.0012 }} "
            "{{ humanizeDuration -61 }} {{ humanizeDuration 3600 }}",
            "0s 59.5s 1d 1h 1m 1s 1.2ms -1m 1s 1h 0m 0s",
        ),
        ("{{ humanizePercentage 0.1234567 }} {{ humanizePercentage -1 }}", "12.35% -100%"),
        ("{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        (
            "{{ (toTime 1435065584.128).Year }} {{ toDuration 90 }} {{ now }} {{ (now | toTime).Format `15:04` }}",
            "2015 1m30s 1.7000000005e+09 22:13",
        ),
        (
            "{{ title `hello wORLD foo-bar a_b` }} {{ toUpper `aé` }} {{ toLower `AÉ` }}",
            "Hello WORLD Foo-Bar A_b AÉ aé",
        ),
        (
            "{{ match `a+b` `xaab` }} {{ match `^b` `ab` }} {{ reReplaceAll `(\\w)-(\\w)` `$2${1}x$$` `a-b c-d` }}",
            "true false bax$ dcx$",
        ),
        ("{{ reReplaceAll `a*` `-` `baaac` }}", "-b-c-"),
        ("{{ stripPort `h:80` }} {{ stripPort `[::1]:80` }} {{ stripPort `::1` }} {{ stripPort `h` }}", "h ::1 ::1 h"),
        (
            "{{ stripDomain `a.b.c` }} {{ stripDomain `a.b.c:80` }} {{ stripDomain `10.0.0.1:80` }} {{ stripDomain `[::1]:80` }}",
            "a a:80 10.0.0.1:80 [::1]:80",
        ),
        ("{{ parseDuration `1h30m` }} {{ parseDuration `-5s` }}", "5400 -5"),
        (
            '{{ urlQueryEscape `a b&é` }} {{ graphLink `up{a="b"}` }} {{ tableLink `up` }}',
            "a+b%26%C3%A9 /graph?g0.expr=up%7Ba%3D%22b%22%7D&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
        ),
        ("{{ externalURL }} {{ pathPrefix }}", "http://host/pre/fix /pre/fix"),
        (
            "{{ query `up` | first | value }} {{ query `up` | first | label `i` }} {{ query `up` | first | strvalue }}",
            "2 b v",
        ),
        ("{{ range query `up` | sortByLabel `i` }}{{ .Labels.i }}{{ .Value }}{{ .Labels.nope }} {{ end }}", "a1 b2 "),
        ("{{ with query `none` }}some{{ else }}none{{ end }}", "none"),
        ("{{ $a := args 1 `x` }}{{ $a.arg0 }}{{ $a.arg1 }}", "1x"),
        ("{{ safeHtml `<b>` }}", "<b>"),
    ],
)
def test_function(text: str, wanted: str) -> None:
    """The function gives Prometheus's text."""
    assert render(text) == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ query `none` | first }}", "error calling first: first() called on vector with no elements"),
        ("{{ query `broken` }}", "error calling query: no such thing"),
        ("{{ humanize `x` }}", 'error calling humanize: strconv.ParseFloat: parsing "x": invalid syntax'),
        ("{{ humanize true }}", "error calling humanize: can't convert bool to float"),
        (
            "{{ toTime 1e300 }}",
            "error calling toTime: 1e+300 cannot be represented as a nanoseconds timestamp since it overflows int64",
        ),
        ("{{ toTime `NaN` }}", "error calling toTime: value is NaN or Inf"),
        ("{{ parseDuration `5x` }}", 'error calling parseDuration: not a valid duration string: "5x"'),
        ("{{ match `(` `a` }}", "error calling match: error parsing regexp"),
        ("{{ first 1 }}", "can't handle 1 for arg of type template.queryResult"),
    ],
)
def test_failing_function_says_why(text: str, problem: str) -> None:
    """With Go's and Prometheus's words."""
    with pytest.raises(TemplateError) as caught:
        render(text)
    assert problem in str(caught.value)


def test_query_without_an_answer_asks() -> None:
    """The question passes through the template to whoever renders."""
    with pytest.raises(Unanswered) as caught:
        render('{{ query (printf "%s" "later") }}')
    assert caught.value.query == "later"


@pytest.mark.parametrize(
    ("text", "valueless"),
    [
        ("plain", True),
        ("{{ $labels.a }} {{ .Labels.b | toUpper }} {{ $externalLabels.c }} {{ .ExternalURL }}", True),
        ("{{ if eq $labels.a `x` }}y{{ else }}z{{ end }}", True),
        ("{{ $value }}", False),
        ("{{ .Value | humanize }}", False),
        ("{{ printf `%v` . }}", False),
        ("{{ with . }}{{ .Value }}{{ end }}", False),
        ("{{ $x := . }}{{ $x.Value }}", False),
        ("{{ $.Value }}", False),
        ("{{ ($).Value }}", False),
        ("{{ define `t` }}{{ .Value }}{{ end }}{{ template `t` . }}", False),
        ("{{ template `t` $ }}{{ define `t` }}{{ . }}{{ end }}", False),
    ],
)
def test_texts_know_whether_they_show_the_value(text: str, *, valueless: bool) -> None:
    """When in doubt they do."""
    assert compile_text("A", text).valueless is valueless


def test_variables_that_a_text_does_not_read_are_not_made() -> None:
    """Those that it reads are, in templates of its own nobody's; columns in errors are Prometheus's all the same."""
    data = AlertData(labels=Labels({"a": "b"}), value=2.0, world=World())
    assert compile_text("A", "{{ $value }}/{{ $labels.a }}").render(data, {}) == "2/b"
    assert compile_text("A", "{{ $value := 3 }}{{ $value }}").render(data, {}) == "3"
    short, whole = (
        compile_text("A", text).render(data, {}) for text in ("{{ $value.x }}", "{{ $value.x }}{{ $labels }}")
    )
    assert "template: __alert_A:1:1" in short
    assert short == whole


def test_all_functions_of_prometheus_exist() -> None:
    """Thirty, and `tmpl` for its console pages only."""
    assert len(FUNCTION_NAMES) == 29
