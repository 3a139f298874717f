"""template.json: the texts that Prometheus's templates give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from monitor.gotemplate.evaluation import MissingKey
from monitor.gotemplate.html import escaped
from monitor.gotemplate.template import TemplateSet
from monitor.gotemplate.values import ANY, STRING, Function, Object, Safe, Value
from monitor.model.errors import TemplateError
from monitor.model.labels import Labels
from monitor.rules.template_functions import FUNCTION_NAMES, Row, Rows, Unanswered, functions
from tests.conformance.cases import Case, Check

_URL = "http://testhost:9090/path/prefix"
_NOW = 1_353_755_652_000
_OPTIONS = {
    "missingkey=default": MissingKey.INVALID,
    **{f"missingkey={one.value}": one for one in MissingKey},
}


@dataclass(frozen=True, slots=True)
class _Histogram(Object):
    """Native histograms reach templates as their text only."""

    text: str

    @property
    def go_type(self) -> str:
        return "*histogram.FloatHistogram"

    def go_string(self) -> str:
        return self.text


def check_expand(case: Case) -> None:
    data = case.data
    try:
        got = _expand(data)
    except TemplateError as error:
        assert data["fails"], f"failed: {error}"
        wanted = data.get("error")
        assert wanted is None or wanted is True or str(error) == wanted, f"said {error}"
        return
    assert not data["fails"], f"gave {got!r}"
    assert got == data["output"], f"gave {got!r}"


def _expand(data: Mapping[str, Any]) -> str:
    missing = MissingKey.ZERO
    for option in data.get("options") or ():
        missing = _OPTIONS[option]  # the last one counts
    answers: dict[str, Rows | ValueError] = {}
    known = dict(functions(external_url=_URL, now=_NOW, answers=answers))
    try:
        templates = TemplateSet.allowing({*FUNCTION_NAMES, "tmpl"}).parse("test", data["text"])
    except TemplateError as error:
        raise TemplateError(f"error parsing template test: {error}") from error

    def named(name: str, dot: Value) -> Safe:
        """Console pages only: another template by a computed name."""
        return Safe(escaped(templates, name).execute(name, dot, known, missing_key=missing))

    known["tmpl"] = Function(named, (STRING, ANY))
    dot = _value(data["dot"]) if data.get("dot") is not None else None
    while True:
        try:
            written = escaped(templates, "test") if data["html"] else templates
            return written.execute("test", dot, known, missing_key=missing)
        except Unanswered as question:
            answers[question.query] = Rows(_row(row) for row in data["query_result"])
        except TemplateError as error:
            raise TemplateError(f"error executing template test: {error}") from error


def _value(dot: Mapping[str, Any]) -> Value:
    kind, value = dot["go_type"], dot["value"]
    if kind == "sample":
        sample = value["sample"]
        return Row(Labels(sample["labels"]), _number(sample["value"]))
    if kind.startswith("[]"):
        return [_scalar(kind[2:], item) for item in value]
    return _scalar(kind, value)


def _scalar(kind: str, value: Any) -> Value:
    if kind == "float64":
        return float(value)
    if kind.startswith(("int", "uint")):
        return int(value)
    if isinstance(value, dict):
        assert kind.startswith("map[string]"), f"no reader for a {kind}"
        assert all(isinstance(one, str) for one in cast("dict[str, Any]", value).values()), f"no reader for {value}"
        return cast("dict[str, str]", value)
    assert kind == "string" or value is None or isinstance(value, bool), f"no reader for a {kind}"
    return value


def _row(row: Mapping[str, Any]) -> Row:
    return Row(Labels(row["labels"]), _number(row if "histogram" in row else row["value"]))


def _number(value: Any) -> Value:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        histogram: dict[str, Any] = fields["histogram"]
        return _Histogram(f"{{count:{histogram['count']}, sum:{histogram['sum']}}}")
    return float(value)


TABLES: dict[str, Check] = {"prometheus/template.json": check_expand}
