"""HTML that cannot be wrong: everything is escaped unless it was made here.

`tag("td", text, class_="num")` escapes `text`; what is already `Html` goes in as it is. Absent children and attributes are
None or empty.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final, TypeAlias
from urllib.parse import urlsplit

_VOID: Final = frozenset({"meta", "link", "input", "br"})


class Html(str):
    """Text that is markup."""

    __slots__ = ()


Child: TypeAlias = "str | int | Html | Iterable[Child] | None"


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """One element. `class_` is class, `data_x` is data-x; True is an attribute without a value, None none."""
    opening = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{opening}>")
    return Html(f"<{name}{opening}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Everything one after the other, escaped where it is not markup yet."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, (str, int)):
            parts.append(html.escape(str(child)))
        else:
            parts.append(join(child))
    return Html("".join(parts))


def web_link(text: str, url: str) -> Html:
    """A link, if the address is one of the web; else the text alone. Addresses come from annotations: anybody's."""
    try:
        sound = urlsplit(url).scheme in ("http", "https")
    except ValueError:
        sound = False
    return tag("a", text, href=url, rel="noreferrer noopener") if sound else join([text])


def _attribute(key: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
