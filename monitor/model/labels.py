"""Label sets: sorted, immutable, hashable.

A label with an empty value is the same as no label, so none is ever stored. The fingerprint is Prometheus's:
FNV-1a over `name 0xFF value 0xFF` in name order (source: prometheus/common model/signature.go), which makes our
alert ids equal to Alertmanager's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar, overload

from monitor.model.surrogates import is_whole, whole

T = TypeVar("T")

METRIC_NAME: Final = "__name__"
ALERT_NAME: Final = "alertname"

FNV_OFFSET: Final = 0xCBF29CE484222325
FNV_PRIME: Final = 0x100000001B3
_MASK = 0xFFFFFFFFFFFFFFFF


class Labels(Mapping[str, str]):
    """An immutable set of labels, iterated in name order. `labels["absent"]` raises KeyError; `get` is the usual call."""

    __slots__ = ("_hash", "_map", "fingerprint", "pairs")

    pairs: tuple[tuple[str, str], ...]
    """(name, value) in name order."""
    fingerprint: str
    """Sixteen hex digits, equal to Alertmanager's for the same labels. Reckoned when it is first asked for; from then on a
    read of a slot, since decisions over groups ask for it again and again."""

    def __init__(self, source: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        own = dict(source)
        self.pairs = tuple(
            sorted(pair for pair in own.items() if pair[1]) if "" in own.values() else sorted(own.items())
        )
        self._map: dict[str, str] | None = None
        self._hash: int | None = None

    @classmethod
    def of_sorted(cls, pairs: tuple[tuple[str, str], ...]) -> Labels:
        """Trusts the caller: names ascending and distinct, no empty value (annotations may have some). The pairs are kept, so
        sets may share them."""
        made = cls.__new__(cls)
        made.pairs = pairs
        made._map = made._hash = None
        return made

    def __getitem__(self, name: str) -> str:
        return self._as_map()[name]

    def __contains__(self, name: object) -> bool:
        return any(own == name for own, _ in self.pairs)

    @overload
    def get(self, key: str, default: None = None, /) -> str | None: ...

    @overload
    def get(self, key: str, default: str | T, /) -> str | T: ...

    def get(self, key: str, default: object = None, /) -> object:
        # There are many label sets and few labels in each: a search costs less than a map for every set.
        for name, value in self.pairs:
            if name == key:
                return value
        return default

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.pairs)
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            return self.pairs == other.pairs
        return NotImplemented

    def __lt__(self, other: Labels) -> bool:
        return self.pairs < other.pairs

    def __repr__(self) -> str:
        return f"Labels({self})"

    def __str__(self) -> str:
        """`name{a="1", b="2"}`, as Prometheus prints a series."""
        name = self.get(METRIC_NAME, "")
        rest = ", ".join(f"{key}={quote(value)}" for key, value in self.pairs if key != METRIC_NAME)
        if not rest:
            return name or "{}"
        return f"{name}{{{rest}}}"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> str:
            # Only asked for what is not there: for `fingerprint` until it is known.
            if name != "fingerprint":
                raise AttributeError(f"Labels have no {name!r}")
            self.fingerprint = _fingerprint(self.pairs)
            return self.fingerprint

    def with_(self, **changes: str) -> Labels:
        """A copy with these labels set; an empty value removes the label."""
        return self.merged(changes)

    def merged(self, over: Mapping[str, str]) -> Labels:
        """A copy in which the labels of `over` win; an empty value there removes the label."""
        return Labels({**self._as_map(), **over})

    def without(self, *names: str) -> Labels:
        """A copy without these labels."""
        return Labels.of_sorted(tuple([pair for pair in self.pairs if pair[0] not in names]))

    def only(self, names: Iterable[str]) -> Labels:
        """A copy with only these labels, as far as they are set."""
        wanted = frozenset(names)
        return Labels.of_sorted(tuple([pair for pair in self.pairs if pair[0] in wanted]))

    def whole(self) -> Labels:
        """The labels with U+FFFD for what is no UTF-8, as they leave for others."""
        if all(is_whole(name) and is_whole(value) for name, value in self.pairs):
            return self
        return Labels({whole(name): whole(value) for name, value in self.pairs})

    def _as_map(self) -> dict[str, str]:
        if self._map is None:
            self._map = dict(self.pairs)
        return self._map


EMPTY: Final = Labels()


def _fingerprint(pairs: tuple[tuple[str, str], ...]) -> str:
    digest = FNV_OFFSET
    for name, value in pairs:
        for byte in f"{name}\udcff{value}\udcff".encode("utf-8", "surrogateescape"):
            digest = ((digest ^ byte) * FNV_PRIME) & _MASK
    return f"{digest:016x}"


def set_order(labels: Labels) -> tuple[object, ...]:
    """A key that sorts label sets as Alertmanager does: smaller sets first; of two of one size, the first label in which
    they differ decides: by its value, or, where only one of them has it, for the other. Source: common model/labelset.go."""
    return (len(labels.pairs), *((_backwards(name), value) for name, value in labels.pairs))


@lru_cache(maxsize=4_096)
def _backwards(name: str) -> tuple[int, ...]:
    """Sorts names from z to a."""
    return (*(-ord(char) for char in name), 1)


def in_common(sets: Iterable[Labels]) -> Labels:
    """The labels that all of the sets have."""
    lists = iter(sets)
    shared = set(next(lists, EMPTY).pairs)
    for labels in lists:
        if not shared:
            break
        shared.intersection_update(labels.pairs)
    return Labels(shared) if shared else EMPTY


def quote(text: str) -> str:
    """Quote as Go's strconv.Quote does: what is not printable is escaped, and so are bytes that are no UTF-8."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    out: list[str] = ['"']
    for char in text:
        if char in ('"', "\\"):
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        elif ord(char) < 0x80:
            out.append(f"\\x{ord(char):02x}")
        elif "\udc80" <= char <= "\udcff":  # stands for a byte
            out.append(f"\\x{ord(char) - 0xDC00:02x}")
        elif ord(char) < 0x10000:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(f"\\U{ord(char):08x}")
    out.append('"')
    return "".join(out)


_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
