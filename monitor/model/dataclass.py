"""`dataclass` as the standard library has it, whose methods are compiled when they are first called.

The standard library compiles `__init__`, `__eq__`, `__hash__`, `__repr__` and two refusals for every frozen class when its
module is imported: half a millisecond a class, and some kilobytes. Our words are several hundred such classes; a start took a
fifth of a second for them, on both cores, and most of what was compiled is never called. Here a class has its fields and slots
at once, and each method when somebody first asks for it.

What is compiled is the same, but that the `__init__` of a frozen class sets its slots directly, which makes instances in two
thirds of the time. Fields, `replace`, `asdict`, matching and type checkers know no difference. `InitVar` is not in use here and
not known; ordered classes are few and left to the standard library.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError
from typing import TYPE_CHECKING, Any, Final, TypeAlias

_Write: TypeAlias = Callable[[type[Any], dict[str, Any]], str]
"""The source of a method for this class; what it names besides its arguments goes into the scope."""

_PUT: Final = object.__setattr__


class _Later:
    """A method that takes its own place when it is looked up."""

    __slots__ = ("_kind", "_name", "_write")

    def __init__(self, kind: type[Any], name: str, write: _Write) -> None:
        self._kind = kind
        self._name = name
        self._write = write

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        scope: dict[str, Any] = {}
        source = self._write(self._kind, scope)
        exec(source, scope)
        method = scope[self._name]
        method.__module__ = self._kind.__module__
        method.__qualname__ = f"{self._kind.__qualname__}.{self._name}"
        setattr(self._kind, self._name, method)
        return method.__get__(instance, owner)


def _dataclass(
    cls: type[Any] | None = None,
    /,
    *,
    frozen: bool = False,
    slots: bool = False,
    kw_only: bool = False,
    order: bool = False,
    eq: bool = True,
    repr: bool = True,
) -> Any:
    def made(kind: type[Any]) -> type[Any]:
        if order:
            return dataclasses.dataclass(
                kind, frozen=frozen, slots=slots, kw_only=kw_only, order=True, eq=eq, repr=repr
            )
        return _made(kind, frozen=frozen, slots=slots, kw_only=kw_only, eq=eq, repr=repr)

    return made if cls is None else made(cls)


def _made(cls: type[Any], *, frozen: bool, slots: bool, kw_only: bool, eq: bool, repr: bool) -> type[Any]:
    own = {
        name for name, value in cls.__dict__.items() if value is not None
    }  # whoever writes `__eq__` has `__hash__` None
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # or it would be the signature, which takes longer than all else
    kind: type[Any] = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
    written: dict[str, _Write] = {"__init__": _write_frozen_init if frozen else _write_init}
    added: dict[str, object] = {}
    if repr:
        written["__repr__"] = _write_repr
    if eq:
        written["__eq__"] = _write_eq
        if frozen:
            written["__hash__"] = _write_hash
        elif "__hash__" not in own:
            added["__hash__"] = None
    added |= {name: _Later(kind, name, write) for name, write in written.items() if name not in own}
    if frozen:
        added |= _FROZEN
    if frozen and slots and "__getstate__" not in own:
        added |= _PASSED_ON
    for name, method in added.items():
        setattr(kind, name, method)
    return kind


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    dataclass = _dataclass


def _write_init(cls: type[Any], scope: dict[str, Any]) -> str:
    return _init(cls, [f"self.{name} = {value}" for name, value in _values(cls, scope)])


def _write_frozen_init(cls: type[Any], scope: dict[str, Any]) -> str:
    lines: list[str] = []
    for name, value in _values(cls, scope):
        slot: Any = getattr(cls, name, None)
        if hasattr(slot, "__set__"):
            scope[f"_set_{name}"] = slot.__set__
            lines.append(f"_set_{name}(self, {value})")
        else:
            scope["_put"] = _PUT
            lines.append(f"_put(self, {name!r}, {value})")
    return _init(cls, lines)


def _init(cls: type[Any], lines: Sequence[str]) -> str:
    fields = [one for one in _fields(cls) if one.init]
    parameters = ["self", *(_parameter(one) for one in fields if not one.kw_only)]
    named = [_parameter(one) for one in fields if one.kw_only]
    if named:
        parameters += ["*", *named]
    body = [*lines, *(["self.__post_init__()"] if hasattr(cls, "__post_init__") else [])]
    return f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"])


def _parameter(one: Field[Any]) -> str:
    if one.default is not MISSING:
        return f"{one.name}=_default_{one.name}"
    return f"{one.name}=_MISSING" if one.default_factory is not MISSING else one.name


def _values(cls: type[Any], scope: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What `__init__` sets each field to."""
    for one in _fields(cls):
        name = one.name
        if one.default is not MISSING:
            scope[f"_default_{name}"] = one.default
            yield name, name if one.init else f"_default_{name}"
        elif one.default_factory is not MISSING:
            scope["_MISSING"] = MISSING
            scope[f"_make_{name}"] = one.default_factory
            yield name, f"_make_{name}() if {name} is _MISSING else {name}" if one.init else f"_make_{name}()"
        elif one.init:
            yield name, name


def _write_repr(cls: type[Any], scope: dict[str, Any]) -> str:
    scope["_recursive_repr"] = _recursive_repr()
    shown = ", ".join(f"{one.name}={{self.{one.name}!r}}" for one in _fields(cls) if one.repr)
    return f'@_recursive_repr\ndef __repr__(self):\n return f"{{self.__class__.__qualname__}}({shown})"'


def _recursive_repr() -> Callable[..., object]:
    from reprlib import recursive_repr

    return recursive_repr("...")


def _write_eq(cls: type[Any], scope: dict[str, Any]) -> str:
    compared = [one for one in _fields(cls) if one.compare]
    mine, theirs = _tuple("self", compared), _tuple("other", compared)
    return (
        f"def __eq__(self, other):\n return {mine} == {theirs} if other.__class__ is self.__class__ else NotImplemented"
    )


def _write_hash(cls: type[Any], scope: dict[str, Any]) -> str:
    hashed = [one for one in _fields(cls) if (one.compare if one.hash is None else one.hash)]
    return f"def __hash__(self):\n return hash({_tuple('self', hashed)})"


def _tuple(of: str, fields: Sequence[Field[Any]]) -> str:
    return "(" + "".join(f"{of}.{one.name}, " for one in fields) + ")"


def _fields(cls: type[Any]) -> tuple[Field[Any], ...]:
    return dataclasses.fields(cls)


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _set_state(self: Any, state: Sequence[object]) -> None:
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        _PUT(self, one.name, value)


_FROZEN: Final = {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
_PASSED_ON: Final = {"__getstate__": _state, "__setstate__": _set_state}
"""Pickled and copied without being set."""
