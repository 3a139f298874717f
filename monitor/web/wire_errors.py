"""What aiohttp would log of connections.

Whoever finds the port can send what is no HTTP, chunks without length or heads without end: aiohttp answers 400 and writes
a traceback of its own for each. To us that is one more call that was refused. What is left is an error of ours, and goes to
our log.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.http import HttpProcessingError

from monitor.telemetry import Log


class WireErrors:
    """Stands where aiohttp wants a logger."""

    def __init__(self, log: Log, refused: Callable[[], None]) -> None:
        self._log = log
        self._refused = refused

    def debug(self, text: str, *told: object, exc_info: BaseException | None = None) -> None:
        """Bytes that do not even begin like HTTP come this way."""
        if isinstance(exc_info, HttpProcessingError):
            self._refused()

    def warning(self, text: str, *told: object, exc_info: BaseException | None = None) -> None:
        self._log.warning("connection", problem=text % told)

    def exception(self, text: str, *told: object, exc_info: BaseException | None = None) -> None:
        if isinstance(exc_info, HttpProcessingError | web.RequestPayloadError):
            self._refused()
        else:
            self._log.error("connection failed", problem=text % told, exc_info=exc_info)
