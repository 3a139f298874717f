"""The functions every Go template has. `and` and `or` are done by the executor, since they stop at the first answer.

Source: Go's text/template/funcs.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote_plus

from monitor.gotemplate.format import sprint, sprintf, sprintln, text_of
from monitor.gotemplate.values import (
    ANY,
    NOTHING,
    STRING,
    Function,
    Kind,
    Object,
    Safe,
    SafeUrl,
    Value,
    go_type,
    mapping_of,
    sequence_of,
    truth,
    zero_of,
)

RAW: Final = Kind("reflect.Value", lambda value: True)
"""A parameter that also takes the absence of a value."""

_INCOMPATIBLE = "incompatible types for comparison"
_NOT_BASIC = "invalid type for comparison"


def html_escape(text: str) -> str:
    """As Go's template.HTMLEscapeString."""
    return text.translate(_HTML)


def js_escape(text: str) -> str:
    """As Go's template.JSEscapeString."""
    out: list[str] = []
    for char in text:
        if char in _JS:
            out.append(_JS[char])
        elif char < " " or (ord(char) >= 0x80 and not char.isprintable()):
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return "".join(out)


def url_query_escape(text: str) -> str:
    """As Go's url.QueryEscape."""
    return quote_plus(text, safe="~")


_HTML: Final = {34: "&#34;", 39: "&#39;", 38: "&amp;", 60: "&lt;", 62: "&gt;", 0: "�"}
_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def _basic(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "string"
    return ""


def _equal(first: Value, *others: Value) -> bool:
    if not others:
        raise ValueError("missing argument for comparison")
    return any(_equal_one(first, other) for other in others)


def _equal_one(left: Value, right: Value) -> bool:
    if _basic(left) != _basic(right):
        if any(value is None or value is NOTHING for value in (left, right)):
            return False
        raise ValueError(_INCOMPATIBLE)
    if _basic(left):
        return left == right
    empty = (left is None or left is NOTHING, right is None or right is NOTHING)
    if any(empty):
        return all(empty)
    if _shape(left) != _shape(right):
        shown = f"{text_of(left)}: {go_type(left)}, {go_type(right)}: {text_of(right)}"
        raise ValueError(f"non-comparable types {shown}")
    fields = right.go_fields() if isinstance(right, Object) else None
    parts = (right, *fields.values()) if fields else (right,)
    if any(mapping_of(part) is not None or sequence_of(part) is not None for part in parts):
        raise ValueError(f"non-comparable type {text_of(right)}: {go_type(right)}")
    return left == right


def _shape(value: Value) -> str:
    return "map" if mapping_of(value) is not None else "slice" if sequence_of(value) is not None else "struct"


def _less(left: Value, right: Value) -> bool:
    for value in (left, right):
        if not _basic(value):
            raise ValueError(_NOT_BASIC)
    if isinstance(left, bool) and isinstance(right, bool):
        raise ValueError(_NOT_BASIC)
    if _basic(left) != _basic(right):
        raise ValueError(_INCOMPATIBLE)
    if isinstance(left, str) and isinstance(right, str):
        return left.encode() < right.encode()
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left < right
    raise ValueError(_INCOMPATIBLE)


def _less_or_equal(left: Value, right: Value) -> bool:
    return _less(left, right) or _equal_one(left, right)


def _length(value: Value) -> int:
    if value is None or value is NOTHING:
        raise ValueError("reflect: call of reflect.Value.Type on zero Value")
    if isinstance(value, str):
        return len(value.encode())
    if (mapping := mapping_of(value)) is not None:
        return len(mapping)
    if (sequence := sequence_of(value)) is not None:
        return len(sequence)
    raise ValueError(f"len of type {go_type(value)}")


def _position(index: Value, size: int) -> int:
    if index is None or index is NOTHING:
        raise ValueError("cannot index slice/array with nil")
    if not isinstance(index, int) or isinstance(index, bool):
        raise ValueError(f"cannot index slice/array with type {go_type(index)}")
    if not 0 <= index <= size:
        raise ValueError(f"index out of range: {index}")
    return index


def _element(index: Value, size: int, kind: str) -> int:
    """The place of an element. Go's own check lets the place after the last one pass, and then reflection panics."""
    place = _position(index, size)
    if place == size:
        raise ValueError(f"reflect: {kind} index out of range")
    return place


def _index(item: Value, *indexes: Value) -> Value:
    if item is None or item is NOTHING:
        raise ValueError("index of untyped nil")
    for index in indexes:
        if isinstance(item, str):
            data = item.encode()
            item = data[_element(index, len(data), "string")]
        elif (mapping := mapping_of(item)) is not None:
            item = _entry(mapping, index)
        elif (sequence := sequence_of(item)) is not None:
            item = sequence[_element(index, len(sequence), "slice")]
        elif item is None:
            raise ValueError("index of nil pointer")
        else:
            raise ValueError(f"can't index item of type {go_type(item)}")
    return item


def _entry(mapping: Mapping[object, Value], key: Value) -> Value:
    if key is None or key is NOTHING:
        raise ValueError("value is nil; should be of type string")
    sample = next(iter(mapping), "")
    if isinstance(key, Safe | SafeUrl) or isinstance(key, str) != isinstance(sample, str):
        raise ValueError(f"value has type {go_type(key)}; should be {go_type(sample)}")
    return mapping[key] if key in mapping else zero_of(mapping)


def _slice(item: Value, *indexes: Value) -> Value:
    if item is None or item is NOTHING:
        raise ValueError("slice of untyped nil")
    if len(indexes) > 3:
        raise ValueError(f"too many slice indexes: {len(indexes)}")
    whole: Sequence[Value] | bytes
    if isinstance(item, str):
        if len(indexes) == 3:
            raise ValueError("cannot 3-index slice a string")
        whole = item.encode()
    elif (sequence := sequence_of(item)) is not None:
        whole = sequence
    else:
        raise ValueError(f"can't slice item of type {go_type(item)}")
    bounds = [0, len(whole), len(whole)]
    for number, index in enumerate(indexes):
        bounds[number] = _position(index, len(whole))
    if bounds[0] > bounds[1]:
        raise ValueError(f"invalid slice index: {bounds[0]} > {bounds[1]}")
    if bounds[1] > bounds[2]:
        raise ValueError(f"invalid slice index: {bounds[1]} > {bounds[2]}")
    part = whole[bounds[0] : bounds[1]]
    if isinstance(part, bytes):
        return part.decode(errors="replace")
    # of a list with methods the part has them too
    return type(item)(part) if isinstance(item, Object) and isinstance(item, tuple) else part


def _call(function: Value, *arguments: Value) -> Value:
    if function is None or function is NOTHING:
        raise ValueError("call of nil")
    if not isinstance(function, Function):
        raise ValueError(f"non-function {text_of(function)} of type {go_type(function)}")
    wanted = len(function.parameters)
    if len(arguments) < wanted or (function.rest is None and len(arguments) > wanted):
        raise ValueError(f"wrong number of args: got {len(arguments)} want {wanted}")
    for number, (argument, kind) in enumerate(zip(arguments, function.parameters, strict=False)):
        if not kind.accepts(argument):
            raise ValueError(f"arg {number}: value has type {go_type(argument)}; should be {kind.name}")
    return function.call(*arguments)


def _joined(escape: Callable[[str], str]) -> Function:
    def escaped(*values: Value) -> str:
        shown = [NOTHING.value if value is NOTHING or value is None else value for value in values]
        return escape(sprint(shown, pointers=False))

    return Function(escaped, (), ANY)


def _both(*values: Value) -> Value:
    return next((value for value in values if not truth(value)), values[-1])


def _either(*values: Value) -> Value:
    return next((value for value in values if truth(value)), values[-1])


def _not(value: Value) -> bool:
    return not truth(value)


def _unequal(left: Value, right: Value) -> bool:
    return not _equal_one(left, right)


def _greater(left: Value, right: Value) -> bool:
    return not _less_or_equal(left, right)


def _greater_or_equal(left: Value, right: Value) -> bool:
    return not _less(left, right)


def _print(*values: Value) -> str:
    return sprint(values)


def _println(*values: Value) -> str:
    return sprintln(values)


def _printf(layout: str, *values: Value) -> str:
    return sprintf(layout, values)


BUILTINS: Final[Mapping[str, Function]] = {
    "and": Function(_both, (RAW,), RAW),
    "or": Function(_either, (RAW,), RAW),
    "not": Function(_not, (RAW,)),
    "eq": Function(_equal, (RAW,), RAW),
    "ne": Function(_unequal, (RAW, RAW)),
    "lt": Function(_less, (RAW, RAW)),
    "le": Function(_less_or_equal, (RAW, RAW)),
    "gt": Function(_greater, (RAW, RAW)),
    "ge": Function(_greater_or_equal, (RAW, RAW)),
    "len": Function(_length, (RAW,)),
    "index": Function(_index, (RAW,), RAW),
    "slice": Function(_slice, (RAW,), RAW),
    "call": Function(_call, (RAW,), RAW),
    "print": Function(_print, (), ANY),
    "println": Function(_println, (), ANY),
    "printf": Function(_printf, (STRING,), ANY),
    "html": _joined(html_escape),
    "js": _joined(js_escape),
    "urlquery": _joined(url_query_escape),
}
