"""Which formats we ask for, and which one an answer is in.

As in Prometheus 3 an answer must say its format: one that says none, or one unknown to us, is not guessed at but fails,
unless the job names a format for this case.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from monitor.model.errors import PeerError
from monitor.model.labels import quote
from monitor.scrape.exposition.entries import Grammar
from monitor.scrape.exposition.grammar import TEXT
from monitor.scrape.exposition.openmetrics import OPENMETRICS

_PROTOCOLS: Final = {
    "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
    "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
    "PrometheusText1.0.0": "text/plain;version=1.0.0",
    "PrometheusText0.0.4": "text/plain;version=0.0.4",
}
"""What we read, best first. PrometheusProto is not among it."""
_BEST: Final = 6
_ESCAPED: Final = "version=1.0.0"
"""Only these can say how names are escaped."""


def accept(protocols: Sequence[str] = (), escaping: str = "") -> str:
    """The Accept header that asks for these protocols in this order, as Prometheus words it; by default for all that we
    read. `escaping`: how names are to be written, `allow-utf-8` by default."""
    parts: list[str] = []
    for protocol in [one for one in protocols if one in _PROTOCOLS] or _PROTOCOLS:
        medium = _PROTOCOLS[protocol]
        escaped = f";escaping={escaping or 'allow-utf-8'}" if medium.endswith(_ESCAPED) else ""
        parts.append(f"{medium}{escaped};q=0.{_BEST - len(parts)}")
    return ",".join([*parts, f"*/*;q=0.{_BEST - len(parts)}"])


ACCEPT: Final = accept()


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
