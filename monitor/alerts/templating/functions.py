"""The functions that Alertmanager gives to notification templates. Source: template/template.go (DefaultFuncs)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from monitor.alerts.templating.data import TEXTS, Texts, moment_at
from monitor.gotemplate.gojson import json_text
from monitor.gotemplate.humanize import humanize_duration
from monitor.gotemplate.moment_parsing import parse_moment
from monitor.gotemplate.moments import MOMENT, ZERO, Moment
from monitor.gotemplate.regexps import matches, replace_all
from monitor.gotemplate.values import ANY, STRING, Function, Safe, SafeUrl, Value, go_type, sequence_of
from monitor.model.labels import quote
from monitor.model.times import Timestamp

_SPACE: Final = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_WORD: Final = re.compile(r"(?:[^\W\d_]|\d|_|(?<=[^\W\d_])[.:'’·](?=[^\W\d_])|(?<=\d)[.,;'](?=\d))+")
_FIRST_LETTER: Final = re.compile(r"[^\W\d_]")


def functions(*, now: Timestamp, route_label: Callable[[str], str]) -> Mapping[str, Function]:
    """All of them for one rendering. `route_label` gives the text of a label of the route; it raises ValueError."""
    present = moment_at(now)
    return {
        **_PURE,
        "now": Function(lambda: present),
        "since": Function(present.since, (MOMENT,)),
        "routeLabels": Function(route_label, (STRING,)),
    }


def _title(text: str) -> str:
    """The first letter of each word large and the others small, words as Unicode divides them."""

    def word(found: re.Match[str]) -> str:
        lowered = found.group().lower()
        first = _FIRST_LETTER.search(lowered)
        if first is None:
            return lowered
        at = first.start()
        return lowered[:at] + lowered[at].title() + lowered[at + 1 :]

    return _WORD.sub(word, text)


def _join(separator: str, texts: Sequence[str]) -> str:
    return separator.join(texts)


def _url_unescape(text: str) -> str:
    """Go's url.QueryUnescape."""
    data = text.replace("+", " ").encode()
    at = data.find(b"%")
    while at >= 0:
        if not _ESCAPE.match(data, at):
            raise ValueError(f"invalid URL escape {quote(data[at : at + 3].decode(errors='replace'))}")
        at = data.find(b"%", at + 3)
    return _ESCAPE.sub(lambda found: bytes([int(found.group(1), 16)]), data).decode(errors="replace")


def _date(layout: str, moment: Moment) -> str:
    return moment.format(layout)


def _in_zone(name: str, moment: Moment) -> Moment:
    return moment.within(name)


def _to_date(layout: str, text: str) -> Moment:
    try:
        return parse_moment(layout, text)
    except ValueError:
        return ZERO


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decoded(text: str) -> str:
    data = text.encode().replace(b"\r", b"").replace(b"\n", b"")
    place = next((at for at, byte in enumerate(data) if chr(byte) not in _BASE64), None)
    if place is not None:
        raise ValueError(f"illegal base64 data at input byte {place}")
    try:
        return base64.urlsafe_b64decode(data).decode(errors="replace")
    except binascii.Error as error:
        raise ValueError(f"illegal base64 data at input byte {len(data)}") from error


_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def _string_slice(*texts: str) -> Texts:
    return Texts(texts)


def _trim_space(text: str) -> str:
    return text.strip(_SPACE)


def _list(*values: Value) -> Sequence[Value]:
    return list(values)


def _append(values: Value, *more: Value) -> Sequence[Value]:
    found = sequence_of(values)
    if found is None:
        raise ValueError(f"append: expected slice or array, got {go_type(values)}")
    return [*found, *more]


def _dict(*pairs: Value) -> Mapping[str, Value]:
    if len(pairs) % 2:
        raise ValueError("dict expects an even number of arguments")
    names = pairs[::2]
    found: dict[str, Value] = {}
    for name, value in zip(names, pairs[1::2], strict=True):
        if not isinstance(name, str):
            raise ValueError(f"dict keys must be strings, got {go_type(name)}")
        found[name] = value
    return found


_PURE: Final[Mapping[str, Function]] = {
    "append": Function(_append, (ANY,), ANY),
    "base64decode": Function(_decoded, (STRING,)),
    "base64encode": Function(_encoded, (STRING,)),
    "date": Function(_date, (STRING, MOMENT)),
    "dict": Function(_dict, (), ANY),
    "humanizeDuration": Function(humanize_duration, (ANY,)),
    "join": Function(_join, (STRING, TEXTS)),
    "list": Function(_list, (), ANY),
    "match": Function(matches, (STRING, STRING)),
    "mustToDate": Function(parse_moment, (STRING, STRING)),
    "reReplaceAll": Function(replace_all, (STRING, STRING, STRING)),
    "safeHtml": Function(Safe, (STRING,)),
    "safeUrl": Function(SafeUrl, (STRING,)),
    "stringSlice": Function(_string_slice, (), STRING),
    "title": Function(_title, (STRING,)),
    "toDate": Function(_to_date, (STRING, STRING)),
    "toJson": Function(json_text, (ANY,)),
    "toLower": Function(str.lower, (STRING,)),
    "toUpper": Function(str.upper, (STRING,)),
    "trimSpace": Function(_trim_space, (STRING,)),
    "tz": Function(_in_zone, (STRING, MOMENT)),
    "urlUnescape": Function(_url_unescape, (STRING,)),
}

FUNCTION_NAMES: Final = frozenset((*_PURE, "now", "since", "routeLabels"))
