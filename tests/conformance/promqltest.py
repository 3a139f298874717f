"""Runs promqltest scripts: `python -m tests.conformance.promqltest [--gappy] [-v] FILE...`.

The language of the scripts and what is checked beside the plain run (other times, range queries) is described in the README
beside them. Start timestamps are loaded as OpenMetrics tells them, as a `_created` series. Evaluations that need native
histograms are counted as skipped, by reason.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from monitor.matching.matchers import all_match
from monitor.matching.regex import compile_re2
from monitor.model.errors import QueryError, UserError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import Series, is_stale
from monitor.model.times import parse_duration
from monitor.promql.engine import Answer, Options, Query, ScalarValue, StringValue
from monitor.promql.features import ALL_FEATURES
from monitor.promql.inspect import selectors, walk
from monitor.promql.native_histograms import NativeHistogram
from monitor.promql.nodes import Aggregation, Binary, Call, Expr, MatrixSelector, Paren, Subquery, Unary, VectorSelector
from monitor.promql.parser import parse
from monitor.promql.printer import to_text
from monitor.promql.quoting import unquote
from monitor.promql.series_notation import MixedSeriesLine, parse_mixed_series_line, parse_series_line
from monitor.promql.starts import created
from tests.support.sources import MemorySource

_OPTIONS = Options(features=ALL_FEATURES, delayed_names=True, start_timestamps=True)
_TIME_DEPENDENT = frozenset(
    [
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "hour",
        "minute",
        "month",
        "year",
        "predict_linear",
        "time",
        "timestamp",
        "start",
        "end",
        "step",
        "range",
    ]
)
_INSTANT = re.compile(
    r"eval(?:_(?P<kind>fail|warn|ordered|info))?\s+instant\s+(?:at\s+(?P<at>\S+)\s+)?(?P<text>.+)", re.I
)
_RANGE = re.compile(
    r"eval(?:_(?P<kind>fail|warn|info))?\s+range\s+from\s+(?P<start>\S+)\s+to\s+(?P<stop>\S+)\s+step\s+(?P<step>\S+)\s+(?P<text>.+)",
    re.I,
)
_EXPECT = re.compile(r"expect\s+(?=(?:ordered|fail|warn|no_warn|info|no_info|string|range)(?:\s|$))")
_SCALAR = re.compile(r"[+-]?(?:\.?\d[\w.+-]*|inf|nan)", re.I)
_START_STAMPS = re.compile(r"((?:[^\s{]+|\{)(?:.*?\})?)@st(?:\s(.*))?")
_START_ITEM = re.compile(r"(?:_|([+-]?)(\w+?)(?:([+-])(\w+?))?)(?:x(\d+))?")
_TINY = 2.2250738585072014e-308
_HUGE = 1.7976931348623157e308


class MismatchError(AssertionError):
    """The answer is not the expected one."""


class Beyond(Enum):
    """Why an evaluation is skipped."""

    EXPECTED = "expects a native histogram"
    SELECTED = "selects a native histogram"
    LANGUAGE = "is of no use without native histograms"


class SkippedError(Exception):
    """The evaluation needs what is not built."""

    def __init__(self, why: Beyond) -> None:
        self.why = why
        super().__init__(why.value)


@dataclass
class Count:
    """How the evaluations of a file went."""

    passed: int = 0
    failed: int = 0
    reasons: Counter[Beyond] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        return self.reasons.total()

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {why.value}" for why, count in self.reasons.most_common())
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped{f' ({reasons})' if reasons else ''}"


@dataclass
class Evaluation:
    """One `eval` command."""

    text: str
    start: int
    end: int
    step: int
    """0 for instant."""
    expects: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    number: float | None = None
    """The scalar that is expected; there are no rows then."""
    fail: bool = False

    @property
    def ordered(self) -> bool:
        return "ordered" in self.expects


class Script:
    """One file's state."""

    def __init__(self, *, gappy: bool) -> None:
        self._gappy = gappy
        self.count = Count()
        self._clear()

    def _clear(self) -> None:
        self.source = MemorySource(gappy=self._gappy)
        self.beyond: list[tuple[Labels, Beyond]] = []
        """Series with native histograms."""

    def run(self, path: Path) -> Count:
        lines = [line.strip() for line in path.read_text("utf-8").split("\n")]
        place = 0
        while place < len(lines):
            line = lines[place]
            place += 1
            if line == "" or line.startswith("#"):
                continue
            start = place
            word = line.split()[0].lower()
            if word.startswith(("load", "eval")):
                while place < len(lines) and lines[place] and not lines[place].startswith("#"):
                    place += 1
            try:
                self._command(word, line, lines[start:place])
            except SkippedError as skipped:
                self.count.reasons[skipped.why] += 1
            except Exception as error:  # noqa: BLE001 - a crash is a failed case, to be told like one
                self.count.failed += 1
                self.count.problems.append(f"{path.name}:{start}: {line}\n    {type(error).__name__}: {error}")
            else:
                self.count.passed += word.startswith("eval")
        return self.count

    def _command(self, word: str, line: str, block: Sequence[str]) -> None:
        if word == "clear":
            self._clear()
        elif word.startswith("load"):
            self._load(line, block, custom_buckets=word == "load_with_nhcb")
        elif word.startswith("eval"):
            self._check(read_evaluation(line, block))
        else:
            raise ValueError("not a command")

    def _load(self, line: str, block: Sequence[str], *, custom_buckets: bool) -> None:
        step = parse_duration(line.split()[1])
        loaded: dict[Labels, MixedSeriesLine] = {}
        for row in block:
            stamped = _START_STAMPS.match(row)
            if stamped:
                own = parse_mixed_series_line(stamped.group(1)).labels
                stamps = enumerate(start_stamps(stamped.group(2) or ""))
                seconds = {place * step: (place * step + one) / 1000 for place, one in stamps if one is not None}
                self.source.put(created(own), seconds)
                continue
            series = parse_mixed_series_line(row)
            loaded[series.labels] = series
        for labels, series in loaded.items():
            self.source.put(
                labels, {place * step: one for place, one in enumerate(series.values) if isinstance(one, float)}
            )
            if any(isinstance(one, NativeHistogram) for one in series.values):
                self.beyond.append((labels, Beyond.SELECTED))
            name = labels.get(METRIC_NAME, "")
            if custom_buckets and name.endswith(("_bucket", "_count", "_sum")):
                classic = labels.with_(**{METRIC_NAME: name[: name.rindex("_")], "le": ""})
                self.beyond.append((classic, Beyond.SELECTED))

    def _check(self, case: Evaluation) -> None:
        tree = parse(case.text, ALL_FEATURES)
        if any(_holds_histogram(row) for row in case.rows):
            raise SkippedError(Beyond.EXPECTED)
        if (why := self._reaches_beyond(tree)) is not None:
            raise SkippedError(why)
        try:
            query = Query(case.text, _OPTIONS)
        except QueryError as error:
            if "not supported" in error.message:
                raise SkippedError(Beyond.LANGUAGE) from error
            raise
        if case.step:
            self._run_range(case, query, case.start, case.end, case.step)
            return
        self._run_instant(case, query, case.start)
        others = list(self._pinned(case, tree))
        for other, at in others:
            self._run_instant(case, other, at)
        if any(line.startswith(("string", "range vector")) for line in case.expects):
            return
        if re.search(r"(start|end|range|step)\(\)", case.text):
            return
        for other, at in [(query, case.start), *others]:
            self._run_middle(case, other, at)

    def _reaches_beyond(self, tree: Expr) -> Beyond | None:
        wanted = [node.matchers for node in selectors(tree) if not node.anything]
        found = (why for labels, why in self.beyond if any(all_match(matchers, labels) for matchers in wanted))
        return next(found, None)

    def _pinned(self, case: Evaluation, tree: Expr) -> Iterator[tuple[Query, int]]:
        for node in walk(tree):
            if isinstance(node, Call) and node.function.name in _TIME_DEPENDENT:
                return
        at = case.start
        query = Query(to_text(pinned(tree, at)), _OPTIONS)
        times = [-1000, 0, 1000] if at == 0 else [-10 * at, 0, at // 5, at, 10 * at]
        for other in times:
            yield query, other

    def _run_instant(self, case: Evaluation, query: Query, at: int) -> None:
        try:
            answer = query.instant(self.source, at)
        except UserError as error:
            _expect_failure(case, error)
            return
        _expect_success(case)
        _check_annotations(case, answer)
        vector = next((line for line in case.expects if line.startswith("range vector")), None)
        if vector is not None:
            words = vector.split()
            first, last, step = parse_duration(words[3]), parse_duration(words[5]), parse_duration(words[7])
            again = query.instant(self.source, last)
            _compare_range(case, _as_series(again), first, step)
            return
        _compare_instant(case, answer, at)

    def _run_range(self, case: Evaluation, query: Query, start: int, end: int, step: int) -> None:
        try:
            answer = query.range(self.source, start, end, step)
        except UserError as error:
            _expect_failure(case, error)
            return
        _expect_success(case)
        _check_annotations(case, answer)
        series = _as_series(answer)
        keys = [one.labels.pairs for one in series]
        if keys != sorted(keys):
            raise MismatchError("range result is not sorted")
        _compare_range(case, series, start, step)

    def _run_middle(self, case: Evaluation, query: Query, at: int) -> None:
        try:
            answer = query.range(self.source, at - 60_000, at + 60_000, 60_000)
        except UserError as error:
            _expect_failure(case, error)
            return
        if case.fail or case.ordered:
            return
        found = {one.labels: dict(one.points)[at] for one in _as_series(answer) if at in dict(one.points)}
        _compare_values(case, found)


def pinned(node: Expr, at: int) -> Expr:
    """The expression with `@ at` on every selector and subquery that has none."""
    match node:
        case VectorSelector():
            return node if node.shift.at is not None else replace(node, shift=replace(node.shift, at=at))
        case MatrixSelector():
            selector = pinned(node.selector, at)
            return replace(node, selector=selector) if isinstance(selector, VectorSelector) else node
        case Subquery():
            inner = node.expr
            return node if node.shift.at is not None else replace(node, expr=inner, shift=replace(node.shift, at=at))
        case Call():
            return replace(node, args=tuple(pinned(argument, at) for argument in node.args))
        case Aggregation():
            param = None if node.param is None else pinned(node.param, at)
            return replace(node, expr=pinned(node.expr, at), param=param)
        case Binary():
            return replace(node, left=pinned(node.left, at), right=pinned(node.right, at))
        case Unary() | Paren():
            return replace(node, expr=pinned(node.expr, at))
        case _:
            return node


def start_stamps(text: str) -> list[int | None]:
    """How far from each sample its start is, in milliseconds."""
    stamps: list[int | None] = []
    for item in text.split():
        read = _START_ITEM.fullmatch(item)
        if read is None:
            raise ValueError(f"no start timestamp: {item}")
        sign, first, step_sign, step, times = read.groups()
        if first is None:
            stamps += [None] * int(times or 1)
            continue
        stamp = parse_duration(first) * (-1 if sign == "-" else 1)
        growth = parse_duration(step) * (-1 if step_sign == "-" else 1) if step else 0
        stamps += [stamp + place * growth for place in range(int(times or 0) + 1)]
    return stamps


def _holds_histogram(row: str) -> bool:
    return any(isinstance(value, NativeHistogram) for value in parse_mixed_series_line(row).values)


def read_evaluation(line: str, block: Sequence[str]) -> Evaluation:
    """An `eval` command with its block, in the present spelling and in the older ones (`eval_warn`,
    `expected_fail_message`)."""
    found = _INSTANT.fullmatch(line)
    if found:
        at = parse_duration(found["at"] or "0")
        case = Evaluation(found["text"], at, at, 0)
    else:
        found = _RANGE.fullmatch(line)
        if not found:
            raise ValueError("not an eval command")
        start, stop, step = (parse_duration(found[name]) for name in ("start", "stop", "step"))
        case = Evaluation(found["text"], start, stop, step)
    if found["kind"]:
        case.expects.append(found["kind"].lower())
    for row in block:
        if _EXPECT.match(row):
            case.expects.append(_EXPECT.sub("", row, count=1).strip())
        elif row.startswith("expected_fail_"):
            kind, _, text = row.removeprefix("expected_fail_").partition(" ")
            case.expects.append(f"fail {'msg' if kind == 'message' else 'regex'}: {text}")
        elif _SCALAR.fullmatch(row):
            case.number = parse_series_line("{} " + row).values[0]
            break
        else:
            case.rows.append(row)
    case.fail = any(re.match(r"fail\b", expected) for expected in case.expects)
    return case


def _expect_failure(case: Evaluation, error: UserError) -> None:
    if not case.fail:
        raise MismatchError(f"failed: {error}") from error
    for line in case.expects:
        if line.startswith("fail ") and not _met(line.removeprefix("fail ").strip(), str(error)):
            raise MismatchError(f"failed with {str(error)!r}, expected {line}") from error


def _expect_success(case: Evaluation) -> None:
    if case.fail:
        raise MismatchError("did not fail")


def _met(condition: str, text: str) -> bool:
    kind, _, wanted = condition.partition(":")
    if kind == "msg":
        return text == wanted.strip()
    return compile_re2(wanted.strip())(text) is not None


def _check_annotations(case: Evaluation, answer: Answer) -> None:
    for word, texts in (("warn", answer.warnings), ("info", answer.infos)):
        lines = [line.removeprefix(word).strip() for line in case.expects if line.split()[0] == word]
        if f"no_{word}" in case.expects and texts:
            raise MismatchError(f"unexpected {texts}")
        if not lines:
            continue
        if not texts:
            raise MismatchError(f"no {word} annotation")
        conditions = [line for line in lines if line]
        for condition in conditions:
            if not any(_met(condition, text) for text in texts):
                raise MismatchError(f"{condition!r} not met by {texts}")
        for text in texts:
            if conditions and not any(_met(condition, text) for condition in conditions):
                raise MismatchError(f"{text!r} not expected")


def _as_series(answer: Answer) -> tuple[Series, ...]:
    if isinstance(answer.value, ScalarValue | StringValue):
        raise MismatchError("not a matrix")
    return tuple(one for one in answer.value if isinstance(one, Series))


def _compare_instant(case: Evaluation, answer: Answer, at: int) -> None:
    wanted = next((line for line in case.expects if line.startswith("string")), None)
    value = answer.value
    if wanted is not None:
        text = unquote(wanted.removeprefix("string").strip().encode().decode("latin-1"))
        if not isinstance(value, StringValue) or value.value != text:
            raise MismatchError(f"{value} is not {text!r}")
        return
    if isinstance(value, StringValue):
        raise MismatchError("a string")
    if isinstance(value, ScalarValue) is not (case.number is not None):
        raise MismatchError(f"expected a {'vector' if case.number is None else 'scalar'}, got {value}")
    if isinstance(value, ScalarValue):
        _compare_values(case, {Labels(): value.value})
        return
    pairs: list[tuple[Labels, float]] = []
    for one in value:
        if isinstance(one, Series):
            raise MismatchError("a range vector")
        if one.timestamp != at:
            raise MismatchError(f"time {one.timestamp} is not {at}")
        pairs.append((one.labels, one.value))
    if case.ordered:
        names = [parse_series_line(row).labels for row in case.rows]
        if [labels for labels, _ in pairs] != names:
            raise MismatchError(f"order {[str(labels) for labels, _ in pairs]}")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MismatchError("a label set comes twice")
    _compare_values(case, found)


def _compare_values(case: Evaluation, found: dict[Labels, float]) -> None:
    expected: dict[Labels, float] = {} if case.number is None else {Labels(): case.number}
    for row in case.rows:
        line = parse_series_line(row)
        if len(line.values) != 1 or line.values[0] is None:
            raise MismatchError(f"an instant has one value, not {row}")
        expected[line.labels] = line.values[0]
    if set(found) != set(expected):
        raise MismatchError(f"got { {str(key): own for key, own in found.items()} }")
    for labels, value in expected.items():
        if not close(found[labels], value):
            raise MismatchError(f"{labels}: {found[labels]!r} is not {value!r}")


def _compare_range(case: Evaluation, series: Sequence[Series], start: int, step: int) -> None:
    expected: dict[Labels, dict[int, float]] = {}
    if case.number is not None:
        raise MismatchError("a range has series, no scalar")
    for row in case.rows:
        line = parse_series_line(row)
        points = {start + place * step: value for place, value in enumerate(line.values) if value is not None}
        expected[line.labels] = points
    expected = {labels: points for labels, points in expected.items() if points}
    found = {one.labels: dict(one.points) for one in series}
    if set(found) != set(expected):
        raise MismatchError(f"got { {str(key): list(own.values()) for key, own in found.items()} }")
    for labels, points in expected.items():
        if list(found[labels]) != list(points):
            raise MismatchError(f"{labels}: times {list(found[labels])} are not {list(points)}")
        for at, value in points.items():
            if not close(found[labels][at], value):
                raise MismatchError(f"{labels} at {at}: {found[labels][at]!r} is not {value!r}")


def close(left: float, right: float) -> bool:
    """Equal as promqltest understands it."""
    if is_stale(left) or is_stale(right):
        return is_stale(left) and is_stale(right)
    if math.isnan(left) and math.isnan(right):
        return True
    if left == right:
        return True
    size = abs(left) + abs(right)
    apart = abs(left - right)
    if left == 0 or right == 0 or size < _TINY:
        return apart < 1e-6 * _TINY
    return apart / min(size, _HUGE) < 1e-6


def main(arguments: Sequence[str]) -> int:
    """Prints a line for each file and one for all; the exit status says whether anything failed."""
    whole = Count()
    for name in arguments:
        if name.startswith("-"):
            continue
        count = Script(gappy="--gappy" in arguments).run(Path(name))
        print(f"{Path(name).name}: {count}")
        if "-v" in arguments:
            for problem in count.problems:
                print("  " + problem)
        whole.passed += count.passed
        whole.failed += count.failed
        whole.reasons += count.reasons
    print(f"total: {whole}")
    return 1 if whole.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
