"""OpenMetrics 1.0, token by token: the exact reader.

Stricter than the text format: single blanks, no empty lines, no comments but HELP, TYPE and UNIT, and `# EOF` as the last
line. Times are in seconds. A sample may carry an exemplar. Source: prometheus model/textparse/openmetricslex.l,
openmetricsparse.go and their tests.
"""

from __future__ import annotations

import math
import re
from typing import Final

from monitor.scrape.exposition.entries import (
    EndEntry,
    Entry,
    Exemplar,
    Fact,
    Grammar,
    MetadataEntry,
    SeriesEntry,
)
from monitor.scrape.exposition.grammar import IN_LABELS, IN_METRIC, label_set, read_labels, unescape
from monitor.scrape.exposition.lexing import (
    LABEL_CHARS,
    METRIC_CHARS,
    PAIR_TEXT,
    Lexer,
    Rules,
    State,
    Token,
)
from monitor.scrape.exposition.numbers import parse_value
from monitor.scrape.exposition.quoting import quote_bytes

_TYPES: Final = {
    name: name for name in ("counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown")
}

_VALUE: Final = re.compile(rb" [^ \n\0]+")
_LINE_VALUE: Final = re.compile(rb'"(?:\\[^\n]|[^\\"\n])*"')
_EXEMPLAR_TEXT: Final = re.compile(rb'"(?:\\[^\n\0]|[^\\"\n\0])*"')
_LINEBREAK: Final = re.compile(rb"\n")

_RULES: Final[Rules] = {
    State.START: (
        (re.compile(rb"# "), None, State.COMMENT),
        (re.compile(METRIC_CHARS), Token.MNAME, State.VALUE),
        (re.compile(rb"\{"), Token.BOPEN, State.LABELS),
    ),
    State.COMMENT: (
        (re.compile(rb"HELP "), Token.HELP, State.METRIC),
        (re.compile(rb"TYPE "), Token.TYPE, State.METRIC),
        (re.compile(rb"UNIT "), Token.UNIT, State.METRIC),
        (re.compile(rb"EOF\n?"), Token.EOF_WORD, State.START),
    ),
    State.METRIC: IN_METRIC,
    State.TEXT: ((re.compile(rb" [^\n]*\n"), Token.TEXT, State.START),),
    State.LABELS: IN_LABELS,
    State.LABEL_VALUE: ((_LINE_VALUE, Token.LVALUE, State.LABELS),),
    State.VALUE: ((re.compile(rb"\{"), Token.BOPEN, State.LABELS), (_VALUE, Token.VALUE, State.TIMESTAMP)),
    State.TIMESTAMP: (
        (re.compile(rb" # \{"), Token.COMMENT, State.EXEMPLAR),
        (_VALUE, Token.TIMESTAMP, State.TIMESTAMP),
        (_LINEBREAK, Token.LINEBREAK, State.START),
    ),
    State.EXEMPLAR: (
        (re.compile(LABEL_CHARS), Token.LNAME, State.EXEMPLAR),
        (_EXEMPLAR_TEXT, Token.QSTRING, State.EXEMPLAR),
        (re.compile(rb"\}"), Token.BCLOSE, State.EXEMPLAR_VALUE),
        (re.compile(rb"="), Token.EQUAL, State.EXEMPLAR_LABEL_VALUE),
        (re.compile(rb","), Token.COMMA, State.EXEMPLAR),
    ),
    State.EXEMPLAR_LABEL_VALUE: ((_EXEMPLAR_TEXT, Token.LVALUE, State.EXEMPLAR),),
    State.EXEMPLAR_VALUE: ((_VALUE, Token.VALUE, State.EXEMPLAR_TIMESTAMP),),
    State.EXEMPLAR_TIMESTAMP: (
        (_VALUE, Token.TIMESTAMP, State.EXEMPLAR_TIMESTAMP),
        (_LINEBREAK, Token.LINEBREAK, State.START),
    ),
}

_BLANK: Final = re.compile(rb" ")
_BROKEN: Final = {
    State.START: re.compile(rb"#"),
    State.COMMENT: re.compile(rb"(?:H(?:E(?:LP?)?)?|T(?:Y(?:PE?)?)?|U(?:N(?:IT?)?)?|EO?)?"),
    State.METRIC: re.compile(rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*\\?'),
    State.TEXT: re.compile(rb" [^\n]*"),
    State.LABELS: re.compile(rb'"[^"\\\0]*(?:\\[^\n\0][^"\\\0]*)*\\?'),
    State.LABEL_VALUE: re.compile(rb'"(?:\\[^\n]|[^\\"\n])*\\?'),
    State.VALUE: _BLANK,
    State.TIMESTAMP: _BLANK,
    State.EXEMPLAR: re.compile(rb'"(?:\\[^\n\0]|[^\\"\n\0])*\\?'),
    State.EXEMPLAR_LABEL_VALUE: re.compile(rb'"(?:\\[^\n\0]|[^\\"\n\0])*\\?'),
    State.EXEMPLAR_VALUE: _BLANK,
    State.EXEMPLAR_TIMESTAMP: _BLANK,
}


def read_entry(data: bytes, at: int, line: int, stop: int) -> tuple[Entry | None, int]:
    """See `Grammar.read_entry`."""
    lexer = Lexer(_RULES, _BROKEN, data, at, line, stop, blank=False)
    token = lexer.next()
    match token:
        case Token.EOF_WORD:
            if lexer.next() is not Token.EOF:
                raise lexer.error("unexpected data after # EOF")
            return EndEntry(), lexer.end
        case Token.EOF:
            raise lexer.error(NO_END)
        case Token.HELP | Token.TYPE | Token.UNIT:
            return _metadata(lexer, token), lexer.end
        case Token.BOPEN:
            pairs: list[tuple[str, str]] = []
            name = read_labels(lexer, pairs, None)
            return _sample(lexer, pairs, name, data[at : lexer.end]), lexer.end
        case Token.MNAME:
            pairs = []
            name = lexer.taken().decode()
            text = data[at : lexer.end]
            token = lexer.next()
            if token is Token.BOPEN:
                name = read_labels(lexer, pairs, name)
                text = data[at : lexer.end]
                token = None
            return _sample(lexer, pairs, name, text, token), lexer.end
        case _:
            raise lexer.unexpected("a valid start token", token)


NO_END: Final = "data does not end with # EOF"


def _metadata(lexer: Lexer, kind: Token) -> MetadataEntry:
    lexer.expect(Token.MNAME, f"metric name after {kind.value}")
    written = lexer.taken()
    inner = written[1:-1] if written.startswith(b'"') else written
    try:
        name = unescape(inner) if written.startswith(b'"') else written.decode()
    except UnicodeDecodeError:
        raise lexer.error(f"metric name {quote_bytes(inner)} is not a valid utf8 string") from None
    if lexer.next() is not Token.TEXT:
        raise lexer.error(f"expected text in {kind.value}")
    text = lexer.taken()[1:-1]
    if kind is Token.TYPE:
        word = _TYPES.get(text.decode("utf-8", "replace"))
        if word is None:
            raise lexer.error(f"invalid metric type {quote_bytes(text)}")
        return MetadataEntry(name, Fact.TYPE, word)
    try:
        said = unescape(text) if kind is Token.HELP else text.decode()
    except UnicodeDecodeError:
        raise lexer.error(f"help text {quote_bytes(text)} is not a valid utf8 string") from None
    if kind is Token.UNIT and text and not inner.endswith(b"_" + text):
        raise lexer.error(f"unit {quote_bytes(text)} not a suffix of metric {quote_bytes(inner)}")
    return MetadataEntry(name, Fact.HELP if kind is Token.HELP else Fact.UNIT, said)


def _sample(
    lexer: Lexer, pairs: list[tuple[str, str]], name: str | None, text: bytes, token: Token | None = None
) -> SeriesEntry:
    if token is None:
        token = lexer.next()
    if name is None:
        raise lexer.error(f"metric name not set {lexer.parsing()}")
    value = _number(lexer, token, "metric")
    value_text = lexer.taken()[1:]
    time: int | None = None
    exemplar: Exemplar | None = None
    token = lexer.next()
    if token is Token.TIMESTAMP:
        time = _time(lexer, "timestamp")
        token = lexer.next()
        if token not in (Token.COMMENT, Token.LINEBREAK):
            raise _ended(lexer, token) or lexer.unexpected("next entry after timestamp", token)
    if token is Token.COMMENT:
        exemplar = _exemplar(lexer)
    elif token is not Token.LINEBREAK:
        # what cannot go on here is found to be no beginning either
        lexer.entry = lexer.start
        raise _ended(lexer, token) or lexer.unexpected("a valid start token", token)
    return SeriesEntry(text, label_set(lexer, pairs, name), value, value_text, time, exemplar)


def _exemplar(lexer: Lexer) -> Exemplar:
    pairs: list[tuple[str, str]] = []
    read_labels(lexer, pairs, None, exemplar=True)
    value = _number(lexer, lexer.next(), "exemplar labels")
    time: int | None = None
    token = lexer.next()
    if token is Token.TIMESTAMP:
        time = _time(lexer, "exemplar timestamp")
        token = lexer.next()
        if token is not Token.LINEBREAK:
            raise _ended(lexer, token) or lexer.unexpected("next entry after exemplar timestamp", token)
    elif token is not Token.LINEBREAK:
        raise _ended(lexer, token) or lexer.unexpected("timestamp or comment", token)
    return Exemplar(dict(pairs), value, time)


def _ended(lexer: Lexer, token: Token) -> Exception | None:
    return lexer.error(NO_END) if token is Token.EOF else None


def _number(lexer: Lexer, token: Token, after: str) -> float:
    if token is not Token.VALUE:
        raise lexer.unexpected(f"value after {after}", token)
    return _float(lexer)


def _float(lexer: Lexer) -> float:
    try:
        return parse_value(lexer.taken()[1:])
    except ValueError as error:
        raise lexer.error(f"{error} {lexer.parsing()}") from None


def _time(lexer: Lexer, what: str) -> int:
    seconds = _float(lexer)
    if math.isfinite(seconds) and abs(seconds) < _LATEST:
        return int(seconds * 1000)
    words = (
        "NaN" if math.isnan(seconds) else "+Inf" if seconds == math.inf else "-Inf" if seconds == -math.inf else None
    )
    raise lexer.error(f"invalid {what} {words or f'{seconds:f}'}")


_LATEST: Final = 2.0**53
"""Seconds; beyond them Prometheus's milliseconds run over."""
_STAMP: Final = re.compile(rb"[0-9]{1,12}(?:\.[0-9]{1,9})?")


def _stamp(text: bytes) -> int | None:
    return int(float(text) * 1000) if _STAMP.fullmatch(text) else None


OPENMETRICS: Final = Grammar(
    read_entry=read_entry,
    line=re.compile(
        rb"((%s)(?:\{((?:%s(?:,|(?=\})))*)\})?) ([0-9.eE+\-]+|NaN|[+-]Inf)(?: ([0-9]{1,12}(?:\.[0-9]{1,9})?))?"
        % (METRIC_CHARS, PAIR_TEXT)
    ),
    stamp=_stamp,
    types=_TYPES,
    unescape_help=unescape,
    ends=True,
)
