"""Functions that change or order label sets: label_replace, label_join, sort_by_label, absent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.regex import Regex
from monitor.model.errors import EvaluationError
from monitor.model.labels import METRIC_NAME, Labels

_DIGITS: Final = re.compile(r"([0-9]+)")
_LONG: Final = 19
"""Digits; what has more is compared as a text."""


def replaced(
    labels: Sequence[Labels], target: str, replacement: str, source: str, pattern: str
) -> tuple[Sequence[Labels], list[bool]]:
    """label_replace on each set, and which sets matched. Raises EvaluationError."""
    try:
        regex = Regex(pattern)
    except ValueError as error:
        raise EvaluationError(f"invalid regular expression in label_replace(): {pattern}") from error
    if not _valid_name(target):
        raise EvaluationError(f"invalid destination label name in label_replace(): {target}")
    out: list[Labels] = []
    changed: list[bool] = []
    results: dict[str, str | None] = {}
    for one in labels:
        value = one.get(source, "")
        if value not in results:
            found = regex.groups(value)
            results[value] = None if found is None else found.expand(replacement)
        result = results[value]
        changed.append(result is not None)
        out.append(one if result is None else one.merged({target: result}))
    return out, changed


def joined(labels: Sequence[Labels], target: str, separator: str, sources: Sequence[str]) -> Sequence[Labels]:
    """label_join on each set. Raises EvaluationError."""
    for source in sources:
        if not _valid_name(source):
            raise EvaluationError(f"invalid source label name in label_join(): {source}")
    if not _valid_name(target):
        raise EvaluationError(f"invalid destination label name in label_join(): {target}")
    return [one.merged({target: separator.join(one.get(source, "") for source in sources)}) for one in labels]


def sort_key(labels: Labels, names: Sequence[str]) -> tuple[object, ...]:
    """For sort_by_label: the named labels in natural order (`a2` before `a10`), ties by all labels."""
    return (*(_natural(labels.get(name, "")) for name in names), labels.pairs)


def absent_labels(matchers: Sequence[Matcher]) -> Labels:
    """What absent() knows of what is absent: labels that are compared for equality once."""
    known: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.op is MatchOp.EQUAL and matcher.name not in seen:
            known[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            known.pop(matcher.name, None)
    return Labels(known)


def _valid_name(name: str) -> bool:
    return name != "" and not any(0xDC80 <= ord(char) <= 0xDCFF for char in name)


def _natural(text: str) -> tuple[tuple[int, int, str], ...]:
    return tuple([_rank(part) for part in _DIGITS.split(text) if part])


def _rank(part: str) -> tuple[int, int, str]:
    """Digits by their number; among other characters they stand where `0` does."""
    if part[0] < "0" or part[0] > "9":
        return (0 if part[0] < "0" else 2, 0, part)
    return (1, int(part), "") if len(part) < _LONG else (1, 10**_LONG, part)
