"""What is done to a value so that it cannot leave its place: text, attributes, URLs.

Each takes a value of a template, or what the escaper before it made of that, and gives text. Values that a template calls
safe (`Safe`, `SafeUrl`) are spared where they are of the kind that stands there. Source: Go's html/template/html.go and
url.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from monitor.gotemplate.format import text_of
from monitor.gotemplate.html_places import WITHIN_TAGS, Content, Element, Place, Quote, State, content_of
from monitor.gotemplate.html_reading import READERS, VALUE_ENDS
from monitor.gotemplate.values import NOTHING, Safe, SafeUrl, Value
from monitor.model.surrogates import whole

FILTERED: Final = "ZgotmplZ"
"""Stands where a value was not let through; Go's own word, which people search the web for."""


def text_of_value(value: Value) -> str:
    """What is escaped: no value is an empty text."""
    return "" if value is None or value is NOTHING else text_of(value)


def html(value: Value) -> str:
    """Between tags."""
    text = text_of_value(value)
    return text if isinstance(value, Safe) else text.translate(_TEXT)


def rcdata(value: Value) -> str:
    """In a title or a text area."""
    return text_of_value(value).translate(_NORMALIZED if isinstance(value, Safe) else _TEXT)


def attribute(value: Value) -> str:
    """Between quotes."""
    text = text_of_value(value)
    return without_tags(text).translate(_NORMALIZED) if isinstance(value, Safe) else text.translate(_TEXT)


def unquoted(value: Value) -> str:
    """In an attribute without quotes."""
    text = text_of_value(value)
    if not text:
        return FILTERED
    if isinstance(value, Safe):
        return _STRANGE.sub(_numbered, without_tags(text).translate(_UNQUOTED_NORMALIZED))
    return _STRANGE.sub(_numbered, text.translate(_UNQUOTED))


def comment(value: Value) -> str:
    """Comments are not sent."""
    return ""


def name(value: Value) -> str:
    """Of an attribute: none that would change how the rest is read."""
    text = text_of_value(value).lower()
    plain = text and content_of(text) is Content.PLAIN and _NAME.fullmatch(text)
    return text if plain else FILTERED


def url_filter(value: Value) -> Value:
    """The beginning of a URL: http, https, mailto, or no scheme."""
    if isinstance(value, SafeUrl):
        return value
    text = text_of_value(value)
    return text if _is_safe(text) else f"#{FILTERED}"


def url(value: Value) -> str:
    """A part of a URL's query, as one value."""
    return percent(text_of_value(value), whole=isinstance(value, SafeUrl))


def url_normalizer(value: Value) -> str:
    """A URL or a part of one: what structures it stays."""
    return percent(text_of_value(value), whole=True)


def percent(text: str, *, whole: bool) -> str:
    """All but letters, digits, `-._~`, and in a whole URL what structures one, as bytes in small hex."""
    return (_NOT_IN_URL if whole else _NOT_IN_QUERY).sub(_hex, text)


def srcset(value: Value) -> str:
    """Images with sizes, between commas."""
    text = text_of_value(value)
    if isinstance(value, SafeUrl):
        return percent(text, whole=True).replace(",", "%2c")
    return ",".join(map(_image, text.split(",")))


def without_tags(markup: str) -> str:
    """The text of some markup."""
    out: list[str] = []
    place, at, all_text = Place(), 0, True
    while at < len(markup):
        if place.quote is not Quote.NONE:
            end = VALUE_ENDS[place.quote].search(markup, at)
            if end is None:
                break
            at = end.start() if place.quote is Quote.SPACE else end.end()
            place = Place(State.TAG, element=place.element)
            continue
        state = State.RCDATA if place.element is not Element.NONE and place.state not in WITHIN_TAGS else place.state
        after, size = READERS[state](place, markup[at:])
        if place.state in (State.TEXT, State.RCDATA):
            end_at = at + size
            if after.state is not place.state:
                tag = markup.rfind("<", at, end_at)
                end_at = tag if tag >= 0 else end_at
            out.append(markup[at:end_at])
        else:
            all_text = False
        place, at = after, at + size
    if all_text:
        return markup
    if place.state in (State.TEXT, State.RCDATA):
        out.append(markup[at:])
    return "".join(out)


_NORMALIZED: Final[Mapping[int, str]] = {
    0: "�",
    34: "&#34;",
    39: "&#39;",
    43: "&#43;",
    60: "&lt;",
    62: "&gt;",
}
_TEXT: Final[Mapping[int, str]] = {**_NORMALIZED, 38: "&amp;"}
_UNQUOTED_NORMALIZED: Final[Mapping[int, str]] = {
    **_NORMALIZED,
    0: "&#xfffd;",
    **{code: f"&#{code};" for code in (*b"\t\n\v\f\r =`",)},
}
_UNQUOTED: Final[Mapping[int, str]] = {**_UNQUOTED_NORMALIZED, 38: "&amp;"}
_STRANGE: Final = re.compile("[\ufdd0-\ufdef\ufff0-\uffff]")
_NAME: Final = re.compile("[0-9a-z]+")
_SCHEMES: Final = frozenset(("http", "https", "mailto"))
_STRUCTURE: Final = "!#$&*+,/:;=?@\\[\\]"
_NOT_IN_QUERY: Final = re.compile(r"[^A-Za-z0-9\-._~]")
_NOT_IN_URL: Final = re.compile(rf"%(?![0-9a-fA-F]{{2}})|[^A-Za-z0-9\-._~%{_STRUCTURE}]")
_SPACE: Final = "\t\n\f\r "
_IMAGE: Final = re.compile(rf"([{_SPACE}]*)([^{_SPACE}]*)(.*)", re.DOTALL)
_SIZES: Final = re.compile(rf"[{_SPACE}A-Za-z0-9]*")


def _is_safe(text: str) -> bool:
    scheme, colon, _ = text.partition(":")
    return not colon or "/" in scheme or scheme.lower() in _SCHEMES


def _hex(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in whole(found.group()).encode())


def _numbered(found: re.Match[str]) -> str:
    return f"&#x{ord(found.group()):x};"


def _image(part: str) -> str:
    found = _IMAGE.fullmatch(part)
    if found is None or not _is_safe(found.group(2)) or not _SIZES.fullmatch(found.group(3)):
        return f"#{FILTERED}"
    return found.group(1) + percent(found.group(2), whole=True) + found.group(3)
