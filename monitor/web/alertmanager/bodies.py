"""What was sent, held against the schema: JSON as Go reads it, and rules with the codes of go-openapi.

Keys are found in any case, unknown ones are ignored, and whatever follows the first value is not looked at. null is the same
as nothing. What Python's reader refuses is read once more as Go would (see `go_json`). Halves of surrogate pairs become
U+FFFD: they are no text, and nobody could store or tell them. Of all rules that a body breaks the first one is told, in the
order in which Alertmanager's generated code asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, NoReturn, cast

from monitor.model.surrogates import whole
from monitor.model.times import Timestamp
from monitor.web.alertmanager.asking import ShapedError
from monitor.web.alertmanager.go_json import Repeated, first_value, members, object_of, text_of
from monitor.web.alertmanager.instants import instant

BAD_TYPE: Final = 601
REQUIRED: Final = 602
TOO_FEW: Final = 612

_TEXTS: Final = frozenset({str})
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)
_CAREFUL: Final = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=object_of)


class Reader:
    """One body: `name` is what the schema calls it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def items(self, raw: bytes) -> Iterator[object]:
        """The elements of a list, one by one: a long one would hold up others that share the interpreter. Raises
        ShapedError."""
        done = 0
        try:
            for item in elements(text_of(raw), _CAREFUL):
                yield item
                done += 1
        except (ValueError, RecursionError):
            found = self._odd(raw)
            if isinstance(found, list):
                yield from cast("list[object]", found)[done:]
            elif found is not None:
                self.wrong_type(found, "Go value of type models.PostableAlerts")

    def document(self, raw: bytes) -> object:
        """The whole of it. Raises ShapedError."""
        text = text_of(raw)
        try:
            return _CAREFUL.raw_decode(text, _after_space(text, 0))[0]
        except (ValueError, RecursionError):
            return self._odd(raw)

    def members(self, value: object, known: Mapping[str, str], what: str) -> list[tuple[str, object]]:
        """A JSON object's fields by the names that are `known` (see `names`), in the order in which they were sent and as
        often; null is an object without any. Raises ShapedError."""
        if value is None:
            return []
        if not isinstance(value, dict):
            self.wrong_type(value, f"Go value of type models.{what}")
        return [
            (name, each)
            for key, each in members(cast("dict[str, object]", value))
            if (name := known.get(key) or known.get(key.replace("ſ", "s").lower()))
        ]

    def fields(self, value: object, known: Mapping[str, str], what: str) -> dict[str, object]:
        """What `members` tells, the last of each, without those that are null. Raises ShapedError."""
        return {name: each for name, each in dict(self.members(value, known, what)).items() if each is not None}

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

    def labels(self, value: object, name: str, what: str) -> dict[str, str] | None:
        """A set of labels, None if it is not there. Raises ShapedError."""
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong_type(value, f"Go struct field {what}.{name} of type models.LabelSet")
        given = cast("dict[str, object]", value)
        if not isinstance(given, Repeated) and _TEXTS.issuperset(map(type, given.values())):
            words = cast("dict[str, str]", given)
            if "".join([*words, *words.values()]).isascii():
                return words
        found: dict[str, str] = {}
        for key, each in members(given):
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

    def time(self, value: object, name: str) -> Timestamp | None:
        """An instant, None if it is not there; an empty text is the beginning of 1970. Raises ShapedError."""
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong_type(value, f"Go struct field .{name} of type string")
        if value == "":
            return 0
        try:
            return instant(whole(value))
        except ValueError as error:
            self.unreadable(str(error))

    def wrong_type(self, value: object, wanted: str) -> NoReturn:
        """As Go's encoding/json says it."""
        self.unreadable(f"json: cannot unmarshal {_kind(value)} into {wanted}")

    def unreadable(self, why: str) -> NoReturn:
        """It is no JSON, or JSON of another shape."""
        raise ShapedError(400, f'parsing {self.name} body from "" failed, because {why}')

    def _odd(self, raw: bytes) -> object:
        """What Go makes of that at which Python's reader stopped. Raises ShapedError."""
        try:
            return first_value(raw)
        except EOFError:
            raise required(self.name) from None
        except ValueError as error:
            self.unreadable(str(error))


def elements(text: str, decoder: json.JSONDecoder = _DECODER) -> Iterator[object]:
    """Those of a list, one by one. Raises ValueError if it is none, or no JSON; RecursionError."""
    place = _after_space(text, 0)
    if not text.startswith("[", place):
        raise ValueError
    place = _after_space(text, place + 1)
    if text.startswith("]", place):
        return
    while True:
        item, place = cast("tuple[object, int]", decoder.raw_decode(text, place))
        yield item
        place = _after_space(text, place)
        if text.startswith("]", place):
            return
        if not text.startswith(",", place):
            raise ValueError
        place = _after_space(text, place + 1)


def names(*known: str) -> Mapping[str, str]:
    """Fields by their names as they stand and in small letters."""
    return {written: name for name in known for written in (name, name.lower())}


def required(name: str) -> ShapedError:
    return ShapedError(422, f"{name} in body is required", REQUIRED)


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found is not None else place


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
