"""What a route is, and what its handler gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from aiohttp import web

from monitor.model.times import Timestamp
from monitor.web.access import Caller, Role
from monitor.web.parts import Parts


class Dialect(Enum):
    """How a route's errors are said."""

    OWN = "own"
    PROMETHEUS = "prometheus"
    TEXT = "text"
    PAGE = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    request: web.Request
    parts: Parts
    caller: Caller
    now: Timestamp

    def path(self, name: str) -> str:
        """A part of the path, unescaped."""
        return self.request.match_info[name]


Handler: TypeAlias = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the table."""

    method: str
    path: str
    """As aiohttp writes it; also the `route` label of metrics."""
    handler: Handler
    role: Role = Role.VIEWER
    changes: bool = False
    """Changes something: only for known callers, and never on behalf of another site's page."""
    dialect: Dialect = Dialect.OWN
