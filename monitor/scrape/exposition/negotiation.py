"""Which formats we ask for, and which one an answer is in.

As in Prometheus 3 an answer must say its format: one that says none, or one unknown to us, is not guessed at but fails,
unless the job names a format for this case.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from monitor.model.errors import PeerError
from monitor.model.labels import quote

ACCEPT: Final = (
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,text/plain;q=0.4,*/*;q=0.2"
)
"""The formats that we read, best first."""


class Format(Enum):
    """A format of metrics bodies."""

    TEXT = "text"
    """Prometheus's text format, 0.0.4 or 1.0.0 (which only adds quoted names)."""


FALLBACKS: Final = {"PrometheusText0.0.4": Format.TEXT, "PrometheusText1.0.0": Format.TEXT}
"""`fallback_scrape_protocol` => format."""

_UNREAD: Final = {
    "application/openmetrics-text": "OpenMetrics",
    "application/vnd.google.protobuf": "protocol buffers",
}


def choose_format(content_type: str | None, fallback: Format | None = None) -> Format:
    """The format of an answer with this Content-Type. Raises PeerError when it is none that we read."""
    medium = (content_type or "").partition(";")[0].strip().lower()
    if medium == "text/plain":
        return Format.TEXT
    if medium in _UNREAD:
        raise PeerError(f"target answered in {_UNREAD[medium]}, which was not asked for: only text/plain is read")
    if fallback is not None:
        return fallback
    if medium == "":
        raise PeerError(
            "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
        )
    raise PeerError(
        f"received unsupported Content-Type {quote(content_type or '')} "
        "and no fallback_scrape_protocol specified for target"
    )
