"""Templates that only name labels and the value: put together from their parts, without walking a tree.

Most texts of rules are of this kind, and they are rendered for every alert whose value has changed. What the parts give is
what the walk would give; whatever is not plain, and what is too long, is left to the walk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from monitor.gotemplate import tree
from monitor.gotemplate.executor import DEFAULT_LIMITS
from monitor.gotemplate.floats import float_text
from monitor.model.labels import Labels


@dataclass(frozen=True, slots=True)
class LabelOf:
    """The value of one of the element's labels."""

    name: str


@dataclass(frozen=True, slots=True)
class TheValue:
    """The element's value."""


Part: TypeAlias = str | LabelOf | TheValue
"""A text that is itself, or what stands there."""

_MOST: Final = 1_000
"""Nodes; a longer one may take more steps than a template has."""

_LABEL: Final = frozenset({("$labels",), (".", "Labels"), ("$", "Labels")})
_VALUE: Final = frozenset({("$value",), (".", "Value"), ("$", "Value")})


def parts_of(nodes: Sequence[tree.Node], start: int) -> tuple[Part, ...] | None:
    """The parts of a template with these nodes; None if it is not plain. What lies before `start` are the declarations of
    `$labels` and `$value`."""
    parts: list[Part] = []
    if len(nodes) > _MOST:
        return None
    for node in nodes:
        match node:
            case tree.Text(text=text):
                parts.append(text)
            case tree.Action(pipe=tree.Pipe(declared=(), commands=(tree.Command(operands=(operand,)),)), escape=None):
                part = _part(operand)
                if part is None:
                    return None
                parts.append(part)
            case tree.Action(at=at) if at < start:
                continue
            case _:
                return None
    return tuple(parts)


def joined(parts: Sequence[Part], labels: Labels, value: float) -> str | None:
    """The text for one element; None if it is longer than a template may be."""
    texts: list[str] = []
    known: Mapping[str, str] | None = None
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, LabelOf):
            known = known if known is not None else dict(labels.pairs)
            texts.append(known.get(part.name, ""))
        else:
            texts.append(float_text(value))
    text = "".join(texts)
    return text if len(text) <= DEFAULT_LIMITS.output else None


def _part(operand: tree.Operand) -> Part | None:
    match operand:
        case tree.Field(names=names):
            path = (".", *names)
        case tree.Variable(name=name, names=names):
            path = (name, *names)
        case _:
            return None
    if path in _VALUE:
        return TheValue()
    return LabelOf(path[-1]) if path[:-1] in _LABEL else None
