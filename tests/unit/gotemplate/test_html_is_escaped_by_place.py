"""html/template: values cannot leave the place where they stand."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.gotemplate.html import escaped
from monitor.gotemplate.template import TemplateSet
from monitor.gotemplate.values import STRING, Function, Safe, SafeUrl
from monitor.model.errors import TemplateError

_FUNCTIONS = {"safe": Function(Safe, (STRING,)), "safeUrl": Function(SafeUrl, (STRING,))}


def render(text: str, value: object) -> str:
    return escaped(TemplateSet.allowing(_FUNCTIONS).parse("t", text), "t").execute("t", value, _FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("<b>{{ . }}</b>", "<i>&\"'+", "<b>&lt;i&gt;&amp;&#34;&#39;&#43;</b>"),
        ("{{ . | safe }}", "<i>", "<i>"),
        ("[{{ . }}]", None, "[]"),
        ("{{ . }}", 1.5, "1.5"),
        ('<a title="{{ . }}">', 'a"b c', '<a title="a&#34;b c">'),
        ("<a title={{ . }}>", "a b>", "<a title=a&#32;b&gt;>"),
        ('<a title="{{ safe . }}">', "<b>x</b>&amp;", '<a title="x&amp;">'),
        ('<a href="{{ . }}">', "http://h/a b?c=d&e#f", '<a href="http://h/a%20b?c=d&amp;e#f">'),
        ('<a href="{{ . }}">', "javascript:alert(1)", '<a href="#ZgotmplZ">'),
        ('<a href="/x?q={{ . }}">', "a b&c/%", '<a href="/x?q=a%20b%26c%2f%25">'),
        ('<a href="/search?{{ . }}"></a>', "q=test%20foo", '<a href="/search?q%3dtest%2520foo"></a>'),
        ('<a href="/p/{{ . }}/z">', "é%20%x", '<a href="/p/%c3%a9%20%25x/z">'),
        ("<title>{{ . }}</title>", "</title>", "<title>&lt;/title&gt;</title>"),
        ("<!-- {{ . }} -->x", "-->", "x"),
        ("a < b {{ . }}", "c", "a &lt; b c"),
        ("<!DOCTYPE html>{{ . }}", "c", "<!DOCTYPE html>c"),
        ("<style>a{}</style>{{ . }}", "<", "<style>a{}</style>&lt;"),
    ],
)
def test_value_is_escaped_for_its_place(text: str, value: object, wanted: str) -> None:
    """As html/template does."""
    assert render(text, value) == wanted


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("<script>x = {{ . }};</script>", "</script>", '<script>x = "\\u003c/script\\u003e";</script>'),
        ("<script>x = {{ . }}</script>", 5, "<script>x =  5 </script>"),
        ("<script>x = {{ . }}</script>", None, "<script>x =  null </script>"),
        ("<script>x = '{{ . }}'</script>", "a'\n/", "<script>x = 'a\\u0027\\n\\/'</script>"),
        ("<script>x = `${ {{ . }} }{{ . }}`</script>", "$", '<script>x = `${ "$" }\\u0024`</script>'),
        ("<script>/{{ . }}/</script>", "a.b", "<script>/a\\.b/</script>"),
        ("<script>/{{ . }}/</script>", "", "<script>/(?:)/</script>"),
        ('<script type="text/html"><b>{{ . }}</b></script>', "<", '<script type="text/html"><b>&lt;</b></script>'),
        ("<script>a /* {{ . }} */ b // {{ . }}\nc</script>", "x", "<script>a    b \nc</script>"),
        ("<style>a { b: {{ . }} }</style>", "red", "<style>a { b: red }</style>"),
        ("<style>a { b: {{ . }} }</style>", "a;b", "<style>a { b: ZgotmplZ }</style>"),
        ("<style>a { b: {{ . }} }</style>", "-moz-binding", "<style>a { b: ZgotmplZ }</style>"),
        ('<style>a { b: "{{ . }}" }</style>', 'x"b', '<style>a { b: "x\\22 b" }</style>'),
        ("<style>a { b: url( '{{ . }}' ) }</style>", "a b", "<style>a { b: url( 'a%20b' ) }</style>"),
        ('<a style="x: {{ . }}">', "1px", '<a style="x: 1px">'),
        ('<a onclick="f({{ . }})">', "'", '<a onclick="f(&#34;&#39;&#34;)">'),
        ("<a {{ . }}>", "onclick", "<a ZgotmplZ>"),
        ("<a {{ . }}>", "Title", "<a title>"),
        ("<a b={{ . }}>", "", "<a b=ZgotmplZ>"),
        ('<a href="{{ safeUrl . }}">', "tel:1 2", '<a href="tel:1%202">'),
        ('<a href="{{ urlquery . }}">', "a b", '<a href="a&#43;b">'),
        ('<a href="?{{ . | urlquery }}">', "a b", '<a href="?a&#43;b">'),
        ('<img srcset="{{ . }}">', "/a 2x,x:b", '<img srcset="/a 2x,#ZgotmplZ">'),
        ("{{ html . }}{{ . | html }}", "<", "&lt;&lt;"),
        ("{{ range . }}<b>{{ . }}{{ break }}{{ end }}", ["<", "x"], "<b>&lt;"),
        (
            '{{ define "v" }}{{ . }}{{ end }}{{ template "v" . }}<a b="{{ template "v" . }}"><script>{{ template "v" . }}</script>',
            "<",
            '&lt;<a b="&lt;"><script>"\\u003c"</script>',
        ),
    ],
)
def test_value_in_a_script_or_style_is_escaped_for_its_place(text: str, value: object, wanted: str) -> None:
    """As html/template does; the texts are those that Go gives."""
    assert render(text, value) == wanted


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('<a {{ if . }}title="{{ end }}x">', "1:9: {{if}} branches end in different contexts"),
        ('<a href="', "t: ends in a non-text context: {stateURL delimDoubleQuote"),
        ('<a b"c=d>{{ . }}', 't: "\\"" in attribute name'),
        ("<a b=c'd>{{ . }}", 't: "\'" in unquoted attr: "c\'d"'),
        ("{{ . | html | printf }}", '1:3: predefined escaper "html" disallowed in template'),
        ('<a href="{{ if . }}?{{ end }}{{ . }}">', "1:32: {{.}} appears in an ambiguous context within a URL"),
        ("<script>{{ if . }}x{{ else }}={{ end }}/{{ . }}/</script>", "t: '/' could start a division or regexp"),
        ('{{ template "none" }}', '1:12: no such template "none"'),
        ("{{ range . }}<a b='{{ end }}'>", "1:9: on range loop re-entry: {{range}} branches end in"),
    ],
)
def test_template_whose_places_cannot_be_told_is_refused(text: str, complaint: str) -> None:
    """In Go's words, with the place in the template."""
    with pytest.raises(TemplateError) as caught:
        render(text, "x")
    assert str(caught.value).startswith("html/template:t:")
    assert complaint in str(caught.value)


def test_template_that_calls_itself_keeps_its_place() -> None:
    """A tree is written by a template that calls itself for each branch."""
    text = '{{ define "t2" }}<i>{{ .n }}{{ range .in }}{{ template "t2" . }}{{ end }}</i>{{ end }}{{ template "t2" . }}'
    leaf: dict[str, object] = {"n": "2", "in": []}
    assert render(text, {"n": "<", "in": [leaf]}) == "<i>&lt;<i>2</i></i>"


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"{tag}:{','.join(name for name, _ in attrs)}")


# Python's parser takes more characters for white space than HTML does
_CHARACTERS = st.characters(codec="utf-8").filter(lambda char: not char.isspace() or char in " \t\r\n\f")


@given(st.text(_CHARACTERS))
def test_no_value_adds_a_tag_or_an_attribute(value: str) -> None:
    """A parser sees the template's own tags and attributes only."""
    seen = _Seen()
    seen.feed(
        render('<p title="{{ . }}">{{ . }}</p><a href=\'{{ . }}\' id={{ . }}x>{{ . }}</a><a href="/q?{{ . }}">', value)
    )
    assert seen.tags == ["p:title", "a:href,id", "a:href"]
