"""What a message about a mistake must not tell: names that may be secrets, and passwords in addresses.

Messages name the place of a mistake by its keys, and keys are no secrets, with one exception: below `web.tokens` somebody may
have put the token itself where the token's name belongs. A name is told there only of an entry that has its token elsewhere,
and a key within an entry only if it is known, or like one that is. Line and column tell the place in any case.
"""

from __future__ import annotations

import difflib
from typing import Final

from monitor.config.showing import HIDDEN, is_secret_key
from monitor.config.yamltree import Path, Tree
from monitor.model.labels import quote
from monitor.net.url import redacted

_TOKENS: Final = ("web", "tokens")
_HOLDERS: Final = frozenset({"token", "token_file"})
_KEYS: Final = (*sorted(_HOLDERS), "person", "role")


def covered_place(path: Path, tree: Tree) -> Path:
    """The place as it may be told. `tree`: the document that it is in."""
    if path[:2] != _TOKENS or len(path) == 2:
        return path
    name, *inside = path[2:]
    tokens = _below(_below(tree, "web"), "tokens")
    entry = _below(tokens, name)
    known = isinstance(entry, dict) and not _HOLDERS.isdisjoint(entry)
    rest = [key if isinstance(key, int) or difflib.get_close_matches(key, _KEYS) else HIDDEN for key in inside]
    return (*_TOKENS, name if known else HIDDEN, *rest)


def covered_text(text: str, path: Path, shown: Path) -> str:
    """What is said of a place, without what the place may not tell either, and without passwords in addresses."""
    for part, told in zip(path, shown, strict=True):
        if part != told:
            text = _without_name(text, str(part))
    return redacted(text) if "@" in text else text


def _without_name(text: str, name: str) -> str:
    """Names are quoted where they are told, or stand as go-yaml's fields: the same letters within a word are none."""
    if not name:
        return text
    for shown in {f'"{name}"', quote(name), f"'{name}'", f"`{name}`"}:
        text = text.replace(shown, shown[0] + HIDDEN + shown[-1])
    return text.replace(f"field {name} not found", f"field {HIDDEN} not found")


def may_name_variable(path: Path, text: str, name: str) -> bool:
    """May a message name the variable that a text refers to? Within a secret it may be a part of the secret that only looks
    like a reference."""
    alone = text.strip() == f"${{{name}}}" or text.strip().startswith(f"${{{name}:-")
    secret = any(isinstance(part, str) and is_secret_key(part) for part in path) or "@" in text
    return alone or (name.isupper() and not secret)


def _below(tree: Tree | None, key: str | int) -> Tree | None:
    return tree.get(key) if isinstance(tree, dict) and isinstance(key, str) else None
