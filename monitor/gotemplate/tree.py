"""The tree of a parsed template. `str(node)` is the source of the node, as error texts show it; `at` is its place in the
text, in characters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from monitor.model.labels import quote


@dataclass(frozen=True, slots=True)
class Text:
    at: int
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Dot:
    at: int

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Nil:
    at: int

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, number or truth value."""

    at: int
    value: str | int | float | bool
    source: str
    ideal: bool = False
    """A whole number without point or exponent may become an int or a float, as the parameter wants."""

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b`"""

    at: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.a.b`; the name with its dollar."""

    at: int
    name: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.names))


@dataclass(frozen=True, slots=True)
class Identifier:
    """A function's name."""

    at: int
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Chain:
    """Fields of something that is neither field nor variable: `(pipeline).a.b`."""

    at: int
    base: Operand
    names: tuple[str, ...]

    def __str__(self) -> str:
        base = f"({self.base})" if isinstance(self.base, Pipe) else str(self.base)
        return base + "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True)
class Command:
    at: int
    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        return " ".join(f"({operand})" if isinstance(operand, Pipe) else str(operand) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Pipe:
    at: int
    declared: tuple[Variable, ...]
    assigns: bool
    """The variables exist already: `=`, not `:=`."""
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        head = ""
        if self.declared:
            head = ", ".join(map(str, self.declared)) + (" = " if self.assigns else " := ")
        return head + " | ".join(map(str, self.commands))


@dataclass(frozen=True, slots=True)
class Action:
    at: int
    pipe: Pipe
    escape: Callable[[object], str] | None = None
    """What makes text of the value; None prints it as Go does."""

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(frozen=True, slots=True)
class Block:
    """A list of nodes."""

    at: int
    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))


@dataclass(frozen=True, slots=True)
class If:
    at: int
    pipe: Pipe
    body: Block
    otherwise: Block | None
    word: str = field(default="if", init=False)

    def __str__(self) -> str:
        return _control(self)


@dataclass(frozen=True, slots=True)
class With:
    at: int
    pipe: Pipe
    body: Block
    otherwise: Block | None
    word: str = field(default="with", init=False)

    def __str__(self) -> str:
        return _control(self)


@dataclass(frozen=True, slots=True)
class Range:
    at: int
    pipe: Pipe
    body: Block
    otherwise: Block | None
    word: str = field(default="range", init=False)

    def __str__(self) -> str:
        return _control(self)


@dataclass(frozen=True, slots=True)
class Break:
    at: int

    def __str__(self) -> str:
        return "{{break}}"


@dataclass(frozen=True, slots=True)
class Continue:
    at: int

    def __str__(self) -> str:
        return "{{continue}}"


@dataclass(frozen=True, slots=True)
class Invoke:
    """`{{template "name" pipeline}}`"""

    at: int
    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        return f"{{{{template {quote(self.name)}{f' {self.pipe}' if self.pipe else ''}}}}}"


Operand: TypeAlias = Dot | Nil | Constant | Field | Variable | Identifier | Chain | Pipe
Node: TypeAlias = Text | Action | If | With | Range | Break | Continue | Invoke | Block
AnyNode: TypeAlias = Node | Operand | Command


@dataclass(frozen=True, slots=True)
class Definition:
    """One named template."""

    name: str
    file: str
    """The name under which its text was parsed; stands in error places."""
    text: str
    """The whole text that it was part of, for lines and columns."""
    root: Block

    @property
    def empty(self) -> bool:
        """Nothing but white space: such a definition never replaces another."""
        return all(isinstance(node, Text) and not node.text.strip() for node in self.root.nodes)

    def place(self, at: int) -> str:
        """`file:line:column`, columns in bytes from 0, as Go counts."""
        line, column = self.position(at)
        return f"{self.file}:{line}:{column}"

    def position(self, at: int) -> tuple[int, int]:
        """Line and column of a place in the text, counted like that."""
        before = self.text[:at]
        return before.count("\n") + 1, len(before[before.rfind("\n") + 1 :].encode())


def _control(node: If | With | Range) -> str:
    otherwise = f"{{{{else}}}}{node.otherwise}" if node.otherwise else ""
    return f"{{{{{node.word} {node.pipe}}}}}{node.body}{otherwise}{{{{end}}}}"
