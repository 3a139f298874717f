"""Certificates of every sort, made on the spot by trustme."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """One certificate authority; `file` is its certificate for a client to trust."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.file = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.file)

    def server(self, *names: str, days: float = 30.0, client_ca: bool = False) -> ssl.SSLContext:
        """A server's context with a certificate for these names, ending in so many days (negative: it has ended)."""
        end = datetime.now(tz=UTC) + timedelta(days=days)
        start = min(datetime.now(tz=UTC), end) - timedelta(days=1)
        certificate = self._authority.issue_cert(*names, not_before=start, not_after=end)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = self._folder / f"server-{names[0]}.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(path)
        context.load_cert_chain(path)
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context

    def pair(self, name: str) -> tuple[Path, Path]:
        """A server's certificate for this name and its key, in two files that are written anew by each call."""
        made = self._authority.issue_cert(name)
        chain, key = self._folder / "server.crt", self._folder / "server.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        key.write_bytes(made.private_key_pem.bytes())
        return chain, key

    def client_pem(self, name: str = "client@example.org") -> str:
        """A client certificate with its key in one file."""
        path = self._folder / "client.pem"
        self._authority.issue_cert(name).private_key_and_cert_chain_pem.write_to_path(path)
        return str(path)
