"""`samples stats|export|import` on the data folder of a stopped daemon: what they print, write and refuse."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line
from monitor.model.samples import STALE
from monitor.model.times import DAY, MINUTE
from monitor.state.lock import DataLock
from monitor.tsdb.store import SampleStore
from tests.support.samples import metric

_BEGIN = 1_790_000_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Five hours of two series, in a block and in the log."""
    folder = tmp_path / "data"
    store, _ = SampleStore.recover(folder / "samples", DAY, _BEGIN)
    for at in range(_BEGIN, _BEGIN + 300 * MINUTE, MINUTE):
        store.append(at, [(metric("up", job="a"), 1.0), (metric("size_bytes", job="a", disk='"c"'), at / 1000)])
    end = _BEGIN + 300 * MINUTE
    while (sealing := store.begin_sealing(end)) is not None:
        while sealing.step():
            pass
        store.end_sealing(sealing, end)
    store.close(end)
    return folder


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below, with when it was changed; the lock apart."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def test_stats_count_the_samples_that_an_export_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever gaps frames have in memory and parts in blocks, late samples and stale markers included; of what was
    imported across it, that it counts twice is said."""
    store, _ = SampleStore.recover(tmp_path / "samples", 30 * DAY, _BEGIN)
    store.take_late(60 * MINUTE)
    for step in range(600):
        at = _BEGIN + step * MINUTE
        names = ("a", "b", "c")[: 1 + step % 3]
        store.append(at, [(metric(name), STALE if step % 50 == 49 else float(step)) for name in names])
        store.append_stamped(at if step % 2 else at - 20 * MINUTE, [(metric("late"), 1.0)])
    end = _BEGIN + 600 * MINUTE
    while (sealing := store.begin_sealing(end)) is not None:
        while sealing.step():
            pass
        store.end_sealing(sealing, end)
    store.close(end)
    out = tmp_path / "all.om"
    assert command_line(["samples", "stats", "--data", str(tmp_path), "--json"]) == Exit.OK
    told: Any = json.loads(capsys.readouterr().out)
    assert command_line(["samples", "export", "--data", str(tmp_path), "-o", str(out)]) == Exit.OK
    lines = [line for line in out.read_text().splitlines() if not line.startswith("#")]
    assert told["samples"] == len(lines) == 1_200 + 600
    assert all(block["samples"] for block in told["blocks"])
    assert told["log"]["samples"]
    capsys.readouterr()
    assert command_line(["samples", "stats", "--data", str(tmp_path)]) == Exit.OK
    assert "counted twice" not in capsys.readouterr().out
    assert command_line(["samples", "import", str(out), "--data", str(tmp_path)]) == Exit.OK
    capsys.readouterr()
    assert command_line(["samples", "stats", "--data", str(tmp_path)]) == Exit.OK
    assert "a sample that two of them have is counted twice" in capsys.readouterr().out


def test_stats_tell_blocks_log_and_what_makes_most_series(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In JSON by the names of /api/v1/status/tsdb; nothing in the folder changes."""
    before = contents(data)
    assert command_line(["samples", "stats", "--data", str(data), "--json"]) == Exit.OK
    told: Any = json.loads(capsys.readouterr().out)
    assert (told["series"], told["samples"]) == (2, 600)
    assert (told["start"], told["end"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T19:12:20.000Z")
    assert [block["samples"] for block in told["blocks"]] == [214, 240]
    assert told["log"]["samples"] == 146
    assert told["bytes"] == sum(block["bytes"] for block in told["blocks"]) + told["log"]["bytes"]
    assert told["seriesCountByMetricName"] == [{"name": "size_bytes", "value": 1}, {"name": "up", "value": 1}]
    assert told["labelValueCountByLabelName"][0] == {"name": "__name__", "value": 2}
    assert told["seriesCountByLabelValuePair"][0] == {"name": "job=a", "value": 2}
    assert command_line(["samples", "stats", "--data", str(data)]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("600 samples of 2 series in ")
    assert any(line.startswith("0000000001.block") for line in lines)
    assert any(line.startswith("log ") for line in lines)
    assert '1       disk="\\"c\\""' in lines
    assert contents(data) == before


def test_what_is_exported_can_be_imported_elsewhere(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second export is the first one again, and the folder that was read is as before."""
    before = contents(data)
    file, again, other = tmp_path / "all.om", tmp_path / "again.om", tmp_path / "other"
    assert command_line(["samples", "export", "--data", str(data), "-o", str(file)]) == Exit.OK
    assert capsys.readouterr().err == "600 samples of 2 series\n"
    assert command_line(["samples", "import", str(file), "--data", str(other), "--json"]) == Exit.OK
    told: Any = json.loads(capsys.readouterr().out)
    assert (told["samples"], told["duplicates"], told["blocks"]) == (600, 0, 1)
    assert (told["start"], told["end"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T19:12:20.000Z")
    assert command_line(["samples", "export", "--data", str(other), "-o", str(again)]) == Exit.OK
    assert again.read_bytes() == file.read_bytes()
    assert contents(data) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.om", "all.om", "data", "other"]


def test_export_takes_selectors_and_times(data: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """To standard output; times in both forms."""
    arguments = [
        "--match",
        'up{job="a"}',
        "--match",
        '{disk="x"}',
        "--start",
        "2026-09-21T14:14:20Z",
        "--end",
        "1790000120",
    ]
    assert command_line(["samples", "export", "--data", str(data), *arguments]) == Exit.OK
    shown = capfdbinary.readouterr()
    assert shown.out == b'up{job="a"} 1 1790000060.000\nup{job="a"} 1 1790000120.000\n# EOF\n'
    assert shown.err == b"2 samples of 1 series\n"


def test_a_running_daemon_is_not_disturbed(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb says who has the folder, and what to do."""
    file = tmp_path / "in.om"
    file.write_text("a 1 1\n# EOF\n")
    with DataLock.take(data, _BEGIN) as lock:
        before = contents(data)
        for verb in (["stats"], ["export"], ["import", str(file)]):
            assert command_line(["samples", *verb, "--data", str(data)]) == Exit.REFUSED
            said = capsys.readouterr().err
            assert f"the data folder {data} is in use by process {lock.holder.pid}" in said
            assert "stop it" in said
            assert "watchkeeper query" in said
        assert contents(data) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["export", "--data", "nowhere"],
            Exit.NOT_FOUND,
            "there are no samples in nowhere: name the daemon's data folder",
        ),
        (["stats", "--data", "nowhere"], Exit.NOT_FOUND, "there are no samples in nowhere"),
        (["export", "--data", "data", "--match", "up{"], Exit.USAGE, '--match: "up{": '),
        (["export", "--data", "data", "--start", "tomorrow"], Exit.USAGE, '--start: "tomorrow" is no time'),
        (["export", "--data", "data", "-o", "no/where"], Exit.FAILED, "no/where cannot be written: No such file"),
        (["import", "missing.om", "--data", "new"], Exit.NOT_FOUND, "missing.om cannot be read: No such file"),
        (
            ["import", "bad.om", "--data", "new"],
            Exit.FINDINGS,
            "bad.om: line 2: the sample of b has no time: nothing was",
        ),
        (["import", "cut.om", "--data", "new"], Exit.FINDINGS, "cut.om: line 2: data does not end with # EOF"),
        (["import", "far.om", "--data", "new"], Exit.FINDINGS, "far.om: the samples lie too far apart"),
    ],
    ids=["no samples", "none to count", "selector", "time", "no folder", "no file", "bad file", "cut off", "far apart"],
)
def test_a_mistake_is_told_with_place_and_remedy(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: Exit,
    said: str,
) -> None:
    """And nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    Path("bad.om").write_text("a 1 1\nb 1\n# EOF\n")
    Path("cut.om").write_text("a 1 1\na 1 2")
    Path("far.om").write_text("".join(f"a 1 {hour * 3600}\n" for hour in range(0, 400_000, 40)) + "# EOF\n")
    before = contents(data)
    assert command_line(["samples", *arguments]) == code
    assert said in capsys.readouterr().err
    assert contents(data) == before
    assert not list(Path().glob("new/samples/**/*.block"))
    assert not list(Path().glob("**/*unfinished*"))


def test_the_configuration_names_folder_and_retention(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Samples that the daemon will delete are told as such; standard input is read too."""
    config = tmp_path / "watchkeeper.yml"
    config.write_text("storage: {path: kept, retention: 5d}\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a 1 1\na 2 1\n# EOF\n"), encoding="utf-8"))
    assert command_line(["samples", "import", "-", "--config", str(config)]) == Exit.OK
    shown = capsys.readouterr()
    assert shown.out.startswith("1 sample in 1 block of ")
    assert "note: 1 sample came for a time that had another value in the file: the first stays" in shown.err
    assert "the daemon keeps samples for 5d (storage.retention) and will delete blocks that end before" in shown.err
    assert list((tmp_path / "kept/samples/blocks").iterdir()) != []
