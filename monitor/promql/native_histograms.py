"""Native histograms as far as they are known here: read from the notation for test series, and added up.

The evaluator knows floats only. This is the seam for the other kind of sample: what a literal such as
`{{schema:1 count:3 sum:5.5 buckets:[1 2] offset:-1}}` says, so that a series of them is read, told apart from a series of
floats, and refused with a clear error where it would have to be evaluated. Source: prometheus
promql/parser/{lex.go,generatedParser.y,parse.go}, whose error texts these are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from monitor.model.errors import QueryError
from monitor.promql.numbers import parse_number
from monitor.promql.quoting import go_quote, go_rune, text_of

_NUMBER: Final = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf|nan)(?![\w.])", re.ASCII | re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z_]+")
_KEYS: Final = (
    "sum", "count", "schema", "offset", "n_offset", "buckets", "n_buckets", "z_bucket", "z_bucket_w", "custom_values",
    "counter_reset_hint",
)  # fmt: skip
_FIRST_ITEM: Final = 57370
"""Prometheus has no names for the tokens of these keys, and shows their numbers."""
_LISTS: Final = frozenset({"buckets", "n_buckets", "custom_values"})
_WHOLE: Final = frozenset({"schema", "offset", "n_offset"})
_HINTS: Final = frozenset({"unknown", "reset", "not_reset", "gauge"})
_SPACE: Final = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Buckets:
    """Counts of consecutive buckets, absolute; the first one has the index `offset`."""

    offset: int = 0
    counts: tuple[float, ...] = ()

    def coarser(self, levels: int) -> Buckets:
        """With 2^levels buckets made one."""
        if levels == 0 or not self.counts:
            return self
        sums: dict[int, float] = {}
        for place, count in enumerate(self.counts, start=self.offset):
            target = ((place - 1) >> levels) + 1
            sums[target] = sums.get(target, 0.0) + count
        return Buckets(min(sums), tuple(sums.get(place, 0.0) for place in range(min(sums), max(sums) + 1)))

    def plus(self, other: Buckets, sign: int) -> Buckets:
        """The sums, or with a sign of -1 the differences, bucket by bucket."""
        if not other.counts:
            return self
        if not self.counts:
            return Buckets(other.offset, tuple(sign * count for count in other.counts))
        first = min(self.offset, other.offset)
        sums = [0.0] * (max(self.offset + len(self.counts), other.offset + len(other.counts)) - first)
        for part, factor in ((self, 1), (other, sign)):
            for place, count in enumerate(part.counts, start=part.offset - first):
                sums[place] += factor * count
        return Buckets(first, tuple(sums))


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeHistogram:
    """One sample of a native histogram, as floats."""

    schema: int = 0
    """Resolution: -4..8, or -53 for `custom_values` as bounds."""
    count: float = 0.0
    sum: float = 0.0
    zero_count: float = 0.0
    zero_threshold: float = 0.0
    positive: Buckets = Buckets()
    negative: Buckets = Buckets()
    custom_values: tuple[float, ...] = ()
    counter_reset_hint: str = "unknown"

    def plus(self, other: NativeHistogram, sign: int) -> NativeHistogram:
        """The sum (sign 1) or the difference (sign -1), in this one's resolution. Raises ValueError if the other one is
        coarser, or has other bounds."""
        if self.schema > other.schema:
            raise ValueError(f"cannot merge from schema {other.schema} to {self.schema}")
        if (self.schema < -4 or other.schema < -4) and (self.schema, self.custom_values) != (
            other.schema,
            other.custom_values,
        ):
            raise ValueError("cannot merge histograms with different custom bounds")
        if self.zero_threshold != other.zero_threshold:
            raise ValueError("cannot merge zero buckets of different widths")
        levels = other.schema - self.schema
        return replace(
            self,
            count=self.count + sign * other.count,
            sum=self.sum + sign * other.sum,
            zero_count=self.zero_count + sign * other.zero_count,
            positive=self.positive.plus(other.positive.coarser(levels), sign),
            negative=self.negative.plus(other.negative.coarser(levels), sign),
        )


class HistogramReader:
    """Reads literals out of a text in bytes (latin-1)."""

    def __init__(self, data: str, at: int) -> None:
        self._data = data
        self.at = at
        """Where the next literal begins, or what follows the last one."""

    def read(self) -> NativeHistogram:
        """The literal that begins here. Raises QueryError with byte places."""
        self.at += 2
        found: dict[str, str | float | tuple[float, ...]] = {}
        duplicate = ""
        spaced = self._spaces()
        while not self._accept("}}"):
            if found and not spaced and _WORD.match(self._data, self.at):
                raise self._unexpected("histogram description", "histogram description key, e.g. buckets:[5 10 7]")
            start = self.at
            key = self._key()
            if spaced and not found:
                item = f'"<Item {_FIRST_ITEM + _KEYS.index(key)}>" {go_quote(key)}'
                raise QueryError(f"unexpected {item} in series values", start=start, end=start + len(key))
            value = self._value(key)
            duplicate = duplicate or (key if key in found else "")
            found[key] = value
            spaced = self._spaces()
        if duplicate:
            raise QueryError(f"duplicate key {go_quote(duplicate)} in histogram", start=0, end=0)
        return _made_of(found)

    def _accept(self, text: str) -> bool:
        if self._data.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _spaces(self) -> bool:
        start = self.at
        while self.at < len(self._data) and self._data[self.at] in _SPACE:
            self.at += 1
        return self.at > start

    def _unexpected(self, context: str = "series values", expected: str = "") -> QueryError:
        char = text_of(self._data[self.at : self.at + 1])
        shown = go_quote(char) if char else "end of input"
        wanted = f", expected {expected}" if expected else ""
        return QueryError(f"unexpected {shown} in {context}{wanted}", start=self.at, end=self.at + len(char))

    def _lex_error(self, message: str, start: int) -> QueryError:
        return QueryError(message, start=start, end=len(self._data))

    def _word(self) -> tuple[str, int]:
        start = self.at
        word = _WORD.match(self._data, start)
        if word is None:
            char = go_rune(text_of(self._data[start : start + 1]))
            raise self._lex_error(f"histogram description incomplete unexpected: {char}", start)
        self.at = word.end()
        return word.group(), start

    def _key(self) -> str:
        word, start = self._word()
        if word.lower() not in _KEYS:
            raise self._lex_error(f"bad histogram descriptor found: {go_quote(word)}", start)
        if not self._accept(":"):
            raise self._lex_error("missing `:` for histogram descriptor", start)
        return word.lower()

    def _value(self, key: str) -> str | float | tuple[float, ...]:
        if key == "counter_reset_hint":
            if self._data[self.at : self.at + 1] in _SPACE:
                raise self._unexpected()
            word, start = self._word()
            if word.lower() not in _HINTS:
                raise self._lex_error(f"bad histogram descriptor found: {go_quote(word)}", start)
            return word.lower()
        if key not in _LISTS:
            return self._number(whole=key in _WHOLE)
        if not self._accept("["):
            raise self._unexpected()
        numbers = [self._number()]
        while True:
            spaced = self._spaces()
            if self._accept("]"):
                return tuple(numbers)
            if not spaced:
                raise self._unexpected()
            numbers.append(self._number())

    def _number(self, *, whole: bool = False) -> float:
        found = _NUMBER.match(self._data, self.at)
        if found is None or (whole and not found.group().lstrip("+-").isdigit()):
            raise self._unexpected()
        self.at = found.end()
        text = found.group()
        value = parse_number(text.lstrip("+-"))
        return -value if text[0] == "-" else value


def _made_of(found: dict[str, str | float | tuple[float, ...]]) -> NativeHistogram:
    def number(key: str) -> float:
        value = found.get(key, 0.0)
        return value if isinstance(value, float) else 0.0

    def numbers(key: str) -> tuple[float, ...]:
        value = found.get(key, ())
        return value if isinstance(value, tuple) else ()

    return NativeHistogram(
        schema=int(number("schema")),
        count=number("count"),
        sum=number("sum"),
        zero_count=number("z_bucket"),
        zero_threshold=number("z_bucket_w"),
        positive=Buckets(int(number("offset")), numbers("buckets")),
        negative=Buckets(int(number("n_offset")), numbers("n_buckets")),
        custom_values=numbers("custom_values"),
        counter_reset_hint=str(found.get("counter_reset_hint", "unknown")),
    )
