"""Collecting mistakes: all of a load are reported together, each with its place and its remedy."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from monitor.config.covering import covered_place, covered_text
from monitor.config.fields import GoSection, MisfitError
from monitor.config.pruning import Pruning, is_echo
from monitor.config.showing import HIDDEN, is_secret_place
from monitor.config.yamltree import Document, Path, Scalar, Tree, defined_already, path_text, shape
from monitor.model.errors import ConfigError, Finding

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


_PLAIN: Final[Mapping[str, Callable[[Mapping[str, Any]], tuple[str, str]]]] = {
    "greater_than_equal": lambda given: (f"is less than {given['ge']}", f"write {given['ge']} or more"),
    "less_than_equal": lambda given: (f"is more than {given['le']}", f"write {given['le']} or less"),
    "literal_error": lambda given: ("is none of the words that are known here", f"write {given['expected']}"),
    "string_too_short": lambda given: ("is empty", "fill it"),
    "too_short": lambda given: ("is empty", f"give at least {given['min_length']}"),
}
"""Pydantic's kinds of mistakes in our words, with what would be right."""


class Findings:
    """Mistakes and doubts of one load, over all its files."""

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self._explained: dict[tuple[str, int, int, str], Finding] = {}
        self._taken_out: dict[str, set[Path]] = {}
        self._listed: set[Path] = set()
        """Mappings whose keys were named already."""

    def __repr__(self) -> str:
        return f"Findings({len(self.errors)} errors, {len(self.all) - len(self.errors)} warnings)"

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.all if not finding.warning]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for finding in self.all if finding.warning]

    def wrong(self, document: Document, path: Path, problem: str, remedy: str = "", *, original: str = "") -> None:
        """A mistake at this place."""
        self._tell(document, path, problem, remedy, original=original)

    def doubt(self, document: Document, path: Path, problem: str, remedy: str = "") -> None:
        """Something that works otherwise than the writer may think."""
        self._tell(document, path, problem, remedy, warning=True)

    def without_repeats(self, document: Document) -> Document:
        """The document, its repeated keys told of; the first of each counts."""
        for path, (line, column) in document.again:
            problem = defined_already(line, str(path[-1]))
            self._add(document, path, (line, column), problem, "keep one of them", original=problem)
        return replace(document, repeated={}, again=())

    def explained(self) -> None:
        """What was found last explains whatever else is said of its place; nothing more is told of that."""
        finding = self.all[-1]
        self._explained.setdefault(_place_of(finding), finding)

    def has_mistakes(self, document: Document, path: Path) -> bool:
        """Is something wrong at this place or below it?"""
        whole = path_text(path)
        return any(
            one.file == document.file
            and one.path.startswith(whole)
            and one.path[len(whole) : len(whole) + 1] in ("", ".", "[")
            for one in self.errors
        )

    def include(self, error: ConfigError) -> None:
        self.all.extend(error.findings)

    def attempt(self, document: Document, path: Path, make: Callable[[], T]) -> T | None:
        """What `make` returns; a ValueError becomes a finding at this place."""
        try:
            return make()
        except ValueError as error:
            self.wrong(document, path, str(error))
            return None

    def validate(self, model: type[M], document: Document, tree: Tree, path: Path = ()) -> M | None:
        """The tree as `model`; its mistakes become findings."""
        try:
            return model.model_validate(_source(tree))
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._detail(model, document, path, detail)
            return None

    def salvage(self, model: type[M], document: Document, tree: Tree, path: Path = ()) -> tuple[M | None, Tree]:
        """The same, but reading on past mistakes: what is wrong is told and taken out, and what is left is returned, as
        `model` and as a tree. Whatever is said later of the places that were taken out is not told: it would only be an
        echo. None: there is nothing left."""
        pruning = Pruning(_source(tree))
        while pruning.tree is not None:
            try:
                return model.model_validate(pruning.tree), pruning.tree
            except ValidationError as error:
                details = error.errors(include_url=False)
            places = [_location(detail) for detail in details]
            for detail, place in zip(details, places, strict=True):
                if not pruning.concerns(place):
                    self._detail(model, document, path, detail)
            before = pruning.tree
            for detail, place in zip(details, places, strict=True):
                pruning.take_out(place, missing=detail["type"] == "missing")
            if pruning.tree is before:
                break
            self._taken_out.setdefault(document.file, set()).update((*path, *place) for place in pruning.places)
        return None, {}

    def error(self) -> ConfigError:
        """Everything that is to be told, as an error."""
        told = self._explained
        return ConfigError([one for one in self.all if told.get(_place_of(one), one) is one])

    def _tell(
        self, document: Document, path: Path, problem: str, remedy: str, *, original: str = "", warning: bool = False
    ) -> None:
        if is_echo(path, self._taken_out.get(document.file, ())):
            return
        self._add(document, path, document.place(path), problem, remedy, original=original, warning=warning)

    def _add(
        self,
        document: Document,
        path: Path,
        place: tuple[int, int],
        problem: str,
        remedy: str,
        *,
        original: str,
        warning: bool = False,
    ) -> None:
        line, column = place
        shown = covered_place(path, document.tree)
        self.all.append(
            Finding(
                file=document.file,
                line=line,
                column=column,
                path=path_text(shown),
                problem=covered_text(problem, path, shown),
                remedy=covered_text(remedy, path, shown),
                original=covered_text(original, path, shown),
                warning=warning,
            )
        )

    def _known_keys(self, key: str, known: Sequence[str], mapping: Path) -> str:
        """The remedy for a key that nobody knows; all keys of a mapping are named once."""
        nearest = _nearest(key, known)
        if mapping in self._listed or not known:
            return nearest.rstrip() or "remove it"
        self._listed.add(mapping)
        return f"{nearest}known keys: {', '.join(known)}"

    def _detail(self, model: type[BaseModel], document: Document, base: Path, detail: Any) -> None:
        location = base + _location(detail)
        kind: str = detail["type"]
        key = str(location[-1]) if location else ""
        original = _gos_words(model, document, location, detail)
        if kind == "missing":
            self.wrong(document, location, "is missing", "this key is required")
        elif kind == "extra_forbidden":
            known = _keys_at(model, detail["loc"])
            self.wrong(
                document,
                location,
                f'"{key}" is not a known key here',
                self._known_keys(key, known, (document.file, *location[:-1])),
                original=original or f"field {key} not found",
            )
        elif kind in ("list_type", "tuple_type"):
            remedy = "write `- item` lines below it, or [a, b]"
            self.wrong(document, location, "is not a list", remedy, original=original)
        elif kind in ("model_type", "dict_type"):
            remedy = "write `key: value` lines below it"
            self.wrong(document, location, "is not a mapping", remedy, original=original)
        elif kind in _PLAIN:
            problem, remedy = _PLAIN[kind](detail.get("ctx", {}))
            self.wrong(document, location, problem, remedy, original=str(detail["msg"]))
        else:
            message = str(detail["msg"]).removeprefix("Value error, ")
            problem, _, remedy = message.partition(": ") if kind == "value_error" else (message, "", "")
            error = detail.get("ctx", {}).get("error")
            if isinstance(error, MisfitError):
                problem, remedy = message, error.remedy
            self.wrong(document, location, problem, remedy, original=original or message)


def _gos_words(model: type[BaseModel], document: Document, location: Path, detail: Any) -> str:
    """What go-yaml says of a misfit in a section that Alertmanager reads too; empty where it says nothing of that sort."""
    kind: str = detail["type"]
    places: tuple[str | int, ...] = detail["loc"]
    if kind == "extra_forbidden":
        owner, _, section = _walked(model, places[:-1])
        if not (isinstance(section, type) and issubclass(section, GoSection)):
            return ""
        text = f"field {location[-1]} not found in type {section.go_type}"
    else:
        owner, key, section = _walked(model, places)
        value = _value_at(document.tree, location)
        if owner is None or value is None or isinstance(detail.get("ctx", {}).get("error"), MisfitError):
            return ""
        if kind == "model_type":
            wanted = section.go_type if isinstance(section, type) and issubclass(section, GoSection) else ""
        elif kind == "value_error":
            wanted = "string" if isinstance(value, list | dict) else ""
            wanted = "bool" if "true or false" in str(detail["msg"]) else wanted
        else:
            wanted = owner.go_types.get(key, "")
        if not wanted:
            return ""
        cover = HIDDEN if is_secret_place(location) else ""
        text = f"cannot unmarshal {shape(value, cover=cover)} into {wanted}"
    return f"yaml: unmarshal errors:\n  line {document.line(location)}: {text}"


def _walked(model: type[BaseModel], places: Sequence[str | int]) -> tuple[type[GoSection] | None, str, Any]:
    """The innermost section that Alertmanager reads too on the way to this place, its key there, and what stands at the
    place itself."""
    current: Any = model
    owner: type[GoSection] | None = None
    key = ""
    for part in places:
        section = _section(current)
        if section is None or not isinstance(part, str):
            continue
        by_name = {field.alias or name: field for name, field in section.model_fields.items()}
        if part in by_name:
            owner, key = (section, part) if issubclass(section, GoSection) else (None, "")
            current = _section_in(by_name[part].annotation)
    return owner, key, current


def _section(found: Any) -> type[BaseModel] | None:
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _value_at(tree: Tree, path: Path) -> Tree | None:
    found: Tree | None = tree
    for part in path:
        match found, part:
            case dict(), str():
                found = found.get(part)
            case list(), int():
                found = found[part] if part < len(found) else None
            case _:
                return None
    return found


def _place_of(finding: Finding) -> tuple[str, int, int, str]:
    return finding.file, finding.line, finding.column, finding.path


def _source(tree: Tree) -> Tree:
    """A mapping with nothing in it is written as nothing."""
    return {} if isinstance(tree, Scalar) and tree.is_null else tree


def _location(detail: Any) -> Path:
    return tuple(part for part in detail["loc"] if not _is_branch_name(part))


def _is_branch_name(part: object) -> bool:
    """Pydantic names the branch of a union in its locations; users never wrote that."""
    return isinstance(part, str) and ("[" in part or part.endswith("Section"))


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    current: Any = model
    for part in location[:-1]:
        if isinstance(part, str) and isinstance(current, type) and issubclass(current, BaseModel):
            by_name = {field.alias or name: field for name, field in current.model_fields.items()}
            if part in by_name:
                current = _section_in(by_name[part].annotation)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return sorted(field.alias or name for name, field in current.model_fields.items())
    return []


def _section_in(annotation: Any) -> Any:
    """The model inside `list[X]`, `dict[str, X]`, `X | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        found = _section_in(argument)
        if found is not None:
            return found
    return None


def _nearest(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f'did you mean "{close[0]}"? ' if close else ""
