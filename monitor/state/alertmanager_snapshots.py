"""What Alertmanager left in its storage folder: the files `silences` and `nflog`, one message after the other, each with its
length before it.

Source: Alertmanager silence/silencepb/silence.proto and nflog/nflogpb/nflog.proto. Fields that are newer than these are
passed over, but a silence that keeps its matchers in one of them is told as unreadable rather than taken as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from monitor.alerts.inheriting import Heard
from monitor.alerts.silences import Silence
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.errors import CorruptionError
from monitor.model.notifications import Destination
from monitor.model.times import Timestamp
from monitor.remote.wire import BYTES, VARINT, WireFormatError, fields, signed, varint

T = TypeVar("T")
_OPS: Final = {0: MatchOp.EQUAL, 1: MatchOp.MATCHES, 2: MatchOp.NOT_EQUAL, 3: MatchOp.NOT_MATCHES}
_Span = tuple[int, int]
_Fields = dict[int, list[tuple[int, int, int]]]
"""By number: wire type, and what `wire.fields` tells of each."""


def read_silences(data: bytes) -> list[Silence]:
    """The silences of a snapshot. Raises CorruptionError."""
    return _messages(data, _silence)


def read_log(data: bytes) -> list[Heard]:
    """The notification log of a snapshot: what each integration was last told of each group. Raises CorruptionError."""
    return _messages(data, _heard)


def _messages(data: bytes, read: Callable[[bytes, _Span], T]) -> list[T]:
    found: list[T] = []
    place = 0
    try:
        while place < len(data):
            size, start = varint(data, place, len(data))
            if start + size > len(data):
                raise WireFormatError("the last entry is cut off")
            found.append(read(data, (start, start + size)))
            place = start + size
    except (WireFormatError, UnicodeDecodeError, ValueError) as error:
        raise CorruptionError(f"entry {len(found) + 1}, at byte {place}: {error}") from error
    return found


def _silence(data: bytes, span: _Span) -> Silence:
    mesh = _fields(data, span)
    own = _fields(data, _message(mesh, 1))
    id_ = _text(data, own, 1)
    matchers = tuple(_matcher(data, (start, end)) for _, start, end in own.get(2, ()))
    if not matchers:
        raise WireFormatError(f"silence {id_} has no matchers that this version can read")
    return Silence(
        id=id_,
        matcher_sets=(matchers,),
        starts_at=_instant(data, own, 3),
        ends_at=_instant(data, own, 4),
        updated_at=_instant(data, own, 5),
        expires_at=_instant(data, mesh, 2),
        created_by=_text(data, own, 8),
        comment=_text(data, own, 9),
    )


def _matcher(data: bytes, span: _Span) -> Matcher:
    own = _fields(data, span)
    op = _OPS.get(_number(own, 1))
    if op is None:
        raise WireFormatError(f"matcher type {_number(own, 1)} is not known")
    return Matcher(_text(data, own, 2), op, _text(data, own, 3), dot_matches_newline=False)


def _heard(data: bytes, span: _Span) -> Heard:
    mesh = _fields(data, span)
    own = _fields(data, _message(mesh, 1))
    receiver = _fields(data, _message(own, 2))
    return Heard(
        group_key=_text(data, own, 1),
        destination=Destination(_text(data, receiver, 1), _text(data, receiver, 2), _number(receiver, 3)),
        at=_instant(data, own, 5),
        firing=frozenset(_numbers(data, own, 6)),
        resolved=frozenset(_numbers(data, own, 7)),
        expires_at=_instant(data, mesh, 2),
    )


def _fields(data: bytes, span: _Span) -> _Fields:
    found: _Fields = {}
    for number, kind, start, end in fields(data, *span):
        found.setdefault(number, []).append((kind, start, end))
    return found


def _message(own: _Fields, number: int) -> _Span:
    """Where the message in this field stands; nowhere if it is absent."""
    for kind, start, end in own.get(number, ()):
        if kind == BYTES:
            return start, end
    return 0, 0


def _text(data: bytes, own: _Fields, number: int) -> str:
    start, end = _message(own, number)
    return data[start:end].decode()


def _number(own: _Fields, number: int) -> int:
    return next((value for kind, value, _ in own.get(number, ()) if kind == VARINT), 0)


def _numbers(data: bytes, own: _Fields, number: int) -> Iterator[int]:
    """A repeated number, packed or not."""
    for kind, start, end in own.get(number, ()):
        if kind == VARINT:
            yield start
        while kind == BYTES and start < end:
            value, start = varint(data, start, end)
            yield value


def _instant(data: bytes, own: _Fields, number: int) -> Timestamp:
    """A google.protobuf.Timestamp, down to milliseconds."""
    at = _fields(data, _message(own, number))
    return signed(_number(at, 1)) * 1000 + _number(at, 2) // 1_000_000
