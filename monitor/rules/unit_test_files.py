"""Unit test files of rules, in promtool's format: what stands in one, as values.

Source: prometheus cmd/promtool/unittest.go and docs/configuration/unit_testing_rules.md. Times in a file are durations
after the test's start, which is 1970 unless `start_timestamp` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from monitor.model.errors import QueryError
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import MINUTE, Millis, Timestamp, parse_duration, parse_rfc3339
from monitor.promql.series_notation import SeriesLine, parse_labels, parse_series_line


class TestFileError(ValueError):
    """The file cannot be run. The text says where and what."""

    __test__ = False


class _SingleTestError(TestFileError):
    """Only one test is concerned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAlert:
    """An alert that must fire."""

    labels: Labels
    """`alertname` included."""
    annotations: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCase:
    """Exactly these alerts of one name fire at this time."""

    at: Millis
    name: str
    alerts: tuple[ExpectedAlert, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExprCase:
    """An expression gives exactly these samples at this time."""

    at: Millis
    expr: str
    samples: tuple[tuple[Labels, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest:
    """One test: its data and what must come of them."""

    __test__ = False

    name: str
    interval: Millis
    """Between the values of the input series."""
    start: Timestamp
    series: tuple[SeriesLine, ...]
    alerts: tuple[AlertCase, ...]
    exprs: tuple[ExprCase, ...]
    external_labels: Labels
    external_url: str
    problem: str = ""
    """Why this test cannot be run."""

    @property
    def end(self) -> Millis:
        """The last time anything is asked for."""
        return max((case.at for case in (*self.alerts, *self.exprs)), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTestFile:
    """One file."""

    __test__ = False

    rule_files: tuple[str, ...]
    """Patterns, relative to the file's folder."""
    evaluation_interval: Millis
    group_order: tuple[str, ...]
    fuzzy: bool
    tests: tuple[UnitTest, ...]


def read_test_file(document: Mapping[str, Any], *, ignore_unknown: bool = False) -> UnitTestFile:
    """Read the parsed YAML. Raises TestFileError."""
    reader = _Reader(ignore_unknown=ignore_unknown)
    return reader.file(document)


_FILE: Final = frozenset(("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"))
_TEST: Final = frozenset(
    (
        "interval",
        "input_series",
        "name",
        "start_timestamp",
        "alert_rule_test",
        "promql_expr_test",
        "external_labels",
        "external_url",
    ),
)


class _Reader:
    def __init__(self, *, ignore_unknown: bool) -> None:
        self.ignore_unknown = ignore_unknown

    def file(self, document: Mapping[str, Any]) -> UnitTestFile:
        self.known(document, _FILE, "unitTestFile")
        interval = self.duration(document, "evaluation_interval") or MINUTE
        order = tuple(str(name) for name in self.list(document, "group_eval_order"))
        for name in order:
            if order.count(name) > 1:
                raise TestFileError(f"group name repeated in evaluation order: {name}")
        return UnitTestFile(
            rule_files=tuple(str(name) for name in self.list(document, "rule_files")),
            evaluation_interval=interval,
            group_order=order,
            fuzzy=bool(document.get("fuzzy_compare")),
            tests=tuple(self.test(test, interval) for test in self.mappings(document, "tests")),
        )

    def test(self, source: Mapping[str, Any], interval: Millis) -> UnitTest:
        self.known(source, _TEST, "testGroup")
        bare = UnitTest(
            name=_text(source.get("name")),
            interval=self.duration(source, "interval") or interval,
            start=_start(source.get("start_timestamp")),
            series=(),
            alerts=(),
            exprs=(),
            external_labels=self.labels(source, "external_labels"),
            external_url=_text(source.get("external_url")),
        )
        try:
            return replace(
                bare,
                series=tuple(self.series(one) for one in self.mappings(source, "input_series")),
                alerts=tuple(self.alert_case(one, bare.name) for one in self.mappings(source, "alert_rule_test")),
                exprs=tuple(self.expr_case(one) for one in self.mappings(source, "promql_expr_test")),
            )
        except _SingleTestError as error:
            return replace(bare, problem=str(error))

    def series(self, source: Mapping[str, Any]) -> SeriesLine:
        self.known(source, frozenset(("series", "values")), "series")
        text = f"{_text(source.get('series'))} {_text(source.get('values'))}"
        try:
            return parse_series_line(text)
        except QueryError as error:
            raise _SingleTestError(
                f"input series {text!r}: 1:{error.start + 1}: parse error: {error.message}"
            ) from error

    def alert_case(self, source: Mapping[str, Any], test: str) -> AlertCase:
        self.known(source, frozenset(("eval_time", "alertname", "exp_alerts")), "alertTestCase")
        at = self.duration(source, "eval_time")
        name = _text(source.get("alertname"))
        if not name:
            where = f" (in TestGroup {test})" if test else ""
            spoken = _text(source.get("eval_time")) or "0s"
            raise _SingleTestError(
                f"an item under alert_rule_test misses required attribute alertname at eval_time {spoken}{where}"
            )
        alerts: list[ExpectedAlert] = []
        for one in self.mappings(source, "exp_alerts"):
            self.known(one, frozenset(("exp_labels", "exp_annotations")), "alert")
            labels = self.labels(one, "exp_labels").with_(alertname=name)
            alerts.append(ExpectedAlert(labels=labels, annotations=self.annotations(one)))
        return AlertCase(at=at, name=name, alerts=tuple(alerts))

    def expr_case(self, source: Mapping[str, Any]) -> ExprCase:
        self.known(source, frozenset(("expr", "eval_time", "exp_samples")), "promqlTestCase")
        expr = _text(source.get("expr"))
        samples: list[tuple[Labels, float]] = []
        for one in self.mappings(source, "exp_samples"):
            self.known(one, frozenset(("labels", "value", "histogram")), "sample")
            if one.get("histogram"):
                raise _SingleTestError(f"expr: {expr!r}: native histograms are not supported")
            text = _text(one.get("labels"))
            try:
                labels = parse_labels(text) if text.strip() else EMPTY
            except QueryError as error:
                raise _SingleTestError(f"expr: {expr!r}: labels {text!r}: {error.message}") from error
            samples.append((labels, _number(one.get("value"), expr)))
        return ExprCase(at=self.duration(source, "eval_time"), expr=expr, samples=tuple(samples))

    def known(self, source: Mapping[str, Any], keys: frozenset[str], kind: str) -> None:
        if self.ignore_unknown:
            return
        for key in source:
            if key not in keys:
                raise TestFileError(f"field {key} not found in type main.{kind}")

    def duration(self, source: Mapping[str, Any], key: str) -> Millis:
        value = source.get(key)
        if value is None:
            return 0
        try:
            return parse_duration(_text(value))
        except ValueError as error:
            raise TestFileError(f"{key}: {error}") from error

    def list(self, source: Mapping[str, Any], key: str) -> Sequence[Any]:
        value = source.get(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise TestFileError(f"{key}: must be a list")
        return cast("Sequence[Any]", value)

    def mappings(self, source: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
        return [self.mapping(item, key) for item in self.list(source, key)]

    def mapping(self, value: object, key: str) -> Mapping[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise TestFileError(f"{key}: must be a mapping")
        return {str(name): item for name, item in cast("Mapping[Any, Any]", value).items()}

    def annotations(self, source: Mapping[str, Any]) -> Labels:
        """Those of nothing are expected too."""
        given = self.mapping(source.get("exp_annotations"), "exp_annotations")
        return Labels.of_sorted(tuple(sorted((name, _text(value)) for name, value in given.items())))

    def labels(self, source: Mapping[str, Any], key: str) -> Labels:
        return Labels((name, _text(value)) for name, value in self.mapping(source.get(key), key).items())


def _start(value: object) -> Timestamp:
    if value is None:
        return 0
    text = _text(value)
    try:
        return int(float(text) * 1000)
    except ValueError:
        try:
            return parse_rfc3339(text)
        except ValueError as error:
            raise TestFileError(f"start_timestamp: {error}") from error


def _number(value: object, expr: str) -> float:
    text = _text(value) or "0"
    try:
        return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".nan", "nan").replace(".NaN", "nan"))
    except ValueError as error:
        raise _SingleTestError(f"expr: {expr!r}: bad value {text!r}") from error


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
