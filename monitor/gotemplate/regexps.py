"""Regular expressions as templates use them: unanchored, RE2, with Go's replacement syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, Protocol

import re2

from monitor.matching.regex import group_number, in_gos_words
from monitor.model.labels import quote

_NOT_IN_BACKQUOTES: Final = re.compile("[`\\x00-\\x08\\x0a-\\x1f\\x7f\\ufeff\\ud800-\\udfff]")


def matches(pattern: str, text: str) -> bool:
    """Go's regexp.MatchString. Raises ValueError for a bad pattern."""
    return _compiled(pattern).search(text) is not None


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """Go's Regexp.ReplaceAllString: `$1`, `${name}` and `$$` in the replacement. Raises ValueError for a bad pattern, in the
    words of MustCompile, which templates call it by."""
    try:
        compiled = _compiled(pattern)
    except ValueError as error:
        shown = f"`{pattern}`" if _NOT_IN_BACKQUOTES.search(pattern) is None else quote(pattern)
        raise ValueError(f"regexp: Compile({shown}): {error}") from error
    out: list[str] = []
    last = 0
    matched = False
    for found in compiled.finditer(text):
        start, end = found.start(), found.end()
        # Go passes over an empty match right behind another one
        if matched and start == end == last:
            continue
        out.append(text[last:start])
        out.append(_expand(replacement, compiled, found))
        last = end
        matched = True
    out.append(text[last:])
    return "".join(out)


class _Found(Protocol):
    def group(self, number: int = 0) -> str | None: ...
    def start(self, group: int = 0) -> int: ...
    def end(self, group: int = 0) -> int: ...


class _Compiled(Protocol):
    @property
    def groups(self) -> int: ...
    @property
    def groupindex(self) -> Mapping[str, int]: ...
    def search(self, text: str, pos: int | None = None) -> _Found | None: ...
    def finditer(self, text: str) -> Iterator[_Found]: ...


_REFERENCE: Final = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))?", re.ASCII)


def _expand(replacement: str, compiled: _Compiled, found: _Found) -> str:
    def value(reference: re.Match[str]) -> str:
        name = reference.group(1) or reference.group(2)
        if name is None:
            return "$"
        number = group_number(name) if name.isdigit() else compiled.groupindex.get(name, -1)
        return (found.group(number) or "") if 0 <= number <= compiled.groups else ""

    return _REFERENCE.sub(value, replacement)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> _Compiled:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(in_gos_words(error)) from error
