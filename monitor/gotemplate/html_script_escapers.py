"""What is done to a value that stands in a script or a style sheet. Source: Go's html/template/js.go and css.go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from monitor.gotemplate.gojson import json_text
from monitor.gotemplate.html_escapers import FILTERED, text_of_value
from monitor.gotemplate.html_scripts import JS_NAME, decoded_css
from monitor.gotemplate.moments import Moment
from monitor.gotemplate.values import Object, Value


def js_value(value: Value) -> str:
    """An expression: JSON, kept apart from names beside it. What has a text of its own is that text."""
    if isinstance(value, Object) and not isinstance(value, Moment | datetime):
        shown = value.go_string()
        value = value if shown is None else shown
    try:
        text = json_text(value)
    except ValueError as error:
        reason = _SCRIPT_TAG.sub(r"\\x3C\1script", str(error)).replace("*/", "* /").replace("<!--", r"\x3C!--")
        return f" /* {reason} */null "
    return f" {text} " if text[0] in JS_NAME or text[-1] in JS_NAME else text


def js_string(value: Value) -> str:
    """Within quotes."""
    return text_of_value(value).translate(_JS_STRING)


def js_template(value: Value) -> str:
    """Within backquotes."""
    return text_of_value(value).translate(_JS_TEMPLATE)


def js_regexp(value: Value) -> str:
    """Within slashes; nothing at all would begin a comment."""
    return text_of_value(value).translate(_JS_REGEXP) or "(?:)"


def css_string(value: Value) -> str:
    """Within a string or a URL of a style sheet."""
    text = text_of_value(value)
    out: list[str] = []
    for at, char in enumerate(text):
        escaped = _CSS.get(char)
        if escaped is None:
            out.append(char)
            continue
        out.append(escaped)
        following = text[at + 1 : at + 2]
        if char != "\\" and (not following or following in _CSS_SWALLOWED):
            out.append(" ")
    return "".join(out)


def css_value(value: Value) -> str:
    """A word, colour, number or size; anything that could be more is not let through."""
    text = decoded_css(text_of_value(value))
    if _CSS_REFUSED.search(text):
        return FILTERED
    letters = "".join(_CSS_LETTERS.findall(text)).lower()
    return FILTERED if "expression" in letters or "mozbinding" in letters else text


_SCRIPT_TAG: Final = re.compile("<(/?)script", re.IGNORECASE)
_JS_CONTROL: Final[Mapping[str, str]] = {
    **{chr(code): f"\\u{code:04x}" for code in range(32)},
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_JS_MARKUP: Final = {char: f"\\u{ord(char):04x}" for char in "\"`&'+<>"}
_JS_STRING: Final = str.maketrans({**_JS_CONTROL, **_JS_MARKUP, "/": "\\/", "\\": "\\\\"})
_JS_TEMPLATE: Final = str.maketrans(
    {**_JS_CONTROL, **_JS_MARKUP, "/": "\\/", "\\": "\\\\", **{char: f"\\u{ord(char):04x}" for char in "${}"}}
)
_JS_REGEXP: Final = str.maketrans(
    {
        **_JS_CONTROL,
        **{char: escape for char, escape in _JS_MARKUP.items() if char != "`"},
        **{char: f"\\{char}" for char in "$()*-./?[\\]^{|}"},
    }
)
_CSS: Final = {**{char: f"\\{ord(char):x}" for char in "\0\t\n\f\r\"&'()+/:;<>{}"}, "\\": "\\\\"}
_CSS_SWALLOWED: Final = frozenset("0123456789abcdefABCDEF\t\n\f\r ")
"""What would be read as a part of the escape before it."""
_CSS_REFUSED: Final = re.compile(r"[\0\"'()/;@\[\\\]`{}<>]|--")
_CSS_LETTERS: Final = re.compile(r"[a-zA-Z0-9_]+")
