"""Names that stand in the files, whether or not what they name is good.

Whoever refers to something that has a mistake makes no mistake. So references are held against all that was written, and
only what was read without mistakes is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from monitor.config.yamltree import Tree, natural


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The names of a configuration."""

    people: frozenset[str] = frozenset()
    schedules: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    receivers: frozenset[str] | None = frozenset()
    """Of the Alertmanager configuration; None: it cannot be read."""
    routing: bool = True
    """The Alertmanager configuration, if there is one, is good: its routes and receivers are known."""

    @classmethod
    def of(cls, ours: Tree, routing: Tree | None, *, good: bool) -> Written:
        """`ours`: our own document. `routing`: the Alertmanager configuration, empty if there is none, None if it cannot be
        read."""
        return cls(
            people=_keys(ours, "people"),
            schedules=_keys(ours, "schedules"),
            policies=_keys(ours, "policies"),
            receivers=None if routing is None else _names(routing),
            routing=good,
        )

    def unsure(self, broken: frozenset[str]) -> Callable[[str], bool]:
        """Is it unknown whether a receiver, or a person (`user:ana`), can be told something? `broken`: those that have
        mistakes in our own file."""
        theirs = frozenset[str]() if self.routing else self.receivers

        def answer(name: str) -> bool:
            return name in broken or (theirs is None and ":" not in name) or (theirs is not None and name in theirs)

        return answer


NOTHING: Final = Written()


def _keys(tree: Tree, section: str) -> frozenset[str]:
    found = tree.get(section) if isinstance(tree, dict) else None
    return frozenset(found) if isinstance(found, dict) else frozenset()


def _names(tree: Tree) -> frozenset[str]:
    listed = tree.get("receivers") if isinstance(tree, dict) else None
    found = (
        [natural(item["name"]) for item in listed if isinstance(item, dict) and "name" in item]
        if isinstance(listed, list)
        else []
    )
    return frozenset(name for name in found if isinstance(name, str))
