"""Following scripts and style sheets: literals, comments, and whether a slash would divide or begin a regular expression.

Source: Go's html/template/transition.go, js.go and css.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from monitor.gotemplate.html_places import Place, Slash, State, UrlPart
from monitor.model.errors import TemplateError
from monitor.model.labels import quote

JS_SPACE: Final = "\f\n\r\t\v \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
JS_NAME: Final = frozenset("$_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def url_place(place: Place, text: str) -> Place:
    """After a part of a URL."""
    if "#" in text or "?" in text:
        return replace(place, part=UrlPart.QUERY)
    if place.part is UrlPart.START and text.strip(" \t\n\f\r"):
        return replace(place, part=UrlPart.PATH)
    return place


def is_script_type(kind: str) -> bool:
    """Does `<script type=...>` hold a script, or JSON?"""
    return kind.partition(";")[0].lower().strip() in _SCRIPT_TYPES


def slash_after(text: str, before: Slash) -> Slash:
    """What a slash behind this part of a script begins."""
    text = text.rstrip(JS_SPACE)
    if not text:
        return before
    last = text[-1]
    if last in "+-":
        # an odd number of signs ends in an operator, an even one in `++` or `--`, taken as behind a variable
        return Slash.REGEXP if (len(text) - len(text.rstrip(last))) % 2 else Slash.DIVISION
    if last == ".":
        return Slash.DIVISION if text[-2:-1].isdigit() and text[-2].isascii() else Slash.REGEXP
    if last in ",<>=*%&|^?!~([:;{}":
        return Slash.REGEXP
    start = len(text)
    while start and text[start - 1] in JS_NAME:
        start -= 1
    member = text[:start].rstrip(JS_SPACE).endswith(".")
    return Slash.REGEXP if text[start:] in _BEFORE_REGEXP and not member else Slash.DIVISION


def decoded_css(text: str) -> str:
    """A style sheet's text without its escapes."""
    return _CSS_ESCAPE.sub(_css_character, text) if "\\" in text else text


_SCRIPT_TYPES: Final = frozenset(
    (
        "",
        "module",
        *(
            f"application/{name}"
            for name in ("ecmascript", "javascript", "json", "ld+json", "x-ecmascript", "x-javascript")
        ),
        *(
            f"text/{name}"
            for name in ("ecmascript", "javascript", "jscript", "livescript", "x-ecmascript", "x-javascript")
        ),
        *(f"text/javascript1.{minor}" for minor in range(6)),
    )
)
_BEFORE_REGEXP: Final = frozenset(
    [
        "break",
        "case",
        "continue",
        "delete",
        "do",
        "else",
        "finally",
        "in",
        "instanceof",
        "return",
        "throw",
        "try",
        "typeof",
        "void",
        "yield",
    ]
)
_JS_MARK: Final = re.compile("[\"`'/{}<\\-#]")
_TEMPLATE_MARK: Final = re.compile(r"[`\\$]")
_LITERAL_MARKS: Final = {
    State.JS_DOUBLE: re.compile(r'[\\"]'),
    State.JS_SINGLE: re.compile(r"[\\']"),
    State.JS_REGEXP: re.compile(r"[\\/\[\]]"),
}
_JS_LINE_END: Final = re.compile("[\n\r\u2028\u2029]")
_CSS_LINE_END: Final = re.compile("[\n\f\r]")
_CSS_MARK: Final = re.compile("[(\"'/]")
_CSS_STRING_MARKS: Final = {
    State.CSS_DOUBLE: re.compile(r'[\\"]'),
    State.CSS_DOUBLE_URL: re.compile(r'[\\"]'),
    State.CSS_SINGLE: re.compile(r"[\\']"),
    State.CSS_SINGLE_URL: re.compile(r"[\\']"),
    State.CSS_URL: re.compile(r"[\\\t\n\f\r )]"),
}
_CSS_URL_CALL: Final = re.compile(r"(?:^|[^a-zA-Z0-9_\x80-\U0010ffff-])url[\t\n\f\r ]*\Z", re.IGNORECASE)
_CSS_ESCAPE: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[\t\n\f\r ])?|(.)|\Z)", re.DOTALL)


def _css_character(found: re.Match[str]) -> str:
    digits, char = found.group(1), found.group(2)
    if digits is None:
        return char or ""
    code = int(digits, 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"


def _js(place: Place, text: str) -> tuple[Place, int]:
    found = _JS_MARK.search(text)
    if found is None:
        return replace(place, slash=slash_after(text, place.slash)), len(text)
    at, mark = found.start(), found.group()
    place = replace(place, slash=slash_after(text[:at], place.slash))
    if mark in _OPENERS:
        return replace(place, state=_OPENERS[mark], slash=Slash.REGEXP), at + 1
    for opener, state in _JS_COMMENTS:
        if text.startswith(opener, at):
            return replace(place, state=state), at + len(opener)
    match mark:
        case "/":
            if place.slash is Slash.UNKNOWN:
                raise TemplateError(f"'/' could start a division or regexp: {quote(text[at : at + 32])}")
            if place.slash is Slash.REGEXP:
                return replace(place, state=State.JS_REGEXP), at + 1
            return replace(place, slash=Slash.REGEXP), at + 1
        case "#":
            while at + 1 < len(text) and text[at + 1] in JS_NAME:
                at += 1
            return replace(place, slash=Slash.DIVISION), at + 1
        case "{" | "}":
            return _brace(place, mark), at + 1
        case _:
            return place, at + 1


def _brace(place: Place, mark: str) -> Place:
    """Braces are counted within `${ }` only, to know which one ends it."""
    after = replace(place, slash=slash_after(mark, place.slash))
    if not place.braces:
        return after
    *outer, depth = place.braces
    depth += 1 if mark == "{" else -1
    if depth >= 0:
        return replace(after, braces=(*outer, depth))
    return replace(place, state=State.JS_TEMPLATE, braces=tuple(outer))


def _js_template(place: Place, text: str) -> tuple[Place, int]:
    at = 0
    while found := _TEMPLATE_MARK.search(text, at):
        at = found.start()
        match found.group():
            case "\\":
                at = _past_escape(text, at, "JS")
            case "$" if text[at + 1 : at + 2] == "{":
                return replace(place, state=State.JS, slash=Slash.REGEXP, braces=(*place.braces, 0)), at + 2
            case "`":
                return replace(place, state=State.JS), at + 1
            case _:
                pass
        at += 1
    return place, len(text)


def _js_literal(place: Place, text: str) -> tuple[Place, int]:
    marks = _LITERAL_MARKS[place.state]
    at, in_set = 0, False
    while found := marks.search(text, at):
        at, mark = found.start(), found.group()
        if mark == "\\":
            at = _past_escape(text, at, "JS")
        elif mark in "[]":
            in_set = mark == "["
        elif mark == "/" and text[max(at - 1, 0) : at + 7].lower() == "</script":
            at += 1
        elif not in_set:
            return replace(place, state=State.JS, slash=Slash.DIVISION), at + 1
        at += 1
    if in_set:
        raise TemplateError(f"unfinished JS regexp charset: {quote(text)}")
    return place, len(text)


def _past_escape(text: str, at: int, language: str) -> int:
    if at + 1 == len(text):
        raise TemplateError(f"unfinished escape sequence in {language} string: {quote(text)}")
    return at + 1


def _block_comment(place: Place, text: str) -> tuple[Place, int]:
    end = text.find("*/")
    if end < 0:
        return place, len(text)
    return replace(place, state=State.JS if place.state is State.JS_BLOCK_COMMENT else State.CSS), end + 2


def _line_comment(place: Place, text: str) -> tuple[Place, int]:
    css = place.state is State.CSS_LINE_COMMENT
    end = (_CSS_LINE_END if css else _JS_LINE_END).search(text)
    return (place, len(text)) if end is None else (replace(place, state=State.CSS if css else State.JS), end.start())


def _css(place: Place, text: str) -> tuple[Place, int]:
    at = 0
    while found := _CSS_MARK.search(text, at):
        at, mark = found.start(), found.group()
        if mark == "(" and _CSS_URL_CALL.search(text[:at]):
            start = len(text) - len(text[at + 1 :].lstrip("\t\n\f\r "))
            state = {'"': State.CSS_DOUBLE_URL, "'": State.CSS_SINGLE_URL}.get(text[start : start + 1], State.CSS_URL)
            return replace(place, state=state), start + (state is not State.CSS_URL)
        if mark in _CSS_OPENERS:
            return replace(place, state=_CSS_OPENERS[mark]), at + 1
        comment = _CSS_COMMENTS.get(text[at : at + 2])
        if comment is not None:
            return replace(place, state=comment), at + 2
        at += 1
    return place, len(text)


def _css_string(place: Place, text: str) -> tuple[Place, int]:
    marks = _CSS_STRING_MARKS[place.state]
    at = 0
    while found := marks.search(text, at):
        at = found.start()
        if found.group() != "\\":
            return replace(place, state=State.CSS), at + 1
        at = _past_escape(text, at, "CSS")
        place = url_place(place, decoded_css(text[: at + 1]))
        at += 1
    return url_place(place, decoded_css(text[at:])), len(text)


_OPENERS: Final = {'"': State.JS_DOUBLE, "'": State.JS_SINGLE, "`": State.JS_TEMPLATE}
_JS_COMMENTS: Final = (
    ("//", State.JS_LINE_COMMENT),
    ("/*", State.JS_BLOCK_COMMENT),
    ("<!--", State.JS_OPEN_COMMENT),
    ("-->", State.JS_CLOSE_COMMENT),
    ("#!", State.JS_LINE_COMMENT),
)
_CSS_OPENERS: Final = {'"': State.CSS_DOUBLE, "'": State.CSS_SINGLE}
_CSS_COMMENTS: Final = {"//": State.CSS_LINE_COMMENT, "/*": State.CSS_BLOCK_COMMENT}
SCRIPT_READERS: Final[Mapping[State, Callable[[Place, str], tuple[Place, int]]]] = {
    State.JS: _js,
    State.JS_TEMPLATE: _js_template,
    **dict.fromkeys(_LITERAL_MARKS, _js_literal),
    **dict.fromkeys((State.JS_BLOCK_COMMENT, State.CSS_BLOCK_COMMENT), _block_comment),
    **dict.fromkeys(
        (State.JS_LINE_COMMENT, State.JS_OPEN_COMMENT, State.JS_CLOSE_COMMENT, State.CSS_LINE_COMMENT), _line_comment
    ),
    State.CSS: _css,
    **dict.fromkeys(_CSS_STRING_MARKS, _css_string),
}
