"""TLS of our own server: settings in plain values, and a context that follows its files.

Certificates are renewed under a running daemon, and a server that needs a restart for that is down once a quarter. So each
handshake asks `LiveContext`, which builds the real context again when a file has changed; a file that is bad in between
(half written, a key that does not fit yet) leaves the former context in use.
"""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
CIPHERS: Final[Mapping[str, str]] = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
"""Suites up to TLS 1.2, Go's names to OpenSSL's. Those of TLS 1.3 cannot be chosen, there as here."""
CURVES: Final = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServerTls:
    """How connections are encrypted, and what clients must show. Certificate, key and authorities are each a text or a file."""

    cert: str = ""
    cert_file: str = ""
    key: str = ""
    key_file: str = ""
    client_ca: str = ""
    client_ca_file: str = ""
    client_certificate: str = ""
    """Empty: none is asked for. `given`: verified if there is one. `required`."""
    client_names: tuple[str, ...] = ()
    """One of these must be a subject alternative name of the client's certificate."""
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    ciphers: tuple[str, ...] = ()
    """Go's names; empty: a sound choice."""
    curve: str = ""
    """Go's name; empty: OpenSSL's choice."""

    def __repr__(self) -> str:
        return f"ServerTls({', '.join(self.files) or 'inline'})"

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(name for name in (self.cert_file, self.key_file, self.client_ca_file) if name)


def server_context(tls: ServerTls) -> ssl.SSLContext:
    """Raises OSError for a file that cannot be read, ValueError for one that does not hold what it should."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[tls.min_version]
    context.maximum_version = VERSIONS[tls.max_version]
    if tls.ciphers:
        context.set_ciphers(":".join(CIPHERS[name] for name in tls.ciphers))
    if tls.curve:
        context.set_ecdh_curve(CURVES[tls.curve])
    with ExitStack() as files:
        cert = tls.cert_file or files.enter_context(_file_of(tls.cert))
        key = tls.key_file or files.enter_context(_file_of(tls.key))
        try:
            # The password: a key that wants one must not make OpenSSL ask on a terminal.
            context.load_cert_chain(cert, key, password=lambda: "")
        except ssl.SSLError as error:
            raise ValueError(f"certificate and key cannot be used together: {error.reason or error}") from None
    if tls.client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED if tls.client_certificate == "required" else ssl.CERT_OPTIONAL
        try:
            if tls.client_ca_file or tls.client_ca:
                context.load_verify_locations(cafile=tls.client_ca_file or None, cadata=tls.client_ca or None)
            else:
                context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        except ssl.SSLError as error:
            raise ValueError(f"the clients' authorities cannot be read: {error.reason or error}") from None
    return context


class LiveContext(ssl.SSLContext):
    """Stands for the newest good context at each handshake: asyncio calls `wrap_bio` once for each connection."""

    _settings: Callable[[], ServerTls | None]
    _failed: Callable[[str], None]
    _known: tuple[tuple[ServerTls, tuple[object, ...]], ssl.SSLContext]

    def __new__(cls, settings: Callable[[], ServerTls | None], failed: Callable[[str], None]) -> LiveContext:
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, settings: Callable[[], ServerTls | None], failed: Callable[[str], None]) -> None:
        """`settings`: those in force; None (TLS was removed, which needs a restart) leaves the former in use. `failed` hears
        why files are not used. Raises OSError or ValueError."""
        tls = settings()
        if tls is None:
            raise ValueError("there are no TLS settings")
        self._settings = settings
        self._failed = failed
        self._known = ((tls, _stamp(tls)), server_context(tls))

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        return self._newest().wrap_bio(incoming, outgoing, *args, **kwargs)

    def _newest(self) -> ssl.SSLContext:
        key, context = self._known
        tls = self._settings() or key[0]
        wanted = (tls, _stamp(tls))
        if wanted == key:
            return context
        try:
            context = server_context(tls)
        except (OSError, ValueError) as error:
            self._failed(str(error))
        # Also after a failure: what cannot be used is not tried at every handshake, only when it has changed again.
        self._known = (wanted, context)
        return context


def names_of(certificate: Mapping[str, object] | None) -> frozenset[str]:
    """The subject alternative names of a peer's verified certificate, as `ssl.SSLSocket.getpeercert` tells them."""
    found = cast("tuple[tuple[str, str], ...]", (certificate or {}).get("subjectAltName", ()))
    return frozenset(value for _, value in found)


def _stamp(tls: ServerTls) -> tuple[object, ...]:
    stamps: list[object] = []
    for name in tls.files:
        try:
            stat = Path(name).stat()
        except OSError as error:
            stamps.append(error.errno)
        else:
            stamps.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(stamps)


@contextmanager
def _file_of(text: str) -> Generator[str]:
    """OpenSSL reads certificates from files only; this one is readable to us alone and gone at once."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(text)
    try:
        yield file.name
    finally:
        Path(file.name).unlink(missing_ok=True)
