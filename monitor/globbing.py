"""The files that a pattern names, as Go's filepath.Glob finds them: Prometheus and Alertmanager read their patterns so.

`*` and `?` stand for anything but `/`, also for a dot at the beginning; `**` is a `*` and goes no deeper; `[a-z]` and `[^a-z]`
are one character each, and a backslash takes the meaning from what follows. A name that holds none of these is looked up as it
is. Folders are found like files: who reads one says that it is none.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

BAD_PATTERN: Final = "syntax error in pattern"
"""In Go's words, and what to do about it."""
CLOSE_BRACKETS: Final = "close each [ with ], or write \\\\["

_ONE: Final = r"(?:\\.|[^\\\-\]])"
_SIGN: Final = re.compile(rf"\*+|\?|\\.|\[(?:\^|(?!\^))(?:{_ONE}(?:-{_ONE})?)+\]|[^*?\\\[]", re.DOTALL)
_RANGE: Final = re.compile(rf"({_ONE})(?:-({_ONE}))?", re.DOTALL)
_MAGIC: Final = re.compile(r"[*?\[\\]")
_NEVER: Final = r"(?!)"


def is_pattern(text: str) -> bool:
    """Whether Go's filepath.Match takes it: every `[` is closed, every backslash is followed by something."""
    at = 0
    while at < len(text):
        sign = _SIGN.match(text, at)
        if sign is None:
            return False
        at = sign.end()
    return True


def files_matching(pattern: str) -> list[Path]:
    """In the order of their names. None for what is no pattern (`is_pattern`), and where nothing may be read."""
    if not pattern or not is_pattern(pattern):
        return []
    *folders, last = pattern.split("/")
    found = [Path("/" if pattern.startswith("/") else ".")]
    for part in (*folders, last):
        if part:
            found = [path for folder in found for path in _inside(folder, part)]
    return found


def _inside(folder: Path, part: str) -> list[Path]:
    if not _MAGIC.search(part):
        path = folder / part
        return [path] if _exists(path) else []
    wanted = re.compile("".join(map(_expression, _SIGN.findall(part))), re.DOTALL)
    try:
        return sorted(path for path in folder.iterdir() if wanted.fullmatch(path.name))
    except OSError:
        return []


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):  # ValueError: a zero byte
        return False
    return True


def _expression(sign: str) -> str:
    if sign.startswith("*"):
        return ".*"
    if sign == "?":
        return "."
    if not sign.startswith("["):
        return re.escape(sign[-1])
    negated = sign.startswith("[^")
    spans = [(low[-1], high[-1:] or low[-1]) for low, high in _RANGE.findall(sign[2 if negated else 1 : -1])]
    inside = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in spans if low <= high)
    if not inside:
        return "." if negated else _NEVER
    return f"[{'^' if negated else ''}{inside}]"
