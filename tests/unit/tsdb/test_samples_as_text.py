"""Export writes every sample as OpenMetrics text; import makes blocks of such a text. One after the other changes nothing."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.matching.matchers import Matcher
from monitor.model.errors import CorruptionError, ExpositionError, RequestError
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.samples import STALE
from monitor.model.times import DAY, HOUR, MINUTE, SECOND
from monitor.scrape.exposition.dated import DatedSamples
from monitor.tsdb.blocks import Block
from monitor.tsdb.export import END, Exported, exported, time_texts, value_text
from monitor.tsdb.imports import RANK, Import, Imported
from monitor.tsdb.store import SampleStore
from tests.support.samples import ALWAYS, History, bits, equal, everything, metric, points

NOW = 1_800_000_000 * SECOND
_EVERYTHING = ((),)


def text_of(store: SampleStore, *selectors: tuple[Matcher, ...], stale_markers: bool = True) -> bytes:
    """All that these select, as a file has it."""
    pieces = exported(store.view(), selectors or _EVERYTHING, *ALWAYS, Exported(), stale_markers=stale_markers)
    return b"".join(pieces)


def taken(folder: Path, text: bytes, *, retention: int = 15 * DAY, at_once: int = 1 << 22) -> Imported:
    """Import this text into the store of this folder."""
    samples = DatedSamples(io.BytesIO(text), NOW)
    with Import(folder, retention, at_once) as importing:
        for batch in samples:
            importing.add(batch.series, batch.times, batch.values)
        for block in importing.finish(samples.labels):
            assert isinstance(block, Block)
    return importing.told


def opened(folder: Path, now: int = NOW) -> SampleStore:
    return SampleStore.recover(folder, 100 * 365 * DAY, now)[0]


def written(series: dict[Labels, list[tuple[int, float]]]) -> SampleStore:
    """A store that holds these samples."""
    store = SampleStore.in_memory(100 * 365 * DAY)
    for labels, samples in series.items():
        for at, value in samples:
            store.append(at, [(labels, value)])
    return store


_NAMES = st.one_of(
    st.sampled_from(["up", "a:b_total", "größe", "with blank", 'q"\\\n', "0"]), st.text(min_size=1, max_size=4)
)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def _named(name: str, rest: dict[str, str]) -> Labels:
    return Labels({**rest, METRIC_NAME: name})


_LABELS = st.builds(
    _named,
    _NAMES.filter(lambda name: "\0" not in name and not any("\ud800" <= char <= "\udfff" for char in name)),
    st.dictionaries(st.sampled_from(["le", "job", "a b", "ünder"]), _TEXTS, max_size=3),
)
_VALUES = st.one_of(
    st.floats().map(lambda value: math.nan if math.isnan(value) else value),
    st.just(STALE),
    st.sampled_from([0.0, -0.0]),
)
_SAMPLES = st.dictionaries(st.integers(NOW - 2 * DAY, NOW), _VALUES, min_size=1, max_size=5).map(
    lambda found: sorted(found.items())
)


@settings(max_examples=25)
@given(st.dictionaries(_LABELS, _SAMPLES, max_size=5), st.sampled_from([2, 1 << 20]))
def test_what_is_imported_is_what_was_exported(
    tmp_path_factory: pytest.TempPathFactory, series: dict[Labels, list[tuple[int, float]]], at_once: int
) -> None:
    """Every series, time and value, NaN, infinities, minus zero and stale markers, however little memory may be used."""
    folder = tmp_path_factory.mktemp("into")
    before = written(series)
    told = taken(folder, text_of(before), at_once=at_once)
    assert told.duplicates == 0
    assert everything(opened(folder).view()) == everything(before.view())
    assert sorted(text_of(opened(folder)).splitlines()) == sorted(text_of(before).splitlines())


@given(st.lists(st.integers(0, 1 << 43)))
def test_times_read_back_as_written(times: list[int]) -> None:
    """To the millisecond, as Prometheus reads them: as a float, cut off."""
    texts = time_texts(np.array(times, dtype=np.int64))
    assert [int(float(text) * 1000) for text in texts] == times


@given(st.floats(allow_nan=False))
def test_values_read_back_as_written(value: float) -> None:
    """Bit by bit."""
    assert bits(float(value_text(value))) == bits(value)


def test_the_text_is_by_metric_and_series_and_ends() -> None:
    """Names that the old alphabet does not have are quoted, values escaped; a series stands in one piece."""
    store = written(
        {
            metric("b", path='C:\\"x"\n'): [(1_001, 1.0), (2_000, math.inf)],
            metric("a.b", job="j"): [(1_000, 2.5)],
            metric("b"): [(1_500, STALE), (3_000, math.nan)],
        }
    )
    assert text_of(store).decode() == (
        '{"a.b",job="j"} 2.5 1.000\n'
        'b{path="C:\\\\\\"x\\"\\n"} 1 1.001001\n'
        'b{path="C:\\\\\\"x\\"\\n"} +Inf 2.000\n'
        "b nan 1.500\n"
        "b NaN 3.000\n"
        "# EOF\n"
    )
    assert text_of(store, stale_markers=False).decode().count("nan") == 0


def test_selectors_are_joined_and_no_series_comes_twice() -> None:
    """What two of them select is written once."""
    store = written({metric("a", x="1"): [(1, 1.0)], metric("a", x="2"): [(1, 2.0)], metric("b"): [(1, 3.0)]})
    text = text_of(store, (equal("x", "2"),), (equal(METRIC_NAME, "a"),)).decode()
    assert sorted(text.splitlines()) == ["# EOF", 'a{x="1"} 1 0.001', 'a{x="2"} 2 0.001']


def test_only_the_asked_time_is_written() -> None:
    """Both ends belong to it."""
    store = written({metric("a"): [(at, float(at)) for at in (1_000, 2_000, 3_000, 4_000)]})
    told = Exported()
    text = b"".join(exported(store.view(), [()], 2_000, 3_000, told))
    assert text == b"a 2000 2.000\na 3000 3.000\n" + END
    assert (told.series, told.samples, told.nameless) == (1, 2, 0)


def test_series_without_a_name_are_counted() -> None:
    """The format has no place for them."""
    store = written({Labels({"x": "1"}): [(1, 1.0)], metric("a"): [(1, 1.0)]})
    told = Exported()
    assert b"".join(exported(store.view(), [()], *ALWAYS, told)) == b"a 1 0.001\n" + END
    assert told.nameless == 1


def test_many_series_of_one_metric_are_taken_in_turns(tmp_path: Path) -> None:
    """However their labels divide them: all are written, each once, out of blocks too."""
    store = opened(tmp_path, 0)
    series = [metric("wide", a=str(n % 7), b=str(n // 3), c="x|y" if n % 2 else ".*") for n in range(1_000)]
    store.append(1_000, [(labels, float(n)) for n, labels in enumerate(series)])
    store.append(2_000, [(labels, float(n)) for n, labels in enumerate(series) if n % 5])
    sealing = store.begin_sealing(DAY, everything=True)
    assert sealing is not None
    while sealing.step():
        pass
    store.end_sealing(sealing, DAY)
    store.forget(DAY + 4 * MINUTE)
    assert store.stats().samples == 0
    told = Exported()
    lines = b"".join(exported(store.view(), [()], *ALWAYS, told)).splitlines()
    assert len(lines) == len(set(lines)) == 1_801
    assert (told.series, told.samples) == (1_000, 1_800)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a 1 1\n", "line 2: data does not end with # EOF"),
        ("a 1 1", "line 1: data does not end with # EOF"),
        ("a 1 1\na 1 2", "line 2: data does not end with # EOF"),
        ("", "line 1: data does not end with # EOF"),
        ("a 1\n# EOF\n", "line 1: the sample of a has no time"),
        ('a{b="c"} 1 1\n\n# EOF\n', 'line 2: expected a valid start token, got "\\n" ("INVALID") while parsing: "\\n"'),
        ("a 1 1\n# EOF\na 1 2\n", "line 2: unexpected data after # EOF"),
        ("a x 1\n# EOF\n", 'strconv.ParseFloat: parsing "x": invalid syntax'),
        ("a 1 1\na 1 -1\n# EOF\n", "line 2: a sample from before 1970"),
        (
            f"a 1 {NOW // 1000 + 60}\n# EOF\n",
            "line 1: a sample 60 s later than the clock, which says 2027-01-15T08:00:00.000Z",
        ),
    ],
    ids=[
        "no end",
        "no line end",
        "cut off",
        "empty",
        "no time",
        "blank line",
        "after the end",
        "no number",
        "1970",
        "future",
    ],
)
def test_a_bad_text_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    """And nothing of it is imported."""
    with pytest.raises(ExpositionError) as refused:
        taken(tmp_path, text.encode())
    assert problem in str(refused.value)
    assert everything(opened(tmp_path).view()) == {}
    assert not (tmp_path / "importing").exists()


def test_what_comes_twice_counts_once(tmp_path: Path) -> None:
    """The same value is nothing new; of two values for a time the first stays. Series may be mixed and out of order, and
    the order of labels does not matter."""
    text = b'a{x="1",y="2"} 1 2\na{x="1",y="2"} 1 1\na{y="2",x="1"} 1 1\nb 5 1\na{y="2",x="1"} 3 2\nb NaN 2\nb NaN 2\n# EOF\n'
    told = taken(tmp_path, text)
    assert (told.samples, told.duplicates) == (4, 1)
    assert everything(opened(tmp_path).view()) == {
        metric("a", x="1", y="2"): points([(1_000, 1.0), (2_000, 1.0)]),
        metric("b"): points([(1_000, 5.0), (2_000, math.nan)]),
    }


def test_what_the_store_has_stays_and_a_later_import_is_right(tmp_path: Path) -> None:
    """In blocks and in the log; between them the imported samples are there."""
    store = opened(tmp_path, 0)
    for minute in range(0, 300, 2):
        store.append(minute * MINUTE, [(metric("a"), float(minute))])
    sealing = store.begin_sealing(3 * HOUR)
    assert sealing is not None
    while sealing.step():
        pass
    store.end_sealing(sealing, 3 * HOUR)
    store.forget(3 * HOUR + 4 * MINUTE)
    store.close(5 * HOUR)
    for value in (-1, -2):
        lines = "".join(f"a {value} {minute * 60}\n" for minute in range(300))
        taken(tmp_path, lines.encode() + END)
    found = everything(opened(tmp_path, 5 * HOUR).view())
    expected: History = {
        metric("a"): points([(minute * MINUTE, float(minute) if minute % 2 == 0 else -2.0) for minute in range(300)])
    }
    assert found == expected


def test_imported_blocks_end_with_the_retention_and_are_not_merged(tmp_path: Path) -> None:
    """They are no longer than an eighth of it, and the store goes on as if they were not there."""
    lines = "".join(f"a {hour} {hour * 3600}\n" for hour in range(100))
    told = taken(tmp_path, lines.encode() + END, retention=3 * DAY)
    assert told.blocks == 13
    store, report = SampleStore.recover(tmp_path, 3 * DAY, 100 * HOUR)
    assert report.problems == ()
    blocks = store.archive.shelf.blocks if store.archive is not None else ()
    assert {(block.head.rank, block.head.floor) for block in blocks} == {(RANK, None)}
    assert store.begin_merging() is None
    assert min(at for at, _ in everything(store.view())[metric("a")]) == 24 * HOUR
    store.append(100 * HOUR, [(metric("a"), 7.0)])
    assert everything(store.view())[metric("a")][-1] == (100 * HOUR, bits(7.0))


def test_samples_too_far_apart_are_refused(tmp_path: Path) -> None:
    """Not a file for each of a million days."""
    lines = "".join(f"a 1 {hour * 3600}\n" for hour in range(0, 400_000, 40))
    with pytest.raises(RequestError, match="too far apart"):
        taken(tmp_path, lines.encode() + END)


def test_an_import_that_fails_takes_its_blocks_back(tmp_path: Path) -> None:
    """A reader of the blocks who gives up, as on a full disk, leaves none behind; so does a killed one the next time."""
    samples = DatedSamples(io.BytesIO(b"a 1 1\na 1 100000\na 1 200000\n# EOF\n"), NOW)
    with Import(tmp_path, 15 * DAY) as importing:
        for batch in samples:
            importing.add(batch.series, batch.times, batch.values)
        steps = importing.finish(samples.labels)
        assert next(steps).path.exists()
        with pytest.raises(CorruptionError):
            steps.throw(CorruptionError("full"))
    assert list((tmp_path / "blocks").iterdir()) == []
    (tmp_path / "importing").mkdir()
    (tmp_path / "importing/17").write_bytes(b"left over")
    assert taken(tmp_path, b"a 1 1\n# EOF\n").samples == 1


class Trickle(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(7, size or 7))


def test_a_file_is_read_in_pieces() -> None:
    """Wherever they end."""
    text = b'# HELP a b\n# TYPE a counter\na{x="1"} 1 1 # {id="7"} 1 1.5\na{x="1"} 2.5e3 2\nb -Inf 3.25\n# EOF'
    samples = DatedSamples(Trickle(text), NOW)
    found: list[tuple[str, int, float]] = []
    for batch in samples:
        for place, number in enumerate(batch.series):
            found.append((str(samples.labels[int(number)]), int(batch.times[place]), float(batch.values[place])))
    assert found == [('a{x="1"}', 1_000, 1.0), ('a{x="1"}', 2_000, 2_500.0), ("b", 3_250, -math.inf)]


def test_series_of_one_target_share_parts(tmp_path: Path) -> None:
    """An import takes about as little on disk as what the store seals itself."""
    times = range(0, 7200, 15)
    lines = [f'm{n}{{instance="i"}} {n + at // 60} {at}\n' for n in range(50) for at in times]
    told = taken(tmp_path, "".join(lines).encode() + END)
    assert told.samples == len(lines)
    assert told.bytes < 0.2 * told.samples
    assert np.isclose(told.samples, opened(tmp_path).stats().block_samples)
