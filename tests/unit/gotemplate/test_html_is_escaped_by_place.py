"""html/template: values cannot leave the place where they stand."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.gotemplate.html import HtmlWriter
from monitor.gotemplate.template import TemplateSet
from monitor.gotemplate.values import STRING, Function, Safe
from monitor.model.errors import TemplateError

_FUNCTIONS = {"safe": Function(Safe, (STRING,))}


def render(text: str, value: object) -> str:
    return TemplateSet.allowing(_FUNCTIONS).parse("t", text).execute("t", value, _FUNCTIONS, writer=HtmlWriter())


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("<b>{{ . }}</b>", "<i>&\"'+", "<b>&lt;i&gt;&amp;&#34;&#39;&#43;</b>"),
        ("{{ . | safe }}", "<i>", "<i>"),
        ("[{{ . }}]", None, "[]"),
        ("{{ . }}", 1.5, "1.5"),
        ('<a title="{{ . }}">', 'a"b c', '<a title="a&#34;b c">'),
        ("<a title={{ . }}>", "a b>", "<a title=a&#32;b&gt;>"),
        ('<a title="{{ safe . }}">', "<b>x</b>&amp;", '<a title="x&amp;amp;">'),
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
    "text",
    [
        "<script>{{ . }}</script>",
        "<style>{{ . }}</style>",
        '<a style="{{ . }}">',
        '<a onclick="{{ . }}">',
        "<a {{ . }}>",
    ],
)
def test_value_is_refused_where_it_could_run(text: str) -> None:
    """Scripts, style sheets and names take no values."""
    with pytest.raises(TemplateError, match="may not stand"):
        render(text, "x")


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
