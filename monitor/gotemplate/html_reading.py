"""Following a template's own text through a document: the place after it. Source: Go's html/template/transition.go.

Each reader takes a place and a text that begins there, and gives the next place with the number of characters up to it.
Values that actions give never move the place: they are escaped so that they cannot.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from monitor.gotemplate.html_places import (
    COMMENTS,
    SCRIPT_LITERALS,
    Attribute,
    Content,
    Element,
    Place,
    Quote,
    State,
    content_of,
)
from monitor.gotemplate.html_scripts import SCRIPT_READERS, is_script_type, url_place
from monitor.model.errors import TemplateError
from monitor.model.labels import quote

Reader: TypeAlias = Callable[[Place, str], tuple[Place, int]]

VALUE_STATES: Final = {
    Attribute.NONE: State.ATTRIBUTE,
    Attribute.SCRIPT: State.JS,
    Attribute.SCRIPT_TYPE: State.ATTRIBUTE,
    Attribute.STYLE: State.CSS,
    Attribute.URL: State.URL,
    Attribute.SRCSET: State.SRCSET,
    Attribute.META_CONTENT: State.META_CONTENT,
}
"""In which state an attribute's value begins."""
VALUE_ENDS: Final = {
    Quote.DOUBLE: re.compile('"'),
    Quote.SINGLE: re.compile("'"),
    Quote.SPACE: re.compile(r"[ \t\n\f\r>]"),
}


def read_on(place: Place, text: str) -> tuple[Place, int]:
    """The next place within or behind a text that is not empty, and how far away it is. Raises TemplateError, without a
    place, for markup that cannot be told."""
    if place.quote is Quote.NONE:
        after, size = _special_end(place, text)
        return (after, 0) if size == 0 else READERS[place.state](place, text[:size])
    end = VALUE_ENDS[place.quote].search(text)
    within = text if end is None else text[: end.start()]
    if place.quote is Quote.SPACE and (odd := _ODD_UNQUOTED.search(within)):
        raise TemplateError(f"{quote(odd.group())} in unquoted attr: {quote(within)}")
    if end is None:
        rest = html.unescape(text)
        while rest:
            place, size = READERS[place.state](place, rest)
            rest = rest[size:]
        return place, len(text)
    element = place.element
    if element is Element.SCRIPT and place.attribute is Attribute.SCRIPT_TYPE and not is_script_type(within):
        element = Element.NONE
    return Place(State.TAG, element=element), end.start() if place.quote is Quote.SPACE else end.end()


def nudged(place: Place) -> Place:
    """The place at which an action here would write: a value without quotes begins, a name goes on."""
    match place.state:
        case State.TAG:
            return replace(place, state=State.ATTRIBUTE_NAME)
        case State.BEFORE_VALUE:
            state = VALUE_STATES[place.attribute]
            return replace(place, state=state, quote=Quote.SPACE, attribute=Attribute.NONE)
        case State.AFTER_NAME:
            return replace(place, state=State.ATTRIBUTE_NAME, attribute=Attribute.NONE)
        case _:
            return place


_ODD_UNQUOTED: Final = re.compile("[\"'<=`]")
_SPACES: Final = re.compile(r"[ \t\n\f\r]*")
_TAG_NAME: Final = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9]|[:-](?=[a-zA-Z0-9]))*")
_NAME_END: Final = re.compile("[ \t\n\f\r=>'\"<]")
_ELEMENTS: Final = {
    "script": Element.SCRIPT,
    "style": Element.STYLE,
    "textarea": Element.TEXTAREA,
    "title": Element.TITLE,
    "meta": Element.META,
}
_ENDS: Final = {
    element: re.compile(rf"</{name if element is not Element.META else ''}(?=[> \t\n\f/])", re.IGNORECASE | re.ASCII)
    for name, element in _ELEMENTS.items()
}
_CONTENTS: Final = {
    Element.SCRIPT: State.JS,
    Element.STYLE: State.CSS,
    Element.TEXTAREA: State.RCDATA,
    Element.TITLE: State.RCDATA,
}
_ATTRIBUTES: Final = {
    Content.URL: Attribute.URL,
    Content.CSS: Attribute.STYLE,
    Content.JS: Attribute.SCRIPT,
    Content.SRCSET: Attribute.SRCSET,
}
_META_URL: Final = re.compile(r"url[ \t\n\f\r]*=", re.IGNORECASE | re.ASCII)


def _text(place: Place, text: str) -> tuple[Place, int]:
    at = 0
    while True:
        at = text.find("<", at)
        if at < 0 or at + 1 == len(text):
            return place, len(text)
        if text.startswith("<!--", at):
            return Place(State.COMMENT), at + 4
        at += 1
        closes = text[at] == "/"
        if closes:
            at += 1
            if at == len(text):
                return place, len(text)
        name = _TAG_NAME.match(text, at)
        if name is not None:
            element = Element.NONE if closes else _ELEMENTS.get(name.group().lower(), Element.NONE)
            return Place(State.TAG, element=element), name.end()


def _tag(place: Place, text: str) -> tuple[Place, int]:
    at = _blanks(text)
    if at == len(text):
        return place, at
    if text[at] == ">":
        element = place.element if place.element is not Element.META else Element.NONE
        return Place(_CONTENTS.get(element, State.TEXT), element=element), at + 1
    end = _name_end(text, at)
    if end == at:
        raise TemplateError(f"expected space, attr name, or end of tag, but got {quote(text[at:])}")
    name = text[at:end].lower()
    if place.element is Element.SCRIPT and name == "type":
        attribute = Attribute.SCRIPT_TYPE
    elif place.element is Element.META and name == "content":
        attribute = Attribute.META_CONTENT
    else:
        attribute = _ATTRIBUTES.get(content_of(name), Attribute.NONE)
    state = State.ATTRIBUTE_NAME if end == len(text) else State.AFTER_NAME
    return Place(state, element=place.element, attribute=attribute), end


def _attribute_name(place: Place, text: str) -> tuple[Place, int]:
    end = _name_end(text, 0)
    return (place if end == len(text) else replace(place, state=State.AFTER_NAME)), end


def _after_name(place: Place, text: str) -> tuple[Place, int]:
    at = _blanks(text)
    if at == len(text):
        return place, at
    if text[at] != "=":
        return replace(place, state=State.TAG), at
    return replace(place, state=State.BEFORE_VALUE), at + 1


def _before_value(place: Place, text: str) -> tuple[Place, int]:
    at = _blanks(text)
    if at == len(text):
        return place, at
    mark = {"'": Quote.SINGLE, '"': Quote.DOUBLE}.get(text[at], Quote.SPACE)
    return replace(place, state=VALUE_STATES[place.attribute], quote=mark), at + (mark is not Quote.SPACE)


def _comment(place: Place, text: str) -> tuple[Place, int]:
    end = text.find("-->")
    return (place, len(text)) if end < 0 else (Place(), end + 3)


def _special_end(place: Place, text: str) -> tuple[Place, int]:
    """How far the content of a script, style sheet, title or text area goes on."""
    literal = place.element is Element.SCRIPT and (place.state in SCRIPT_LITERALS or place.state in COMMENTS)
    if place.element is not Element.NONE and not literal:
        found = _ENDS[place.element].search(text)
        if found is not None:
            return Place(), found.start()
    return place, len(text)


def _unmoved(place: Place, text: str) -> tuple[Place, int]:
    return place, len(text)


def _url(place: Place, text: str) -> tuple[Place, int]:
    return url_place(place, text), len(text)


def _meta_content(place: Place, text: str) -> tuple[Place, int]:
    found = _META_URL.search(text)
    return (place, len(text)) if found is None else (replace(place, state=State.META_URL), found.end())


def _meta_url(place: Place, text: str) -> tuple[Place, int]:
    at = text.find(";")
    return (place, len(text)) if at < 0 else (replace(place, state=State.META_CONTENT), at + 1)


def _blanks(text: str) -> int:
    found = _SPACES.match(text)
    return found.end() if found else 0


def _name_end(text: str, at: int) -> int:
    found = _NAME_END.search(text, at)
    if found is None:
        return len(text)
    if found.group() in "'\"<":
        raise TemplateError(f"{quote(found.group())} in attribute name: {quote(text[:32])}")
    return found.start()


READERS: Final[Mapping[State, Reader]] = {
    State.TEXT: _text,
    State.TAG: _tag,
    State.ATTRIBUTE_NAME: _attribute_name,
    State.AFTER_NAME: _after_name,
    State.BEFORE_VALUE: _before_value,
    State.COMMENT: _comment,
    State.RCDATA: _special_end,
    State.ATTRIBUTE: _unmoved,
    State.URL: _url,
    State.SRCSET: _url,
    State.META_CONTENT: _meta_content,
    State.META_URL: _meta_url,
    **SCRIPT_READERS,
}
