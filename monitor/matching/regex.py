"""Users' regular expressions, on RE2: linear time, Go's dialect.

One call into RE2 costs fifteen times one into `re`, so a pattern that is a plain text or an alternation of plain texts
(`a|b|c`, the commonest kind in rules) becomes a set look-up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import re2

_LITERALS: Final = re.compile(r"[A-Za-z0-9_\-/:@ ,%#=<>!~&;'\"]*(?:\|[A-Za-z0-9_\-/:@ ,%#=<>!~&;'\"]*)*")


class Regex:
    """An expression that must match the whole text, `.` matching newlines (Prometheus 3). Raises ValueError if it is none."""

    __slots__ = ("_compiled", "dot_matches_newline", "literals", "pattern")

    def __init__(self, pattern: str, *, dot_matches_newline: bool = True) -> None:
        self.pattern = pattern
        self.dot_matches_newline = dot_matches_newline
        self._compiled = compile_re2(f"^(?s:{pattern})$" if dot_matches_newline else f"^(?:{pattern})$")
        self.literals: frozenset[str] | None = frozenset(pattern.split("|")) if _LITERALS.fullmatch(pattern) else None
        """All the texts that match, when they can be listed."""

    def matches(self, text: str) -> bool:
        if self.literals is not None:
            return text in self.literals
        return self._compiled(text) is not None

    def groups(self, text: str) -> Match | None:
        """The match with its groups, or None."""
        return self._compiled(text)

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"

    def __reduce__(self) -> tuple[Callable[..., Regex], tuple[str, bool]]:
        """What RE2 has compiled cannot leave the process: it is compiled anew."""
        return _again, (self.pattern, self.dot_matches_newline)


def quote_meta(text: str) -> str:
    """A pattern that matches this text and no other. Source: Go's regexp.QuoteMeta."""
    return "".join(["\\" + char if char in _SPECIAL else char for char in text])


_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")


def _again(pattern: str, dot_matches_newline: bool) -> Regex:
    return Regex(pattern, dot_matches_newline=dot_matches_newline)


class Match:
    """The groups of one match, by number and name; a group that took no part is empty."""

    __slots__ = ("_groups", "_named")

    def __init__(self, groups: tuple[str, ...], named: dict[str, str]) -> None:
        self._groups = groups
        self._named = named

    def expand(self, template: str) -> str:
        """Replace `$1`, `${1}`, `$name`, `${name}` and `$$` as Go's Regexp.Expand does; unknown groups are empty."""
        return _REFERENCE.sub(self._value, template)

    def group(self, number: int) -> str:
        return self._groups[number]

    def _value(self, found: re.Match[str]) -> str:
        if found.group(0) == "$$":
            return "$"
        name = found.group(1) or found.group(2)
        if name is None:
            return found.group(0)
        if name.isdigit():
            number = group_number(name)
            return self._groups[number] if 0 <= number < len(self._groups) else ""
        return self._named.get(name, "")


def group_number(digits: str) -> int:
    """The group that these ASCII digits of a replacement mean; -1 for ones with which Go finds none: a leading zero, and
    more than nine."""
    return -1 if len(digits) > 9 or (digits[0] == "0" and len(digits) > 1) else int(digits)


_REFERENCE: Final = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))?", re.ASCII)


def compile_re2(pattern: str) -> Callable[[str], Match | None]:
    """A search function for an RE2 pattern. Raises ValueError with Go's text, anchors that were added included."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        compiled = re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(in_gos_words(error)) from error
    names: dict[str, int] = dict(compiled.groupindex)

    def search(text: str) -> Match | None:
        found = compiled.search(text)
        if found is None:
            return None
        groups = (found.group(0), *((part or "") for part in found.groups()))
        return Match(groups, {name: groups[number] for name, number in names.items()})

    return search


def closes_in_order(pattern: str) -> bool:
    """Does every `)` close a group of the pattern's own? By a plain count, which cannot tell where a class or a quotation
    may hold brackets: then it says no."""
    rest = _WITHOUT_BRACKETS.sub("", pattern)
    if ")" not in rest:
        return True
    depth = 0
    for mark in _BRACKETS.findall(rest):
        if mark not in "()":
            return False
        depth += 1 if mark == "(" else -1
        if depth < 0:
            return False
    return True


_WITHOUT_BRACKETS: Final = re.compile(r"\\[^Q]|\[\^?[^\^\[\]\\()]+\]", re.DOTALL)
"""Escaped characters, and classes of plain ones."""
_BRACKETS: Final = re.compile(r"[()\[\\]")

_GO_WORDS: Final = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid named capture group": "invalid named capture",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "trailing \\": "trailing backslash at end of expression",
}


def in_gos_words(error: Exception) -> str:
    """RE2 says `what: where`; Go the same in other words, the place between backquotes."""
    reason = error.args[0] if error.args else ""
    what, _, where = (reason.decode() if isinstance(reason, bytes) else str(reason)).partition(": ")
    return f"error parsing regexp: {_GO_WORDS.get(what, what)}: `{where}`"
