"""What a key holds: kinds of values, read as go-yaml reads them into the fields of structures.

Two sorts of mistakes exist there. A value of the wrong shape is a *misfit*: go-yaml notes it and reads on. One that a type
itself *refuses* (a duration, a URL, a regular expression) ends the reading. We go on in both cases, and keep each text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from monitor.config.findings import Findings
from monitor.config.showing import is_secret_place
from monitor.config.yamltree import Document, Path, Scalar, Tree, shape
from monitor.matching.regex import Regex
from monitor.model.labels import quote
from monitor.model.times import format_duration, parse_duration

COVERED: Final = "<secret>"
"""What stands in place of a secret."""
_TRUE: Final = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})
_FALSE: Final = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})
_SIZE: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^0-9.]*)")
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]+@")
_PORT: Final = re.compile(r"(?:\[[^\]]*\]|[^:]*):(.*)")


class Reading:
    """One document being read: where findings go, and how names of files become whole."""

    __slots__ = ("_prefix", "document", "findings", "locate")

    def __init__(
        self, document: Document, findings: Findings, locate: Callable[[str], str], *, inside: str = ""
    ) -> None:
        """`inside`: the name of a file that another one includes, with which its mistakes begin."""
        self.document = document
        self.findings = findings
        self.locate = locate
        self._prefix = f"{quote(inside)}: " if inside else ""

    @property
    def mistakes(self) -> int:
        return len(self.findings.errors)

    def misfit(self, path: Path, text: str, problem: str, remedy: str = "") -> None:
        """What go-yaml would note of this place."""
        original = f"{self._prefix}yaml: unmarshal errors:\n  line {self.document.line(path)}: {text}"
        self.findings.wrong(self.document, path, problem, remedy, original=original)

    def refuse(self, path: Path, text: str, remedy: str = "", *, problem: str = "") -> None:
        """What Prometheus refuses, in its words; `problem` where ours say it better."""
        self.findings.wrong(self.document, path, problem or text, remedy, original=self._prefix + text)

    def doubt(self, path: Path, problem: str, remedy: str = "") -> None:
        self.findings.doubt(self.document, path, problem, remedy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a key holds. `read` returns the value, or the default after telling what is wrong."""

    about: str = ""
    """A sentence for the reference."""
    served: bool = True
    """False: known, checked, and without effect."""
    go: str = ""
    """The Go type, as its messages name it."""
    word: ClassVar[str] = "anything"

    @property
    def empty(self) -> object:
        """The value of a key that is not given."""
        return None

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        raise NotImplementedError  # each kind reads in its own way; this one only stands for all

    def shown_default(self) -> str:
        """For the reference, as it would be written."""
        return ""

    def schema(self) -> dict[str, object]:
        """JSON Schema of the value, for editors."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Kind):
    """Any scalar, as written."""

    default: str = ""
    allowed: tuple[str, ...] = ()
    """For the reference and for editors; the rules of a structure refuse others in Prometheus's words."""
    word: ClassVar[str] = "text"

    @property
    def empty(self) -> object:
        return self.default

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar):
            return "" if tree.is_null else tree.text
        return misfit(tree, path, self.go or "string", reading, "a text is wanted here", self.default)

    def shown_default(self) -> str:
        return self.default

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Text):
    """A text that is never shown."""

    go: str = "config.plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Text):
    """A file's name, relative to the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Url(Text):
    """A URL as Go parses it."""

    word: ClassVar[str] = "URL"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar) and tree.is_null:
            return self.default
        text = Text.read(self, tree, path, reading)
        wrong = url_mistake(text) if isinstance(text, str) else ""
        if wrong:
            reading.refuse(path, wrong, "write http://host:port/path")
            return self.default
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Kind):
    """A whole number."""

    default: int = 0
    unsigned: bool = False
    word: ClassVar[str] = "whole number"

    @property
    def empty(self) -> object:
        return self.default

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        go = self.go or ("uint" if self.unsigned else "int")
        if isinstance(tree, Scalar):
            found = tree.natural()
            if found is None:
                return self.default
            if isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found):
                whole = int(found)
                if whole >= (0 if self.unsigned else -(1 << 63)) and whole < 1 << (64 if self.unsigned else 63):
                    return whole
        return misfit(tree, path, go, reading, "a whole number is wanted here", self.default)

    def shown_default(self) -> str:
        return str(self.default) if self.default else ""

    def schema(self) -> dict[str, object]:
        return {"type": "integer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Real(Kind):
    """A number."""

    default: float = 0.0
    word: ClassVar[str] = "number"

    @property
    def empty(self) -> object:
        return self.default

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar):
            found = tree.natural()
            if found is None:
                return self.default
            if isinstance(found, int | float) and not isinstance(found, bool):
                return float(found)
        return misfit(tree, path, self.go or "float64", reading, "a number is wanted here", self.default)

    def schema(self) -> dict[str, object]:
        return {"type": "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Kind):
    """True or false."""

    default: bool = False
    word: ClassVar[str] = "true or false"

    @property
    def empty(self) -> object:
        return self.default

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar) and not tree.quoted:
            if tree.is_null:
                return self.default
            if tree.text in _TRUE or tree.text in _FALSE:
                return tree.text in _TRUE
        return misfit(tree, path, self.go or "bool", reading, "true or false is wanted here", self.default)

    def shown_default(self) -> str:
        return "true" if self.default else "false"

    def schema(self) -> dict[str, object]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(Kind):
    """A duration; milliseconds inside."""

    default: int = 0
    word: ClassVar[str] = "duration"

    @property
    def empty(self) -> object:
        return self.default

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if not isinstance(tree, Scalar):
            return misfit(tree, path, "string", reading, "a duration is wanted here, such as 30s", self.default)
        if tree.is_null:
            return self.default
        try:
            return parse_duration(tree.text)
        except ValueError as error:
            example = f"{tree.text}s" if tree.text.isdecimal() else "30s or 1h30m"
            reading.refuse(path, str(error), f"write a number with its unit, such as {example}")
            return self.default

    def shown_default(self) -> str:
        return format_duration(self.default) if self.default else ""

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$|^0$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size(Kind):
    """A number of bytes as `10MB` or `10MiB`, in powers of 1024; bytes inside."""

    default: int = 0
    word: ClassVar[str] = "size"

    @property
    def empty(self) -> object:
        return self.default

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if not isinstance(tree, Scalar):
            return misfit(tree, path, "units.Base2Bytes", reading, "a size is wanted here, such as 10MB", self.default)
        if tree.is_null:
            return self.default
        try:
            return parse_size(tree.text)
        except ValueError as error:
            example = f"{tree.text}B" if tree.text.isdecimal() else "10MB"
            reading.refuse(path, str(error), f"write a number with its unit, such as {example}")
            return self.default

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "integer"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression(Text):
    """A regular expression of RE2, anchored at both ends."""

    word: ClassVar[str] = "regular expression"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar) and tree.is_null:
            return self.default
        text = Text.read(self, tree, path, reading)
        try:
            Regex(str(text))
        except ValueError as error:
            reading.refuse(path, str(error), "write a regular expression of RE2")
            return self.default
        return text


def misfit(tree: Tree, path: Path, go: str, reading: Reading, problem: str, default: object) -> object:
    """Tell that the value has another shape than `go`, and go on with the default."""
    cover = COVERED if is_secret_place(path) else ""
    reading.misfit(path, f"cannot unmarshal {shape(tree, cover=cover)} into {go}", problem)
    return default


def parse_size(text: str) -> int:
    """Bytes. Raises ValueError in the words of Prometheus's units."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    total, place = 0.0, 0
    while place < len(rest):
        match = _SIZE.match(rest, place)
        if match is None:
            break
        number, unit = match.groups()
        power = _POWERS.get(unit.removesuffix("iB") if unit.endswith("iB") else unit.removesuffix("B"))
        if power is None or not unit.endswith("B"):
            raise ValueError(f"units: unknown unit {unit} in {text}")
        total += float(number) * 1024**power
        place = match.end()
    if not rest or place < len(rest):
        raise ValueError(f"units: invalid {text}")
    return sign * int(total)


def url_mistake(text: str, *, secret: bool = False) -> str:
    """What Go's url.Parse says of a text that is no URL, without its password; empty if it is one. `secret`: without the
    address, and without the port, for which it may take a part of a password."""
    rest = text.partition("#")[0]
    wrong = ""
    if any(char < " " or char == "\x7f" for char in text):
        wrong = "net/url: invalid control character in URL"
    elif rest.startswith(":"):
        wrong = "missing protocol scheme"
    else:
        scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", rest)
        after = rest[scheme.end() :] if scheme else rest
        if not scheme and ":" in rest.partition("/")[0]:
            wrong = "first path segment in URL cannot contain colon"
        elif after.startswith("//"):
            host = re.split(r"[/?]", after[2:], maxsplit=1)[0].rpartition("@")[2]
            port = _PORT.fullmatch(host)
            if port and port[1] and not port[1].isdecimal():
                wrong = f"invalid port {COVERED if secret else quote(':' + port[1])} after host"
            elif " " in host:
                wrong = 'invalid character " " in host name'
        escape = re.search(r"%(?![0-9a-fA-F]{2}).{0,2}", after.partition("?")[0])
        if not wrong and escape:
            wrong = f"invalid URL escape {quote(escape[0])}"
    shown = COVERED if secret else _PASSWORD.sub(f"{COVERED}@", text)
    return f"parse {quote(shown)}: {wrong}" if wrong else ""
