"""What the API says of its fields, in the words of whoever gave options.

`the field "duration" must be a duration: send {"duration": "1h"}` becomes `--for must be a duration: give --for 1h`; so do
the words of Prometheus's and Alertmanager's APIs for their parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, cast

_FIELD: Final = re.compile(r'(?:the field|invalid parameter) "(\w+)"|`(\w+)`(?=:)')
_NAME: Final = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
_SEND: Final = "send "
_PHRASE: Final = "a "


def spoken(text: str, words: Mapping[str, str]) -> str:
    """`words`: a field of the API, or a phrase such as `a duration`, to the option that gives it."""
    if not words:
        return text
    text = _FIELD.sub(lambda found: words.get(found[1] or found[2], found[0]), text)
    text = _NAME.sub(lambda found: words.get(found[0], found[0]), text)
    for phrase, option in words.items():
        if phrase.startswith(_PHRASE):
            text = re.sub(rf"\b(give|name|with) {phrase}\b", rf"\1 {option}", text)
    return text


def spoken_remedy(remedy: str, words: Mapping[str, str]) -> str:
    """A remedy, which may be JSON to send."""
    if not words or not remedy.startswith(_SEND):
        return spoken(remedy, words)
    ways = [_given(way, words) for way in remedy.removeprefix(_SEND).split(" or ")]
    return f"give {' or '.join(ways)}" if all(ways) else remedy


def _given(way: str, words: Mapping[str, str]) -> str:
    """A JSON object as options; empty if it is none, or names a field that no option gives."""
    try:
        found: Any = json.loads(way)
    except ValueError:
        return ""
    members = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    return " ".join(_option(words.get(name, ""), _example(value)) for name, value in members.items())


def _option(word: str, example: str) -> str:
    """An option is named with its value; of an argument the value is all that is given."""
    return f"{word} {example}" if word.startswith("-") else example if word else ""


def _example(value: object) -> str:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return " ".join("TEXT" if item == "..." else str(item) for item in items)
