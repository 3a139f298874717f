"""What a body is made of, entry by entry, and what a format has to tell its reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One observation that stands for many: labels (a trace's id, mostly), its value, and its time if it has one."""

    labels: Mapping[str, str]
    value: float
    time: int | None
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """One sample."""

    text: bytes
    """The series as written."""
    labels: dict[str, str]
    """Metric name included, as `__name__`."""
    value: float
    value_text: bytes
    time: int | None
    """Milliseconds, if the target gave its own."""
    exemplar: Exemplar | None = None


class Fact(Enum):
    """What a metadata line tells of a metric."""

    HELP = "help"
    TYPE = "type"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """One HELP, TYPE or (OpenMetrics) UNIT line."""

    metric: str
    fact: Fact
    text: str
    """Unescaped help, the type's own word, or the unit."""


@dataclass(frozen=True, slots=True)
class CommentEntry:
    """A line for people only."""

    text: bytes


@dataclass(frozen=True, slots=True)
class EndEntry:
    """OpenMetrics' `# EOF`."""


Entry: TypeAlias = SeriesEntry | MetadataEntry | CommentEntry | EndEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """A format, for the reader that knows the short cuts."""

    read_entry: Callable[[bytes, int, int, int], tuple[Entry | None, int]]
    """The entry that starts at this offset and line number, in the bytes before the last offset given; and the offset
    after its line end. None for a blank line. Raises ExpositionError. It decides what is right and what is wrong."""
    line: re.Pattern[bytes]
    """An ordinary sample: series, name, labels, number, time."""
    stamp: Callable[[bytes], int | None]
    """The milliseconds of an ordinary time; None if only the grammar can tell."""
    types: Mapping[str, str]
    """The word on a TYPE line => the type."""
    unescape_help: Callable[[bytes], str]
    """Raises UnicodeDecodeError."""
    ends: bool
    """The last line says that it is the last, and nothing follows it."""
