"""Template values as Go's encoding/json writes them: sorted keys, `<`, `>` and `&` escaped, shortest floats."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, cast

from monitor.gotemplate.format import MAX_VALUES, sorted_keys
from monitor.gotemplate.moments import Moment, moment_of
from monitor.gotemplate.values import NOTHING, Function, Object, Value, go_type, mapping_of, sequence_of

_ESCAPED: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_DEEPEST: Final = 100


def json_text(value: Value) -> str:
    """Go's json.Marshal. Raises ValueError with its text for what JSON cannot say, and for what holds too much."""
    return _Writing().text(value, 0)


class _Writing:
    """One text. `left`: how many values it may still hold."""

    def __init__(self) -> None:
        self.left = MAX_VALUES

    def text(self, value: Value, depth: int) -> str:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"json: more than {MAX_VALUES} values")
        if depth > _DEEPEST:
            raise ValueError(f"json: more than {_DEEPEST} levels")
        if isinstance(value, datetime):
            value = moment_of(value)
        if isinstance(value, Moment):
            return _quoted(value.format("2006-01-02T15:04:05.999999999Z07:00"))
        if isinstance(value, Object) and not isinstance(value, int):
            members = value.go_json()
            if members is None:
                return "null"
            if isinstance(members, Mapping):
                return self._object(cast("Mapping[str, Value]", members).items(), depth)
            value = members
        if value is None or value is NOTHING:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(int(value))
        if isinstance(value, float):
            return _number(value)
        if isinstance(value, str):
            return _quoted(value)
        if (mapping := mapping_of(value)) is not None:
            return self._object(((str(key), mapping[key]) for key in sorted_keys(mapping)), depth)
        if (sequence := sequence_of(value)) is not None:
            return "[" + ",".join(self.text(each, depth + 1) for each in sequence) + "]"
        if isinstance(value, Function):
            raise ValueError("json: unsupported type: func")
        raise ValueError(f"json: unsupported type: {go_type(value)}")

    def _object(self, members: Iterable[tuple[str, Value]], depth: int) -> str:
        return "{" + ",".join(f"{_quoted(name)}:{self.text(member, depth + 1)}" for name, member in members) + "}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)


def _number(value: float) -> str:
    if not math.isfinite(value):
        shown = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        raise ValueError(f"json: unsupported value: {shown}")
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    if 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    # Go writes such an exponent with a sign and without a zero before it; repr always gives one here
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].lstrip('0')}"
