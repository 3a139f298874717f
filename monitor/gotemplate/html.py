"""Go's html/template: what an action gives is escaped for the place where it stands.

Go decides the places when a template is parsed; here the text that a template itself brings is followed while it is
written, which comes to the same and needs no second tree. Values never move the place: they are escaped so that they
cannot. Places served: text, titles and text areas, attributes with or without quotes, URLs in attributes. Where scripts
or style sheets would be written (`<script>`, `<style>`, `style=`, `on...=`), and in the names of tags and attributes, an
action is refused. Source: Go's html/template (escape.go, html.go, url.go, attr.go).
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from monitor.gotemplate.format import sprint
from monitor.gotemplate.values import NOTHING, Safe, Value
from monitor.model.errors import TemplateError


class HtmlWriter:
    """One document being written. Implements `executor.Writer`."""

    def __init__(self) -> None:
        self._place = _Place.TEXT
        self._tag = ""
        self._attribute = ""
        self._quote = ""
        self._part = _UrlPart.START

    def __repr__(self) -> str:
        return f"HtmlWriter({self._place.value}, <{self._tag} {self._attribute}=)"

    def text(self, text: str) -> str:
        """The template's own text, as it goes out: without comments, and with a `<` that begins nothing escaped."""
        out: list[str] = []
        at = 0
        while at < len(text):
            at = self._step(text, at, out)
        return "".join(out)

    def value(self, value: Value) -> str:
        """What an action gives, escaped for this place. Raises TemplateError where it may not stand."""
        safe = isinstance(value, Safe)
        text = "" if value is None or value is NOTHING else sprint([value])
        match self._place:
            case _Place.TEXT:
                return text if safe else text.translate(_TEXT)
            case _Place.RAW_TEXT if self._tag in _RCDATA:
                return text.translate(_KEEP_ENTITIES if safe else _TEXT)
            case _Place.COMMENT:
                return ""
            case _Place.BEFORE_VALUE:
                self._begin_value("")
                return self._attribute_value(text, safe=safe)
            case _Place.VALUE:
                return self._attribute_value(text, safe=safe)
            case _:
                raise TemplateError(f"an action may not stand in {self._where()}")

    def _where(self) -> str:
        return f"<{self._tag}>" if self._place is _Place.RAW_TEXT else f"the tag <{self._tag}>"

    def _attribute_value(self, text: str, *, safe: bool) -> str:
        name = self._attribute
        if name == "style" or name.startswith("on") or name == "srcdoc":
            raise TemplateError(f"an action may not stand in the attribute {name}")
        if safe:
            text = _MARKUP.sub("", text)
        if name in _URLS or (name.startswith("data-") and name[5:] in _URLS):
            text = self._url(text)
        return text.translate(_TEXT if self._quote else _UNQUOTED)

    def _url(self, text: str) -> str:
        if self._part is _UrlPart.QUERY:
            return _percent(text, "")
        if self._part is _UrlPart.START:
            scheme, colon, _ = text.partition(":")
            if colon and "/" not in scheme and scheme.lower() not in ("http", "https", "mailto"):
                return "#ZgotmplZ"
            self._part = _UrlPart.PATH
        return _percent(text, _SEPARATORS)

    # -- following the template's text; each gives the next place to read from

    def _step(self, text: str, at: int, out: list[str]) -> int:
        match self._place:
            case _Place.TEXT:
                return self._in_text(text, at, out)
            case _Place.TAG:
                return self._in_tag(text, at, out)
            case _Place.AFTER_NAME:
                return self._after_name(text, at, out)
            case _Place.BEFORE_VALUE:
                return self._before_value(text, at, out)
            case _Place.VALUE:
                return self._in_value(text, at, out)
            case _Place.COMMENT:
                return self._in_comment(text, at)
            case _Place.RAW_TEXT:
                return self._in_raw_text(text, at, out)

    def _in_text(self, text: str, at: int, out: list[str]) -> int:
        found = text.find("<", at)
        if found < 0:
            out.append(text[at:])
            return len(text)
        out.append(text[at:found])
        if text.startswith("<!--", found):
            self._place = _Place.COMMENT
            return found + 4
        opening = _OPENING.match(text, found)
        if opening is None:
            out.append("<" if text[found : found + 9].upper() == "<!DOCTYPE" else "&lt;")
            return found + 1
        out.append(opening.group())
        self._tag = opening.group(2).lower() if not opening.group(1) else ""
        self._place = _Place.TAG
        return opening.end()

    def _in_comment(self, text: str, at: int) -> int:
        end = text.find("-->", at)
        if end < 0:
            return len(text)
        self._place = _Place.TEXT
        return end + 3

    def _in_raw_text(self, text: str, at: int, out: list[str]) -> int:
        end = text.lower().find(f"</{self._tag}", at)
        if end < 0:
            out.append(text[at:])
            return len(text)
        out.append(text[at:end])
        self._place = _Place.TEXT
        return end

    def _in_tag(self, text: str, at: int, out: list[str]) -> int:
        char = text[at]
        if char == ">":
            self._place = _Place.RAW_TEXT if self._tag in (*_RCDATA, "script", "style") else _Place.TEXT
        elif not char.isspace() and char != "/":
            name = _ATTRIBUTE.match(text, at)
            if name is not None:
                self._attribute = name.group().lower()
                self._place = _Place.AFTER_NAME
                out.append(name.group())
                return name.end()
        out.append(char)
        return at + 1

    def _after_name(self, text: str, at: int, out: list[str]) -> int:
        char = text[at]
        if char == "=":
            self._place = _Place.BEFORE_VALUE
        elif not char.isspace():
            self._place = _Place.TAG
            return at
        out.append(char)
        return at + 1

    def _before_value(self, text: str, at: int, out: list[str]) -> int:
        char = text[at]
        if char.isspace():
            out.append(char)
            return at + 1
        if char == ">":
            self._place = _Place.TAG
            return at
        if char in "\"'":
            self._begin_value(char)
            out.append(char)
            return at + 1
        self._begin_value("")
        return at

    def _in_value(self, text: str, at: int, out: list[str]) -> int:
        end = at
        while end < len(text) and not (text[end] == self._quote if self._quote else text[end] in " \t\r\n\f>"):
            end += 1
        piece = text[at:end]
        if piece and self._part is _UrlPart.START:
            self._part = _UrlPart.PATH
        if "?" in piece or "#" in piece:
            self._part = _UrlPart.QUERY
        out.append(piece)
        if end < len(text):
            self._place = _Place.TAG
            if self._quote:
                out.append(self._quote)
                end += 1
        return end

    def _begin_value(self, mark: str) -> None:
        self._place, self._quote, self._part = _Place.VALUE, mark, _UrlPart.START


class _Place(Enum):
    TEXT = "text"
    TAG = "tag"
    AFTER_NAME = "after an attribute's name"
    BEFORE_VALUE = "before an attribute's value"
    VALUE = "value"
    COMMENT = "comment"
    RAW_TEXT = "raw text"


class _UrlPart(Enum):
    START = "start"
    PATH = "path"
    QUERY = "query"


_OPENING: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)")
_ATTRIBUTE: Final = re.compile(r"[^\s/>=\"'<]+")
_MARKUP: Final = re.compile(r"<[^>]*>")
_RCDATA: Final = ("textarea", "title")
_URLS: Final = frozenset(
    [
        "action",
        "archive",
        "background",
        "cite",
        "classid",
        "codebase",
        "data",
        "formaction",
        "href",
        "icon",
        "longdesc",
        "manifest",
        "poster",
        "profile",
        "src",
        "usemap",
        "xmlns",
    ]
)
_KEEP_ENTITIES: Final = {0: "�", 34: "&#34;", 39: "&#39;", 43: "&#43;", 60: "&lt;", 62: "&gt;"}
_TEXT: Final = {**_KEEP_ENTITIES, 38: "&amp;"}
_UNQUOTED: Final = {
    **_TEXT,
    9: "&#9;",
    10: "&#10;",
    11: "&#11;",
    12: "&#12;",
    13: "&#13;",
    32: "&#32;",
    61: "&#61;",
    96: "&#96;",
}


_SEPARATORS: Final = "!#$&*+,/:;=?@[]%"
"""What a URL that somebody wrote may hold; escapes that are there stay too."""


def _percent(text: str, kept: str) -> str:
    """All but letters, digits, -._~ and what is kept as bytes in small hex."""
    out: list[str] = []
    for number, char in enumerate(text):
        if char == "%" and kept and not re.match(r"%[0-9a-fA-F]{2}", text[number : number + 3]):
            out.append("%25")
        elif (char.isascii() and char.isalnum()) or char in "-._~" or char in kept:
            out.append(char)
        else:
            out.extend(f"%{byte:02x}" for byte in char.encode(errors="replace"))
    return "".join(out)
