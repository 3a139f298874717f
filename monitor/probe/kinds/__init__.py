"""The catalogue of kinds: name, options, and how to make one. A new kind is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

from monitor.model.checks import Check
from monitor.probe import series
from monitor.probe.kinds import heartbeat, http, tcp, tls
from monitor.probe.kinds.heartbeat import HeartbeatKind, HeartbeatOptions
from monitor.probe.kinds.http import HttpKind
from monitor.probe.kinds.http_target import HttpOptions
from monitor.probe.kinds.kind import Instruments, Kind
from monitor.probe.kinds.tcp import TcpKind, TcpOptions
from monitor.probe.kinds.tls import TlsKind, TlsOptions
from monitor.probe.series import Layout


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One kind as configuration sees it."""

    options: type
    """The frozen dataclass of its options; its field docstrings are the reference documentation."""
    make: Callable[[Instruments], Kind[object]]
    layout: Layout
    """Which series its checks write."""
    judge: Callable[[Check], object]
    """Raises ValueError, with a sentence for the user, for a check that cannot work."""


def _entry(
    options: type, make: Callable[[Instruments], object], layout: Layout, judge: Callable[[Check], object]
) -> CatalogueEntry:
    # each kind is handed back only what it prepared itself, which is what Kind[object] needs to be safe
    return CatalogueEntry(options, cast("Callable[[Instruments], Kind[object]]", make), layout, judge)


CATALOGUE: Final[Mapping[str, CatalogueEntry]] = MappingProxyType(
    {
        "http": _entry(HttpOptions, HttpKind, series.HTTP, http.compiled),
        "tcp": _entry(TcpOptions, TcpKind, series.TCP, tcp.compiled),
        "tls": _entry(TlsOptions, TlsKind, series.TLS, tls.compiled),
        "heartbeat": _entry(HeartbeatOptions, HeartbeatKind, series.HEARTBEAT, heartbeat.compiled),
    }
)
"""Kind name to its entry."""
