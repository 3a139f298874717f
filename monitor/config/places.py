"""Where something stands in the files, for whoever has no document any more: the daemon does not read YAML itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WrittenAt:
    """A place in a file; 0 where a line or column is not known."""

    file: str
    line: int = 0
    column: int = 0
    path: str = ""
