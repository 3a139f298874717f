"""OpenMetrics: what it adds to the text format, what it refuses, and that the short cuts change nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.errors import ExpositionError
from monitor.model.labels import Labels
from monitor.scrape.exposition.entries import EndEntry, Exemplar, SeriesEntry
from monitor.scrape.exposition.openmetrics import OPENMETRICS, read_entry
from monitor.scrape.exposition.reading import Metadata, Reading
from monitor.scrape.exposition.text import TextReader

BODY = """\
# TYPE requests counter
# UNIT requests_seconds seconds
# HELP requests Asked, with \\"quotes\\".
requests_total{code="200"} 17 1520879607.789 # {trace="abc"} 0.5 1520879607.1
requests_total{code="500"} 2
requests_created{code="200"} 1520872607.123
# TYPE state stateset
state{state="on"} 1
# EOF
"""


def read(reader: TextReader[Labels], body: str) -> Reading[Labels]:
    steps = reader.read(body.encode())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def reader() -> TextReader[Labels]:
    return TextReader(lambda labels: Labels(dict(labels)), OPENMETRICS)


def shown(reading: Reading[Labels]) -> list[object]:
    return [
        (labels, float(value), reading.times.get(row), reading.exemplars.get(row))
        for row, (labels, value) in enumerate(zip(reading.entries, reading.values, strict=True))
    ]


def test_times_are_seconds_and_exemplars_are_kept() -> None:
    """Of every sample that has one."""
    reading = read(reader(), BODY)
    name = "__name__"
    assert shown(reading) == [
        (
            Labels({name: "requests_total", "code": "200"}),
            17.0,
            1520879607789,
            Exemplar({"trace": "abc"}, 0.5, 1520879607100),
        ),
        (Labels({name: "requests_total", "code": "500"}), 2.0, None, None),
        (Labels({name: "requests_created", "code": "200"}), 1520872607.123, None, None),
        (Labels({name: "state", "state": "on"}), 1.0, None, None),
    ]
    assert reading.metadata["requests"] == Metadata(type="counter", help='Asked, with "quotes".')
    assert reading.metadata["requests_seconds"].unit == "seconds"
    assert reading.metadata["state"].type == "stateset"


def test_an_exemplar_may_come_and_go() -> None:
    """The next body's reading never shows that of the one before."""
    remembering = reader()
    for line in ("m 1", 'm 2 # {t="a"} 1', 'm 3 # {t="b"} 2 7', "m 4", "m 5 9", "m 6"):
        body = f"{line}\nn 1\n# EOF\n"
        assert shown(read(remembering, body)) == shown(read(reader(), body))


_values = st.sampled_from(["0", "1", "1.5", "2e3", "NaN", "+Inf"])
_ends = st.sampled_from(["", " 12", " 12.25", ' # {t="x"} 1', ' # {t="y"} 1 3', " 5 # {} 2", " x"])
_lines = st.one_of(
    st.builds(
        "{} {}{}".format, st.sampled_from(["a", 'a{b="c"}', 'a{b="d",}', '{"a.b",c="d"}', "c_total"]), _values, _ends
    ),
    st.sampled_from(
        ["# TYPE a counter", "# TYPE a histogram", "# HELP a x", "# HELP a y", "# UNIT c_total total", "# EOF"]
    ),
)


def _outcome(of: TextReader[Labels], body: str) -> object:
    try:
        reading = read(of, body)
    except ExpositionError as error:
        return str(error)
    return repr((shown(reading), reading.metadata))


@given(st.lists(st.tuples(st.lists(_lines, max_size=6), st.sampled_from(["# EOF\n", "# EOF", "", "\n"])), max_size=4))
def test_a_reader_that_remembers_agrees_with_one_that_does_not(bodies: list[tuple[list[str], str]]) -> None:
    """Values, times, exemplars, metadata and errors, whatever came before."""
    remembering = reader()
    for lines, end in bodies:
        body = "".join(f"{line}\n" for line in lines) + end
        assert _outcome(remembering, body) == _outcome(reader(), body)


@given(st.lists(_lines, max_size=8))
def test_the_short_cuts_agree_with_the_grammar(lines: list[str]) -> None:
    """Sample by sample, or the same refusal."""
    body = "".join(f"{line}\n" for line in lines) + "# EOF\n"
    data, at, line = body.encode(), 0, 0
    found: list[tuple[str, int | None, Exemplar | None]] = []
    refusal = ""
    try:
        while True:
            entry, at = read_entry(data, at, line := line + 1, len(data))
            if isinstance(entry, EndEntry):
                break
            if isinstance(entry, SeriesEntry):
                found.append((repr(entry.value), entry.time, entry.exemplar))
    except ExpositionError as error:
        refusal = str(error)
    try:
        reading = read(reader(), body)
    except ExpositionError as error:
        assert str(error) == refusal
        return
    assert refusal == ""
    assert found == [
        (repr(float(value)), reading.times.get(row), reading.exemplars.get(row))
        for row, value in enumerate(reading.values)
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a 1\n", "data does not end with # EOF"),
        ("a 1\n# EOF\nb 2\n", "unexpected data after # EOF"),
        ("a 1\n\n# EOF\n", "expected a valid start token"),
        ("a  1\n# EOF\n", "expected value after metric"),
        ("# a comment\n# EOF\n", "expected a valid start token"),
        ("# TYPE a untyped\n# EOF\n", 'invalid metric type "untyped"'),
        ("a 1 +Inf\n# EOF\n", "invalid timestamp"),
        ('a 1 # {b="c"}\n# EOF\n', "expected value after exemplar labels"),
        ("metric", r'got "metric" \("EOF"\) while parsing: "metric"$'),
        ('a{b="c"', r'expected comma or brace close, got "\\"c\\"" \("EOF"\) while parsing: "a\{b=\\"c\\""$'),
        ('a 1 # {b="c"}', r'got "}" \("EOF"\) while parsing: "a 1 # \{b=\\"c\\"}"$'),
    ],
)
def test_what_the_format_forbids_is_refused(body: str, words: str) -> None:
    """Also when the body before was good, and then the next good one is read as ever."""
    remembering = reader()
    read(remembering, "a 1\n# EOF\n")
    with pytest.raises(ExpositionError, match=words):
        read(remembering, body)
    assert shown(read(remembering, "a 2\n# EOF\n")) == [(Labels({"__name__": "a"}), 2.0, None, None)]
