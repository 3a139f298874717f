"""Frozen dataclasses to JSON and back, by their annotations.

Decisions are stored as documents: fields that are absent take their defaults (so fields may be added), fields that are unknown
are ignored (so a newer version's row can still be read). Matchers are Alertmanager's, whose `.` matches no newline. Sum types
and arbitrary objects are refused when the coder is made, not when a row is read.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

import orjson

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.errors import BugError, CorruptionError
from monitor.model.labels import Labels

T = TypeVar("T")
_ESCAPED = json.JSONEncoder(separators=(",", ":"))
"""Writes as `\\ud800` what UTF-8 cannot hold: labels that a rule made may have it."""
_Encode = Callable[[Any], Any]
_Decode = Callable[[Any], Any]


def dumps(value: object) -> str:
    """A dataclass instance as compact JSON."""
    encode, _ = _coder(type(value))
    document = encode(value)
    try:
        return orjson.dumps(document).decode()
    except orjson.JSONEncodeError:
        return _ESCAPED.encode(document)


def loads(kind: type[T], text: str) -> T:
    """The instance that `dumps` wrote. Raises CorruptionError."""
    try:
        return made_of(kind, _read(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptionError(f"a stored {kind.__name__} cannot be read: {error}") from error


def _read(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)  # with halves of surrogate pairs


def made_of(kind: type[T], document: Any) -> T:
    """The instance of a document that was read already. Raises ValueError, TypeError, KeyError or AttributeError."""
    _, decode = _coder(kind)
    return cast("T", decode(document))


def _same(value: Any) -> Any:
    return value


@cache
def _coder(kind: Any) -> tuple[_Encode, _Decode]:
    if kind in (str, int, bool, type(None)):
        return _same, _same
    if kind is float:
        return _encode_float, float
    if kind is Labels:
        return _encode_labels, _decode_labels
    if kind is Matcher:
        return _encode_matcher, _decode_matcher
    if isinstance(kind, type) and issubclass(kind, Enum):
        return (lambda value: value.value), kind
    if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
        return _dataclass_coder(cast("type[Any]", kind))
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _tuple_coder(arguments)
    if origin in (typing.Union, types.UnionType):
        return _optional_coder(arguments)
    raise BugError(f"no stored form for {kind!r}")


def _encode_labels(labels: Labels) -> Any:
    return dict(labels.pairs)


def _decode_labels(document: Mapping[str, str]) -> Labels:
    return Labels.of_sorted(tuple(document.items()))  # as they were written


def _encode_matcher(matcher: Matcher) -> Any:
    return [matcher.name, matcher.op.value, matcher.value]


def _decode_matcher(parts: Any) -> Matcher:
    name, op, value = parts
    return Matcher(name, MatchOp(op), value, dot_matches_newline=False)


def _encode_float(value: float) -> Any:
    return value if value == value and value not in (float("inf"), float("-inf")) else repr(value)


def _tuple_coder(arguments: tuple[Any, ...]) -> tuple[_Encode, _Decode]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        encode, decode = _coder(arguments[0])
        if encode is _same:
            return list, tuple
        return (lambda values: [encode(value) for value in values]), (
            lambda values: tuple(decode(value) for value in values)
        )
    coders = [_coder(argument) for argument in arguments]
    return (
        lambda values: [encode(value) for (encode, _), value in zip(coders, values, strict=True)],
        lambda values: tuple(decode(value) for (_, decode), value in zip(coders, values, strict=True)),
    )


def _optional_coder(arguments: tuple[Any, ...]) -> tuple[_Encode, _Decode]:
    real = [argument for argument in arguments if argument is not type(None)]
    if len(real) != 1 or len(real) == len(arguments):
        raise BugError(f"no stored form for a choice of {arguments!r}")
    encode, decode = _coder(real[0])
    if encode is _same:
        return _same, _same
    return (lambda value: None if value is None else encode(value)), (
        lambda value: None if value is None else decode(value)
    )


def _dataclass_coder(kind: type[Any]) -> tuple[_Encode, _Decode]:
    hints = typing.get_type_hints(kind)
    fields = [(field.name, *_coder(hints[field.name])) for field in dataclasses.fields(kind) if field.init]

    def decode(document: Mapping[str, Any]) -> Any:
        return kind(**{name: decode_field(document[name]) for name, _, decode_field in fields if name in document})

    return _written_out([(name, encode) for name, encode, _ in fields]), decode


def _written_out(fields: Sequence[tuple[str, _Encode]]) -> _Encode:
    """The function that one would write by hand: one dict display. Alerts are written by the thousand, and a loop over their
    fields costs three times as much. The names are those of fields of our own classes."""
    scope: dict[str, Any] = {f"encode_{name}": encode for name, encode in fields}
    items = ", ".join(f"{name!r}: {_source(name, encode)}" for name, encode in fields)
    exec(f"def written(value): return {{{items}}}", scope)
    return cast("_Encode", scope["written"])


def _source(name: str, encode: _Encode) -> str:
    if encode is _same:
        return f"value.{name}"
    return f"dict(value.{name}.pairs)" if encode is _encode_labels else f"encode_{name}(value.{name})"
