"""Writes what Alertmanager writes when it stops."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.alerts.inheriting import Heard
from monitor.alerts.silences import Silence
from monitor.matching.matchers import MatchOp
from monitor.model.times import Timestamp
from monitor.remote.wire import put_bytes, put_int, put_varint

_TYPES = {MatchOp.EQUAL: 0, MatchOp.MATCHES: 1, MatchOp.NOT_EQUAL: 2, MatchOp.NOT_MATCHES: 3}


def silences_file(silences: Iterable[Silence]) -> bytes:
    """The file `silences`."""
    return b"".join(
        _delimited(put_bytes(1, _silence(one)) + put_bytes(2, _instant(one.expires_at))) for one in silences
    )


def log_file(heard: Iterable[Heard], *, packed: bool = True) -> bytes:
    """The file `nflog`."""
    return b"".join(
        _delimited(put_bytes(1, _entry(one, packed=packed)) + put_bytes(2, _instant(one.expires_at))) for one in heard
    )


def _delimited(message: bytes) -> bytes:
    return put_varint(len(message)) + message


def _silence(one: Silence) -> bytes:
    matchers = b"".join(
        put_bytes(
            2,
            put_int(1, _TYPES[matcher.op]) + put_bytes(2, matcher.name.encode()) + put_bytes(3, matcher.value.encode()),
        )
        for matcher in one.matcher_sets[0]
    )
    times = put_bytes(3, _instant(one.starts_at)) + put_bytes(4, _instant(one.ends_at))
    words = put_bytes(8, one.created_by.encode()) + put_bytes(9, one.comment.encode())
    return put_bytes(1, one.id.encode()) + matchers + times + put_bytes(5, _instant(one.updated_at)) + words


def _entry(one: Heard, *, packed: bool) -> bytes:
    where = one.destination
    receiver = (
        put_bytes(1, where.receiver.encode()) + put_bytes(2, where.integration.encode()) + put_int(3, where.index)
    )
    lists = b""
    for number, hashes in ((6, one.firing), (7, one.resolved)):
        if packed and hashes:
            lists += put_bytes(number, b"".join(map(put_varint, sorted(hashes))))
        elif hashes:
            lists += b"".join(put_int(number, hash_) for hash_ in sorted(hashes))
    return put_bytes(1, one.group_key.encode()) + put_bytes(2, receiver) + put_bytes(5, _instant(one.at)) + lists


def _instant(at: Timestamp) -> bytes:
    return put_int(1, at // 1000) + put_int(2, at % 1000 * 1_000_000)
