"""The catalogue of kinds: name, options, and how to make one. A new kind is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

from monitor.probe.kinds.http import HttpKind, HttpOptions
from monitor.probe.kinds.kind import Instruments, Kind


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One kind as configuration sees it."""

    options: type
    """The frozen dataclass of its options; its field docstrings are the reference documentation."""
    make: Callable[[Instruments], Kind[object]]


def _entry(options: type, make: Callable[[Instruments], object]) -> CatalogueEntry:
    # each kind is handed back only what it prepared itself, which is what Kind[object] needs to be safe
    return CatalogueEntry(options, cast("Callable[[Instruments], Kind[object]]", make))


CATALOGUE: Final[Mapping[str, CatalogueEntry]] = MappingProxyType(
    {
        "http": _entry(HttpOptions, HttpKind),
    }
)
"""Kind name to its entry."""
