"""TLS over memory, so that it runs on the same epoll set as everything else.

Building a trust store takes 15 ms, so there is one `ssl.SSLContext` for each trust setting. Every handshake is a full
one: resumption would hide a broken certificate. What a certificate says about its end is read straight from its DER, in
a few lines, because the usual library costs eight megabytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final, Protocol, cast

from monitor.model.checks import FailureReason, TlsFacts
from monitor.model.times import Timestamp, from_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom to believe and how to present oneself."""

    verify: bool = True
    """False accepts any certificate."""
    ca_file: str = ""
    """PEM file that replaces the system's authorities."""
    ca: str = ""
    """PEM text that replaces the system's authorities."""
    cert_file: str = ""
    """Client certificate, PEM."""
    key_file: str = ""
    """Key of the client certificate, PEM, without a passphrase."""
    cert: str = ""
    """Client certificate as text, instead of the file."""
    key: str = field(default="", repr=False)
    """Its key likewise."""
    server_name: str = ""
    """Name to ask for and to verify instead of the target's host."""
    min_version: str = ""
    """`TLS10` to `TLS13`. Empty: TLS12."""
    max_version: str = ""
    """`TLS10` to `TLS13`. Empty: the newest."""


SYSTEM_TRUST: Final = Trust()

_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_VERSION_NAMES: Final = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2", "TLSv1.3": "TLS 1.3"}
# X509_V_ERR_* of OpenSSL's x509_vfy.h
_EXPIRED: Final = frozenset({9, 10})
_WRONG_HOST: Final = frozenset({62, 63, 64})


_DER: Final = 2
"""X509_FILETYPE_ASN1"""


class _Certificate(Protocol):
    """What the ssl module's inner certificate objects do."""

    def public_bytes(self, encoding: int, /) -> bytes: ...


class SystemTrust(ssl.SSLContext):
    """Trusts the system's authorities, which are read before the first handshake: they take two megabytes, and who has a
    context does not always come to use TLS. They take 25 ms too, so who connects on the loop waits for `reading` first; for
    all others the handshake sees to it."""

    _one_at_a_time: ClassVar = threading.Lock()
    _read = False
    _reading: asyncio.Future[None] | None = None

    def reading(self) -> asyncio.Future[None] | None:
        """They are being read in a thread, which ends without an error: the handshake tells of it. None: they are there."""
        if self._read:
            return None
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().run_in_executor(None, self._try_to_read)
        return self._reading

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        self._read_once()
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        self._read_once()
        return super().wrap_socket(
            sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname, session
        )

    def _try_to_read(self) -> None:
        with suppress(OSError):
            self._read_once()

    def _read_once(self) -> None:
        if self._read:
            return
        with self._one_at_a_time:
            if not self._read:
                self.load_default_certs()
                self._read = True


def reading(context: object) -> asyncio.Future[None] | None:
    """What a connection with this context (or what aiohttp takes instead of one) must wait for; None: nothing."""
    return context.reading() if isinstance(context, SystemTrust) else None


async def authorities_read(context: object) -> None:
    """Wait for that."""
    waiting = reading(context)
    if waiting is not None:
        await asyncio.wait((waiting,))  # who is cancelled meanwhile does not cancel it for others


class Contexts:
    """One SSLContext for each trust setting, built at first use."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Trust, tuple[tuple[float, ...], ssl.SSLContext]] = {}

    def get(self, trust: Trust) -> ssl.SSLContext:
        """The context for this setting; built anew when one of its files has changed. Raises OSError for a file that
        cannot be read and ValueError for one that does not hold what it should."""
        stamp = tuple(Path(name).stat().st_mtime for name in (trust.ca_file, trust.cert_file, trust.key_file) if name)
        known = self._known.get(trust)
        if known is not None and known[0] == stamp:
            return known[1]
        context = _build(trust)
        self._known[trust] = (stamp, context)
        return context

    def unverified(self, trust: Trust) -> ssl.SSLContext:
        """The same without verification: for a second look at a certificate that did not verify."""
        return self.get(replace(trust, verify=False))


class Tunnel:
    """One TLS client session between two memory buffers. The owner moves bytes to and from the socket."""

    __slots__ = ("_incoming", "_outgoing", "_session", "established")

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name or None)
        self.established = False

    def handshake(self) -> bool:
        """Go on with the handshake; True once it is complete. Raises ssl.SSLError."""
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        return True

    def take(self, data: bytes) -> None:
        """Bytes from the socket."""
        self._incoming.write(data)

    def take_end(self) -> None:
        """The socket's end."""
        self._incoming.write_eof()

    def outgoing(self) -> bytes:
        """Bytes that must go to the socket now."""
        return self._outgoing.read()

    def send(self, data: bytes) -> None:
        """Encrypt; the result waits in `outgoing`."""
        self._session.write(data)

    def received(self) -> tuple[bytes, bool]:
        """Decrypted bytes (up to 64 kB a call) and whether the peer has ended the session. Raises ssl.SSLError."""
        parts: list[bytes] = []
        size = 0
        while size < 65536:
            try:
                part = self._session.read(16384)
            except ssl.SSLWantReadError:
                return b"".join(parts), False
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b"".join(parts), True
            if not part:
                return b"".join(parts), True
            parts.append(part)
            size += len(part)
        return b"".join(parts), False

    def facts(self) -> TlsFacts:
        """What the handshake showed; only once it is complete."""
        presented = self._chain("get_unverified_chain")
        cipher = self._session.cipher()
        return _facts(
            _VERSION_NAMES.get(self._session.version() or "", self._session.version() or ""),
            cipher[0] if cipher else "",
            tuple(presented),
            () if self._session.context.verify_mode is ssl.CERT_NONE else tuple(self._chain("get_verified_chain")),
        )

    def _chain(self, name: str) -> list[bytes]:
        # Public on SSLObject from Python 3.13, where the items are DER already; before that only on the inner object.
        public = cast("Callable[[], list[bytes]] | None", getattr(self._session, name, None))
        if public is not None:
            return public()
        inner = cast("Callable[[], Sequence[_Certificate] | None]", getattr(self._session.__dict__["_sslobj"], name))
        return [certificate.public_bytes(_DER) for certificate in inner() or ()]


def failure(error: ssl.SSLError) -> tuple[FailureReason, str]:
    """Reason and sentence for a failed handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        message = error.verify_message
        if error.verify_code in _EXPIRED:
            return FailureReason.CERTIFICATE_EXPIRED, f"certificate is not valid: {message}"
        if error.verify_code in _WRONG_HOST:
            return FailureReason.CERTIFICATE_WRONG_HOST, f"certificate is for another host: {message}"
        return FailureReason.CERTIFICATE_UNTRUSTED, f"certificate is not trusted: {message}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return FailureReason.TLS_FAILED, "connection closed during the TLS handshake"
    what = (error.reason or str(error)).replace("_", " ").lower()
    return FailureReason.TLS_FAILED, f"TLS handshake failed: {what}"


@lru_cache(maxsize=1024)
def not_after(certificate: bytes) -> Timestamp:
    """When a certificate (DER) ends. Raises ValueError if it is none. Source: RFC 5280 section 4.1."""
    body = _inside(_Reader(certificate, 0, len(certificate)), 0x30)
    tbs = _inside(body, 0x30)
    tag, start, end = tbs.next()
    if tag == 0xA0:  # explicit version; then the serial number
        tag, start, end = tbs.next()
    tbs.next()  # signature algorithm
    tbs.next()  # issuer
    tag, start, end = tbs.next()
    if tag != 0x30:
        raise ValueError("not a certificate")
    validity = _Reader(certificate, start, end)
    validity.next()  # not before
    tag, start, end = validity.next()
    text = certificate[start:end].decode("ascii", "replace")
    if tag == 0x17:
        year = int(text[:2])
        text = f"{2000 + year if year < 50 else 1900 + year}{text[2:]}"
    elif tag != 0x18:
        raise ValueError("not a certificate")
    return from_datetime(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC))


class _Reader:
    """Walks the items of one DER sequence."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    def next(self) -> tuple[int, int, int]:
        """Tag, start and end of the next item's content. Raises ValueError where there is none."""
        data, at = self.data, self.at
        if at + 2 > self.end:
            raise ValueError("not a certificate")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("not a certificate")
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > self.end:
            raise ValueError("not a certificate")
        self.at = at + length
        return tag, at, at + length


def _inside(reader: _Reader, wanted: int) -> _Reader:
    tag, start, end = reader.next()
    if tag != wanted:
        raise ValueError("not a certificate")
    return _Reader(reader.data, start, end)


@lru_cache(maxsize=1024)
def _facts(version: str, cipher: str, presented: tuple[bytes, ...], verified: tuple[bytes, ...]) -> TlsFacts:
    return TlsFacts(
        version=version,
        cipher=cipher,
        earliest_expiry=_earliest(presented),
        chain_expiry=_earliest(verified),
        fingerprint=hashlib.sha256(presented[0]).hexdigest() if presented else "",
    )


def _earliest(certificates: tuple[bytes, ...]) -> Timestamp | None:
    ends: list[Timestamp] = []
    for certificate in certificates:
        try:
            ends.append(not_after(certificate))
        except ValueError:
            continue
    return min(ends, default=None)


def _build(trust: Trust) -> ssl.SSLContext:
    try:
        systems = trust.verify and not (trust.ca_file or trust.ca)
        context = (SystemTrust if systems else ssl.SSLContext)(ssl.PROTOCOL_TLS_CLIENT)
        if not trust.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif not systems:
            context.load_verify_locations(cafile=trust.ca_file or None, cadata=trust.ca or None)
        if trust.cert or trust.key:
            _load_texts(context, trust)
        elif trust.cert_file:
            context.load_cert_chain(trust.cert_file, trust.key_file or None)
    except ssl.SSLError as error:
        raise ValueError(f"TLS files cannot be used: {error.reason or error}") from error
    context.minimum_version = _version(trust.min_version, "TLS12")
    if trust.max_version:
        context.maximum_version = _version(trust.max_version, "TLS13")
    return context


def _load_texts(context: ssl.SSLContext, trust: Trust) -> None:
    """The ssl module takes certificates and keys from files only: this one stands in memory and has no name."""
    halves = ((trust.cert, trust.cert_file), (trust.key, trust.key_file))
    texts = [text or Path(file).read_text("ascii") for text, file in halves]
    descriptor = os.memfd_create("client certificate")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii", closefd=False) as stream:
            stream.write("\n".join(texts))
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _version(name: str, default: str) -> ssl.TLSVersion:
    version = _VERSIONS.get(name or default)
    if version is None:
        raise ValueError(f"TLS version {name!r} is not one of {', '.join(_VERSIONS)}")
    return version
