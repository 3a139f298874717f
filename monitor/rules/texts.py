"""Labels and annotations of alerts: templates over the element of the query that made the alert.

Each text is parsed once, when the rule is read, with Prometheus's prefix, so that `$labels`, `$value`, `$externalLabels`
and `$externalURL` exist and columns in error texts are Prometheus's. A text without `{{` is itself. What fails while an
alert is built becomes the text `<error expanding template: ...>`: the alert must go out all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from monitor.gotemplate import tree
from monitor.gotemplate.evaluation import MissingKey
from monitor.gotemplate.template import TemplateSet
from monitor.gotemplate.values import Function, Object, Value
from monitor.model.errors import TemplateError
from monitor.model.labels import EMPTY, Labels
from monitor.model.samples import Vector
from monitor.model.times import Millis, Timestamp
from monitor.rules.options import Hold
from monitor.rules.plain_texts import Part, joined, parts_of
from monitor.rules.template_functions import FUNCTION_NAMES, Row, Rows, Unanswered, functions

MAX_QUERIES = 1_000
"""In the templates of one rule at one evaluation."""

_PREFIX = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)
_NONE = TemplateSet.allowing(FUNCTION_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What templates see beside the alert."""

    external_labels: Labels = EMPTY
    external_url: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """One label's or annotation's value. Equal when the source is."""

    source: str
    name: str
    """Of the template in error texts: `__alert_<rule>`."""
    compiled: TemplateSet | None
    """None for a text without actions."""
    asks: bool
    """May call `query`."""
    timeless: bool
    """The same for the same element at any time: neither queries nor tells the time."""
    valueless: bool
    """The same whatever the element's value: it only asks for labels."""
    parts: tuple[Part, ...] | None = None
    """What a plain text is put together from."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and (self.source, self.name) == (other.source, other.name)

    def __hash__(self) -> int:
        return hash((self.source, self.name))

    @property
    def uses_value(self) -> bool:
        """Does it show the value of the expression?"""
        return "{{" in self.source and ("$value" in self.source or ".Value" in self.source)

    def render(self, data: AlertData, known: Mapping[str, Function]) -> str:
        """The text for one alert, or the text of what went wrong. Raises Unanswered."""
        if self.compiled is None:
            return self.source
        if self.parts is not None and (plain := joined(self.parts, data.labels, data.value)) is not None:
            return plain
        try:
            return self.compiled.execute(self.name, data, known, missing_key=MissingKey.ZERO)
        except TemplateError as error:
            return f"<error expanding template: error executing template {self.name}: {error}>"


def compile_text(rule: str, source: str) -> Text:
    """Raises TemplateError with Go's text."""
    name = f"__alert_{rule}"
    if "{{" not in source:
        return Text(source, name, None, asks=False, timeless=True, valueless=True)
    compiled = _NONE.parse(name, _PREFIX + source).sparing(name)
    asks = compiled.calls("query")
    return Text(
        source,
        name,
        compiled,
        asks=asks,
        timeless=not asks and not compiled.calls("now"),
        valueless=all(map(_valueless, compiled.operands())),
        parts=parts_of(compiled.definitions[name].root.nodes, len(_PREFIX)),
    )


def _valueless(operand: tree.Operand) -> bool:
    """Can it not be the value, nor what has it?"""
    match operand:
        case tree.Field(names=names) | tree.Variable(name="$", names=names):
            return names[:1] in (("Labels",), ("ExternalLabels",), ("ExternalURL",))
        case tree.Variable(name=name):
            return name in ("$labels", "$externalLabels", "$externalURL")
        case _:
            return isinstance(operand, tree.Identifier | tree.Constant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What templates made of one element of a query's answer."""

    labels: Labels
    """Of the alert: the element's without its name, the rule's over them, `alertname` last."""
    annotations: Labels
    value: float
    held: Hold | None = None
    """It is not in the answer, but is to be taken as if it were: why."""
    least: Millis = 0
    """It must hold for so long at least, however short `for` is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertData(Object):
    """The templates' dot."""

    labels: Labels
    """Of the element, name included."""
    value: float
    world: World

    @property
    def go_type(self) -> str:
        return (
            "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
            "Value interface {} }"
        )

    def go_fields(self) -> Mapping[str, Value]:
        return {
            "Labels": self.labels,
            "ExternalLabels": self.world.external_labels,
            "ExternalURL": self.world.external_url,
            "Value": self.value,
        }


def rows_of(answer: Vector) -> Rows:
    """A query's answer as templates see it."""
    return Rows(Row(sample.labels, sample.value) for sample in answer)


class Answers:
    """The answers to what the templates of one rule ask at one evaluation; elements that ask the same share them."""

    def __init__(self, ask: Callable[[str], Awaitable[Vector]], world: World, now: Timestamp) -> None:
        """`ask` raises ValueError for a query that fails; that fails the template that asked."""
        self._ask = ask
        self._known: dict[str, Rows | ValueError] = {}
        self._functions = functions(external_url=world.external_url, now=now, answers=self._known)

    def __repr__(self) -> str:
        return f"Answers({len(self._known)} of at most {MAX_QUERIES})"

    async def render(self, render: Callable[[Mapping[str, Function]], Rendered]) -> Rendered:
        """Render, and whenever a template asks something new, fetch the answer and render again."""
        while True:
            try:
                return render(self._functions)
            except Unanswered as question:
                self._known[question.query] = await self._answer(question.query)

    async def _answer(self, query: str) -> Rows | ValueError:
        if len(self._known) >= MAX_QUERIES:
            return ValueError(f"more than {MAX_QUERIES} different queries in the rule's templates")
        try:
            return rows_of(await self._ask(query))
        except ValueError as error:
            return error
