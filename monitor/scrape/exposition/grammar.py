"""The text format 0.0.4, token by token: the exact reader, and the slow one.

It decides what is right and what is wrong, one entry at a time, and words every error as Prometheus does, down to the
name of the token. `text.py` reads the lines that look ordinary by faster means and comes here with all others.

The format is a small state machine: which tokens are possible depends on what came before on the line. A quoted text
may run over line ends, which is why an entry is not always one line. Source: prometheus model/textparse/promlex.l,
promparse.go and their tests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from monitor.model.errors import ExpositionError
from monitor.model.labels import METRIC_NAME
from monitor.scrape.exposition.numbers import parse_milliseconds, parse_value
from monitor.scrape.exposition.quoting import quote_bytes


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """One sample."""

    text: bytes
    """The series as written."""
    labels: dict[str, str]
    """Metric name included, as `__name__`."""
    value: float
    value_text: bytes
    time: int | None
    """Milliseconds, if the target gave its own."""


class Fact(Enum):
    """What a metadata line tells of a metric."""

    HELP = "help"
    TYPE = "type"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """One HELP, TYPE or (OpenMetrics) UNIT line."""

    metric: str
    fact: Fact
    text: str
    """Unescaped help, the type's own word, or the unit."""


@dataclass(frozen=True, slots=True)
class CommentEntry:
    """A line for people only."""

    text: bytes


Entry: TypeAlias = SeriesEntry | MetadataEntry | CommentEntry

TYPES: Final = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "summary": "summary",
    "untyped": "unknown",
}
"""The word on a TYPE line of this format => the type."""


def read_entry(data: bytes, at: int, line: int) -> tuple[Entry | None, int]:
    """The entry that starts at offset `at`, which is line number `line`, and the offset after its line end. None for a
    blank line. `data` must end with a line end. Raises ExpositionError."""
    lexer = _Lexer(data, at, line)
    token = lexer.next()
    match token:
        case _Token.LINEBREAK:
            return None, lexer.end
        case _Token.HELP | _Token.TYPE:
            return _metadata(lexer, token), lexer.end
        case _Token.COMMENT:
            entry = CommentEntry(lexer.taken())
            lexer.expect(_Token.LINEBREAK, "linebreak after comment")
            return entry, lexer.end
        case _Token.BOPEN:
            pairs: list[tuple[str, str]] = []
            name = _labels(lexer, pairs, None)
            return _sample(lexer, pairs, name, data[at : lexer.end], lexer.next()), lexer.end
        case _Token.MNAME:
            pairs = []
            name: str | None = lexer.taken().decode()
            text = data[at : lexer.end]
            token = lexer.next()
            if token is _Token.BOPEN:
                name = _labels(lexer, pairs, name)
                text = data[at : lexer.end]
                token = lexer.next()
            return _sample(lexer, pairs, name, text, token), lexer.end
        case _:
            raise lexer.unexpected("a valid start token", token)


def unescape(text: bytes) -> str:
    """A quoted label value or name, without its quotes, as the text it stands for; unknown escapes stay as they are."""
    if b"\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    return text.decode()


def unescape_help(text: bytes) -> str:
    """A help text as the text it stands for; a quote is not escaped there."""
    if b"\\" in text:
        text = _HELP_ESCAPE.sub(_unescaped, text)
    return text.decode()


class _Token(Enum):
    """The tokens, by the names that error texts use."""

    INVALID = "INVALID"
    EOF = "EOF"
    LINEBREAK = "LINEBREAK"
    HELP = "HELP"
    TYPE = "TYPE"
    TEXT = "TEXT"
    COMMENT = "COMMENT"
    MNAME = "MNAME"
    QSTRING = "QSTRING"
    BOPEN = "BOPEN"
    BCLOSE = "BCLOSE"
    LNAME = "LNAME"
    LVALUE = "LVALUE"
    EQUAL = "EQUAL"
    COMMA = "COMMA"
    VALUE = "VALUE"
    TIMESTAMP = "TIMESTAMP"


class _State(Enum):
    """Where on the line we are."""

    START = "nothing read yet"
    COMMENT = "after a hash and white space"
    METRIC = "after HELP or TYPE"
    TEXT = "after the metric of a HELP or TYPE"
    LABELS = "inside the braces"
    LABEL_VALUE = "after an equal sign"
    VALUE = "after the series"
    TIMESTAMP = "after the value"


_QUOTED: Final = rb'"[^"\\]*(?:\\[^\n][^"\\]*)*"'
_QUOTED_NO_NULL: Final = rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*"'

# For each state: what may come, which token it is (None: read on), and the state it leads to.
_RULES: Final[dict[_State, tuple[tuple[re.Pattern[bytes], _Token | None, _State], ...]]] = {
    _State.START: (
        (re.compile(rb"\n"), _Token.LINEBREAK, _State.START),
        (re.compile(rb"#[ \t]+"), None, _State.COMMENT),
        (re.compile(rb"#[^\n]*"), _Token.COMMENT, _State.START),
        (re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*"), _Token.MNAME, _State.VALUE),
        (re.compile(rb"\{"), _Token.BOPEN, _State.LABELS),
    ),
    _State.COMMENT: (
        (re.compile(rb"HELP[ \t]+"), _Token.HELP, _State.METRIC),
        (re.compile(rb"TYPE[ \t]+"), _Token.TYPE, _State.METRIC),
        (re.compile(rb"[^\n]*"), _Token.COMMENT, _State.START),
    ),
    _State.METRIC: (
        (re.compile(_QUOTED_NO_NULL), _Token.MNAME, _State.TEXT),
        (re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*"), _Token.MNAME, _State.TEXT),
    ),
    _State.TEXT: ((re.compile(rb"[^\n]*"), _Token.TEXT, _State.START),),
    _State.LABELS: (
        (re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*"), _Token.LNAME, _State.LABELS),
        (re.compile(_QUOTED_NO_NULL), _Token.QSTRING, _State.LABELS),
        (re.compile(rb"\}"), _Token.BCLOSE, _State.VALUE),
        (re.compile(rb"="), _Token.EQUAL, _State.LABEL_VALUE),
        (re.compile(rb","), _Token.COMMA, _State.LABELS),
    ),
    _State.LABEL_VALUE: ((re.compile(_QUOTED), _Token.LVALUE, _State.LABELS),),
    _State.VALUE: (
        (re.compile(rb"\{"), _Token.BOPEN, _State.LABELS),
        (re.compile(rb"[^{ \t\n\0]+"), _Token.VALUE, _State.TIMESTAMP),
    ),
    _State.TIMESTAMP: (
        (re.compile(rb"\n"), _Token.LINEBREAK, _State.START),
        (re.compile(rb"-?[0-9]+"), _Token.TIMESTAMP, _State.TIMESTAMP),
    ),
}

# How far a token that is begun but never right goes before it is found wrong.
_BROKEN: Final[dict[_State, re.Pattern[bytes]]] = {
    _State.METRIC: re.compile(rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*\\?'),
    _State.LABELS: re.compile(rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*\\?'),
    _State.LABEL_VALUE: re.compile(rb'"[^"\\]*(?:\\[^\n][^"\\]*)*\\?'),
    _State.TIMESTAMP: re.compile(rb"-"),
}

_BLANK: Final = re.compile(rb"[ \t]*")
_ESCAPE: Final = re.compile(rb'\\([\\"n])')
_HELP_ESCAPE: Final = re.compile(rb"\\([\\n])")


class _Lexer:
    __slots__ = ("data", "end", "entry", "line", "start", "state")

    def __init__(self, data: bytes, at: int, line: int) -> None:
        self.data = data
        self.entry = self.start = self.end = at
        self.line = line
        self.state = _State.START

    def next(self) -> _Token:
        if self.state is not _State.TEXT:
            blank = _BLANK.match(self.data, self.end)
            self.end = blank.end() if blank else self.end
        self.start = self.end
        if self.end >= len(self.data):
            return _Token.EOF
        found = self._match()
        while found is None and self.state is _State.COMMENT:
            found = self._match()
        if found is not None:
            return found
        broken = _BROKEN.get(self.state)
        reached = broken.match(self.data, self.start) if broken else None
        if reached:
            self.end = reached.end()
        return _Token.INVALID

    def _match(self) -> _Token | None:
        for pattern, token, state in _RULES[self.state]:
            found = pattern.match(self.data, self.end)
            if found:
                self.end = found.end()
                self.state = state
                return token
        return None

    def taken(self) -> bytes:
        return self.data[self.start : self.end]

    def expect(self, wanted: _Token, named: str) -> None:
        token = self.next()
        if token is not wanted:
            raise self.unexpected(named, token)

    def unexpected(self, wanted: str, got: _Token) -> ExpositionError:
        end = min(self.end + 1, len(self.data))
        return self.error(
            f'expected {wanted}, got {quote_bytes(self.data[self.start : end])} ("{got.value}") '
            f"while parsing: {quote_bytes(self.data[self.entry : end])}"
        )

    def error(self, message: str) -> ExpositionError:
        return ExpositionError(message, line=self.line)

    def parsing(self) -> str:
        return f"while parsing: {quote_bytes(self.data[self.entry : self.end])}"


def _metadata(lexer: _Lexer, kind: _Token) -> MetadataEntry:
    lexer.expect(_Token.MNAME, f"metric name after {kind.value}")
    written = lexer.taken()
    try:
        name = unescape(written[1:-1]) if written.startswith(b'"') else written.decode()
    except UnicodeDecodeError:
        raise lexer.error(f"metric name {quote_bytes(written)} is not a valid utf8 string") from None
    lexer.expect(_Token.TEXT, f"text in {kind.value}")
    text = lexer.taken()[1:]  # one blank divides it from the name; more belong to the text
    if kind is _Token.TYPE:
        word = TYPES.get(text.decode("utf-8", "replace"))
        if word is None:
            raise lexer.error(f"invalid metric type {quote_bytes(text)}")
        entry = MetadataEntry(name, Fact.TYPE, word)
    else:
        try:
            entry = MetadataEntry(name, Fact.HELP, unescape_help(text))
        except UnicodeDecodeError:
            raise lexer.error(f"help text {quote_bytes(text)} is not a valid utf8 string") from None
    lexer.expect(_Token.LINEBREAK, "linebreak after metadata")
    return entry


def _labels(lexer: _Lexer, pairs: list[tuple[str, str]], name: str | None) -> str | None:
    token = lexer.next()
    while token is not _Token.BCLOSE:
        if token not in (_Token.LNAME, _Token.QSTRING):
            raise lexer.unexpected("label name", token)
        quoted = token is _Token.QSTRING
        written = lexer.taken()
        token = lexer.next()
        if quoted and token in (_Token.COMMA, _Token.BCLOSE):
            if name is not None:
                raise lexer.error(f"metric name already set {lexer.parsing()}")
            name = _text(lexer, written[1:-1], "metric name", written)
            if token is _Token.COMMA:
                token = lexer.next()
            continue
        if token is not _Token.EQUAL:
            raise lexer.unexpected("equal", token)
        label = _text(lexer, written[1:-1], "label name", written) if quoted else written.decode()
        lexer.expect(_Token.LVALUE, "label value")
        value = lexer.taken()
        pairs.append((label, _text(lexer, value[1:-1], "label value", value)))
        token = lexer.next()
        if token is _Token.COMMA:
            token = lexer.next()
        elif token is not _Token.BCLOSE:
            raise lexer.unexpected("comma or brace close", token)
    return name


def _text(lexer: _Lexer, inner: bytes, what: str, written: bytes) -> str:
    try:
        return unescape(inner)
    except UnicodeDecodeError:
        raise lexer.error(f"invalid UTF-8 {what}: {quote_bytes(written)}") from None


def _sample(lexer: _Lexer, pairs: list[tuple[str, str]], name: str | None, text: bytes, token: _Token) -> SeriesEntry:
    if name is None:
        raise lexer.error(f"metric name not set {lexer.parsing()}")
    if token is not _Token.VALUE:
        raise lexer.unexpected("value after metric", token)
    value_text = lexer.taken()
    try:
        value = parse_value(value_text)
    except ValueError as error:
        raise lexer.error(f"{error} {lexer.parsing()}") from None
    time: int | None = None
    token = lexer.next()
    if token is _Token.TIMESTAMP:
        try:
            time = parse_milliseconds(lexer.taken())
        except ValueError as error:
            raise lexer.error(f"{error} {lexer.parsing()}") from None
        lexer.expect(_Token.LINEBREAK, "next entry after timestamp")
    elif token is not _Token.LINEBREAK:
        raise lexer.unexpected("timestamp or new record", token)
    labels = {METRIC_NAME: name}
    for label, content in pairs:
        if label in labels:
            raise lexer.error(f'label name "{label}" is not unique: invalid sample')
        labels[label] = content
    return SeriesEntry(text, labels, value, value_text, time)


def _unescaped(found: re.Match[bytes]) -> bytes:
    char = found.group(1)
    return b"\n" if char == b"n" else char
