"""HTTP/1.1 on the wire: a request as bytes, a response read piece by piece. Pure; source: RFC 9112.

The reader believes nothing: the head is bounded in bytes and fields, a length must be plain digits, two different
lengths or an unknown transfer coding are refused, decompression is bounded by what is kept and by a total. The first
`keep` bytes of the body are kept; past `limit` bytes reading ends with TOO_LARGE.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from enum import Enum
from typing import Final, Protocol

from monitor.model.checks import FailureReason
from monitor.model.errors import PeerError

KEPT_BODY: Final = 256 * 1024
"""Bytes of a body that are kept for reading it."""
BODY_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of a body (before and after decompression) past which it counts as too large."""
HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a head, all lines together."""
FIELD_LIMIT: Final = 256
"""Header fields in one response."""
_INTERIM_LIMIT: Final = 8
_CHUNK_LINE_LIMIT: Final = 256
_FORBIDDEN_IN_FIELDS: Final = frozenset("\r\n\0")
_TOKEN_CHARS: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class WireError(PeerError):
    """The peer broke the protocol or a limit of ours. `reason` says which, the message how."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        self.reason = reason
        super().__init__(message)


def request(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A whole request. `Content-Length` is added when there is a body. Raises ValueError for texts that would break out
    of their place."""
    if not method or not _TOKEN_CHARS.issuperset(method):
        raise ValueError(f"method {method!r} is not a token")
    if not target or any(char <= " " or char == "\x7f" for char in target):
        raise ValueError(f"request target {target!r} has spaces or control characters")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers:
        if not name or not _TOKEN_CHARS.issuperset(name):
            raise ValueError(f"header name {name!r} is not a token")
        if not _FORBIDDEN_IN_FIELDS.isdisjoint(value):
            raise ValueError(f"value of header {name} has a line break")
        lines.append(f"{name}: {value}")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + body


class _Inflater(Protocol):
    """What zlib's decompression objects do."""

    @property
    def unconsumed_tail(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


class _Framing(Enum):
    """How the end of the body is known."""

    HEAD = "still in the head"
    LENGTH = "by its length"
    CHUNK_SIZE = "chunked, before a size"
    CHUNK_DATA = "chunked, inside data"
    CHUNK_END = "chunked, before the line end after data"
    TRAILER = "chunked, in the trailer"
    CLOSE = "by the end of the connection"
    DONE = "complete"


class Response:
    """One response, growing as `feed` is called. All attributes are valid once the head is (`status` is not 0)."""

    __slots__ = (
        "_bodyless",
        "_buffer",
        "_fields",
        "_framing",
        "_inflate",
        "_interim",
        "_keep",
        "_kept",
        "_limit",
        "_rest",
        "_unpack",
        "body_length",
        "content_length",
        "headers",
        "phrase",
        "status",
        "surplus",
        "version",
        "wire_length",
    )

    def __init__(
        self, *, method: str = "GET", keep: int = KEPT_BODY, limit: int = BODY_LIMIT, unpack: bool = True
    ) -> None:
        """`unpack`: decompress what comes compressed; otherwise the body stays as it came."""
        self.status = 0
        self.phrase = ""
        """What stands after the status."""
        self.version = 0.0
        self.headers: dict[str, str] = {}
        """Lower-case names; the values of a repeated field joined by `, ` (set-cookie by a line break)."""
        self.content_length = -1
        """As announced; -1 when not."""
        self._kept: bytes | bytearray = b""
        self.body_length = 0
        """Bytes after decompression."""
        self.wire_length = 0
        """Bytes before decompression."""
        self._bodyless = method == "HEAD"
        self._keep = keep
        self._limit = limit
        self._unpack = unpack
        self.surplus = False
        """Did bytes come after the end?"""
        self._framing = _Framing.HEAD
        self._buffer = b""
        self._rest = 0
        self._interim = 0
        self._fields = 0
        self._inflate: _Inflater | None = None

    @property
    def body(self) -> bytes:
        """The first `keep` bytes, decompressed. Complete when `len(body) == body_length`."""
        return bytes(self._kept)

    def take_body(self) -> bytes | bytearray:
        """What is kept of the body, without a copy; the response has none afterwards."""
        body, self._kept = self._kept, b""
        return body

    @property
    def complete(self) -> bool:
        return self._framing is _Framing.DONE

    @property
    def reusable(self) -> bool:
        """May the connection carry another request? Ask when complete."""
        options = self.headers.get("connection", "").lower()
        stays = "close" not in options if self.version > 1.0 else "keep-alive" in options
        framed = self.content_length >= 0 or "transfer-encoding" in self.headers or self.status in (204, 304)
        return stays and framed and not self.surplus

    def feed(self, data: bytes) -> bool:
        """Take the next bytes; True once the response is complete (bytes after it are ignored). Raises WireError."""
        buffer = self._buffer + data if self._buffer else data
        self._buffer = b""
        while self._framing is not _Framing.DONE:
            framing = self._framing
            if framing is _Framing.HEAD:
                rest = self._read_head(buffer)
            elif framing is _Framing.LENGTH:
                rest = self._read_length(buffer)
            elif framing is _Framing.CLOSE:
                self._take(buffer)
                return False
            else:
                rest = self._read_chunked(buffer)
            if rest is None:
                return False
            buffer = rest
        self.surplus = self.surplus or bool(buffer)
        return True

    def end(self) -> None:
        """The connection was closed. Raises WireError unless that completes the response."""
        if self._framing is _Framing.CLOSE:
            self._framing = _Framing.DONE
        elif self._framing is _Framing.HEAD:
            if not self._buffer and not self.status:
                raise WireError(FailureReason.CLOSED_EARLY, "connection closed without an answer")
            raise WireError(FailureReason.CLOSED_EARLY, "connection closed inside the header")
        elif self._framing is not _Framing.DONE:
            raise WireError(
                FailureReason.CLOSED_EARLY, f"connection closed after {self.wire_length} bytes, inside the body"
            )

    def _read_head(self, buffer: bytes) -> bytes | None:
        cut = buffer.find(b"\r\n\r\n")
        after = cut + 4
        bare = buffer.find(b"\n\n", 0, cut if cut >= 0 else len(buffer))
        if bare >= 0:
            cut, after = bare, bare + 2
        if cut < 0 or cut > HEAD_LIMIT:
            _check_start(buffer)
            if len(buffer) > HEAD_LIMIT:
                raise WireError(FailureReason.TOO_LARGE, f"header is larger than {HEAD_LIMIT // 1024} kB")
            self._buffer = buffer
            return None
        lines = buffer[:cut].decode("latin-1").split("\n")
        self.version, self.status, self.phrase = _status_line(lines[0].rstrip("\r"))
        if len(lines) > FIELD_LIMIT + 1:
            raise WireError(FailureReason.TOO_LARGE, f"more than {FIELD_LIMIT} header fields")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name[-1] in " \t" or name[0] in " \t":
                raise WireError(FailureReason.BAD_ANSWER, f"malformed header line {line.strip()[:60]!r}")
            name = name.lower()
            value = value.strip()
            if name in headers:
                value = headers[name] + ("\n" if name == "set-cookie" else ", ") + value
            headers[name] = value
        if 100 <= self.status < 200 and self.status != 101:
            self._interim += 1
            if self._interim > _INTERIM_LIMIT:
                raise WireError(FailureReason.BAD_ANSWER, f"more than {_INTERIM_LIMIT} interim answers")
            self.status = 0
            return buffer[after:]
        self.headers = headers
        self._frame(headers)
        return buffer[after:]

    def _frame(self, headers: dict[str, str]) -> None:
        length = headers.get("content-length")
        coding = headers.get("transfer-encoding")
        if length is not None:
            lengths = {part.strip() for part in length.split(",")} if "," in length else {length}
            text = lengths.pop()
            if lengths or not (text.isascii() and text.isdigit()) or len(text) > 18:
                raise WireError(FailureReason.BAD_ANSWER, f"content length {length[:40]!r} is not a number")
            self.content_length = int(text)
        if self._bodyless or self.status in (101, 204, 304):
            self._framing = _Framing.DONE
            return
        encoding = headers.get("content-encoding", "")
        if encoding and self._unpack:
            self._inflate = _inflater(encoding.strip().lower())
        if coding is not None:
            if coding.strip().lower() != "chunked":
                raise WireError(FailureReason.BAD_ANSWER, f"transfer coding {coding[:40]!r} is not known")
            self.content_length = -1
            self._framing = _Framing.CHUNK_SIZE
        elif length is not None:
            if self.content_length > self._limit:
                raise WireError(
                    FailureReason.TOO_LARGE, f"body of {self.content_length} bytes is larger than {_size(self._limit)}"
                )
            self._rest = self.content_length
            self._framing = _Framing.LENGTH if self._rest else _Framing.DONE
        else:
            self._framing = _Framing.CLOSE

    def _read_length(self, buffer: bytes) -> bytes | None:
        part = buffer[: self._rest] if len(buffer) > self._rest else buffer
        self._take(part)
        self._rest -= len(part)
        if self._rest:
            return None
        self._framing = _Framing.DONE
        return buffer[len(part) :]

    def _read_chunked(self, buffer: bytes) -> bytes | None:
        # a position and not slices: a peer may send ten thousand chunks of one byte in one piece
        at, end = 0, len(buffer)
        while True:
            framing = self._framing
            if framing is _Framing.CHUNK_DATA:
                part = buffer[at : min(at + self._rest, end)]
                at += len(part)
                self._rest -= len(part)
                self._take(part)
                if self._rest:
                    return None
                self._framing = _Framing.CHUNK_END
                continue
            cut = buffer.find(b"\n", at)
            if cut < 0:
                if end - at > (HEAD_LIMIT if framing is _Framing.TRAILER else _CHUNK_LINE_LIMIT):
                    raise WireError(FailureReason.BAD_ANSWER, "malformed chunk")
                self._buffer = buffer[at:]
                return None
            line, at = buffer[at:cut].rstrip(b"\r"), cut + 1
            if framing is _Framing.CHUNK_END:
                if line:
                    raise WireError(FailureReason.BAD_ANSWER, "chunk is longer than announced")
                self._framing = _Framing.CHUNK_SIZE
            elif framing is _Framing.CHUNK_SIZE:
                self._rest = _chunk_size(line)
                self._framing = _Framing.CHUNK_DATA if self._rest else _Framing.TRAILER
            elif not line:
                self._framing = _Framing.DONE
                return buffer[at:]
            else:
                self._fields += 1
                if self._fields > FIELD_LIMIT:
                    raise WireError(FailureReason.TOO_LARGE, f"more than {FIELD_LIMIT} trailer fields")

    def _take(self, data: bytes) -> None:
        self.wire_length += len(data)
        if self._inflate is not None:
            self._take_inflated(data, self._inflate)
        else:
            self._keep_part(data)
        if self.wire_length > self._limit:
            raise WireError(FailureReason.TOO_LARGE, f"body is larger than {_size(self._limit)}")

    def _take_inflated(self, data: bytes, inflate: _Inflater) -> None:
        piece = 65536
        full = False
        while data or full:
            try:
                part = inflate.decompress(data, piece)
            except zlib.error as error:
                raise WireError(FailureReason.BAD_ANSWER, "compressed body is damaged") from error
            self._keep_part(part)
            data = inflate.unconsumed_tail
            full = len(part) == piece
            if self.body_length > self._limit:
                raise WireError(FailureReason.TOO_LARGE, f"decompressed body is larger than {_size(self._limit)}")

    def _keep_part(self, data: bytes) -> None:
        room = self._keep - len(self._kept)
        if room > 0:
            if not self._kept:
                self._kept = data[:room]
            elif isinstance(self._kept, bytearray):
                self._kept += data[:room]
            else:
                self._kept = bytearray(self._kept) + data[:room]
        self.body_length += len(data)


def _status_line(line: str) -> tuple[float, int, str]:
    """`HTTP/1.1 200 OK` to (1.1, 200, "OK")."""
    if line[:5] != "HTTP/" or line[5:8] not in ("1.1", "1.0") or line[8:9] != " ":
        raise WireError(FailureReason.BAD_ANSWER, f"not an HTTP/1 answer: {line[:60]!r}")
    code = line[9:12]
    if not (code.isascii() and code.isdigit()) or len(code) != 3 or line[12:13] not in ("", " ") or code < "100":
        raise WireError(FailureReason.BAD_ANSWER, f"malformed status line {line[:60]!r}")
    return (1.1 if line[7] == "1" else 1.0), int(code), line[13:].strip()


def _check_start(buffer: bytes) -> None:
    """Refuse what cannot become a status line as soon as it is seen."""
    if not b"HTTP/1.".startswith(buffer[:7]):
        shown = buffer[:60].split(b"\n")[0].decode("latin-1")
        raise WireError(FailureReason.BAD_ANSWER, f"not an HTTP/1 answer: {shown!r}")


def _chunk_size(line: bytes) -> int:
    text = line.split(b";", 1)[0].strip()
    if not text or len(text) > 15 or not frozenset(b"0123456789abcdefABCDEF").issuperset(text):
        raise WireError(FailureReason.BAD_ANSWER, f"malformed chunk size {line[:40].decode('latin-1')!r}")
    return int(text, 16)


def _inflater(encoding: str) -> _Inflater | None:
    """A decompressor for gzip or zlib; None for codings that are not read (the body then stays as it came)."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(47)
    return None


def unpacked(body: bytes | bytearray, encoding: str, limit: int) -> bytes | bytearray:
    """A whole body, decompressed if it came so; gzip may have several members. Raises WireError: TOO_LARGE past `limit`
    bytes, BAD_ANSWER for damage, a missing end, or a coding that was not asked for."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise WireError(FailureReason.BAD_ANSWER, f"content coding {encoding[:40]!r} is not known")
    out = bytearray()
    rest: bytes | bytearray = body
    while rest:
        inflate = zlib.decompressobj(47)
        try:
            part = inflate.decompress(rest, limit + 1 - len(out))
        except zlib.error as error:
            raise WireError(FailureReason.BAD_ANSWER, "compressed body is damaged") from error
        if not out and len(part) <= limit and inflate.eof and not inflate.unused_data:
            return part
        out += part
        if len(out) > limit:
            raise WireError(FailureReason.TOO_LARGE, f"decompressed body is larger than {_size(limit)}")
        if not inflate.eof:
            raise WireError(FailureReason.BAD_ANSWER, "compressed body is cut off")
        rest = inflate.unused_data
    return out


def _size(limit: int) -> str:
    return f"{limit // (1024 * 1024)} MB" if limit >= 1024 * 1024 else f"{limit // 1024} kB"
