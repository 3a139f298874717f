"""The format described for people: the tables of the reference, made from the same data that reads the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from monitor.config.golang.kinds import Kind, Text
from monitor.config.golang.structs import ListOf, MapOf, Struct
from monitor.config.prometheus.discovery.registry import SERVED, Discovery

_TITLES: Final[Mapping[str, str]] = {
    "file_sd_configs": "File SD",
    "http_sd_configs": "HTTP SD",
    "dns_sd_configs": "DNS SD",
    "docker_sd_configs": "Docker SD",
}
_PLURALS: Final = {"text": "texts", "list of texts": "lists of texts", "whole number": "whole numbers"}
_OTHERS: Final = "Known and checked, not served: the targets are not found, and that is one warning."


def sections(root: Struct) -> Sequence[tuple[str, str, Struct]]:
    """Title, sentence and keys of every structure below this one that the reference shows, outer ones before the inner
    ones."""
    found: dict[str, tuple[str, str, Struct]] = {}
    waiting = [*_inside(root)]
    while waiting:
        title, struct = waiting.pop(0)
        if title and title not in found:
            found[title] = (title, struct.about, struct)
            waiting += _inside(struct)
    return list(found.values())


def rows(struct: Struct, inventor: str) -> Iterator[tuple[str, str, str, str]]:
    """Key, value, default and meaning of each key. `inventor`: whose format it is."""
    for key, kind in struct.keys.items():
        if isinstance(kind, Discovery) and key not in SERVED:
            continue
        yield key, words(key, kind), kind.shown_default(), kind.about or f"As in {inventor}."
    if any(isinstance(kind, Discovery) for kind in struct.keys.values()):
        others = sorted(key for key, kind in struct.keys.items() if isinstance(kind, Discovery) and key not in SERVED)
        yield ", ".join(others), "list", "", _OTHERS


def _inside(struct: Struct) -> list[tuple[str, Struct]]:
    found: list[tuple[str, Struct]] = []
    for key, kind in struct.keys.items():
        if isinstance(kind, Discovery):
            item = kind.kind().item if key in SERVED else None
            if isinstance(item, Struct):
                found.append((_TITLES.get(key, item.title), item))
            continue
        inner: Kind = kind
        while isinstance(inner, ListOf | MapOf):
            inner = inner.item
        if isinstance(inner, Struct) and kind.served:
            found.append((inner.title, inner))
    return found


def words(key: str, kind: Kind) -> str:
    """What a key of this kind holds; structures are links within the reference."""
    if isinstance(kind, Discovery):
        return f"list of {_link(_TITLES.get(key, 'Static targets'))}"
    if isinstance(kind, Struct):
        return _link(kind.title) if kind.title and kind.served else "mapping"
    if isinstance(kind, ListOf):
        inner = words("", kind.item) if kind.served else "mapping"
        return f"list of {_PLURALS.get(inner, inner)}"
    if isinstance(kind, MapOf):
        inner = words("", kind.item)
        return f"mapping of names to {_PLURALS.get(inner, inner)}"
    if isinstance(kind, Text) and kind.allowed and len(kind.allowed) <= 4:
        return " or ".join(f"`{word}`" for word in kind.allowed)
    return kind.word


def _link(title: str) -> str:
    return f"[{title}](#{title.lower().replace(' ', '-')})"
