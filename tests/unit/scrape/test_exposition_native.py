"""The reader in C and its twin in Python read the same, on garbage too."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.model.errors import ExpositionError
from monitor.model.labels import Labels
from monitor.scrape.exposition import renewing
from monitor.scrape.exposition.grammar import TEXT
from monitor.scrape.exposition.native import Renew, fastest_of, load, name_of
from monitor.scrape.exposition.openmetrics import OPENMETRICS
from monitor.scrape.exposition.text import TextReader

ROOT: Final = Path(__file__).resolve().parents[3]
_shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

_numbers = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.integers(2**53, 10**18).map(str),
    st.floats(0, 1e-20).map(lambda value: f"{value:.3e}"),
    st.floats(width=64).map(repr),
    st.floats(0, 1e9).map(lambda value: f"{value:.6f}"),
    st.floats(0, 1e40).map(lambda value: f"{value:.6e}"),
    st.sampled_from(
        ["NaN", "+Inf", "-Inf", "Inf", "nan", "1e999", "-0", ".5", "5.", ".", "", "1e", "e5", "1e+5", "1E5"]
    ),
    st.text("0123456789.eE+-_ x\t\0", max_size=24),
)
_keys = st.sampled_from(["a ", "b ", 'm{l="x"} ', 'm{l="a longer one"} ', 'm{l="1 2"} ', "m  ", "# HELP m ", "# ", ""])
_tails = st.sampled_from(["", "", "", " 1", " 12345", " ", "\n", "\r", " # {} 1"])
_lines = st.tuples(_keys, _numbers, _tails).map("".join)
_bodies = st.lists(_lines, max_size=12)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Renew:
    """The present source, compiled."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler: the C reader is NOT tested")
    built = tmp_path_factory.mktemp("native") / "_renewing.so"
    code = "import sys, pathlib, hatch_build; hatch_build.build(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(built)], cwd=ROOT, check=True)
    return load(built)


def outcome(reader: TextReader[Labels], body: bytes) -> object:
    """All that a reading tells, in a form that compares; or its error."""
    steps = reader.read(body)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            reading = end.value
            bits = np.asarray(reading.values, dtype=np.float64).view(np.uint64).tolist()
            return list(reading.entries), bits, dict(reading.times), dict(reading.exemplars), dict(reading.metadata)
        except ExpositionError as error:
            return str(error)


@_shared
@given(st.lists(_bodies, min_size=2, max_size=4), st.booleans(), st.booleans())
def test_whatever_comes_both_read_the_same(native: Renew, bodies: list[list[str]], ends: bool, metrics: bool) -> None:
    """Bit by bit, or with the same error; after it both go on from the same state."""
    grammar = OPENMETRICS if metrics else TEXT
    first, second = TextReader(Labels, grammar, renewing.renew), TextReader(Labels, grammar, native)
    for lines in bodies:
        text = "\n".join(lines) + ("\n" if ends else "") + ("# EOF" if metrics else "")
        assert outcome(second, text.encode()) == outcome(first, text.encode())


@_shared
@given(st.lists(st.tuples(_keys, _numbers), min_size=1, max_size=12), st.data())
def test_changed_in_place_both_read_the_same(native: Renew, lines: list[tuple[str, str]], data: st.DataObject) -> None:
    """Most lines keep their series, as they do from scrape to scrape."""
    first, second = TextReader(Labels, TEXT, renewing.renew), TextReader(Labels, TEXT, native)
    for _ in range(3):
        body = "\n".join(f"{key}{data.draw(st.one_of(st.just(number), _numbers))}" for key, number in lines).encode()
        assert outcome(second, body) == outcome(first, body)


@_shared
@given(st.lists(st.tuples(_keys, _numbers), min_size=1, max_size=12), st.binary(max_size=40), st.data())
def test_no_byte_outside_is_touched(
    native: Renew, lines: list[tuple[str, str]], junk: bytes, data: st.DataObject
) -> None:
    """Of random bytes after a cut anywhere: begins never go beyond the body, and values change only for lines read."""
    old = "".join(f"{key}{number}\n" for key, number in lines).encode().replace(b"\n\n", b"\n")
    starts = np.array([0, *(place + 1 for place, byte in enumerate(old) if byte == 10)], dtype=np.int64)
    count = len(starts) - 1
    numbers = np.array([_number_of(old[starts[row] : starts[row + 1]]) for row in range(count)], dtype=np.int32)
    body = old[: data.draw(st.integers(0, len(old)))] + junk + b"\n"
    guard = -1.5
    values, begins = np.full(count + 2, guard), np.full(count + 3, -7, dtype=np.int64)
    odd = native(old, starts, numbers, 0, count, body, 0, values, begins)
    assert (values[count:] == guard).all()
    assert (begins[count + 1 :] == -7).all()
    wanted: NDArray[np.int64] = np.full(count + 1, -7, dtype=np.int64)
    other = renewing.renew(old, starts, numbers, 0, count, body, 0, np.full(count, guard), wanted)
    assert (odd is None) == (other is None)
    if odd is not None:
        assert np.array_equal(begins[: count + 1], wanted)
        assert begins[count] <= len(body)


def _number_of(line: bytes) -> int:
    key, blank, number = line.rstrip(b"\n").rpartition(b" ")
    return len(key) + 1 if blank and number and not key.startswith(b"#") else renewing.NO_NUMBER


@pytest.mark.parametrize(
    "text",
    ["9007199254740993", "123456789012345678", "1234567890123456789", "0.12345678901234567", "1.5e-30", "7e-23", "3e-22",
     "1e+22", "9e+22", "1e+23", "9007199254740993e+22", "0.00000000000000000000012345", "-0", "1e+05", "1e+5", "1E5", "5."],
)  # fmt: skip
def test_numbers_that_are_hard_to_round_are_those_of_float(native: Renew, text: str) -> None:
    """Where a single operation on exact parts would not do, the interpreter's own reading is asked."""
    reader = TextReader(Labels, TEXT, native)
    outcome(reader, b"m 0")
    bits = int(np.array([float(text)]).view(np.uint64)[0])
    assert outcome(reader, f"m {text}".encode()) == ([Labels({"__name__": "m"})], [bits], {}, {}, {})


def test_what_is_no_such_library_is_refused(tmp_path: Path) -> None:
    """And whoever asks for the fastest gets the one in Python, as where there is none."""
    broken = tmp_path / "_renewing.so"
    broken.write_bytes(b"\x7fELF of another machine")
    with pytest.raises(OSError, match="_renewing"):
        load(broken)
    assert fastest_of(broken) is renewing.renew
    assert fastest_of(tmp_path / "absent.so") is renewing.renew


def test_each_reader_says_what_it_is_written_in(native: Renew) -> None:
    """So that the daemon can tell which one it has found."""
    assert (name_of(native), name_of(renewing.renew)) == ("c", "python")
