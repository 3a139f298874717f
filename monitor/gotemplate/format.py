"""Go's fmt: Sprint, Sprintln and Sprintf over template values.

What does not fit a verb is written into the text, as `%!d(string=hi)`; only what is too large to be shown fails. Source: Go's
fmt/print.go and fmt/format.go. Not served: %p, since nothing here has an address.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from monitor.gotemplate.floats import binary_float_text, float_text, hex_float_text, sharp_float_text
from monitor.gotemplate.moments import moment_of
from monitor.gotemplate.values import NOTHING, Object, Value, go_type, mapping_of, sequence_of
from monitor.model.labels import quote

MAX_VALUES: Final = 100_000
"""Printed with one operand: lists within lists may hold more than there is memory for."""
MAX_TEXT: Final = 1 << 20
"""Characters of one formatted text."""
MAX_WIDTH: Final = 100_000
"""Go stops at a million; nobody pads an alert's text that far."""


def sprint(values: Sequence[Value], *, pointers: bool = True) -> str:
    """Operands one after the other, with a space between two that are both no strings. `pointers` show as such."""
    parts: list[str] = []
    previous_text = True
    for index, value in enumerate(values):
        is_text = isinstance(value, str)
        if index and not is_text and not previous_text:
            parts.append(" ")
        parts.append((_pointed(value) if pointers else "") + text_of(value))
        previous_text = is_text
    return "".join(parts)


def sprintln(values: Sequence[Value]) -> str:
    """Operands with spaces between and a line end."""
    return " ".join(_pointed(value) + text_of(value) for value in values) + "\n"


def text_of(value: Value) -> str:
    """A value as %v prints it. Raises ValueError for one that holds more values than can be shown."""
    if isinstance(value, str):
        return str(value)
    return _Printer(_PLAIN).value(value, "v")


def sprintf(layout: str, values: Sequence[Value]) -> str:
    """Format by verbs."""
    if "%" not in layout:
        return layout + _extra(values) if values else layout
    return _Layout(layout, values).text()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    plus: bool = False
    named: bool = False
    """Of `%+v`: fields of structs with their names."""
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None


_PLAIN: Final = _Flags()
_INDEX: Final = r"(\[[^\]]*\]|\[)?"
"""An explicit index; one without an end is a bad one."""
_SPEC: Final = re.compile(rf"([+\-# 0]*){_INDEX}(\*|\d+)?(?:(\.){_INDEX}(\*|\d+)?)?{_INDEX}", re.ASCII)


class _Layout:
    """One run over a layout."""

    def __init__(self, layout: str, values: Sequence[Value]) -> None:
        self.layout = layout
        self.values = values
        self.next = 0
        self.reordered = False
        self.good_index = True

    def text(self) -> str:
        out: list[str] = []
        at = size = 0
        while (percent := self.layout.find("%", at)) >= 0:
            out.append(self.layout[at:percent])
            found = _SPEC.match(self.layout, percent + 1)
            if found is None or found.end() >= len(self.layout):
                out.append("%!(NOVERB)")
                self.reordered = self.reordered or (found is not None and "[" in found.group())
                at = len(self.layout)
                break
            at = found.end() + 1
            shown = self._one(found, self.layout[found.end()])
            size += len(shown)
            if size > MAX_TEXT:
                raise ValueError(f"a text longer than {MAX_TEXT} characters")
            out.append(shown)
        out.append(self.layout[at:])
        if not self.reordered and self.next < len(self.values):
            out.append(_extra(self.values[self.next :]))
        return "".join(out)

    def _one(self, found: re.Match[str], verb: str) -> str:
        marks, first, width_text, dot, second, precision_text, third = found.groups()
        self.good_index = True
        complaint = ""
        self._seek(first)
        minus = "-" in marks
        width: int | None = None
        if width_text == "*":
            width = self._star()
            if width is None:
                complaint += "%!(BADWIDTH)"
            elif width < 0:
                minus, width = True, -width
        elif width_text:
            width = int(width_text)
            if width > MAX_WIDTH:
                width, complaint = None, complaint + "%!(BADWIDTH)"
        precision: int | None = None
        if dot:
            self._seek(second)
            precision = 0
            if precision_text == "*":
                star = self._star()
                precision = star if star is not None and star >= 0 else None
                if star is None:
                    complaint += "%!(BADPREC)"
            elif precision_text:
                precision = int(precision_text)
                if precision > MAX_WIDTH:
                    precision, complaint = None, complaint + "%!(BADPREC)"
        self._seek(third)
        if verb == "%":
            return complaint + "%"
        if not self.good_index:
            return f"{complaint}%!{verb}(BADINDEX)"
        if self.next >= len(self.values):
            return f"{complaint}%!{verb}(MISSING)"
        value = self.values[self.next]
        self.next += 1
        flags = _Flags(
            plus="+" in marks and verb != "v",
            named="+" in marks and verb == "v",
            minus=minus,
            sharp="#" in marks,
            space=" " in marks,
            zero="0" in marks and not minus,
            width=width,
            precision=precision,
        )
        return complaint + ("" if verb == "T" else _pointed(value)) + _Printer(flags).value(value, verb)

    def _seek(self, index: str | None) -> None:
        if index is None:
            return
        self.reordered = True
        digits = index[1:-1]
        if digits.isascii() and digits.isdigit() and 1 <= int(digits[:7]) <= len(self.values):
            self.next = int(digits) - 1
        else:
            self.good_index = False

    def _star(self) -> int | None:
        if self.next >= len(self.values):
            return None
        value = self.values[self.next]
        self.next += 1
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_WIDTH:
            return value
        return None


class _Printer:
    """One value under one set of flags."""

    __slots__ = ("flags", "left")

    def __init__(self, flags: _Flags) -> None:
        self.flags = flags
        self.left = MAX_VALUES

    def value(self, value: Value, verb: str) -> str:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"a value that holds more than {MAX_VALUES} others")
        if value is NOTHING:
            value = NOTHING.value if verb == "v" else None
        if isinstance(value, datetime):
            value = moment_of(value)
        if verb == "T":
            return self._pad(go_type(value))
        if value is None:
            return self._pad("<nil>") if verb == "v" else f"%!{verb}(<nil>)"
        if isinstance(value, Object):
            if verb in "vsxXq" and not (verb == "v" and self.flags.sharp):
                shown = value.go_string()
                if shown is not None:
                    return self._text(shown, verb, value)
            fields = value.go_fields()
            if fields is not None:
                return self._struct(value, fields, verb)
        if isinstance(value, bool):
            return self._pad("true" if value else "false") if verb in "tv" else self._bad(value, verb)
        if isinstance(value, int):
            return self._integer(value, verb)
        if isinstance(value, float):
            return self._float(value, verb)
        if isinstance(value, str):
            return self._text(value, verb, value)
        if (mapping := mapping_of(value)) is not None:
            return self._map(mapping, verb)
        if (sequence := sequence_of(value)) is not None:
            return self._list(sequence, verb)
        return self._pad(str(value))

    def _struct(self, value: Value, fields: Mapping[str, Value], verb: str) -> str:
        named = verb == "v" and (self.flags.named or self.flags.sharp)
        parts = [(f"{name}:" if named else "") + self.value(field, verb) for name, field in fields.items()]
        if verb == "v" and self.flags.sharp:
            return f"{go_type(value)}{{{', '.join(parts)}}}"
        return f"{{{' '.join(parts)}}}"

    def _map(self, value: Mapping[object, Value], verb: str) -> str:
        pairs = [f"{self.value(key, verb)}:{self._inner(value[key], verb)}" for key in sorted_keys(value)]
        if verb == "v" and self.flags.sharp:
            return f"{go_type(value)}{{{', '.join(pairs)}}}"
        return f"map[{' '.join(pairs)}]"

    def _list(self, value: Sequence[Value], verb: str) -> str:
        parts = [self._inner(item, verb) for item in value]
        if verb == "v" and self.flags.sharp:
            return f"{go_type(value)}{{{', '.join(parts)}}}"
        return f"[{' '.join(parts)}]"

    def _text(self, text: str, verb: str, value: Value) -> str:
        match verb:
            case "v" if self.flags.sharp:
                return self._pad(quote(text))
            case "v" | "s":
                return self._pad(self._cut(text))
            case "q":
                text = self._cut(text)
                if self.flags.sharp and "`" not in text and all(char.isprintable() or char == "\t" for char in text):
                    return self._pad(f"`{text}`")
                return self._pad(_ascii(quote(text)) if self.flags.plus else quote(text))
            case "x" | "X":
                data = text.encode()
                if self.flags.precision is not None:
                    data = data[: self.flags.precision]
                pairs = [f"{byte:02x}" for byte in data]
                lead = "0x" if self.flags.sharp else ""
                shown = (
                    " ".join(lead + pair for pair in pairs)
                    if self.flags.space
                    else (lead if data else "") + "".join(pairs)
                )
                return self._pad(shown.upper() if verb == "X" else shown)
            case _:
                return self._bad(value, verb)

    def _integer(self, value: int, verb: str) -> str:
        size = abs(int(value))
        match verb:
            case "v" | "d":
                digits = str(size)
            case "b":
                digits = ("0b" if self.flags.sharp else "") + f"{size:b}"
            case "o" | "O":
                digits = ("0o" if verb == "O" else "0" if self.flags.sharp else "") + f"{size:o}"
            case "x" | "X":
                digits = ("0x" if self.flags.sharp else "") + f"{size:x}"
                digits = digits.upper() if verb == "X" else digits
            case "c":
                return self._pad(_rune(int(value)))
            case "q":
                shown = quote(_rune(int(value)))[1:-1].replace('\\"', '"').replace("'", "\\'")
                return self._pad(f"'{_ascii(shown) if self.flags.plus else shown}'")
            case "U":
                return self._pad(f"U+{size:04X}" + (f" '{_rune(int(value))}'" if self.flags.sharp else ""))
            case _:
                return self._bad(value, verb)
        if self.flags.precision is not None:
            digits = "" if self.flags.precision == 0 and value == 0 else digits.rjust(self.flags.precision, "0")
        return self._number(self._sign(value < 0), digits, zeros=self.flags.precision is None)

    def _float(self, value: float, verb: str) -> str:
        precision = -1 if self.flags.precision is None else self.flags.precision
        match verb:
            case "v":
                shown = float_text(value, "g", precision)
            case "g" | "G":
                shown = (
                    sharp_float_text(value, verb, precision) if self.flags.sharp else float_text(value, verb, precision)
                )
            case "b":
                shown = binary_float_text(value)
            case "e" | "E" | "f" | "F":
                shown = float_text(value, verb.replace("F", "f"), 6 if precision < 0 else precision)
            case "x" | "X":
                shown = hex_float_text(value, precision)
                shown = shown.upper() if verb == "X" else shown
            case _:
                return self._bad(value, verb)
        if not math.isfinite(value):
            if math.isnan(value):
                shown = ("+" if self.flags.plus else " " if self.flags.space else "") + "NaN"
            elif self.flags.space and not self.flags.plus and value > 0:
                shown = " Inf"
            return self._pad(shown, fill=" ")
        negative = shown.startswith("-")
        return self._number(self._sign(negative), shown.removeprefix("-"), zeros=True)

    def _sign(self, negative: bool) -> str:
        return "-" if negative else "+" if self.flags.plus else " " if self.flags.space else ""

    def _number(self, sign: str, digits: str, *, zeros: bool) -> str:
        if self.flags.zero and zeros and self.flags.width is not None:
            return sign + digits.rjust(self.flags.width - len(sign), "0")
        return self._pad(sign + digits, fill=" ")

    def _bad(self, value: Value, verb: str) -> str:
        flags = replace(self.flags, sharp=False) if self.flags.sharp else self.flags
        bare = int(value) if isinstance(value, int) and isinstance(value, Object) else value
        return f"%!{verb}({go_type(value)}={_Printer(flags).value(bare, 'v')})"

    def _inner(self, value: Value, verb: str) -> str:
        """A value within a map or a list, which Go knows to be of any type."""
        if value is None and verb == "v" and self.flags.sharp:
            return "interface {}(nil)"
        return self.value(value, verb)

    def _cut(self, text: str) -> str:
        return text if self.flags.precision is None else text[: self.flags.precision]

    def _pad(self, text: str, fill: str = "0") -> str:
        """`fill` is what a zero flag pads with."""
        width = self.flags.width
        if width is None or len(text) >= width:
            return text
        if self.flags.minus:
            return text.ljust(width)
        return text.rjust(width, fill if self.flags.zero else " ")


def sorted_keys(mapping: Mapping[object, Value]) -> list[object]:
    """Keys in Go's order: numbers by size, texts by bytes."""
    return sorted(mapping, key=_rank)


def _rank(key: object) -> tuple[int, float, str]:
    return (0, key, "") if isinstance(key, int | float) else (1, 0, str(key))


def _pointed(value: Value) -> str:
    """A pointer to a struct shows as one among operands, but not where an action prints it."""
    return "&" if isinstance(value, Object) and value.go_type.startswith("*") else ""


def _extra(values: Sequence[Value]) -> str:
    shown = ", ".join(
        "<nil>" if value is None else f"{go_type(value)}={_Printer(_PLAIN).value(value, 'v')}" for value in values
    )
    return f"%!(EXTRA {shown})"


def _rune(code: int) -> str:
    return chr(code) if 0 <= code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "�"


def _ascii(text: str) -> str:
    return "".join(
        char if ord(char) < 0x80 else f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
        for char in text
    )
