"""Changed copies of frozen, slotted dataclasses.

`dataclasses.replace` reads, checks and sets every field through `__init__`; for a class of twenty fields that is most of
what a decision over an alert costs. `changed` copies the slots. It is for classes without `__post_init__`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def changed(value: T, **changes: object) -> T:
    """A copy in which these fields have these values. Raises TypeError for a field that there is not."""
    read, writers = _slots(type(value))
    made = object.__new__(type(value))
    for write, old in zip(writers.values(), read(value), strict=True):
        write(made, old)
    for name, new in changes.items():
        if name not in writers:
            raise TypeError(f"{type(value).__name__} has no field {name!r}")
        writers[name](made, new)
    return made


@cache
def _slots(kind: type[Any]) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, Callable[[Any, Any], None]]]:
    """How all fields of a class are read, and how each is written past the guard of a frozen class."""
    names = [field.name for field in dataclasses.fields(kind)]
    return attrgetter(*names), {name: getattr(kind, name).__set__ for name in names}
