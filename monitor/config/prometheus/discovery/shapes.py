"""What the structures of discovery have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.config.golang.http_client import HTTP_CLIENT, valid_client
from monitor.config.golang.kinds import Kind, Reading, Span, Text, Whole, url_mistake
from monitor.config.golang.structs import ListOf, Rule, Struct, Values
from monitor.model.labels import quote
from monitor.model.times import SECOND


def plain(inside: str, keys: Mapping[str, Kind], *rules: Rule) -> Struct:
    """A structure of the Go package `inside`."""
    return Struct(inside=inside, keys=keys, rules=rules)


def asking(inside: str, keys: Mapping[str, Kind], *rules: Rule) -> Struct:
    """One that asks over HTTP."""
    return Struct(inside=inside, keys={**keys, **HTTP_CLIENT}, rules=(*rules, valid_client))


def every(seconds: int) -> Span:
    """How often is looked, by default."""
    return Span(default=seconds * SECOND, about="How often it is asked.")


def filters(inside: str, name: str) -> ListOf:
    """A list of filters with values."""
    return ListOf(item=Struct(go=f"{inside}.{name}", keys={"name": Text(), "values": ListOf()}))


PORT: Final = Whole(default=80, about="Of targets that bring none.")


def role(words: tuple[str, ...], missing: str, unknown: str = "unknown role {0}") -> Rule:
    """`role` is one of these words. In `unknown`, {0} is what it is, as Go quotes it."""

    def rule(values: Values, reading: Reading) -> None:
        word = values.text("role")
        if not word:
            reading.refuse(values.at("role"), missing, "set role")
        elif word not in words:
            reading.refuse(values.at("role"), unknown.format(quote(word)), f"one of: {', '.join(words)}")

    return rule


def web_address(key: str, missing: str) -> Rule:
    """The key is a URL of http or https, with a host."""

    def rule(values: Values, reading: Reading) -> None:
        text = values.text(key)
        wrong = url_mistake(text)
        scheme, colon, rest = text.partition("://")
        if not text:
            reading.refuse(values.at(key), missing, f"set {key}")
        elif wrong:
            reading.refuse(values.at(key), wrong, "write http://host/path")
        elif not colon or scheme.lower() not in ("http", "https"):
            reading.refuse(values.at(key), "URL scheme must be 'http' or 'https'", "write http://host/path")
        elif not rest.partition("/")[0]:
            reading.refuse(values.at(key), "host is missing in URL", "write http://host/path")

    return rule


def one_secret_key(values: Values, reading: Reading) -> None:
    """As Scaleway and Outscale want it."""
    given = values.set("secret_key", "secret_key_file")
    if not given:
        text = "one of secret_key & secret_key_file must be configured"
        reading.refuse(values.at("secret_key"), text, "set secret_key_file")
    elif len(given) > 1:
        text = "at most one of secret_key & secret_key_file must be configured"
        reading.refuse(values.at("secret_key"), text, "keep one of the two")
