"""Values that only Alertmanager's file has: mail servers, addresses of its receivers, templates that are addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from monitor.alerts.templating.functions import FUNCTION_NAMES
from monitor.config.golang.kinds import COVERED, Kind, Reading, Text, misfit, url_mistake
from monitor.config.golang.structs import ListOf, MapOf, Rule, Struct, Values
from monitor.config.yamltree import Path, Scalar, Tree, natural
from monitor.gotemplate.template import TemplateSet
from monitor.model.errors import TemplateError
from monitor.model.labels import quote
from monitor.net.url import redacted_address

_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(//)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template(Text):
    """A text/template, rendered for each notification."""

    word: ClassVar[str] = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressTemplate(Template):
    """A template that gives an address, whose query may say who one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatedTemplate(Text):
    """A template, or a mapping of `template` and `enable_update`."""

    word: ClassVar[str] = "template"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, dict):
            return UPDATED.read(tree, path, reading)
        return Text.read(self, tree, path, reading)

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "object"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebUrl(Text):
    """An address of http or https."""

    secret: bool = False
    word: ClassVar[str] = "URL"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        text = Text.read(self, tree, path, reading)
        if not isinstance(text, str) or (isinstance(tree, Scalar) and tree.is_null):
            return self.default
        if self.secret and text == COVERED:
            return text
        if wrong := address_mistake(text, secret=self.secret):
            reading.refuse(path, wrong, "write http://host:port/path")
            return self.default
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateUrl(Text):
    """An address that may be a template, and is a secret."""

    word: ClassVar[str] = "URL or template"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        text = Text.read(self, tree, path, reading)
        if not isinstance(text, str) or text in ("", COVERED):
            return text
        if "{{" in text:
            wrong = template_mistake(text)
            if wrong:
                reading.refuse(path, f"invalid template syntax: {wrong}", "mend the template, or write a plain URL")
        elif wrong := address_mistake(text, secret=True):
            reading.refuse(path, f"invalid URL: {wrong}", "write http://host:port/path")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartHost(Text):
    """A mail server as host:port."""

    word: ClassVar[str] = "host:port"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        text = Text.read(self, tree, path, reading)
        if not isinstance(text, str) or not text:
            return text
        try:
            split_host_port(text)
        except ValueError as error:
            reading.refuse(path, str(error), "write the mail server as host:port")
            return ""
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionalFlag(Kind):
    """True, false, or not said."""

    word: ClassVar[str] = "true or false"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        if isinstance(tree, Scalar) and not tree.quoted:
            if tree.is_null:
                return None
            if tree.text.lower() in ("true", "yes", "on", "y", "false", "no", "off", "n"):
                return tree.text.lower() in ("true", "yes", "on", "y")
        return misfit(tree, path, "bool", reading, "true or false is wanted here", None)

    def schema(self) -> dict[str, object]:
        return {"type": ["boolean", "null"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Free(Kind):
    """Any document; its texts are templates."""

    parsed: bool = False
    """A text that stands for itself may render to something else than a text."""
    word: ClassVar[str] = "document"

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        return natural(tree)


UPDATED = Struct(
    go="jira.JiraFieldConfig",
    keys={"template": Template(), "enable_update": OptionalFlag(about="Change it when the alerts change.")},
)


def split_host_port(text: str) -> tuple[str, str]:
    """Go's net.SplitHostPort as the mail server's type uses it. Raises ValueError in its words."""
    shown = redacted_address(text)
    if text.startswith("["):
        end = text.find("]")
        if end < 0:
            raise ValueError(f"address {shown}: missing ']' in address")
        host, rest = text[1:end], text[end + 1 :]
        if not rest.startswith(":"):
            raise ValueError(f"address {shown}: missing port in address")
        port = rest[1:]
    else:
        host, colon, port = text.rpartition(":")
        if not colon:
            raise ValueError(f"address {shown}: missing port in address")
        if ":" in host:
            raise ValueError(f"address {shown}: too many colons in address")
    if not port:
        raise ValueError(f"address {shown}: port cannot be empty")
    return host, port


def address_mistake(text: str, *, secret: bool = False) -> str:
    """What Alertmanager says of an address that it cannot post to; empty if it can. `secret`: nothing of the address is
    said but its scheme."""
    wrong = url_mistake(text, secret=secret)
    if wrong:
        return wrong
    scheme, colon, rest = text.partition("://")
    if not colon or scheme.lower() not in ("http", "https"):
        found = _SCHEME.match(text)
        shown = found[1].lower() if found else ""
        if secret and found and not found[2]:
            shown = COVERED  # a token may stand there: `abc:def`
        return f"unsupported scheme {quote(shown)} for URL"
    if not rest.partition("/")[0].partition("?")[0]:
        return "missing host for URL"
    return ""


def template_mistake(text: str) -> str:
    """Why this is no template; empty if it is one."""
    try:
        TemplateSet.allowing(FUNCTION_NAMES).parse("", text)
    except TemplateError as error:
        return str(error)
    return ""


def template_of(name: str) -> Template:
    """A template that is the named one unless the configuration says otherwise."""
    return Template(default=f'{{{{ template "{name}" . }}}}')


def texts() -> ListOf:
    return ListOf()


def templates_by_name() -> MapOf:
    """A mapping of the user's own keys to templates."""
    return MapOf(item=Template())


def struct(package: str, keys: Mapping[str, Kind], *rules: Rule, go: str = "") -> Struct:
    """A structure of the Go package that Alertmanager keeps it in."""
    return Struct(inside=package, keys=keys, rules=rules, go=go)


def exclusive(*keys: str) -> Rule:
    """At most one of two keys, in Alertmanager's words."""
    text = f"at most one of {' & '.join(keys)} must be configured"

    def rule(values: Values, reading: Reading) -> None:
        held = values.set(*keys)
        if len(held) > 1:
            reading.refuse(values.at(held[1]), text, f"keep one of {', '.join(held)}")

    return rule


def one_of(text: str, *keys: str) -> Rule:
    """At least one of the keys holds something."""

    def rule(values: Values, reading: Reading) -> None:
        if not values.set(*keys):
            reading.refuse(values.path, text, f"set {' or '.join(keys)}")

    return rule
