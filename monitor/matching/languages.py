"""Regular expressions as sets of texts: is there a text that these match and those do not?

The expressions are a small algebra, read elsewhere (`expressions`), and are followed character by character, by their
derivatives: what is left of an expression after one character. Of all characters only one of each kind is tried, those
between two bounds of the classes in question being alike. Anchors are followed exactly: `^` holds before the first
character, `$` after the last. A search that grows too large ends without an answer. Janusz Brzozowski, Derivatives of
Regular Expressions, 1964.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

LAST: Final = 0x10FFFF
Span: TypeAlias = tuple[int, int]
"""First and last code point."""


@dataclass(frozen=True, slots=True)
class Empty:
    """The empty text."""


@dataclass(frozen=True, slots=True)
class Begin:
    """`^`."""


@dataclass(frozen=True, slots=True)
class End:
    """`$`."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One character of these spans, which are in order and apart; none of none."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Then:
    first: Expression
    rest: Expression


@dataclass(frozen=True, slots=True)
class Either:
    options: frozenset[Expression]


@dataclass(frozen=True, slots=True)
class Many:
    """Any number of times, also none."""

    inner: Expression


Expression: TypeAlias = Empty | Begin | End | OneOf | Then | Either | Many
NEVER: Final = OneOf(())
NEW_LINE: Final = ((10, 10),)
ONE_LINE: Final = Many(OneOf(((0, 9), (11, LAST))))
"""Texts without a line break."""


def some_text(matched: Sequence[Expression], unmatched: Sequence[Expression], most: int) -> tuple[bool | None, int]:
    """Is there a text that all of one side match and none of the other? None if that is not known after looking at so
    many states; with it how many were looked at."""
    start = (tuple(matched), tuple(unmatched))
    seen, waiting, first = {start}, [start], True
    while waiting:
        if len(seen) > most:
            return None, len(seen)
        yes, no = waiting.pop()
        if all(_ends(one, first) for one in yes) and not any(_ends(one, first) for one in no):
            return True, len(seen)
        for char in _kinds((*yes, *no)):
            left = (tuple(_after(one, char, first) for one in yes), tuple(_after(one, char, first) for one in no))
            if NEVER not in left[0] and (first or left not in seen):
                seen.add(left)
                waiting.append(left)
        if first:
            # `^` holds here and never again: the same expressions mean something else from now on.
            first, seen = False, set(waiting)
    return False, len(seen)


def then(first: Expression, rest: Expression) -> Expression:
    """One after the other."""
    if NEVER in (first, rest):
        return NEVER
    if isinstance(first, Empty):
        return rest
    if isinstance(rest, Empty):
        return first
    return Then(first.first, then(first.rest, rest)) if isinstance(first, Then) else Then(first, rest)


def either(options: Iterable[Expression]) -> Expression:
    """Any of them."""
    flat: set[Expression] = set()
    for one in options:
        flat |= one.options if isinstance(one, Either) else {one}
    flat.discard(NEVER)
    if len(flat) > 1:
        return Either(frozenset(flat))
    return flat.pop() if flat else NEVER


def many(inner: Expression) -> Expression:
    """Any number of times, also none."""
    if isinstance(inner, Many):
        return inner
    return Empty() if isinstance(inner, Empty) or inner == NEVER else Many(inner)


def _passes(one: Expression, first: bool) -> bool:
    """Can it hold here without a character, one being still to come?"""
    match one:
        case Empty() | Many():
            return True
        case Begin():
            return first
        case End() | OneOf():
            return False
        case Then():
            return _passes(one.first, first) and _passes(one.rest, first)
        case Either():
            return any(_passes(option, first) for option in one.options)


def _ends(one: Expression, first: bool) -> bool:
    """Can it hold here without a character, none being still to come?"""
    match one:
        case Empty() | Many() | End():
            return True
        case Begin():
            return first
        case OneOf():
            return False
        case Then():
            return _ends(one.first, first) and _ends(one.rest, first)
        case Either():
            return any(_ends(option, first) for option in one.options)


def _after(one: Expression, char: int, first: bool) -> Expression:
    """What is left of it after this character."""
    match one:
        case Empty() | Begin() | End():
            return NEVER
        case OneOf():
            return Empty() if any(low <= char <= high for low, high in one.spans) else NEVER
        case Then():
            taken = then(_after(one.first, char, first), one.rest)
            return either((taken, _after(one.rest, char, first))) if _passes(one.first, first) else taken
        case Either():
            return either(_after(option, char, first) for option in one.options)
        case Many():
            return then(_after(one.inner, char, first), one)


def _kinds(expressions: Iterable[Expression]) -> list[int]:
    """One character of each kind that these tell apart."""
    bounds = {0}
    waiting = list(expressions)
    while waiting:
        one = waiting.pop()
        match one:
            case OneOf():
                for low, high in one.spans:
                    bounds |= {low, high + 1}
            case Then():
                waiting += (one.first, one.rest)
            case Either():
                waiting += one.options
            case Many():
                waiting.append(one.inner)
            case Empty() | Begin() | End():
                pass
    return [bound for bound in bounds if bound <= LAST]
