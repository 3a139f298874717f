"""The text format's reader: what it reads, what it refuses, and that its short cuts change nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.errors import ExpositionError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.scrape.exposition.entries import SeriesEntry
from monitor.scrape.exposition.grammar import read_entry
from monitor.scrape.exposition.reading import Reading
from monitor.scrape.exposition.text import TextReader

Sample = tuple[Labels, float, int | None]

_names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,6}", fullmatch=True)
_label_names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,6}", fullmatch=True).filter(lambda name: name != METRIC_NAME)
_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
_values = st.one_of(st.floats(), st.integers(-(10**9), 10**9).map(float))
_samples = st.tuples(
    _names,
    st.dictionaries(_label_names, _texts, max_size=4),
    _values,
    st.one_of(st.none(), st.integers(-(10**15), 10**15)),
    st.sampled_from(["", " ", "\t", "  "]),
)
_comments = st.sampled_from(["", "# a comment", "#", "# HELP m some \\\\ help", "# TYPE m counter", "#HELP m"])
_lines = st.one_of(_samples.map(lambda sample: _line(*sample)), _comments)
_bodies = st.lists(_lines, max_size=12)
_broken = st.sampled_from(['a{b="', "a", '"', "# TYPE m nonsense", 'a{b="c', "1", 'a{"', "a 1 x", "\0", 'a{b="x\\'])


def read(reader: TextReader[Labels], body: str | bytes) -> Reading[Labels]:
    steps = reader.read(body.encode() if isinstance(body, str) else body)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            reading: Reading[Labels] = end.value
            return reading


def first_sight(body: str | bytes) -> Reading[Labels]:
    return read(TextReader(Labels), body)


def shown(reading: Reading[Labels]) -> list[tuple[Labels, str, int | None]]:
    """All samples; values as text, so that NaNs compare."""
    return [
        (labels, repr(float(value)), reading.times.get(index))
        for index, (labels, value) in enumerate(zip(reading.entries, reading.values, strict=True))
    ]


def by_grammar(body: str) -> list[tuple[Labels, str, int | None]]:
    data = body.encode() + b"\n"
    at = 0
    found: list[tuple[Labels, str, int | None]] = []
    while at < len(data):
        entry, at = read_entry(data, at, 1, len(data))
        if isinstance(entry, SeriesEntry):
            found.append((Labels(entry.labels), repr(entry.value), entry.time))
    return found


def _line(name: str, labels: Mapping[str, str], value: float, time: int | None, blank: str) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = "NaN" if math.isnan(value) else "+Inf" if value == math.inf else repr(value)
    stamp = "" if time is None else f"{blank or ' '}{time}"
    return f"{name}{'{' + inside + '}' if inside else ''}{blank or ' '}{number}{stamp}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@given(st.lists(_samples, max_size=10))
def test_reading_what_was_printed_gives_the_same_samples(
    samples: list[tuple[str, dict[str, str], float, int | None, str]],
) -> None:
    """parse∘print is identity for names, labels, values and times."""
    reading = first_sight("\n".join(_line(*sample) for sample in samples))
    wanted = [
        (Labels({METRIC_NAME: name, **labels}), repr(math.nan if math.isnan(value) else value), time)
        for name, labels, value, time, _ in samples
    ]
    assert shown(reading) == wanted


@given(_bodies)
def test_the_short_cuts_agree_with_the_grammar(lines: list[str]) -> None:
    """Line by line expression and exact grammar read the same."""
    body = "\n".join(line for line in lines if "TYPE" not in line)
    assert shown(first_sight(body)) == by_grammar(body)


@given(st.lists(_bodies, min_size=2, max_size=4))
def test_a_reader_that_remembers_agrees_with_one_that_does_not(bodies: list[list[str]]) -> None:
    """Whatever came before, a body reads as if it were the first: unchanged, changed, longer, shorter."""
    reader: TextReader[Labels] = TextReader(Labels)
    for lines in bodies:
        body = "\n".join(lines)
        assert shown(read(reader, body)) == shown(first_sight(body))


@given(_bodies, st.data())
def test_lines_changed_in_place_agree_with_first_sight(lines: list[str], data: st.DataObject) -> None:
    """Replacing some lines by others, broken ones included, gives what first sight gives, or its very error."""
    reader: TextReader[Labels] = TextReader(Labels)
    read(reader, "\n".join(lines))
    changed = [data.draw(st.one_of(st.just(line), _lines, _broken, _new_value(line))) for line in lines]
    body = "\n".join(changed)
    assert _outcome(reader, body) == _outcome(TextReader(Labels), body)
    assert shown(read(reader, "\n".join(lines))) == shown(first_sight("\n".join(lines)))


@given(st.lists(st.lists(_values, min_size=40, max_size=40), min_size=2, max_size=4), st.integers(0, 39))
def test_numbers_that_change_their_length_move_their_lines_only(bodies: list[list[float]], odd: int) -> None:
    """Each body reads as if it were the first, among its lines one that is never ordinary."""
    reader: TextReader[Labels] = TextReader(Labels)
    for values in bodies:
        lines = [f'm{{i="{i}"}}{"  " if i == odd else " "}{_go(value)}' for i, value in enumerate(values)]
        body = "\n".join(["# HELP m it", *lines])
        assert shown(read(reader, body)) == shown(first_sight(body))


def test_a_line_that_gains_a_time_and_loses_it_again_has_none() -> None:
    """The time of one answer must not stick to the next."""
    reader: TextReader[Labels] = TextReader(Labels)
    for body in ("a 1\nb 1", "a 1\nb 1 5", "a 1\nb 1", "a 1\nb 2"):
        assert shown(read(reader, body)) == shown(first_sight(body))


def _new_value(line: str) -> st.SearchStrategy[str]:
    head = line.rpartition(" ")[0]
    return st.sampled_from(["1", "NaN", "-Inf", "1e999", "1_0", "0x1", "\t2", "٣", "+nan", "1 5"]).map(
        lambda text: f"{head} {text}"
    )


def _outcome(reader: TextReader[Labels], body: str) -> object:
    try:
        return shown(read(reader, body))
    except ExpositionError as error:
        return str(error)


def test_a_long_body_is_read_in_many_slices_and_as_a_whole() -> None:
    """Slicing shows in the number of steps and in nothing else, at first sight and later."""
    body = "\n".join(f'm{{i="{i}"}} {i}' for i in range(20_000)).encode()
    reader: TextReader[Labels] = TextReader(Labels)
    for least in (30, 4):
        steps = reader.read(body)
        count = 0
        while True:
            try:
                next(steps)
            except StopIteration as end:
                reading: Reading[Labels] = end.value
                break
            count += 1
        assert count >= least
        assert reading.values.tolist() == [float(i) for i in range(20_000)]
        assert reading.entries[19_999] == Labels({METRIC_NAME: "m", "i": "19999"})


def test_the_same_layout_keeps_the_identity_of_its_entries() -> None:
    """New numbers, the same object; a new series, another object."""
    reader: TextReader[Labels] = TextReader(Labels)
    first = read(reader, "a 1\nb 2\n").entries
    assert read(reader, "a 3\nb 4\n").entries is first
    assert read(reader, "a 3\nc 4\n").entries is not first


def test_a_series_is_admitted_once_while_it_stays() -> None:
    """Neither other numbers nor neighbours that come and go have it admitted again."""
    admitted: list[str] = []

    def admit(labels: Mapping[str, str]) -> Labels:
        admitted.append(labels[METRIC_NAME])
        return Labels(labels)

    reader = TextReader(admit)
    for body in ("a 1\nb 1\n", "a 2\nb 2\n", "c 1\na 3\nb 3\n", "b 4\nc 4\n", "b 5 77\nb 5 78\n"):
        read(reader, body)
    assert admitted[:3] == ["a", "b", "c"]
    assert set(admitted[3:]) <= {"b"}


def test_a_failed_reading_changes_nothing() -> None:
    """After a broken body the reader goes on from the last good one."""
    reader: TextReader[Labels] = TextReader(Labels)
    good = read(reader, "a 1\nb 2\n")
    with pytest.raises(ExpositionError) as caught:
        read(reader, "a 7\nb\n")
    assert caught.value.line == 2
    again = read(reader, "a 1\nb 2\n")
    assert again.entries is good.entries
    assert again.values.tolist() == [1.0, 2.0]


def test_an_abandoned_reading_changes_nothing() -> None:
    """Closing the generator half-way leaves the last good state."""
    reader: TextReader[Labels] = TextReader(Labels)
    read(reader, "a 1\n")
    steps = reader.read(b"".join(b"x%d 1\n" % i for i in range(5_000)))
    next(steps)
    next(steps)
    steps.close()
    assert shown(read(reader, "a 2\n")) == [(Labels({METRIC_NAME: "a"}), "2.0", None)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a 1_0\n", "unsupported character in float"),
        ("a 1\r\n", 'strconv.ParseFloat: parsing "1\\r": invalid syntax'),
        ("a 1e999\n", "value out of range"),
        ("a ٣\n", "invalid syntax"),
        ("a +nan\n", "invalid syntax"),
        ("a 0x10\n", "invalid syntax"),
        ("a 1 99999999999999999999\n", "strconv.ParseInt"),
        ('a{b="1",b="2"} 1\n', 'label name "b" is not unique'),
        ('a{b="1"c="2"} 1\n', "expected comma or brace close"),
        ("\0a 1\n", "expected a valid start token"),
        ('a{b="1} 1\n', 'got "\\"1} 1\\n\\n" ("INVALID")'),  # Prometheus adds a line end to every body
        ("# TYPE a  counter\n", 'invalid metric type " counter"'),
    ],
)
def test_what_prometheus_refuses_is_refused(body: str, words: str) -> None:
    """Python's laxer numbers never slip through, at first sight or in place of a good line."""
    with pytest.raises(ExpositionError, match=_literally(words)):
        first_sight(body)
    reader: TextReader[Labels] = TextReader(Labels)
    read(reader, "a 1\n")
    with pytest.raises(ExpositionError, match=_literally(words)):
        read(reader, body)


def _literally(words: str) -> str:
    return "".join(f"\\{char}" if char in "\\.()[]{}+*?^$|" else char for char in words)


def test_a_quoted_text_may_run_over_a_line_end() -> None:
    """Such a series is read, remembered, and the lines after it keep their numbers."""
    reader: TextReader[Labels] = TextReader(Labels)
    for value in (1, 2):
        reading = read(reader, f'a{{b="x\ny"}} {value}\nc 3\n')
        assert reading.entries[0] == Labels({METRIC_NAME: "a", "b": "x\ny"})
        assert reading.values.tolist() == [value, 3.0]
    with pytest.raises(ExpositionError) as caught:
        read(reader, 'a{b="x\ny"} 1\nc\n')
    assert caught.value.line == 3


def test_metadata_is_kept_by_metric() -> None:
    """HELP and TYPE, escapes undone; a changed help is noticed."""
    reader: TextReader[Labels] = TextReader(Labels)
    read(reader, '# HELP a Two\\nlines \\\\ "here".\n# TYPE a untyped\na 1\n')
    reading = read(reader, "# HELP a Other.\n# TYPE a untyped\na 1\n")
    assert (reading.metadata["a"].type, reading.metadata["a"].help) == ("unknown", "Other.")
    assert first_sight("# HELP a Two\\nlines \\\\.\n").metadata["a"].help == "Two\nlines \\."


@pytest.mark.parametrize(
    "line", ["# TYPE a gauge", "# HELP a Text.", "# HELP b Text.", "# nothing", "", "# TYPE b summary"]
)
@pytest.mark.parametrize("other", ["# TYPE a counter", "# HELP a Other.", "# HELP c Text.", "# else", ""])
def test_metadata_of_a_changed_comment_is_that_of_first_sight(line: str, other: str) -> None:
    """What a line said is forgotten when it says something else."""
    reader: TextReader[Labels] = TextReader(Labels)
    read(reader, f"{line}\na 1\n")
    assert read(reader, f"{other}\na 1\n").metadata == first_sight(f"{other}\na 1\n").metadata


def test_bounds_of_buckets_and_quantiles_have_one_spelling() -> None:
    """`1` and `1.0` are the same bound, but only in a histogram's le and a summary's quantile."""
    body = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1e6"} 1\nh{quantile="1"} 1\n# TYPE s summary\ns{quantile="0"} 1\n'
    found = [labels.get("le", labels.get("quantile", "")) for labels in first_sight(body).entries]
    assert found == ["1.0", "1e+06", "1", "0.0"]


def _go(value: float) -> str:
    return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN" if math.isnan(value) else repr(value))
