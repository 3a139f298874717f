"""Debian's promtool makes blocks of what we export, and what it dumps of them is what we hold; both read the same files."""

from __future__ import annotations

import io
import math
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from monitor.model.labels import Labels
from monitor.model.samples import STALE
from monitor.model.times import DAY, HOUR, MINUTE
from monitor.scrape.exposition.dated import DatedSamples
from monitor.tsdb.export import Exported, exported
from monitor.tsdb.imports import Import
from monitor.tsdb.store import SampleStore
from tests.support.samples import ALWAYS, bits, everything, metric

PROMTOOL: Final = shutil.which("promtool")
pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")

_BEGIN = 1_790_000_000_000
_NOW = _BEGIN + 30 * DAY
_DUMPED: Final = re.compile(r"\{(?P<labels>.*)\} (?P<value>\S+) (?P<at>-?\d+)")
_PAIR: Final = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPES: Final = {"n": "\n", '"': '"', "\\": "\\"}

Dumped = dict[Labels, list[tuple[int, float]]]


def dumped(text: bytes, folder: Path) -> Dumped:
    """What promtool finds in the blocks that it makes of this text."""
    assert PROMTOOL is not None
    file, blocks = folder / "in.om", folder / "blocks"
    file.write_bytes(text)
    made = subprocess.run(
        [PROMTOOL, "tsdb", "create-blocks-from", "openmetrics", str(file), str(blocks)],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr.decode()
    (blocks / "wal").mkdir(exist_ok=True)  # dump looks for one
    shown = subprocess.run([PROMTOOL, "tsdb", "dump", str(blocks)], capture_output=True, check=True).stdout.decode()
    found: Dumped = {}
    for line in shown.splitlines():
        match = _DUMPED.fullmatch(line)
        assert match is not None, line
        pairs = [
            (name, re.sub(r"\\(.)", lambda one: _ESCAPES[one[1]], value))
            for name, value in _PAIR.findall(match["labels"])
        ]
        found.setdefault(Labels(pairs), []).append((int(match["at"]), float(match["value"])))
    return found


def history() -> SampleStore:
    """Nine hours: scrapes at odd milliseconds, series that come and go, and every kind of value."""
    dice = random.Random(7)
    store = SampleStore.in_memory(DAY)
    for slot in range(9 * 60):
        at = _BEGIN + slot * MINUTE + dice.randrange(1000)
        row = [
            (metric("requests_total", job="a", path='C:\\dir "x"\n'), float(slot // 3)),
            (metric("temperature:mean", room="ü"), dice.uniform(-1e3, 1e3)),
            (
                metric("odd"),
                dice.choice([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]),
            ),
            (metric("count", n=str(slot // 100)), STALE if slot % 100 == 99 else 1.0),
        ]
        store.append(at, [one for number, one in enumerate(row) if number or slot % 7])
    return store


def test_promtool_holds_what_we_export(tmp_path: Path) -> None:
    """The same series, times to the millisecond and values to the last bit. It has no word for the end of a series: the
    markers arrive as NaN, or not at all when they were left out."""
    store = history()
    ours = {
        labels: [(at, raw) for at, raw in samples] for labels, samples in everything(store.view()).items()
    }  # bits, so that NaN can be compared
    for stale_markers in (True, False):
        text = b"".join(exported(store.view(), [()], *ALWAYS, Exported(), stale_markers=stale_markers))
        folder = tmp_path / str(stale_markers)
        folder.mkdir()
        theirs = {
            labels: [(at, bits(value)) for at, value in samples] for labels, samples in dumped(text, folder).items()
        }
        expected = {
            labels: [
                (at, bits(math.nan) if raw == bits(STALE) else raw)
                for at, raw in samples
                if stale_markers or raw != bits(STALE)
            ]
            for labels, samples in ours.items()
        }
        assert theirs == expected


def test_we_hold_what_promtool_makes_of_a_file(tmp_path: Path) -> None:
    """Comments, exemplars, spare decimals of a time and series in turns: the same samples here and there."""
    lines = ["# HELP a Some text.", "# TYPE a counter"]
    lines += [
        f'a_total{{code="{code}"}} {slot * code} {(_BEGIN + slot * 15_123) / 1000}'
        for code in (200, 404)
        for slot in range(700)
    ]
    lines += ["# TYPE h histogram"]
    lines += [
        f'h_bucket{{le="{bound}"}} 7 {_BEGIN // 1000 + slot}.0005 # {{trace="x"}} 0.5 1.25'
        for bound in ("0.5", "1", "+Inf")
        for slot in range(5)
    ]
    lines += [f"h_sum 3.5e-2 {_BEGIN // 1000 + slot}.9999" for slot in range(5)]
    text = "\n".join([*lines, "# EOF"]).encode()
    samples = DatedSamples(io.BytesIO(text), _NOW)
    with Import(tmp_path / "ours", 15 * DAY) as importing:
        for batch in samples:
            importing.add(batch.series, batch.times, batch.values)
        assert list(importing.finish(samples.labels))
    store, _ = SampleStore.recover(tmp_path / "ours", 60 * DAY, _BEGIN + HOUR * 5)
    theirs = dumped(text, tmp_path)
    assert everything(store.view()) == {
        labels: [(at, bits(value)) for at, value in found] for labels, found in theirs.items()
    }
    assert sum(len(found) for found in theirs.values()) == 1_420
