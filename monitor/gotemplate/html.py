"""Go's html/template: what an action gives is escaped for the place where it stands.

A pass over the trees follows the text that the templates themselves bring through the document, and writes to each action
what is to be done to its value. Values cannot move the place, so all of this is known before there are any data; where it
is not (the branches of an `if` end in different places) the template is refused, as by Go. A template that is called from
another place than text becomes a variant of its own. Source: Go's html/template/escape.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Final, TypeVar

from monitor.gotemplate import html_escapers as to
from monitor.gotemplate import html_script_escapers as to_script
from monitor.gotemplate import tree
from monitor.gotemplate.builtin_functions import html_escape, url_query_escape
from monitor.gotemplate.format import sprint
from monitor.gotemplate.html_places import COMMENTS, SCRIPT_LITERALS, Place, Quote, Slash, State, UrlPart
from monitor.gotemplate.html_reading import nudged, read_on
from monitor.gotemplate.template import TemplateSet
from monitor.gotemplate.values import NOTHING, Value
from monitor.model.errors import TemplateError
from monitor.model.labels import quote


def escaped(templates: TemplateSet, name: str) -> TemplateSet:
    """A set in which this template, and what it calls, writes HTML. Raises TemplateError."""
    if name not in templates.definitions:
        return templates
    walk = _Walk(templates.definitions, name)
    try:
        place, entry = walk.template(Place(), name, None)
    except RecursionError:
        raise TemplateError(f"{_named(name)} templates call each other too deeply for what they nest") from None
    if place.state is not State.TEXT:
        raise TemplateError(f"{_named(name)} ends in a non-text context: {place}")
    assert entry == name
    return TemplateSet(templates.functions, {**templates.definitions, **walk.written})


_Escaper = Callable[[Value], Value]
_N = TypeVar("_N", bound=tree.If | tree.With | tree.Range)


class _Walk:
    """One pass. `written` are the templates that it made, by the names they are called by."""

    def __init__(self, definitions: Mapping[str, tree.Definition], entry: str) -> None:
        self.definitions = definitions
        self.entry = entry
        self.written: dict[str, tree.Definition] = {}
        self.ends: dict[str, Place] = {}
        """Where each template leaves the document; of those under way, where they are believed to."""
        self.called: set[str] = set()
        self.definition = definitions[entry]
        self.leaves: list[list[tuple[Place, tree.Break | tree.Continue]]] = []

    def _error(self, node: tree.AnyNode, message: str) -> TemplateError:
        return TemplateError(f"html/template:{self.definition.place(node.at)}: {message}")

    # -- templates

    def template(self, place: Place, name: str, node: tree.Invoke | None) -> tuple[Place, str]:
        """The place behind a template that is called here, and what it is called by."""
        variant = place.variant_of(name)
        self.called.add(variant)
        if variant in self.ends:
            return self.ends[variant], variant
        definition = self.definitions.get(name)
        if definition is None:
            message = f"no such template {quote(name)}"
            raise TemplateError(f"html/template: {message}") if node is None else self._error(node, message)
        after, settled = self._body(place, variant, definition)
        if not settled:
            # a template that calls itself: perhaps it leaves from where it left when it was believed to move nothing
            again, settled = self._body(after, variant, definition)
            if not settled:
                raise self._error(definition.root, f"cannot compute output context for template {variant}")
            after = again
        return after, variant

    def _body(self, place: Place, variant: str, definition: tree.Definition) -> tuple[Place, bool]:
        before = dict(self.ends), set(self.called), dict(self.written), self.definition, self.leaves
        self.ends[variant] = place
        self.called, self.leaves, self.definition = set(), [], definition
        after, root = self._block(place, definition.root)
        settled = variant not in self.called or after == place
        ends, called, written, self.definition, self.leaves = before
        if settled:
            self.written[variant] = replace(definition, name=variant, root=root)
            self.ends[variant] = after
            self.called |= called
        else:
            self.ends, self.called, self.written = {**ends, variant: place}, called, written
        return after, settled

    # -- statements

    def _block(self, place: Place, block: tree.Block) -> tuple[Place, tree.Block]:
        nodes: list[tree.Node] = []
        for number, node in enumerate(block.nodes):
            place, done = self._node(place, node)
            nodes.append(done)
            if place.state is State.DEAD:
                nodes += block.nodes[number + 1 :]
                break
        return place, replace(block, nodes=tuple(nodes))

    def _node(self, place: Place, node: tree.Node) -> tuple[Place, tree.Node]:
        match node:
            case tree.Text():
                return self._text(place, node)
            case tree.Action():
                return self._action(place, node)
            case tree.If() | tree.With():
                after, body = self._block(place, node.body)
                return self._otherwise(place, after, replace(node, body=body))
            case tree.Range():
                return self._range(place, node)
            case tree.Break() | tree.Continue():
                self.leaves[-1].append((place, node))
                return Place(State.DEAD), node
            case tree.Invoke():
                after, name = self.template(place, node.name, node)
                return after, replace(node, name=name)
            case tree.Block():
                return self._block(place, node)

    def _otherwise(self, place: Place, after: Place, node: _N) -> tuple[Place, _N]:
        end = place
        if node.otherwise is not None:
            end, otherwise = self._block(place, node.otherwise)
            node = replace(node, otherwise=otherwise)
        return self._joined(after, end, node), node

    def _range(self, place: Place, node: tree.Range) -> tuple[Place, tree.Node]:
        after, body = self._turn(place, node)
        ends, called, written = dict(self.ends), set(self.called), dict(self.written)
        again, _ = self._turn(after, node, reentry=after)
        self.ends, self.called, self.written = ends, called, written
        return self._otherwise(place, again, replace(node, body=body))

    def _turn(self, place: Place, node: tree.Range, reentry: Place | None = None) -> tuple[Place, tree.Block]:
        self.leaves.append([])
        after, body = self._block(place, node.body)
        if reentry is not None:
            after = self._joined(reentry, after, node, "on range loop re-entry: ")
        for left, by in sorted(self.leaves.pop(), key=lambda leave: isinstance(leave[1], tree.Continue)):
            how = "break" if isinstance(by, tree.Break) else "continue"
            after = self._joined(after, left, by, f"at range loop {how}: ", "range")
        return after, body

    def _joined(
        self,
        one: Place,
        other: Place,
        node: tree.If | tree.With | tree.Range | tree.Break | tree.Continue,
        when: str = "",
        word: str = "",
    ) -> Place:
        found = _join(one, other)
        if found is None:
            word = word or ("" if isinstance(node, tree.Break | tree.Continue) else node.word)
            raise self._error(node, f"{when}{{{{{word}}}}} branches end in different contexts: {one}, {other}")
        return found

    def _action(self, place: Place, node: tree.Action) -> tuple[Place, tree.Node]:
        if node.pipe.declared:
            return place, node
        place = nudged(place)
        commands = node.pipe.commands
        for number, command in enumerate(commands):
            own = _own_escaper(command)
            unfit = place.state is State.ATTRIBUTE and place.quote is Quote.SPACE and own == "html"
            if own and (number < len(commands) - 1 or unfit):
                raise self._error(node, f"predefined escaper {quote(own)} disallowed in template")
        if place.state in _URLS and place.part is UrlPart.UNKNOWN:
            raise self._error(node, f"{node} appears in an ambiguous context within a URL")
        names = [*_for_state(place), *_FOR_QUOTE[place.quote]]
        if place.state is State.JS:
            place = replace(place, slash=Slash.DIVISION)
        elif place.state is State.TAG:
            place = replace(place, state=State.ATTRIBUTE_NAME)
        return place, _with_escapers(node, names)

    def _text(self, place: Place, node: tree.Text) -> tuple[Place, tree.Node]:
        text, at, out = node.text, 0, list[str]()
        while at < len(text):
            try:
                after, size = read_on(place, text[at:])
            except TemplateError as error:
                raise TemplateError(f"{_named(self.entry)} {error}") from error
            out.append(_rewritten(place, after, text, at, at + size))
            place, at = after, at + size
        return place, replace(node, text="".join(out))


def _named(name: str) -> str:
    return f"html/template:{name}:" if name else "html/template:"


def _rewritten(place: Place, after: Place, text: str, start: int, end: int) -> str:
    """The template's own text as it goes out: without comments, and with a `<` that begins nothing escaped."""
    piece = text[start:end]
    if place.state in COMMENTS and place.quote is Quote.NONE:
        if place.state is State.JS_BLOCK_COMMENT:
            return "\n" if _JS_LINE_END.search(piece) else " "
        return " " if place.state is State.CSS_BLOCK_COMMENT else ""
    tail = ""
    if after.state is not place.state and after.state in COMMENTS and after.quote is Quote.NONE:
        piece = piece[: -_COMMENT_OPENERS.get(after.state, 2)]
    elif place.state in (State.TEXT, State.RCDATA) and after.state is not place.state:
        tag = piece.rfind("<")
        if tag >= 0:
            piece, tail = piece[:tag], piece[tag:]
    if place.state in (State.TEXT, State.RCDATA):
        piece = _LONE_OPENER.sub("&lt;", piece)
    if place.state in SCRIPT_LITERALS:
        piece = _SCRIPT_TAG.sub(r"\\x3C\1", piece)
    return piece + tail


def _join(one: Place, other: Place) -> Place | None:
    """The place after either; None if they differ."""
    if one.state is State.DEAD or one == other:
        return other
    if other.state is State.DEAD:
        return one
    if replace(one, part=other.part) == other:
        return replace(one, part=UrlPart.UNKNOWN)
    if replace(one, slash=other.slash) == other:
        return replace(one, slash=Slash.UNKNOWN)
    nudges = nudged(one), nudged(other)
    return None if nudges == (one, other) else _join(*nudges)


def _for_state(place: Place) -> tuple[str, ...]:
    if place.state in _URLS:
        if place.part is UrlPart.QUERY:
            return ("urlescaper",)
        last = "cssescaper" if place.state in (State.CSS_DOUBLE, State.CSS_SINGLE) else "urlnormalizer"
        return ("urlfilter", last) if place.part is UrlPart.START else (last,)
    return ("commentescaper",) if place.state in COMMENTS else _FOR_STATE.get(place.state, ())


def _own_escaper(command: tree.Command) -> str:
    """`html` or `urlquery`, if the command is one of these."""
    first = command.operands[0]
    return first.name if isinstance(first, tree.Identifier) and first.name in ("html", "urlquery") else ""


def _with_escapers(node: tree.Action, names: Sequence[str]) -> tree.Action:
    """The action with what is done to its value. Where it ends in an escaper of the language itself, that one takes the
    place of what does the same."""
    commands = node.pipe.commands
    own = _own_escaper(commands[-1])
    chain: list[str] = []
    if own:
        last = commands[-1]
        if len(commands) == 1 and len(last.operands) > 1:
            commands = (replace(last, operands=(tree.Identifier(last.at, "print"), *last.operands[1:])),)
        elif len(commands) > 1:
            commands = commands[:-1]
        else:
            own = ""
    if own:
        names = [own if _SAME.get(name, name) == own else name for name in names]
        if own not in names:
            chain.append(own)
    there = {_SAME.get(name, name) for name in chain}
    for name in names:
        if _SAME.get(name, name) in there or (chain and name in _REDUNDANT.get(chain[-1], ())):
            continue
        chain.append(name)
    steps = [_ESCAPERS[name] for name in chain]
    return replace(node, pipe=replace(node.pipe, commands=commands), escape=partial(_applied, steps))


def _applied(steps: Sequence[_Escaper], value: Value) -> str:
    return to.text_of_value(reduce(lambda so_far, step: step(so_far), steps, value))


def _own_html(value: Value) -> str:
    return html_escape(_shown(value))


def _own_urlquery(value: Value) -> str:
    return url_query_escape(_shown(value))


def _shown(value: Value) -> str:
    return sprint([NOTHING.value if value is None or value is NOTHING else value])


_URLS: Final = frozenset(
    (State.URL, State.CSS_DOUBLE, State.CSS_SINGLE, State.CSS_DOUBLE_URL, State.CSS_SINGLE_URL, State.CSS_URL)
)
_FOR_STATE: Final[Mapping[State, tuple[str, ...]]] = {
    State.TEXT: ("htmlescaper",),
    State.RCDATA: ("rcdataescaper",),
    State.TAG: ("htmlnamefilter",),
    State.ATTRIBUTE_NAME: ("htmlnamefilter",),
    State.SRCSET: ("srcsetescaper",),
    State.META_URL: ("urlfilter",),
    State.JS: ("jsvalescaper",),
    State.JS_DOUBLE: ("jsstrescaper",),
    State.JS_SINGLE: ("jsstrescaper",),
    State.JS_TEMPLATE: ("jstmpllitescaper",),
    State.JS_REGEXP: ("jsregexpescaper",),
    State.CSS: ("cssvaluefilter",),
}
_FOR_QUOTE: Final[Mapping[Quote, tuple[str, ...]]] = {
    Quote.NONE: (),
    Quote.DOUBLE: ("attrescaper",),
    Quote.SINGLE: ("attrescaper",),
    Quote.SPACE: ("nospaceescaper",),
}
_ESCAPERS: Final[Mapping[str, _Escaper]] = {
    "htmlescaper": to.html,
    "rcdataescaper": to.rcdata,
    "attrescaper": to.attribute,
    "nospaceescaper": to.unquoted,
    "htmlnamefilter": to.name,
    "commentescaper": to.comment,
    "urlfilter": to.url_filter,
    "urlescaper": to.url,
    "urlnormalizer": to.url_normalizer,
    "srcsetescaper": to.srcset,
    "jsvalescaper": to_script.js_value,
    "jsstrescaper": to_script.js_string,
    "jstmpllitescaper": to_script.js_template,
    "jsregexpescaper": to_script.js_regexp,
    "cssescaper": to_script.css_string,
    "cssvaluefilter": to_script.css_value,
    "html": _own_html,
    "urlquery": _own_urlquery,
}
_SAME: Final = {
    "attrescaper": "html",
    "htmlescaper": "html",
    "rcdataescaper": "html",
    "urlescaper": "urlquery",
    "urlnormalizer": "urlquery",
}
_REDUNDANT: Final[Mapping[str, tuple[str, ...]]] = {
    "commentescaper": ("attrescaper", "htmlescaper"),
    "cssescaper": ("attrescaper",),
    "jsregexpescaper": ("attrescaper",),
    "jsstrescaper": ("attrescaper",),
    "jstmpllitescaper": ("attrescaper",),
    "urlescaper": ("urlnormalizer",),
}
_COMMENT_OPENERS: Final = {State.COMMENT: 4, State.JS_OPEN_COMMENT: 4, State.JS_CLOSE_COMMENT: 3}
_LONE_OPENER: Final = re.compile("<(?!!DOCTYPE)", re.IGNORECASE)
_SCRIPT_TAG: Final = re.compile("<(script|/script|!--)", re.IGNORECASE)
_JS_LINE_END: Final = re.compile("[\n\r\u2028\u2029]")
