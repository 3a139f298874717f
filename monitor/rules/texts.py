"""Labels and annotations of alerts: templates over the element of the query that made the alert.

Each text is parsed once, when the rule is read, with Prometheus's prefix, so that `$labels`, `$value`, `$externalLabels`
and `$externalURL` exist and columns in error texts are Prometheus's. A text without `{{` is itself. What fails while an
alert is built becomes the text `<error expanding template: ...>`: the alert must go out all the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.gotemplate.executor import MissingKey
from monitor.gotemplate.template import TemplateSet
from monitor.gotemplate.values import Function, Value
from monitor.model.errors import TemplateError
from monitor.model.labels import Labels
from monitor.model.samples import Vector
from monitor.model.times import Timestamp
from monitor.rules.template_functions import FUNCTION_NAMES, Row, Rows, Unanswered, functions

MAX_QUERIES = 100
"""In the templates of one rule at one evaluation."""

_PREFIX = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)
_NONE = TemplateSet.allowing(FUNCTION_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What templates see beside the alert."""

    external_labels: Labels = Labels()  # noqa: RUF009 - immutable
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and (self.source, self.name) == (other.source, other.name)

    def __hash__(self) -> int:
        return hash((self.source, self.name))

    def render(self, data: Mapping[str, Value], known: Mapping[str, Function]) -> str:
        """The text for one alert, or the text of what went wrong. Raises Unanswered."""
        if self.compiled is None:
            return self.source
        try:
            return self.compiled.execute(self.name, data, known, missing_key=MissingKey.ZERO)
        except TemplateError as error:
            return f"<error expanding template: error executing template {self.name}: {error}>"


def compile_text(rule: str, source: str) -> Text:
    """Raises TemplateError with Go's text."""
    name = f"__alert_{rule}"
    if "{{" not in source:
        return Text(source, name, None, asks=False)
    compiled = _NONE.parse(name, _PREFIX + source)
    return Text(source, name, compiled, asks=compiled.calls("query"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What templates made of one element of a query's answer."""

    labels: Labels
    """Of the alert: the element's without its name, the rule's over them, `alertname` last."""
    annotations: Labels
    value: float


def data_of(labels: Labels, value: float, world: World) -> Mapping[str, Value]:
    """The templates' dot."""
    return {
        "Labels": labels,
        "ExternalLabels": world.external_labels,
        "ExternalURL": world.external_url,
        "Value": value,
    }


def rows_of(answer: Vector) -> Rows:
    """A query's answer as templates see it."""
    return Rows(Row(sample.labels, sample.value) for sample in answer)


async def with_answers(
    render: Callable[[Mapping[str, Function]], Sequence[Rendered]],
    ask: Callable[[str], Awaitable[Vector]],
    world: World,
    now: Timestamp,
) -> Sequence[Rendered]:
    """Render, and whenever a template asks something new, fetch the answer and render again. A query that fails with
    ValueError, or one too many, fails the template that asked."""
    answers: dict[str, Rows | ValueError] = {}
    known = functions(external_url=world.external_url, now=now, answers=answers)
    while True:
        try:
            return render(known)
        except Unanswered as question:
            if len(answers) >= MAX_QUERIES:
                answers[question.query] = ValueError(
                    f"more than {MAX_QUERIES} different queries in the rule's templates"
                )
                continue
            try:
                answers[question.query] = rows_of(await ask(question.query))
            except ValueError as error:
                answers[question.query] = error
