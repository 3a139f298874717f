"""What a route is, and what its handler gets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict

from monitor.model.errors import RequestError
from monitor.model.times import Timestamp
from monitor.web.access import Caller, Role
from monitor.web.parts import Parts

_FORM = "application/x-www-form-urlencoded"


class Dialect(Enum):
    """How a route's errors are said."""

    OWN = "own"
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"
    TEXT = "text"
    PAGE = "page"


class SlowCallError(RequestError):
    """A caller that does not send what it announced."""


class UnreadableError(RequestError):
    """A body that is not what its headers say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request."""

    request: web.Request
    parts: Parts
    caller: Caller
    now: Timestamp
    patience: float
    """Seconds within which the body must have come."""

    def path(self, name: str) -> str:
        """A part of the path, unescaped."""
        return self.request.match_info[name]

    async def body(self) -> bytes:
        """All of it. Raises SlowCallError, UnreadableError, and aiohttp's own error when it is too large."""
        try:
            async with asyncio.timeout(self.patience):
                return await self.request.read()
        except TimeoutError:
            raise SlowCallError(f"the body did not come within {self.patience:g} seconds") from None
        except web.RequestPayloadError:  # chunks or compression that break their own rules
            raise UnreadableError("the body cannot be read: it is not encoded as its headers say") from None

    async def form(self) -> MultiDict[str]:
        """The fields of a URL-encoded form, empty for any other body; what is no UTF-8 becomes U+FFFD. Raises what `body`
        does."""
        found: MultiDict[str] = MultiDict()
        if self.request.method == "POST" and self.request.content_type == _FORM:
            text = (await self.body()).decode(errors="replace")  # UTF-8, whatever charset they name
            found.extend(parse_qsl(text, keep_blank_values=True, errors="replace"))
        return found


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
    changes_by_head: bool = False
    """HEAD changes it as GET does. Other routes that change something do not answer HEAD."""
    any_host: bool = False
    """Whoever calls may know a listener in a network by any name."""
    largest_body: int = 0
    """Bytes of a request's body; 0: as many as everywhere."""
    dialect: Dialect = Dialect.OWN
