"""Pages for people: plain HTML that reads without a script, at 3 a.m., on a phone."""

from __future__ import annotations

from typing import Final

from monitor.web.routes import Route

ROUTES: Final[tuple[Route, ...]] = ()
