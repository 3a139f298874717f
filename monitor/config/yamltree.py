"""YAML with places: values that remember their line, and scalars that remember their text.

Users' files were written for go-yaml, so its rules hold: a scalar means what the field that takes it wants (`17:00` and
`1.10` stay texts where a text is wanted, `yes` is true only where a truth value is wanted). Equal keys in one mapping,
deep nesting and alias bombs are refused. PyYAML's C parser composes the nodes; its own scalar rules are not used.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml
from yaml.reader import ReaderError
from yaml.scanner import ScannerError

from monitor.config.places import WrittenAt
from monitor.model.errors import ConfigError, Finding

Path: TypeAlias = tuple[str | int, ...]

_MAX_DEPTH: Final = 64
_MAX_NODES: Final = 250_000
_MERGE: Final = "<<"
_BINARY: Final = "tag:yaml.org,2002:binary"

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_ALIAS: Final = re.compile(r"\*?([\w-]*)", re.ASCII)
_INTEGER: Final = re.compile(r"[-+]?(?:0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar as written; the field that takes it decides what it means."""

    text: str
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        return not self.quoted and self.text in _NULL

    def natural(self) -> str | int | float | bool | None:
        """What it means where nobody wants anything in particular."""
        text = self.text
        if self.quoted:
            return text
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INTEGER.fullmatch(text):
            return _integer(text)
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", ""))
        if _INFINITE.fullmatch(text):
            return float(text.lower().replace(".", ""))
        return text


Tree: TypeAlias = "dict[str, Tree] | list[Tree] | Scalar"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its tree, and the line and column (from 1) of each path."""

    file: str
    tree: Tree
    places: Mapping[Path, tuple[int, int]]
    repeated: Mapping[Path, tuple[str, ...]] = field(default_factory=dict[Path, tuple[str, ...]])
    """Keys that stand more than once in the mapping at this path; the first counts. Only when asked for."""
    again: tuple[tuple[Path, tuple[int, int]], ...] = ()
    """Each of those, and where it stands again."""

    def line(self, path: Path) -> int:
        """The line of this path, or of the nearest one above it that exists."""
        return self.place(path)[0]

    def place(self, path: Path) -> tuple[int, int]:
        """The same with its column."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def where(self, path: Path) -> WrittenAt:
        """The same for whoever has the document no more."""
        return WrittenAt(self.file, *self.place(path), path_text(path))


def read(text: str, file: str, *, repeats: bool = False) -> Document:
    """The first document of a YAML text; an empty text is an empty mapping. With `repeats` equal keys in one mapping are
    noted; otherwise they are refused. Raises ConfigError."""
    loader = yaml.CSafeLoader(text)
    try:
        if not loader.check_node():
            return Document(file, {}, {})
        node = loader.get_node()
    except yaml.MarkedYAMLError as error:
        line, column = _place(error.problem_mark) if error.problem_mark else (0, 0)
        what = error.problem or error.context or "cannot be read"
        raise _wrong(
            file, line, f"yaml: line {line}: {what}", column=column, original=_gos_text(error, what, text)
        ) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _wrong(file, line, f"yaml: line {line}: {error.reason}", original=f"yaml: {error.reason}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise _wrong(file, 0, f"yaml: {error}") from error
    finally:
        loader.dispose()
    builder = _Builder(file, repeats=repeats)
    tree: Tree = {} if node is None else builder.tree(node, (), 0)
    if isinstance(tree, Scalar) and tree.is_null:
        tree = {}
    return Document(file, tree, builder.places, builder.repeated, tuple(builder.again))


def defined_already(line: int, key: str) -> str:
    """What go-yaml says of a key that stands in a mapping again."""
    return f'yaml: line {line}: mapping key "{key}" already defined'


def natural(tree: Tree) -> object:
    """The tree with every scalar in its natural meaning."""
    if isinstance(tree, Scalar):
        return tree.natural()
    if isinstance(tree, list):
        return [natural(item) for item in tree]
    return {key: natural(value) for key, value in tree.items()}


def shape(tree: Tree, *, cover: str = "") -> str:
    """A value as go-yaml's messages show it. `cover`: what is shown in place of a scalar that may be a secret."""
    if isinstance(tree, list):
        return "!!seq"
    if isinstance(tree, dict):
        return "!!map"
    match tree.natural():
        case None:
            tag = "null"
        case bool():
            tag = "bool"
        case int():
            tag = "int"
        case float():
            tag = "float"
        case _:
            tag = "str"
    text = cover or (tree.text if len(tree.text) <= 10 else tree.text[:7] + "...")
    return f"!!{tag} `{text}`"


def path_text(path: Path) -> str:
    """`checks[0].url`."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else part
    return out


class _Builder:
    def __init__(self, file: str, *, repeats: bool) -> None:
        self._file = file
        self._repeats = repeats
        self._count = 0
        self.repeated: dict[Path, tuple[str, ...]] = {}
        self.again: list[tuple[Path, tuple[int, int]]] = []
        self.places: dict[Path, tuple[int, int]] = {}

    def tree(self, node: yaml.Node, path: Path, depth: int) -> Tree:
        self._count += 1
        line = node.start_mark.line + 1
        if depth > _MAX_DEPTH:
            raise _wrong(self._file, line, f"nested deeper than {_MAX_DEPTH} levels")
        if self._count > _MAX_NODES:
            raise _wrong(self._file, line, "document contains excessive aliasing")
        self.places.setdefault(path, _place(node.start_mark))
        if isinstance(node, yaml.ScalarNode):
            if node.tag == _BINARY:
                return Scalar(self._binary(node), quoted=True)
            return Scalar(node.value, quoted=bool(node.style))
        if isinstance(node, yaml.SequenceNode):
            return [self.tree(item, (*path, place), depth + 1) for place, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        raise _wrong(self._file, line, "a mapping, a list or a value is wanted here")

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Tree]:
        own: dict[str, Tree] = {}
        merged: dict[str, Tree] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(self._file, line, "a mapping key must be a plain text")
            name = self._binary(key) if key.tag == _BINARY else key.value
            if name == _MERGE and not key.style:
                for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    part = self.tree(source, path, depth + 1)
                    if not isinstance(part, dict):
                        raise _wrong(self._file, line, "map merge requires map or sequence of maps as the value")
                    merged = {**part, **merged}
                continue
            if name in own and self._repeats:
                self.repeated[path] = (*self.repeated.get(path, ()), name)
                self.again.append(((*path, name), _place(key.start_mark)))
                continue
            if name in own:
                raise _wrong(self._file, line, defined_already(line, name), column=key.start_mark.column + 1)
            self.places[*path, name] = _place(key.start_mark)
            own[name] = self.tree(value, (*path, name), depth + 1)
        return {**merged, **own}

    def _binary(self, node: yaml.ScalarNode) -> str:
        """Its bytes as a text; those that are no UTF-8 are kept as lone surrogates."""
        try:
            return base64.b64decode("".join(node.value.split()), validate=True).decode("utf-8", "surrogateescape")
        except ValueError:
            line = node.start_mark.line + 1
            raise _wrong(self._file, line, "yaml: !!binary value contains invalid base64 data") from None


def _integer(text: str) -> int | float | str:
    plain = text.replace("_", "")
    sign, digits = (plain[0], plain[1:]) if plain[0] in "+-" else ("", plain)
    base = {"0x": 16, "0o": 8, "0b": 2}.get(digits[:2].lower(), 10)
    # A leading zero means octal to go-yaml, as long as all digits are.
    if base == 10 and len(digits) > 1 and digits[0] == "0":
        if set(digits) - set("01234567"):
            return float(plain)
        base, digits = 8, digits[1:]
    whole = int(sign + (digits[2:] if base in (16, 2) or digits[:2] == "0o" else digits), base)
    if base == 10 and not -(1 << 63) <= whole < 1 << 64:
        return float(plain)
    return whole


def _place(mark: yaml.Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _gos_text(error: yaml.MarkedYAMLError, what: str, text: str) -> str:
    """What go-yaml says of it. It counts lines from 0, adds one to those of its scanner only, and says nothing of the first.
    Source: go-yaml v2, yaml.go (parser.fail) and decode.go."""
    mark = error.problem_mark
    if mark and what == "found undefined alias":
        name = _ALIAS.match(text, mark.index)
        return f"yaml: unknown anchor '{name[1] if name else ''}' referenced"
    line = mark.line if mark else 0
    if line:
        line += isinstance(error, ScannerError)
    elif error.context_mark:
        line = error.context_mark.line
    return f"yaml: line {line}: {what}" if line else f"yaml: {what}"


def _wrong(file: str, line: int, problem: str, *, column: int = 0, original: str = "") -> ConfigError:
    finding = Finding(file=file, line=line, column=column, path="", problem=problem, original=original or problem)
    return ConfigError([finding])
