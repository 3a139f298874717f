"""Our `dataclass` beside the standard library's: the same class body under both, and no difference that can be seen."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field
from pathlib import Path
from typing import Any

import pytest

from monitor.model import dataclass as ours

Decorate = Callable[..., Any]
OURS: Decorate = ours.dataclass
THEIRS: Decorate = dataclasses.dataclass
HOUSE = Path(ours.__file__).parents[1]


def point(decorate: Decorate, **options: Any) -> type[Any]:
    """A class with every sort of field that is in use."""

    class Point:
        x: int
        y: float = 0.5
        hidden: str = field(default="h", repr=False)
        loose: int = field(default=1, compare=False)
        tags: list[str] = field(default_factory=list[str], hash=False)
        made: dict[str, int] = field(default_factory=dict[str, int], init=False, compare=False)
        fixed: int = field(default=7, init=False)
        named: int = field(default=3, kw_only=True)

        def __post_init__(self) -> None:
            self.made["x"] = self.x

    return decorate(**options)(Point)


def told(work: Callable[[], object]) -> object:
    """What comes of it, or what is said instead."""
    try:
        return work()
    except (TypeError, AttributeError) as error:
        return type(error), str(error)


OPTIONS: list[dict[str, Any]] = [
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "kw_only": True},
    {"slots": True},
    {"frozen": True},
    {"frozen": True, "slots": True, "eq": False},
    {"frozen": True, "slots": True, "repr": False},
    {"frozen": True, "slots": True, "order": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda one: ",".join(one))
def test_a_class_is_as_the_standard_library_makes_it(options: dict[str, Any]) -> None:
    """Fields, signature, instances, comparison, hash, text, copies, and what is refused in which words."""
    seen: list[list[object]] = []
    for decorate in (OURS, THEIRS):
        kind = point(decorate, **options)

        def of(*given: Any, kind: type[Any] = kind, **named: Any) -> Any:
            return kind(*given, **named)

        one = of(x=1, tags=["a"])
        seen.append(
            [
                [(each.name, each.default, each.kw_only) for each in dataclasses.fields(kind)],
                [(each.name, each.kind) for each in inspect.signature(kind).parameters.values()],
                kind.__match_args__,
                dataclasses.astuple(one),
                told(lambda of=of: of()),
                told(lambda of=of: of(1, 2.0).y),
                told(lambda of=of: of(x=1, unknown=2)),
                told(lambda of=of: of(x=1, made={})),
                one == of(x=1, tags=["a"], loose=2),
                one == of(x=1, tags=["b"]),
                one == (1, 0.5),
                re.sub(r" at 0x\w+", "", repr(one)),
                told(lambda one=one, of=of: hash(one) == hash(of(x=1, tags=["a", "b"]))),
                dataclasses.astuple(dataclasses.replace(one, x=2, tags=[])),
                dataclasses.astuple(copy.deepcopy(one)),
                told(lambda one=one: setattr(one, "x", 5)),
                told(lambda one=one: delattr(one, "y")),
                told(lambda one=one, of=of: one < of(x=2) if "order" in options else None),
            ]
        )
    assert seen[0] == seen[1]


@OURS(frozen=True, slots=True)
class Base:
    """Of this module, so that it can be pickled."""

    a: int
    b: tuple[str, ...] = ()


@OURS(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    """With one field more."""

    c: Base | None = None


def test_a_derived_class_has_the_fields_of_both_and_passes_through_a_pipe() -> None:
    """The configuration is sent from one process to another."""
    one = Derived(1, ("x",), c=Base(2))
    assert repr(one) == "Derived(a=1, b=('x',), c=Base(a=2, b=()))"
    assert pickle.loads(pickle.dumps(one, protocol=pickle.HIGHEST_PROTOCOL)) == one
    assert one != Base(1, ("x",))
    with pytest.raises(FrozenInstanceError):
        one.a = 2  # pyright: ignore[reportAttributeAccessIssue]


def test_own_methods_are_kept() -> None:
    """Who writes one, means it; equality of one's own has a hash over the fields, as ever."""

    @OURS(frozen=True, slots=True)
    class Own:
        a: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

    @OURS(frozen=True, slots=True)
    class Hashed:
        a: int

        def __hash__(self) -> int:
            return 5

    assert (repr(Own(1)), Own(1) == 3, hash(Own(1)) == hash((1,))) == ("own", True, True)
    assert (hash(Hashed(1)), Hashed(1) == Hashed(1)) == (5, True)


def test_what_refers_to_itself_has_a_text() -> None:
    """And not an endless one."""

    @OURS(slots=True)
    class Node:
        next: object = None

    node = Node()
    node.next = node
    assert repr(node).endswith("Node(next=...)")


def test_nothing_is_compiled_until_somebody_asks() -> None:
    """What this module is for."""
    kind = point(OURS, frozen=True, slots=True)
    methods = ("__init__", "__repr__", "__eq__", "__hash__")
    assert not any(inspect.isfunction(vars(kind)[name]) for name in methods)
    kind(1)
    assert [name for name in methods if inspect.isfunction(vars(kind)[name])] == ["__init__"]


def test_all_of_the_house_use_it() -> None:
    """A class that is made by the standard library costs each start half a millisecond."""
    theirs = re.compile(r"^from dataclasses import .*\bdataclass\b|@dataclasses\.dataclass", re.MULTILINE)
    files = [file for file in HOUSE.rglob("*.py") if file != Path(ours.__file__)]
    found = [str(file.relative_to(HOUSE)) for file in files if theirs.search(file.read_text())]
    assert found == [], "import it from monitor.model.dataclass"
