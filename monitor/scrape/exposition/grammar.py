"""The text format 0.0.4, token by token: the exact reader, and the slow one.

It decides what is right and what is wrong, one entry at a time, and words every error as Prometheus does, down to the
name of the token. `text.py` reads the lines that look ordinary by faster means and comes here with all others.

The format is a small state machine: which tokens are possible depends on what came before on the line. A quoted text
may run over line ends, which is why an entry is not always one line. Source: prometheus model/textparse/promlex.l,
promparse.go and their tests.
"""

from __future__ import annotations

import re
from typing import Final

from monitor.model.labels import METRIC_NAME
from monitor.scrape.exposition.entries import CommentEntry, Entry, Fact, Grammar, MetadataEntry, SeriesEntry
from monitor.scrape.exposition.lexing import (
    LABEL_CHARS,
    METRIC_CHARS,
    PAIR_TEXT,
    QUOTED,
    QUOTED_NO_NULL,
    Lexer,
    Rule,
    Rules,
    State,
    Token,
)
from monitor.scrape.exposition.numbers import parse_milliseconds, parse_value
from monitor.scrape.exposition.quoting import quote_bytes

TYPES: Final = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "summary": "summary",
    "untyped": "unknown",
}
"""The word on a TYPE line of this format => the type."""


def read_entry(data: bytes, at: int, line: int, stop: int) -> tuple[Entry | None, int]:
    """See `Grammar.read_entry`. The data must end with a line end."""
    lexer = Lexer(_RULES, _BROKEN, data, at, line, stop, blank=True)
    token = lexer.next()
    match token:
        case Token.LINEBREAK:
            return None, lexer.end
        case Token.HELP | Token.TYPE:
            return _metadata(lexer, token), lexer.end
        case Token.COMMENT:
            entry = CommentEntry(lexer.taken())
            lexer.expect(Token.LINEBREAK, "linebreak after comment")
            return entry, lexer.end
        case Token.BOPEN:
            pairs: list[tuple[str, str]] = []
            name = read_labels(lexer, pairs, None)
            return _sample(lexer, pairs, name, data[at : lexer.end], lexer.next()), lexer.end
        case Token.MNAME:
            pairs = []
            name: str | None = lexer.taken().decode()
            text = data[at : lexer.end]
            token = lexer.next()
            if token is Token.BOPEN:
                name = read_labels(lexer, pairs, name)
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


IN_METRIC: Final[tuple[Rule, ...]] = (
    (re.compile(QUOTED_NO_NULL), Token.MNAME, State.TEXT),
    (re.compile(METRIC_CHARS), Token.MNAME, State.TEXT),
)
"""What follows HELP or TYPE, in both formats."""
IN_LABELS: Final[tuple[Rule, ...]] = (
    (re.compile(LABEL_CHARS), Token.LNAME, State.LABELS),
    (re.compile(QUOTED_NO_NULL), Token.QSTRING, State.LABELS),
    (re.compile(rb"\}"), Token.BCLOSE, State.VALUE),
    (re.compile(rb"="), Token.EQUAL, State.LABEL_VALUE),
    (re.compile(rb","), Token.COMMA, State.LABELS),
)
"""Names between braces, in both formats; only what may be a value differs."""

_RULES: Final[Rules] = {
    State.START: (
        (re.compile(rb"\n"), Token.LINEBREAK, State.START),
        (re.compile(rb"#[ \t]+"), None, State.COMMENT),
        (re.compile(rb"#[^\n]*"), Token.COMMENT, State.START),
        (re.compile(METRIC_CHARS), Token.MNAME, State.VALUE),
        (re.compile(rb"\{"), Token.BOPEN, State.LABELS),
    ),
    State.COMMENT: (
        (re.compile(rb"HELP[ \t]+"), Token.HELP, State.METRIC),
        (re.compile(rb"TYPE[ \t]+"), Token.TYPE, State.METRIC),
        (re.compile(rb"[^\n]*"), Token.COMMENT, State.START),
    ),
    State.METRIC: IN_METRIC,
    State.TEXT: ((re.compile(rb"[^\n]*"), Token.TEXT, State.START),),
    State.LABELS: IN_LABELS,
    State.LABEL_VALUE: ((re.compile(QUOTED), Token.LVALUE, State.LABELS),),
    State.VALUE: (
        (re.compile(rb"\{"), Token.BOPEN, State.LABELS),
        (re.compile(rb"[^{ \t\n\0]+"), Token.VALUE, State.TIMESTAMP),
    ),
    State.TIMESTAMP: (
        (re.compile(rb"\n"), Token.LINEBREAK, State.START),
        (re.compile(rb"-?[0-9]+"), Token.TIMESTAMP, State.TIMESTAMP),
    ),
}

_BROKEN: Final = {
    State.METRIC: re.compile(rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*\\?'),
    State.LABELS: re.compile(rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*\\?'),
    State.LABEL_VALUE: re.compile(rb'"[^"\\]*(?:\\[^\n][^"\\]*)*\\?'),
    State.TIMESTAMP: re.compile(rb"-"),
}

_ESCAPE: Final = re.compile(rb'\\([\\"n])')
_HELP_ESCAPE: Final = re.compile(rb"\\([\\n])")


def _metadata(lexer: Lexer, kind: Token) -> MetadataEntry:
    lexer.expect(Token.MNAME, f"metric name after {kind.value}")
    written = lexer.taken()
    try:
        name = unescape(written[1:-1]) if written.startswith(b'"') else written.decode()
    except UnicodeDecodeError:
        raise lexer.error(f"metric name {quote_bytes(written)} is not a valid utf8 string") from None
    lexer.expect(Token.TEXT, f"text in {kind.value}")
    text = lexer.taken()[1:]  # one blank divides it from the name; more belong to the text
    if kind is Token.TYPE:
        word = TYPES.get(text.decode("utf-8", "replace"))
        if word is None:
            raise lexer.error(f"invalid metric type {quote_bytes(text)}")
        entry = MetadataEntry(name, Fact.TYPE, word)
    else:
        try:
            entry = MetadataEntry(name, Fact.HELP, unescape_help(text))
        except UnicodeDecodeError:
            raise lexer.error(f"help text {quote_bytes(text)} is not a valid utf8 string") from None
    lexer.expect(Token.LINEBREAK, "linebreak after metadata")
    return entry


def read_labels(lexer: Lexer, pairs: list[tuple[str, str]], name: str | None, *, exemplar: bool = False) -> str | None:
    """What stands in braces, after the opening one: label pairs, and the metric's name if it is among them."""
    token = lexer.next()
    while token is not Token.BCLOSE:
        if token not in (Token.LNAME, Token.QSTRING):
            raise lexer.unexpected("label name", token)
        quoted = token is Token.QSTRING
        written = lexer.taken()
        token = lexer.next()
        if quoted and token in (Token.COMMA, Token.BCLOSE):
            if exemplar:
                raise lexer.unexpected("label name", token)
            if name is not None:
                raise lexer.error(f"metric name already set {lexer.parsing()}")
            name = _text(lexer, written[1:-1], "metric name", written)
            if token is Token.COMMA:
                token = lexer.next()
            continue
        if token is not Token.EQUAL:
            raise lexer.unexpected("equal", token)
        label = _text(lexer, written[1:-1], "label name", written) if quoted else written.decode()
        lexer.expect(Token.LVALUE, "label value")
        value = lexer.taken()
        pairs.append((label, _text(lexer, value[1:-1], "label value", value)))
        token = lexer.next()
        if token is Token.COMMA:
            token = lexer.next()
        elif token is not Token.BCLOSE:
            raise lexer.unexpected("comma or brace close", token)
    return name


def _text(lexer: Lexer, inner: bytes, what: str, written: bytes) -> str:
    try:
        return unescape(inner)
    except UnicodeDecodeError:
        raise lexer.error(f"invalid UTF-8 {what}: {quote_bytes(written)}") from None


def _sample(lexer: Lexer, pairs: list[tuple[str, str]], name: str | None, text: bytes, token: Token) -> SeriesEntry:
    if name is None:
        raise lexer.error(f"metric name not set {lexer.parsing()}")
    if token is not Token.VALUE:
        raise lexer.unexpected("value after metric", token)
    value_text = lexer.taken()
    try:
        value = parse_value(value_text)
    except ValueError as error:
        raise lexer.error(f"{error} {lexer.parsing()}") from None
    time: int | None = None
    token = lexer.next()
    if token is Token.TIMESTAMP:
        try:
            time = parse_milliseconds(lexer.taken())
        except ValueError as error:
            raise lexer.error(f"{error} {lexer.parsing()}") from None
        lexer.expect(Token.LINEBREAK, "next entry after timestamp")
    elif token is not Token.LINEBREAK:
        raise lexer.unexpected("timestamp or new record", token)
    return SeriesEntry(text, label_set(lexer, pairs, name), value, value_text, time)


def label_set(lexer: Lexer, pairs: list[tuple[str, str]], name: str) -> dict[str, str]:
    """Name and pairs as one mapping."""
    labels = {METRIC_NAME: name}
    for label, content in pairs:
        if label in labels:
            raise lexer.error(f'label name "{label}" is not unique: invalid sample')
        labels[label] = content
    return labels


_STAMP: Final = re.compile(rb"-?[0-9]{1,18}")


def _stamp(text: bytes) -> int | None:
    return int(text) if _STAMP.fullmatch(text) else None


def _unescaped(found: re.Match[bytes]) -> bytes:
    char = found.group(1)
    return b"\n" if char == b"n" else char


TEXT: Final = Grammar(
    read_entry=read_entry,
    line=re.compile(
        rb"((%s)(?:\{((?:%s(?:,|(?=\})))*)\})?) ([0-9.eE+\-]+|NaN|[+-]Inf)(?: (-?[0-9]{1,18}))?"
        % (METRIC_CHARS, PAIR_TEXT)
    ),
    stamp=_stamp,
    types=TYPES,
    unescape_help=unescape_help,
    ends=False,
)
"""Prometheus's text format 0.0.4, and 1.0.0, which only adds quoted names."""
