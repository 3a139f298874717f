"""TLS: is the certificate of `host:port` good, and for how long still?

This is the tcp kind with a handshake and, unless the check says otherwise, limits on the days left: fewer than 14 is
degraded, fewer than 3 is a failure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.model.checks import Check
from monitor.net.tls import SYSTEM_TRUST, Trust
from monitor.probe.kinds.tcp import TcpKind, TcpOptions, TcpTarget, compile_tcp

WARN_DAYS = 14.0
FAIL_DAYS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """Options of a tls check. The target is `host:port`."""

    trust: Trust = SYSTEM_TRUST
    """Whom to believe."""
    ip_version: int = 4
    """Preferred IP version, 4 or 6."""
    ip_fallback: bool = True
    """Take the other IP version when the name has no address of the preferred one."""


class TlsKind(TcpKind):
    """The tls kind. See `kind.Kind`."""

    __slots__ = ()

    def prepare(self, check: Check) -> TcpTarget:
        return compiled(check)


def compiled(check: Check) -> TcpTarget:
    """Raises ValueError, with a sentence for the user, for a check that cannot work."""
    options = check.options if isinstance(check.options, TlsOptions) else TlsOptions()
    expect = check.expect
    if expect.certificate_days is None and expect.certificate_days_warn is None:
        expect = replace(expect, certificate_days=FAIL_DAYS, certificate_days_warn=WARN_DAYS)
    return compile_tcp(
        replace(check, expect=expect),
        TcpOptions(tls=True, trust=options.trust, ip_version=options.ip_version, ip_fallback=options.ip_fallback),
    )
