"""Which formats we ask for, and which one an answer is in.

As in Prometheus 3 an answer must say its format: one that says none, or one unknown to us, is not guessed at but fails,
unless the job names a format for this case.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from monitor.model.errors import PeerError
from monitor.model.labels import quote
from monitor.scrape.exposition.entries import Grammar
from monitor.scrape.exposition.grammar import TEXT
from monitor.scrape.exposition.openmetrics import OPENMETRICS

ACCEPT: Final = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""The formats that we read, best first."""


class Format(Enum):
    """A format of metrics bodies."""

    TEXT = "text"
    """Prometheus's text format, 0.0.4 or 1.0.0 (which only adds quoted names)."""
    OPENMETRICS = "openmetrics"
    """OpenMetrics's text format, 0.0.1 or 1.0.0."""

    @property
    def grammar(self) -> Grammar:
        """How it is read."""
        return OPENMETRICS if self is Format.OPENMETRICS else TEXT


FALLBACKS: Final = {
    "PrometheusText0.0.4": Format.TEXT,
    "PrometheusText1.0.0": Format.TEXT,
    "OpenMetricsText0.0.1": Format.OPENMETRICS,
    "OpenMetricsText1.0.0": Format.OPENMETRICS,
}
"""`fallback_scrape_protocol` => format."""


def choose_format(content_type: str | None, fallback: Format | None = None) -> Format:
    """The format of an answer with this Content-Type. Raises PeerError when it is none that we read."""
    medium = (content_type or "").partition(";")[0].strip().lower()
    if medium == "text/plain":
        return Format.TEXT
    if medium == "application/openmetrics-text":
        return Format.OPENMETRICS
    if medium == "application/vnd.google.protobuf":
        raise PeerError("target answered in protocol buffers, which were not asked for")
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
