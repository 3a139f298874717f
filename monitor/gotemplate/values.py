"""What a template's data are: how Python values stand for Go's.

    str string, int int, float float64, bool bool, None nil, sequence slice, mapping map, datetime time.Time,
    Object whatever it says it is

A mapping from text to text (`Labels`, or any mapping that holds texts only) has "" as the zero value that a missing key
stands for; any other mapping has nil.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias, cast

from monitor.model.labels import Labels

Value: TypeAlias = object


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a function's parameter."""

    name: str
    """As Go prints the type; stands in error texts."""
    accepts: Callable[[Value], bool]
    nil: Callable[[], Value] | None = None
    """What stands for `nil` in a list type."""


ANY: Final = Kind("interface {}", lambda value: True)
STRING: Final = Kind("string", lambda value: isinstance(value, str) and not isinstance(value, Safe | SafeUrl))
BOOL: Final = Kind("bool", lambda value: isinstance(value, bool))
INT: Final = Kind("int", lambda value: isinstance(value, int) and not isinstance(value, bool))
FLOAT: Final = Kind("float64", lambda value: isinstance(value, float))


@dataclass(frozen=True, slots=True)
class Function:
    """What a template may call. `call` raises ValueError with the text that follows `error calling name: `; any other
    exception passes through the executor as it is."""

    call: Callable[..., Value]
    parameters: tuple[Kind, ...] = ()
    rest: Kind | None = None
    """The kind of further arguments; None if there may be none."""
    results: int = 1
    """How many values it gives in Go. Templates can only call what gives one."""


class Object:
    """A value with members of its own. May also be a sequence or a mapping (a named slice or map in Go)."""

    __slots__ = ()

    @property
    def go_type(self) -> str:
        """The type's name in error texts, as `time.Time`."""
        raise AssertionError(f"{type(self).__name__} does not name its Go type")

    def go_fields(self) -> Mapping[str, Value] | None:
        """The fields of a struct in their order; None for what is no struct."""
        return None

    def go_methods(self) -> Mapping[str, Function]:
        """Methods, bound to this value."""
        return {}

    def go_string(self) -> str | None:
        """What String() gives; None for a type without it."""
        return None

    def go_zero(self) -> Value:
        """What a key stands for that this map lacks."""
        return None

    def go_json(self) -> Value:
        """What encoding/json is to write in its place: a mapping in the order of its members, a list, a number or a
        text; None is null."""
        return self.go_fields()


class Nothing(Enum):
    """The absence of a value, as from a missing key: prints `<no value>`, is false, and is not nil."""

    NOTHING = "<no value>"


NOTHING: Final = Nothing.NOTHING


class Safe(str):
    """Text that is markup already and must not be escaped again."""

    __slots__ = ()


class SafeUrl(str):
    """Text that is a URL already, whatever its scheme."""

    __slots__ = ()


def sequence_of(value: Value) -> Sequence[Value] | None:
    """The value if it is a list of values; a text is none."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return cast("Sequence[Value]", value)
    return None


def mapping_of(value: Value) -> Mapping[object, Value] | None:
    """The value if it is a map."""
    return cast("Mapping[object, Value]", value) if isinstance(value, Mapping) else None


def truth(value: Value) -> bool:
    """Go's truth: zero, empty and nil are false; a struct is always true."""
    if value is None or value is NOTHING:
        return False
    if isinstance(value, bool | int | float):
        return value != 0
    whole = value if isinstance(value, str) else mapping_of(value)
    if whole is None:
        whole = sequence_of(value)
    return whole is None or len(whole) > 0


def zero_of(mapping: Mapping[object, Value]) -> Value:
    """The value that a missing key stands for."""
    if isinstance(mapping, Object):
        return mapping.go_zero()
    if isinstance(mapping, Labels) or (mapping and all(isinstance(value, str) for value in mapping.values())):
        return ""
    return None


def go_type(value: Value) -> str:
    """The name of a value's type, as Go's %T prints it."""
    if isinstance(value, Object):
        return value.go_type
    if value is None or value is NOTHING:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, Safe):
        return "template.HTML"
    if isinstance(value, SafeUrl):
        return "template.URL"
    if isinstance(value, str):
        return "string"
    if isinstance(value, datetime):
        return "time.Time"
    if isinstance(value, Labels):
        return "map[string]string"
    if (mapping := mapping_of(value)) is not None:
        return f"map[string]{_element_type(mapping.values())}"
    if (sequence := sequence_of(value)) is not None:
        return f"[]{_element_type(sequence)}"
    if isinstance(value, Function):
        return "func"
    return type(value).__name__


def _element_type(values: Iterable[Value]) -> str:
    kinds = {go_type(value) for value in values}
    return kinds.pop() if len(kinds) == 1 else "interface {}"
