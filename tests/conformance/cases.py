"""What every family of tables shares: the case, how it is left out, and texts as bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, cast


class LeftOutError(Exception):
    """This case is left out; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case, and where it stands."""

    table: Path
    """The JSON file; files that a case names lie in its folder."""
    number: int
    """Place in the table, from 0."""
    data: Mapping[str, Any]
    """The case's fields."""

    @property
    def kind(self) -> str:
        return str(self.data["kind"])

    def __str__(self) -> str:
        return f"{self.table.name}[{self.number}] {self.data.get('source', '')}"


Check: TypeAlias = Callable[[Case], None]
"""Returns when the case holds; raises AssertionError, or any error of the code under test, when it does not, and LeftOutError
when the daemon leaves that out on purpose."""


_LABELS: Final = ("labels", "annotations")
_HEXADECIMAL: Final = re.compile("(?:[0-9a-f]{2})*", re.IGNORECASE)


def plain(value: Any) -> Any:
    """A field with all its texts as such, however they are written; what is no UTF-8 becomes lone surrogates."""
    if isinstance(value, list):
        return [plain(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    match fields:
        case {"hex": str(digits)} if len(fields) == 1 and _HEXADECIMAL.fullmatch(digits):
            return read_text(fields).decode("utf-8", "surrogateescape")
        case {"concat": [[_, int()], *_]} if len(fields) == 1:
            return read_text(fields).decode("utf-8", "surrogateescape")
        case _:
            return {key: _labels(one) if key.lower().endswith(_LABELS) else plain(one) for key, one in fields.items()}


def _labels(value: Any) -> Any:
    """Labels are no text, also where one of them is called `hex`."""
    if not isinstance(value, dict):
        return plain(value)
    return {key: plain(one) for key, one in cast("dict[str, Any]", value).items()}


def read_text(value: object) -> bytes:
    """A text field as its bytes: plain, `{"hex": …}` or `{"concat": [[part, times], …]}`."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    assert isinstance(value, dict), f"not a text: {value!r}"
    fields = cast("dict[str, Any]", value)
    if "hex" in fields:
        return bytes.fromhex(fields["hex"])
    return b"".join(read_text(part) * times for part, times in fields["concat"])
