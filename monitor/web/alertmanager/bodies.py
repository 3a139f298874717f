"""What was sent, held against the schema: JSON as Go reads it, and rules with the codes of go-openapi.

Keys are found in any case, unknown ones are ignored, null is the same as nothing, and whatever follows the first value is
not looked at. Halves of surrogate pairs become U+FFFD: they are no text, and nobody could store or tell them. Of all rules
that a body breaks the first one is told, in the order in which Alertmanager's generated code asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NoReturn, cast

import orjson

from monitor.model.surrogates import whole
from monitor.model.times import FIRST_INSTANT, LAST_INSTANT, Timestamp, from_datetime
from monitor.web.alertmanager.asking import ShapedError

NO_TIME: Final = FIRST_INSTANT
"""What Go calls zero."""
BAD_TYPE: Final = 601
REQUIRED: Final = 602
TOO_FEW: Final = 612

_AT_ONCE: Final = 128 << 10
"""Bytes of a list that is read in one go; a longer one would hold up others that share the interpreter."""
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?")
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NO_HOST: Final = re.compile(r'[ "<>\\^`{|}]')
_TEXTS: Final = frozenset({str})
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"invalid character '{text[0]}' looking for beginning of value")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)


class Reader:
    """One body: `name` is what the schema calls it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sound = False
        """All texts are known to be whole."""

    def items(self, raw: bytes) -> Iterator[object]:
        """The elements of a list, one by one. Raises ShapedError."""
        if len(raw) <= _AT_ONCE:
            try:
                found = orjson.loads(raw)
            except ValueError:
                pass  # it is no JSON, or JSON that Go reads all the same: with more care
            else:
                if isinstance(found, list):
                    self.sound = True  # orjson refuses halves of surrogate pairs
                    yield from cast("list[object]", found)
                    return
        text = raw.decode(errors="replace")
        place = _after_space(text, 0)
        if text[place : place + 1] != "[":
            found = self._value(text, place)[0]
            if found is not None:
                self.wrong_type(found, "Go value of type models.PostableAlerts")
            return
        place = _after_space(text, place + 1)
        if text[place : place + 1] == "]":
            return
        while True:
            item, place = self._value(text, place)
            yield item
            place = _after_space(text, place)
            sign = text[place : place + 1]
            if sign == "]":
                return
            if sign != ",":
                self.unreadable(f"invalid character '{sign}' after array element" if sign else "unexpected EOF")
            place = _after_space(text, place + 1)

    def document(self, raw: bytes) -> object:
        """The whole of it. Raises ShapedError."""
        text = raw.decode(errors="replace")
        return self._value(text, _after_space(text, 0))[0]

    def fields(self, value: object, known: Mapping[str, str], what: str) -> dict[str, object]:
        """A JSON object's fields by the names that are `known` (see `names`); null is an object without any. Raises
        ShapedError."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong_type(value, f"Go value of type models.{what}")
        given = cast("dict[str, object]", value)
        return {
            name: each
            for key, each in given.items()
            if each is not None and (name := known.get(key) or known.get(key.lower()))
        }

    def text(self, fields: Mapping[str, object], name: str, what: str) -> str | None:
        """A text, None if it is not there. Raises ShapedError."""
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            self.wrong_type(value, f"Go struct field {what}.{name} of type string")
        return value if value is None else whole(value)

    def flag(self, fields: Mapping[str, object], name: str, what: str) -> bool | None:
        """True or false, None if it is not there. Raises ShapedError."""
        value = fields.get(name)
        if value is not None and not isinstance(value, bool):
            self.wrong_type(value, f"Go struct field {what}.{name} of type bool")
        return value

    def labels(self, fields: Mapping[str, object], name: str, what: str) -> dict[str, str] | None:
        """A set of labels, None if it is not there. Raises ShapedError."""
        value = fields.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong_type(value, f"Go struct field {what}.{name} of type models.LabelSet")
        given = cast("dict[str, object]", value)
        if self.sound and _TEXTS.issuperset(map(type, given.values())):
            return cast("dict[str, str]", given)
        found: dict[str, str] = {}
        for key, each in given.items():
            if each is not None and not isinstance(each, str):
                self.wrong_type(each, f"Go struct field {what}.{name} of type string")
            found[whole(key)] = whole(each or "")
        return found

    def elements(self, fields: Mapping[str, object], name: str, what: str, kind: str) -> list[object]:
        """A list, empty if it is not there. Raises ShapedError."""
        value = fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong_type(value, f"Go struct field {what}.{name} of type models.{kind}")
        return cast("list[object]", value)

    def time(self, fields: Mapping[str, object], name: str) -> Timestamp | None:
        """An instant, None if it is not there; an empty text is the beginning of 1970. Raises ShapedError."""
        value = fields.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong_type(value, f"Go struct field .{name} of type string")
        if value == "":
            return 0
        try:
            return instant(value)
        except (ValueError, OverflowError):
            self.unreadable(f'parsing time "{whole(value)}" as "2006-01-02T15:04:05Z07:00": cannot parse it')

    def wrong_type(self, value: object, wanted: str) -> NoReturn:
        """As Go's encoding/json says it."""
        self.unreadable(f"json: cannot unmarshal {_kind(value)} into {wanted}")

    def unreadable(self, why: str) -> NoReturn:
        """It is no JSON, or JSON of another shape."""
        raise ShapedError(400, f'parsing {self.name} body from "" failed, because {why}')

    def _value(self, text: str, place: int) -> tuple[object, int]:
        try:
            return cast("tuple[object, int]", _DECODER.raw_decode(text, place))
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated"):
                self.unreadable("unexpected EOF")
            self.unreadable(f"invalid character {_quoted(text[error.pos])}: {error.msg}")
        except (ValueError, RecursionError) as error:
            self.unreadable("exceeded max depth" if isinstance(error, RecursionError) else str(error))


def names(*known: str) -> Mapping[str, str]:
    """Fields by their names as they stand and in small letters."""
    return {written: name for name in known for written in (name, name.lower())}


def required(name: str) -> ShapedError:
    return ShapedError(422, f"{name} in body is required", REQUIRED)


@lru_cache(256)
def is_request_uri(text: str) -> bool:
    """As `format: uri` means it: something with a scheme, or an absolute path (Go's url.ParseRequestURI)."""
    if _CONTROL.search(text):
        return False
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    if not rest.startswith("/"):
        return scheme is not None or text == "*"
    rest = rest.partition("?")[0]
    authority, _, path = rest[2:].partition("/") if rest.startswith("//") else ("", "", rest)
    port = authority.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    return not (_BAD_ESCAPE.search(path) or _NO_HOST.search(authority)) and (port == "" or port.isdecimal())


@lru_cache(256)
def instant(text: str) -> Timestamp:
    """RFC 3339 and its shorter relatives; UTC where no zone is named. Raises ValueError, also for what an
    offset moves out of the years 1 to 9999."""
    if not _TIME.fullmatch(text):
        raise ValueError
    moment = datetime.fromisoformat(text)
    instant = from_datetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    if not FIRST_INSTANT <= instant <= LAST_INSTANT:
        raise ValueError
    return instant


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found is not None else place


def _quoted(char: str) -> str:
    return "'\\''" if char == "'" else f"'{char}'" if char.isprintable() else repr(char)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
