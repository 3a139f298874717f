"""Samples as OpenMetrics text: every series by itself, all its samples in order of time, every sample with its time.

Nothing is kept in memory but what is being written: the label sets of one metric, and the samples of some of its series.
The text reads back as the same samples, bit by bit, with two exceptions. Of the many NaNs there is one. And the marker
that a series has ended, for which the format has no word, is written as `nan`: the format takes the word in any case, a
measured one is `NaN`, and our import tells them apart. For readers to whom both are the same, markers can be left out.

Times are decimal seconds. Prometheus reads them as a float and cuts off what is below a millisecond, which would
make some of them a millisecond earlier; to those a microsecond is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.frame import Frame
from monitor.columns.nans import missing, stale
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.regex import quote_meta
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import Timestamp
from monitor.tsdb.past import JoinedFrame
from monitor.tsdb.view import View

END: Final = b"# EOF\n"
STALE_WORD: Final = "nan"

_SERIES_TOGETHER: Final = 128
_CELLS: Final = 1 << 20
"""Samples that are in memory at a time."""
_LINES: Final = 1 << 14


@dataclass(slots=True)
class Exported:
    """What was written so far."""

    series: int = 0
    samples: int = 0
    nameless: int = 0
    """Series without a metric name, for which the format has no place."""


def exported(
    view: View,
    selectors: Sequence[Sequence[Matcher]],
    start: Timestamp,
    end: Timestamp,
    told: Exported,
    *,
    stale_markers: bool = True,
) -> Iterator[bytes]:
    """The samples in [start, end] of all series that any of the selectors selects, by metric name, as pieces of a text
    that ends with `# EOF`."""
    several = len(selectors) > 1
    nameless = Matcher(METRIC_NAME, MatchOp.EQUAL, "")
    told.nameless += len({each for own in selectors for each in view.series([*own, nameless], start, end)})
    for name in sorted({name for own in selectors for name in view.label_values(METRIC_NAME, own, start, end)}):
        written: set[Labels] = set()
        for own in selectors:
            named = [*own, Matcher(METRIC_NAME, MatchOp.EQUAL, name)]
            for matchers in _apart(named, view.series(named, start, end), frozenset([METRIC_NAME])):
                for frame in view.select(matchers, start, end):
                    for part in _narrow(frame):
                        yield from _frame_text(part, written, told, stale_markers=stale_markers)
                        if several:
                            written.update(part.labels)
    yield END


def series_text(labels: Labels) -> str:
    """A series as it stands before its value. A name that is not of the old alphabet is quoted, as readers of today
    understand it."""
    name = labels.get(METRIC_NAME, "")
    inner = [f'{_label(key)}="{_escaped(value)}"' for key, value in labels.pairs if key != METRIC_NAME]
    if not _plain(name.replace(":", "_")):
        inner.insert(0, f'"{_escaped(name)}"')
        name = ""
    return f"{name}{{{','.join(inner)}}}" if inner else name


def value_text(value: float) -> str:
    """The shortest text that reads back as this number; of NaN, a measured one."""
    text = repr(value)
    if text.endswith(".0"):
        return text[:-2]
    return _WORDS.get(text, text)


def time_texts(times: NDArray[np.int64]) -> list[str]:
    """Seconds that read back as these milliseconds, here and in Prometheus. None may be before 1970."""
    early: list[bool] = ((times / 1000 * 1000).astype(np.int64) != times).tolist()
    stamps: list[Timestamp] = times.tolist()
    texts = [f"{at // 1000}.{at % 1000:03d}" for at in stamps]
    return [text + "001" if cut else text for text, cut in zip(texts, early, strict=True)]


_WORDS: Final = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}


def _apart(matchers: list[Matcher], series: Sequence[Labels], used: frozenset[str]) -> Iterator[list[Matcher]]:
    """Selectors that together select these series, a hundred or so each."""
    values: dict[str, dict[str, list[Labels]]] = {}
    for labels in series if len(series) > _SERIES_TOGETHER else ():
        for name, _ in labels.pairs:
            if name not in used and name not in values:
                values[name] = {}
    for name, groups in values.items():
        for labels in series:
            groups.setdefault(labels.get(name, ""), []).append(labels)
    chosen = max(values, key=lambda name: len(values[name]), default=None)
    if chosen is None:
        yield matchers
        return
    texts: list[str] = []
    members = 0
    for text, group in sorted(values[chosen].items()):
        if len(group) > _SERIES_TOGETHER:
            yield from _apart([*matchers, Matcher(chosen, MatchOp.EQUAL, text)], group, used | {chosen})
            continue
        if texts and members + len(group) > _SERIES_TOGETHER:
            yield [*matchers, _any_of(chosen, texts)]
            texts, members = [], 0
        texts.append(text)
        members += len(group)
    if texts:
        yield [*matchers, _any_of(chosen, texts)]


def _any_of(name: str, texts: Sequence[str]) -> Matcher:
    return Matcher(name, MatchOp.MATCHES, "|".join([quote_meta(text) for text in texts]))


def _narrow(frame: Frame) -> Iterator[Frame]:
    """The frame in pieces that fit into memory."""
    rows = max(_CELLS // max(len(frame.times), 1), 1)
    if not isinstance(frame, JoinedFrame) or len(frame.labels) <= rows:
        yield frame
        return
    for low in range(0, len(frame.labels), rows):
        yield frame.rows(low, low + rows)


def _frame_text(frame: Frame, written: set[Labels], told: Exported, *, stale_markers: bool) -> Iterator[bytes]:
    slots = len(frame.times)
    matrix = frame.values(0, slots)
    times = time_texts(frame.times)
    for row, labels in enumerate(frame.labels):
        if labels in written:
            continue
        values = np.ascontiguousarray(matrix[row])
        ended = stale(values)
        there = ~missing(values) if stale_markers else ~(missing(values) | ended)
        places = np.flatnonzero(there)
        if not len(places):
            continue
        told.series += 1
        told.samples += len(places)
        text = series_text(labels)
        for low in range(0, len(places), _LINES):
            yield _lines(text, times, values, places[low : low + _LINES], ended).encode("utf-8", "replace")


def _lines(
    text: str, times: Sequence[str], values: NDArray[np.float64], places: NDArray[np.int64], ended: NDArray[np.bool_]
) -> str:
    chosen: list[int] = places.tolist()
    numbers: list[float] = values[places].tolist()
    words = [value_text(number) for number in numbers]
    for place in np.flatnonzero(ended[places]).tolist():
        words[place] = STALE_WORD
    return "".join([f"{text} {word} {times[slot]}\n" for word, slot in zip(words, chosen, strict=True)])


def _label(name: str) -> str:
    return name if _plain(name) else f'"{_escaped(name)}"'


def _plain(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
