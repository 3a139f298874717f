"""Structures: mappings of known keys, lists and mappings of one kind, and what is read of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Final, cast

from monitor.config.golang.kinds import Kind, Reading, Text, misfit
from monitor.config.yamltree import Path, Scalar, Tree
from monitor.model.labels import quote

_LISTED: Final = 40
"""Keys that a remedy names at most."""


class UnsureError(Exception):
    """What was asked for is written, and written wrongly."""


class Values:
    """What was read of a mapping; keys that were not given have their defaults, and so have those that are written wrongly."""

    __slots__ = ("_shapeless", "_strict", "_values", "broken", "given", "path", "unsure")

    def __init__(
        self,
        values: Mapping[str, object],
        given: frozenset[str],
        path: Path,
        *,
        broken: bool,
        unsure: frozenset[str] = frozenset(),
        strict: bool = False,
        shapeless: bool = False,
    ) -> None:
        """`shapeless`: it was no mapping, so none of its keys was written."""
        self._values = values
        self._strict = strict
        self._shapeless = shapeless
        self.given = given
        """The keys that were written, and not as null."""
        self.path = path
        self.broken = broken
        """Something in it, or in what it holds, is wrong."""
        self.unsure = unsure
        """The keys of which it is not known what was meant: what they hold is wrong, or nobody knows them."""

    def __repr__(self) -> str:
        return f"Values({sorted(self.given)}, {'broken' if self.broken else 'good'})"

    def strict(self) -> Values:
        """The same for whoever judges: asked for what is unsure it raises UnsureError, since a default would be judged in its
        place."""
        return Values(
            self._values,
            self.given,
            self.path,
            broken=self.broken,
            unsure=self.unsure,
            strict=True,
            shapeless=self._shapeless,
        )

    def presumed(self, value: object) -> Values:
        """The same with this value for all that is unsure."""
        if not self.unsure:
            return self
        values = {**self._values, **{key: value for key in self.unsure if key in self._values}}
        return Values(values, self.given, self.path, broken=self.broken)

    def at(self, *parts: str | int) -> Path:
        return (*self.path, *parts)

    def get(self, key: str) -> object:
        """What the key holds, or its default."""
        if self._strict and key in self.unsure:
            raise UnsureError
        return self._values[key]

    def text(self, key: str) -> str:
        value = self.get(key)
        return value if isinstance(value, str) else ""

    def whole(self, key: str) -> int:
        value = self.get(key)
        return value if isinstance(value, int) else 0

    def real(self, key: str) -> float:
        value = self.get(key)
        return float(value) if isinstance(value, int | float) else 0.0

    def flag(self, key: str) -> bool:
        return self.get(key) is True

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(one for one in self._items(key) if isinstance(one, str))

    def mapping(self, key: str) -> dict[str, object]:
        """A mapping with the user's own keys."""
        value = self.get(key)
        return cast("dict[str, object]", value) if isinstance(value, dict) else {}

    def pairs(self, key: str) -> dict[str, str]:
        return {name: value for name, value in self.mapping(key).items() if isinstance(value, str)}

    def one(self, key: str) -> Values | None:
        value = self.get(key)
        return self._as_here(value) if isinstance(value, Values) else None

    def many(self, key: str) -> tuple[Values, ...]:
        return tuple(self._as_here(one) for one in self._items(key) if isinstance(one, Values))

    def set(self, *keys: str) -> list[str]:
        """Those of the keys that hold something, right or wrong."""
        if self._shapeless:
            return []
        return [key for key in keys if key in self.unsure or self._values[key] not in (None, "", 0, False, [], {})]

    def _items(self, key: str) -> list[object]:
        value = self.get(key)
        return cast("list[object]", value) if isinstance(value, list) else []

    def _as_here(self, other: Values) -> Values:
        return other.strict() if self._strict else other


Rule = Callable[[Values, Reading], None]
"""Tells what is wrong between the keys of a structure."""


@dataclass(frozen=True, kw_only=True)
class Struct(Kind):
    """A mapping of known keys."""

    keys: Mapping[str, Kind]
    rules: tuple[Rule, ...] = ()
    title: str = ""
    """In the reference."""
    inside: str = "config"
    """The Go package, for messages; types that read themselves are called `plain` in each."""
    elsewhere: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keys that are refused here as if nobody knew them, each with what to do about it."""
    word: ClassVar[str] = "mapping"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar) and tree.is_null:
            tree = {}
        known = len(reading.findings.errors)
        if not isinstance(tree, dict):
            misfit(tree, path, self._go, reading, "is not a mapping", None)
            return Values(self._defaults, frozenset(), path, broken=True, unsure=frozenset(self.keys), shapeless=True)
        values: dict[str, object] = dict(self._defaults)
        given: set[str] = set()
        unsure: set[str] = set()
        for key, value in tree.items():
            kind = self.keys.get(key)
            if kind is None or key in self.elsewhere:
                self._unknown(key, path, reading)
                unsure.add(key)
                continue
            null = isinstance(value, Scalar) and value.is_null
            if null and isinstance(kind, Struct):
                continue  # a pointer to nothing: as if it were not written
            before = reading.mistakes
            values[key] = kind.read(value, (*path, key), reading)
            if null:
                continue
            given.add(key)
            if reading.mistakes > before and not isinstance(kind, Struct | ListOf):
                unsure.add(key)
            if not kind.served and values[key] != kind.empty and reading.mistakes == before:
                reading.doubt((*path, key), "is known but not served yet", kind.about)
        self._repeated(path, reading)
        made = Values(values, frozenset(given), path, broken=False, unsure=frozenset(unsure))
        for rule in self.rules:
            with suppress(UnsureError):
                rule(made.strict(), reading)
        made.broken = len(reading.findings.errors) > known
        return made

    def defaults(self, path: Path) -> Values:
        """What is read where nothing is written."""
        return Values(self._defaults, frozenset(), path, broken=False)

    @cached_property
    def _defaults(self) -> Mapping[str, object]:
        return {key: kind.empty for key, kind in self.keys.items()}

    @property
    def _go(self) -> str:
        return self.go or f"{self.inside}.plain"

    def _unknown(self, key: str, path: Path, reading: Reading) -> None:
        known = sorted(self.keys.keys() - self.elsewhere.keys())
        reading.misfit(
            (*path, key),
            f"field {key} not found in type {self._go}",
            f'"{key}" is not a known key here',
            self.elsewhere.get(key) or _nearest(key, known),
        )

    def _repeated(self, path: Path, reading: Reading) -> None:
        for key in reading.document.repeated.get(path, ()):
            reading.misfit(
                (*path, key),
                f"field {key} already set in type {self._go}",
                f'"{key}" is given twice',
                "keep one of them",
            )

    def schema(self) -> dict[str, object]:
        return {
            "type": ["object", "null"],
            "properties": {
                key: {**kind.schema(), **({"description": kind.about} if kind.about else {})}
                for key, kind in self.keys.items()
            },
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf(Kind):
    """A list of one kind."""

    item: Kind = field(default_factory=Text)
    default: tuple[str, ...] = ()
    nothing: str = ""
    """What Prometheus says of an empty item; empty if it takes one."""
    only_null: bool = False
    """Only null is such an item, an empty mapping is not."""
    skips_null: bool = False
    """Go keeps pointers to the items, and asks nothing of those to nothing."""

    @property
    def empty(self) -> object:
        return list(self.default)

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar) and tree.is_null:
            return self.empty
        if not isinstance(tree, list):
            misfit(tree, path, self.go or f"[]{self.item.go or 'string'}", reading, "is not a list", None)
            return self.empty
        found: list[object] = []
        for place, item in enumerate(tree):
            null = isinstance(item, Scalar) and item.is_null
            if self.nothing and (null or (item == {} and not self.only_null)):
                reading.refuse((*path, place), self.nothing, "remove it or fill it")
            elif null and self.skips_null:
                reading.doubt((*path, place), "is empty and left out", "remove it or fill it")
            else:
                found.append(self.item.read(item, (*path, place), reading))
        return found

    def shown_default(self) -> str:
        return f"[{', '.join(self.default)}]" if self.default else ""

    def schema(self) -> dict[str, object]:
        return {"type": ["array", "null"], "items": self.item.schema()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf(Kind):
    """A mapping with the user's own keys."""

    item: Kind = field(default_factory=Text)

    @property
    def empty(self) -> object:
        return {}

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar) and tree.is_null:
            return {}
        if not isinstance(tree, dict):
            return misfit(tree, path, self.go or "map[string]string", reading, "is not a mapping", {})
        for key in reading.document.repeated.get(path, ()):
            reading.misfit((*path, key), f"key {quote(key)} already set in map", f'"{key}" is given twice')
        return {key: self.item.read(value, (*path, key), reading) for key, value in tree.items()}

    def schema(self) -> dict[str, object]:
        return {"type": ["object", "null"], "additionalProperties": self.item.schema()}


def _nearest(key: str, known: Sequence[str]) -> str:
    """The remedy for a key that nobody knows. Of very many keys only those are named that are somewhat like it."""
    close = difflib.get_close_matches(key, known, n=1)
    hint = f'did you mean "{close[0]}"? ' if close else ""
    if len(known) <= _LISTED:
        return f"{hint}known keys: {', '.join(known)}"
    like = difflib.get_close_matches(key, known, n=5, cutoff=0.4)
    return hint.rstrip() or (f"the nearest known keys: {', '.join(like)}" if like else "remove it")


def refuse_unknown_word(key: str, words: Sequence[str], text: str) -> Rule:
    """A rule: the key holds one of these words. In `text`, {0} is what it holds, {1} the same as Go quotes it."""

    def rule(values: Values, reading: Reading) -> None:
        word = values.text(key)
        if word not in words:
            reading.refuse(values.at(key), text.format(word, quote(word)), f"one of: {', '.join(filter(None, words))}")

    return rule


def need(key: str, text: str) -> Rule:
    """A rule: the key holds something."""

    def rule(values: Values, reading: Reading) -> None:
        if not values.set(key):
            reading.refuse(values.at(key), text, f"set {key}")

    return rule


def at_most_one(text: str, *keys: str) -> Rule:
    """A rule: no more than one of the keys holds something."""

    def rule(values: Values, reading: Reading) -> None:
        held = values.set(*keys)
        if len(held) > 1:
            reading.refuse(values.at(held[1]), text, f"keep one of {', '.join(held)}")

    return rule


def inner(kind: Kind) -> Iterator[Struct]:
    """The structures that stand directly in a kind."""
    if isinstance(kind, Struct):
        yield kind
    elif isinstance(kind, ListOf | MapOf):
        yield from inner(kind.item)
