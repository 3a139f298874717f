"""How many bytes a silence takes in Alertmanager's store, since its size limit counts those (silencepb.MeshSilence)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.times import Timestamp

_TYPES = (MatchOp.EQUAL, MatchOp.MATCHES, MatchOp.NOT_EQUAL, MatchOp.NOT_MATCHES)


class Sized(Protocol):
    """What is stored of a silence."""

    @property
    def id(self) -> str: ...
    @property
    def matcher_sets(self) -> Sequence[Sequence[Matcher]]: ...
    @property
    def starts_at(self) -> Timestamp: ...
    @property
    def ends_at(self) -> Timestamp: ...
    @property
    def updated_at(self) -> Timestamp: ...
    @property
    def expires_at(self) -> Timestamp: ...
    @property
    def created_by(self) -> str: ...
    @property
    def comment(self) -> str: ...
    @property
    def annotations(self) -> Mapping[str, str]: ...


def stored_size(silence: Sized) -> int:
    """Bytes of the protobuf message; all its field numbers are below 16, so a tag is one byte."""
    size = sum(map(_text, (silence.id, silence.created_by, silence.comment)))
    size += sum(_message(_instant(at)) for at in (silence.starts_at, silence.ends_at, silence.updated_at))
    size += sum(_message(_text(name) + _text(value)) for name, value in silence.annotations.items())
    size += sum(_message(sum(_message(_matcher(one)) for one in matchers)) for matchers in silence.matcher_sets)
    return _message(size) + _message(_instant(silence.expires_at))


def _matcher(matcher: Matcher) -> int:
    return _number(_TYPES.index(matcher.op)) + _text(matcher.name) + _text(matcher.value)


def _instant(at: Timestamp) -> int:
    return _number(at // 1000) + _number(at % 1000 * 1_000_000)


def _message(size: int) -> int:
    return 1 + _varint(size) + size


def _text(text: str) -> int:
    size = len(text.encode("utf-8", "surrogateescape"))
    return _message(size) if size else 0


def _number(value: int) -> int:
    return 1 + _varint(value) if value else 0


def _varint(value: int) -> int:
    return max((value.bit_length() + 6) // 7, 1)
