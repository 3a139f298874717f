"""Bodies of several targets that are compared in one go are read as each would be alone."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Final

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.errors import ExpositionError
from monitor.model.labels import Labels
from monitor.scrape.exposition.reading import Reading
from monitor.scrape.exposition.renewing import renew
from monitor.scrape.exposition.text import TextReader
from monitor.scrape.exposition.together import Renewal, renew_together

Steps = Generator[Renewal | None, None, Reading[Labels]]

_numbers = st.one_of(
    st.integers(-(10**19), 10**19).map(str),
    st.integers(0, 99).map(str),
    st.floats(width=64).map(repr),
    st.floats(0, 1e9).map(lambda value: f"{value:.6f}"),
    st.sampled_from(["NaN", "+Inf", "nan", "1e999", "-0", ".5", "5.", ".", "", "1e+5", "1 1000", "1_0"]),
)
_keys: Final = ("a ", "b ", 'm{l="x"} ', 'm{l="a longer one"} ', "m  ", "# HELP m ", "# TYPE m ", "")
_layouts = st.lists(st.sampled_from(_keys), min_size=1, max_size=6)


def new_reader() -> TextReader[Labels]:
    """One that has no twin in C: only what is in Python goes together."""
    return TextReader(Labels, renew=renew)


def outcome(steps: Steps) -> object:
    """All that a reading tells, in a form that compares; or its error."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            reading: Reading[Labels] = end.value
            bits = np.asarray(reading.values, dtype=np.float64).view(np.uint64).tolist()
            return list(reading.entries), bits, dict(reading.times), dict(reading.metadata)
        except ExpositionError as error:
            return str(error)


def begun(readers: Sequence[TextReader[Labels]], bodies: Sequence[bytes]) -> tuple[list[Steps], list[Renewal]]:
    """The readings of these bodies after their first step, and what is to be compared."""
    every = [reader.read(body) for reader, body in zip(readers, bodies, strict=True)]
    return every, [asked for asked in map(next, every) if asked is not None]


@given(st.lists(_layouts, min_size=2, max_size=4), st.data())
def test_bodies_read_together_are_read_as_each_alone(layouts: list[list[str]], data: st.DataObject) -> None:
    """Bit by bit, or with the same error, also when one of them is broken or of another layout."""

    def body(layout: Sequence[str]) -> bytes:
        return "".join(f"{key}{data.draw(_numbers)}\n" for key in layout).encode()

    alone, side_by_side = [new_reader() for _ in layouts], [new_reader() for _ in layouts]
    for _ in range(3):
        bodies = [body(data.draw(st.one_of(st.just(layout), _layouts))) for layout in layouts]
        wanted = [outcome(reader.read(one)) for reader, one in zip(alone, bodies, strict=True)]
        found, _ = read_side_by_side(side_by_side, bodies)
        assert found == wanted


_long_keys = st.sampled_from(["a_counter ", "another_counter ", 'm{l="x"} ', "a_gauge{} "])


@given(st.lists(st.lists(_long_keys, min_size=1, max_size=6), min_size=2, max_size=4), st.data())
def test_bodies_of_equal_length_are_read_together_as_each_alone(layouts: list[list[str]], data: st.DataObject) -> None:
    """Where only digits have moved, none is left to its own reader."""
    alone, side_by_side = [new_reader() for _ in layouts], [new_reader() for _ in layouts]
    digits = st.text("0123456789", min_size=12, max_size=12)
    for turn in range(3):
        bodies = ["".join(f"{key}{data.draw(digits)}\n" for key in layout).encode() for layout in layouts]
        wanted = [outcome(reader.read(one)) for reader, one in zip(alone, bodies, strict=True)]
        found, done = read_side_by_side(side_by_side, bodies)
        assert found == wanted
        assert done == ([True] * len(layouts) if turn else [])


def read_side_by_side(
    readers: Sequence[TextReader[Labels]], bodies: Sequence[bytes]
) -> tuple[list[object], list[bool]]:
    """What comes of these bodies when they are compared together, and for each that has something to compare whether its
    work was done when its own reader came to it."""
    steps = [reader.read(one) for reader, one in zip(readers, bodies, strict=True)]
    found: list[object] = [None] * len(steps)
    asked: list[Renewal] = []
    for place, each in enumerate(steps):
        try:
            first = next(each)
        except StopIteration as end:  # nothing but an empty body is read in one step
            found[place] = outcome(_over(end.value))
        except ExpositionError as error:
            found[place] = str(error)
        else:
            asked += [first] if first is not None else []
    renew_together(asked)
    done = [each.done for each in asked]
    return [outcome(each) if known is None else known for each, known in zip(steps, found, strict=True)], done


def _over(reading: Reading[Labels]) -> Steps:
    yield from ()
    return reading


def _counters(count: int) -> Callable[[int], bytes]:
    return lambda turn: "".join(f"c{row} {10_000 + row * turn}\n" for row in range(count)).encode()


def test_bodies_that_kept_their_length_are_compared_in_one_go() -> None:
    """Afterwards each reader finds its work done, and its values in place."""
    readers, body = [new_reader() for _ in range(5)], _counters(40)
    for reader in readers:
        outcome(reader.read(body(1)))
    steps, asked = begun(readers, [body(2)] * 5)
    renew_together(asked)
    assert [each.done for each in asked] == [True] * 5
    assert len({str(outcome(each)) for each in steps} | {str(outcome(new_reader().read(body(2))))}) == 1


def test_one_that_differs_is_left_to_its_own_reader() -> None:
    """Another series in one body, another length of a second: the other three go together nevertheless."""
    readers, body = [new_reader() for _ in range(5)], _counters(40)
    for reader in readers:
        outcome(reader.read(body(1)))
    bodies = [body(2), body(2).replace(b"c7 ", b"d7 "), body(2), body(2).replace(b"c3 ", b"c3 1"), body(2)]
    steps, asked = begun(readers, bodies)
    renew_together(asked)
    assert [each.done for each in asked] == [True, False, True, False, True]
    assert [outcome(each) for each in steps] == [outcome(new_reader().read(one)) for one in bodies]


def test_a_line_with_an_odd_number_is_told_to_its_own_reader() -> None:
    """What is no ordinary number is read by the grammar, in the body that has it."""
    readers = [new_reader() for _ in range(3)]
    for reader in readers:
        outcome(reader.read(b"a_metric 1.5\nanother 1000\n"))
    bodies = [b"a_metric 1.7\nanother 1001\n", b"a_metric 1.8\nanother +inf\n", b"a_metric nan\nanother 1002\n"]
    steps, asked = begun(readers, bodies)
    renew_together(asked)
    assert [each.odd for each in asked if each.done] == [[], [1], [0]]
    assert [outcome(each) for each in steps] == [outcome(new_reader().read(one)) for one in bodies]


def test_a_body_with_a_time_is_passed_over() -> None:
    """It would be compared twice: its times move at every scrape. Its neighbours go together without it."""
    readers, body = [new_reader() for _ in range(4)], _counters(40)
    for reader in readers[:3]:
        outcome(reader.read(body(1)))
    stamped = body(1) + b"stamped 1 1000\n"
    outcome(readers[3].read(stamped))
    steps, asked = begun(readers, [body(2)] * 3 + [stamped])
    renew_together(asked)
    assert [each.done for each in asked] == [True, True, True, False]
    assert [outcome(each) for each in steps] == [outcome(new_reader().read(one)) for one in [body(2)] * 3 + [stamped]]


def test_a_body_that_gets_a_time_later_is_passed_over_from_then_on() -> None:
    """Of two bodies then none is left to go together with."""
    readers, body = [new_reader() for _ in range(2)], _counters(40)
    bodies = [body(1), body(1).replace(b" 10007\n", b" 10007 5000\n")]
    for reader in readers:
        outcome(reader.read(body(1)))
    read_side_by_side(readers, bodies)
    assert read_side_by_side(readers, bodies)[1] == [False, False]
