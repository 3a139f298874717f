"""Reading what callers send: small JSON objects with known fields, and numbers and instants of query strings."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from monitor.model.surrogates import json_of
from monitor.model.times import Millis, Timestamp, parse_duration, parse_rfc3339
from monitor.web.answers import BadCallError
from monitor.web.routes import Call

_LONGEST_TEXT = 4_096
_MOST_TEXTS = 100
_MOST_ROWS = 1_000
_MOST_ITEMS = 100


@dataclass(frozen=True, slots=True)
class Body:
    """The fields that were sent, all of them known. The readers raise BadCallError that names the field."""

    fields: Mapping[str, object]

    def text(self, name: str, default: str | None = "", *, longest: int = _LONGEST_TEXT) -> str:
        """A text; without a default it must be there and say something."""
        value = self.fields.get(name, default)
        if value is None or (default is None and value == ""):
            raise BadCallError(f'the field "{name}" is missing', f'send {{"{name}": "..."}}')
        if not isinstance(value, str):
            raise BadCallError(f'the field "{name}" must be a text', f'send {{"{name}": "..."}}')
        if len(value) > longest:
            raise BadCallError(f'the field "{name}" is longer than {longest} characters', "shorten it")
        return value.strip()

    def pairs(self, name: str) -> dict[str, str]:
        """An object of texts; absent it is an empty one."""
        value = self.fields.get(name)
        if value is None:
            return {}
        found = cast("dict[str, object]", value) if isinstance(value, dict) else {"": None}
        texts = {key: text for key, text in found.items() if isinstance(text, str) and len(text) <= _LONGEST_TEXT}
        if len(texts) < len(found) or len(found) > _MOST_TEXTS:
            problem = f'the field "{name}" must be an object of texts, none longer than {_LONGEST_TEXT} characters'
            raise BadCallError(problem, f'send {{"{name}": {{"team": "shop"}}}}')
        return texts

    def duration(self, name: str) -> Millis:
        """`1h`, or a number of seconds; more than nothing."""
        value = self.fields.get(name)
        try:
            span = _span(value)
        except ValueError as error:
            problem = f'the field "{name}" must be a duration: {error}'
            raise BadCallError(problem, f'send {{"{name}": "1h"}}') from None
        if span <= 0:
            problem = f'the field "{name}" must be a duration of more than nothing'
            raise BadCallError(problem, f'send {{"{name}": "1h"}}')
        return span

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one, and nothing an empty one."""
        value = self.fields.get(name)
        items = [value] if isinstance(value, str) else [] if value is None else value
        if not isinstance(items, list) or len(cast("list[object]", items)) > _MOST_ITEMS:
            raise BadCallError(f'the field "{name}" must be a list of texts', f'send {{"{name}": ["..."]}}')
        found = cast("list[object]", items)
        return tuple(Body({name: one}).text(name) for one in found)

    def flag(self, name: str) -> bool:
        """True or false; false when it is not there."""
        value = self.fields.get(name, False)
        if not isinstance(value, bool):
            raise BadCallError(f'the field "{name}" must be true or false', f'send {{"{name}": true}}')
        return value

    def instant(self, name: str, default: Timestamp) -> Timestamp:
        """RFC 3339 or Unix seconds."""
        value = self.fields.get(name)
        if value is None or value == "":
            return default
        try:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return round(value * 1000)
            return parse_rfc3339(str(value))
        except (ValueError, OverflowError):
            problem = f'the field "{name}" must be an instant'
            raise BadCallError(problem, f'send {{"{name}": "2026-01-02T03:04:05Z"}}') from None


async def read_body(call: Call, known: Collection[str]) -> Body:
    """The JSON object that was sent; nothing at all is an empty one. Raises BadCallError for other JSON and for fields
    that are not known."""
    raw = await call.body()
    if not raw.strip():
        return Body({})
    try:
        found = json_of(raw)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is not text in UTF-8"
        raise BadCallError(f"the body is not JSON: {reason}", "send a JSON object") from None
    if not isinstance(found, dict):
        raise BadCallError("the body is not a JSON object", 'send {"field": "value"}')
    fields = cast("dict[str, object]", found)
    unknown = sorted(set(fields) - set(known))
    if unknown:
        names = ", ".join(f'"{name[:80]}"' for name in unknown[:10])
        remedy = f"known are {', '.join(sorted(known))}" if known else "send an empty body"
        raise BadCallError(f"unknown field {names}", remedy)
    return Body(fields)


def rows_of(call: Call, default: int) -> int:
    """`limit=` of the query string. Raises BadCallError."""
    text = call.request.query.get("limit", "")
    if text == "":
        return default
    if not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST_ROWS:
        raise BadCallError(f'limit "{text[:40]}" is not a number from 1 to {_MOST_ROWS}', "send limit=100")
    return int(text)


def _span(value: object) -> Millis:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("it is neither a text nor a number of seconds")
    if isinstance(value, str):
        return parse_duration(value.strip())
    if not abs(value) < 1e9:
        raise ValueError("duration out of range")
    return round(value * 1000)
