"""What one attempt heard, in the form that expectations and dialects read. Text and JSON are made at first use only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from monitor.model.checks import TlsFacts
from monitor.model.surrogates import json_of
from monitor.model.times import Timestamp


class NotJson(Enum):
    """The body is no JSON (JSON itself has a null, so None cannot say that)."""

    TOKEN = "not JSON"


NOT_JSON: Final = NotJson.TOKEN
_UNREAD: Final = object()


class Answer:
    """One answer. `json` is NOT_JSON for a body that is none, that is cut, or that is nested beyond reason."""

    __slots__ = (
        "_json",
        "_text",
        "body",
        "complete",
        "headers",
        "http_version",
        "now",
        "secure",
        "status",
        "tls",
        "took",
    )

    def __init__(
        self,
        *,
        now: Timestamp,
        took: float,
        status: int = 0,
        http_version: float = 0.0,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        complete: bool = True,
        secure: bool = False,
        tls: TlsFacts | None = None,
    ) -> None:
        self.now = now
        self.took = took
        """Seconds."""
        self.status = status
        self.http_version = http_version
        self.headers: Mapping[str, str] = headers if headers is not None else {}
        """Names in lower case."""
        self.body = body
        """The kept part, at most 256 kB."""
        self.complete = complete
        """False when the body was longer than what was kept."""
        self.secure = secure
        self.tls = tls
        self._text: str | None = None
        self._json: object = _UNREAD

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become U+FFFD."""
        if self._text is None:
            self._text = self.body.decode("utf-8-sig", "replace")
        return self._text

    @property
    def json(self) -> object:
        """The body as JSON values."""
        if self._json is _UNREAD:
            self._json = _parse(self.text) if self.complete else NOT_JSON
        return self._json


def _parse(text: str) -> object:
    start = text.lstrip()[:1]
    if not start or start not in '{["-0123456789tfn':
        return NOT_JSON
    try:
        return json_of(text)
    except (ValueError, RecursionError):
        return NOT_JSON
