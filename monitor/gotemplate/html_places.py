"""Where in an HTML document something stands, as far as that says how it must be escaped.

Source: Go's html/template/context.go and attr.go. The values of the enums are Go's names: they stand in error texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class State(Enum):
    """What a parser of the document would be reading."""

    TEXT = "stateText"
    TAG = "stateTag"
    ATTRIBUTE_NAME = "stateAttrName"
    AFTER_NAME = "stateAfterName"
    BEFORE_VALUE = "stateBeforeValue"
    COMMENT = "stateHTMLCmt"
    RCDATA = "stateRCDATA"
    """Text without tags: of a title or a text area."""
    ATTRIBUTE = "stateAttr"
    URL = "stateURL"
    SRCSET = "stateSrcset"
    META_CONTENT = "stateMetaContent"
    META_URL = "stateMetaContentURL"
    JS = "stateJS"
    JS_DOUBLE = "stateJSDqStr"
    JS_SINGLE = "stateJSSqStr"
    JS_TEMPLATE = "stateJSTmplLit"
    JS_REGEXP = "stateJSRegexp"
    JS_BLOCK_COMMENT = "stateJSBlockCmt"
    JS_LINE_COMMENT = "stateJSLineCmt"
    JS_OPEN_COMMENT = "stateJSHTMLOpenCmt"
    JS_CLOSE_COMMENT = "stateJSHTMLCloseCmt"
    CSS = "stateCSS"
    CSS_DOUBLE = "stateCSSDqStr"
    CSS_SINGLE = "stateCSSSqStr"
    CSS_DOUBLE_URL = "stateCSSDqURL"
    CSS_SINGLE_URL = "stateCSSSqURL"
    CSS_URL = "stateCSSURL"
    CSS_BLOCK_COMMENT = "stateCSSBlockCmt"
    CSS_LINE_COMMENT = "stateCSSLineCmt"
    DEAD = "stateDead"
    """Behind a `break` or `continue`."""


COMMENTS: Final = frozenset(
    (
        State.COMMENT,
        State.JS_BLOCK_COMMENT,
        State.JS_LINE_COMMENT,
        State.JS_OPEN_COMMENT,
        State.JS_CLOSE_COMMENT,
        State.CSS_BLOCK_COMMENT,
        State.CSS_LINE_COMMENT,
    )
)
SCRIPT_LITERALS: Final = frozenset((State.JS_DOUBLE, State.JS_SINGLE, State.JS_TEMPLATE, State.JS_REGEXP))
WITHIN_TAGS: Final = frozenset(
    (State.TAG, State.ATTRIBUTE_NAME, State.AFTER_NAME, State.BEFORE_VALUE, State.ATTRIBUTE),
)


class Quote(Enum):
    """What ends an attribute's value."""

    NONE = "delimNone"
    """Not in a value."""
    DOUBLE = "delimDoubleQuote"
    SINGLE = "delimSingleQuote"
    SPACE = "delimSpaceOrTagEnd"


class UrlPart(Enum):
    """How much of a URL is written."""

    START = "urlPartNone"
    PATH = "urlPartPreQuery"
    QUERY = "urlPartQueryOrFrag"
    UNKNOWN = "urlPartUnknown"


class Slash(Enum):
    """What a slash in a script would begin here."""

    REGEXP = "jsCtxRegexp"
    DIVISION = "jsCtxDivOp"
    UNKNOWN = "jsCtxUnknown"


class Attribute(Enum):
    """The attribute, if its value is not plain text."""

    NONE = "attrNone"
    SCRIPT = "attrScript"
    SCRIPT_TYPE = "attrScriptType"
    STYLE = "attrStyle"
    URL = "attrURL"
    SRCSET = "attrSrcset"
    META_CONTENT = "attrMetaContent"


class Element(Enum):
    """The element, if its content is not plain markup."""

    NONE = "elementNone"
    SCRIPT = "elementScript"
    STYLE = "elementStyle"
    TEXTAREA = "elementTextarea"
    TITLE = "elementTitle"
    META = "elementMeta"


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a document."""

    state: State = State.TEXT
    quote: Quote = Quote.NONE
    part: UrlPart = UrlPart.START
    slash: Slash = Slash.REGEXP
    braces: tuple[int, ...] = ()
    """For each `${` of a template literal around, how many braces are open within."""
    attribute: Attribute = Attribute.NONE
    element: Element = Element.NONE

    def __str__(self) -> str:
        braces = " ".join(map(str, self.braces))
        return (
            f"{{{self.state.value} {self.quote.value} {self.part.value} {self.slash.value} [{braces}] "
            f"{self.attribute.value} {self.element.value} <nil>}}"
        )

    def variant_of(self, name: str) -> str:
        """What a template is called as it is when it is called from here."""
        if self.state is State.TEXT:
            return name
        parts = [f"{name}$htmltemplate_{self.state.value}"]
        plain = Place()
        parts += [
            mine.value
            for mine, usual in (
                (self.quote, plain.quote),
                (self.part, plain.part),
                (self.slash, plain.slash),
                (self.attribute, plain.attribute),
                (self.element, plain.element),
            )
            if mine is not usual
        ]
        if self.braces:
            parts.append(f"jsBraceDepth({list(self.braces)})")
        return "_".join(parts)


class Content(Enum):
    """What the value of an attribute is."""

    PLAIN = "plain"
    CSS = "css"
    HTML = "html"
    JS = "js"
    URL = "url"
    SRCSET = "srcset"
    UNSAFE = "unsafe"
    """Changes how the document is read."""


def content_of(attribute: str) -> Content:
    """By the attribute's name, in small letters. Custom ones are guessed: whatever is named after a URL is one."""
    name = attribute
    if name.startswith("data-"):
        name = name[5:]
    elif ":" in name:
        prefix, _, name = name.partition(":")
        if prefix == "xmlns":
            return Content.URL
    known = _SPECIAL.get(name)
    if known is not None:
        return known
    if name in _PLAIN:
        return Content.PLAIN
    if name.startswith("on"):
        return Content.JS
    return Content.URL if any(part in name for part in ("src", "uri", "url")) else Content.PLAIN


_PLAIN: Final = frozenset(("srclang",))
"""Would be taken for something else by its name."""
_SPECIAL: Final = {
    **dict.fromkeys(
        [
            "action",
            "archive",
            "background",
            "cite",
            "classid",
            "codebase",
            "data",
            "formaction",
            "href",
            "icon",
            "longdesc",
            "manifest",
            "poster",
            "profile",
            "src",
            "usemap",
            "xmlns",
        ],
        Content.URL,
    ),
    **dict.fromkeys(
        [
            "accept-charset",
            "async",
            "challenge",
            "charset",
            "content",
            "crossorigin",
            "defer",
            "enctype",
            "form",
            "formenctype",
            "formmethod",
            "formnovalidate",
            "http-equiv",
            "keytype",
            "language",
            "method",
            "novalidate",
            "pattern",
            "rel",
            "sandbox",
            "type",
            "value",
        ],
        Content.UNSAFE,
    ),
    "srcdoc": Content.HTML,
    "srcset": Content.SRCSET,
    "style": Content.CSS,
}
