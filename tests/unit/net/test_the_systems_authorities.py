"""Whom the system trusts is read when TLS is first used, and not for everybody who might."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from monitor.net.tls import SYSTEM_TRUST, Contexts, Trust, Tunnel
from tests.support.certificates import Authority


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """A system that trusts one authority."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return authority


def _trusted(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509"]


def test_they_are_read_at_the_first_handshake(system: Authority) -> None:
    """Once, whichever way the handshake is made."""
    context = Contexts().get(SYSTEM_TRUST)
    assert _trusted(context) == 0
    Tunnel(context, "a.example")
    assert _trusted(context) == 1
    Tunnel(context, "a.example")
    assert _trusted(context) == 1


def test_they_are_read_for_sockets_too(system: Authority) -> None:
    """As some vendors' libraries connect."""
    context = Contexts().get(Trust(server_name="b.example"))
    near, far = socket.socketpair()
    with near, far, context.wrap_socket(near, do_handshake_on_connect=False, server_hostname="b.example"):
        assert _trusted(context) == 1


def test_who_names_authorities_trusts_no_others(system: Authority, tmp_path: Path) -> None:
    """Neither at once nor at the handshake."""
    folder = tmp_path / "other"
    folder.mkdir()
    context = Contexts().get(Trust(ca_file=Authority(folder).file))
    Tunnel(context, "a.example")
    (one,) = context.get_ca_certs()
    assert one["serialNumber"] not in {there["serialNumber"] for there in _certificates(system)}


def test_who_does_not_verify_reads_none(system: Authority) -> None:
    """They would be of no use."""
    context = Contexts().get(Trust(verify=False))
    Tunnel(context, "a.example")
    assert _trusted(context) == 0


def _certificates(authority: Authority) -> list[dict[str, object]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.file)
    return [dict(one) for one in context.get_ca_certs()]
