"""What the command line overrides. Little is imported here: it is the first thing that a start needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says; it wins over environment and file."""

    config: str = ""
    urls: tuple[str, ...] = ()
    listen: str = ""
    data: str = ""
