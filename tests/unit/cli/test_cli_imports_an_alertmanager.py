"""`watchkeeper import alertmanager`: what it takes, what it says, and when it refuses."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path

import pytest

from monitor.alerts.inheriting import Heard
from monitor.alerts.silences import Silence
from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line
from monitor.matching.parse import parse_matchers
from monitor.model.notifications import Destination
from monitor.model.times import HOUR
from monitor.state.lock import DataLock
from tests.support.alertmanager_snapshots import log_file, silences_file

ROUTES = """
route: {receiver: hook, group_by: [alertname]}
receivers: [{name: hook, webhook_configs: [{url: "http://127.0.0.1:9/"}]}]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    now = time.time_ns() // 1_000_000  # noqa: TID251 - the command reads the real clock
    silence = Silence(
        id="b0c891a2-01e1-4e95-9592-e717b3c0195b",
        matcher_sets=(parse_matchers('a="b"'),),
        starts_at=now - HOUR,
        ends_at=now + HOUR,
        updated_at=now - HOUR,
        expires_at=now + 2 * HOUR,
    )
    heard = [
        Heard(
            group_key=key,
            destination=Destination("hook", "webhook"),
            at=now,
            firing=frozenset({1}),
            resolved=frozenset(),
            expires_at=now + HOUR,
        )
        for key in ('{}:{alertname="Down"}', '{}/{team="x"}:{alertname="Down"}')
    ]
    (tmp_path / "am").mkdir()
    (tmp_path / "am/silences").write_bytes(silences_file([silence]))
    (tmp_path / "am/nflog").write_bytes(log_file(heard))
    (tmp_path / "alertmanager.yml").write_text(ROUTES)
    (tmp_path / "watchkeeper.yml").write_text("storage: {path: data}\nalertmanager_file: alertmanager.yml\n")
    return tmp_path


def test_silences_and_what_was_told_are_taken_over_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rehearsal writes nothing; a second import finds all there."""
    told: list[dict[str, object]] = []
    for flags in (["--dry-run"], [], []):
        assert command_line(["import", "alertmanager", "am", "--json", *flags]) == Exit.OK
        told.append(json.loads(capsys.readouterr().out))
    assert [one["written"] for one in told] == [False, True, True]
    assert [one["groups"] for one in told] == [1, 1, 0]
    assert [one["known_groups"] for one in told] == [0, 0, 1]
    assert told[1]["silences"] == {"pending": 0, "active": 1, "expired": 0}
    assert told[2]["silences"] == {"pending": 0, "active": 0, "expired": 0}
    assert told[1]["homeless_entries"] == [
        {"group_key": '{}/{team="x"}:{alertname="Down"}', "receiver": "hook/webhook[0]"}
    ]


def test_a_rehearsal_leaves_the_disk_as_it_was(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a data folder comes to be, nor is one touched that is there, be all that it knows in SQLite's log still."""
    assert command_line(["import", "alertmanager", "am", "--dry-run"]) == Exit.OK
    assert not (here / "data").exists()
    assert command_line(["import", "alertmanager", "am"]) == Exit.OK
    with contextlib.closing(sqlite3.connect(here / "data/state.db")) as other:
        other.execute("CREATE TABLE somebody (wrote TEXT)")  # stays in the log while whoever wrote it is there
        before = _files(here / "data")
        assert before["state.db-wal"][1]
        capsys.readouterr()
        assert command_line(["import", "alertmanager", "am", "--dry-run", "--json"]) == Exit.OK
        assert json.loads(capsys.readouterr().out)["known_groups"] == 1
        assert _files(here / "data") == before


def test_a_rehearsal_sees_what_stands_in_the_log_only(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a daemon that was killed wrote last is not in its database's file yet."""
    assert command_line(["import", "alertmanager", "am"]) == Exit.OK
    with contextlib.closing(sqlite3.connect(here / "data/state.db")) as other:
        other.execute("DELETE FROM alert_groups")
        other.execute("DELETE FROM silences")
        other.commit()
        capsys.readouterr()
        assert command_line(["import", "alertmanager", "am", "--dry-run", "--json"]) == Exit.OK
        told = json.loads(capsys.readouterr().out)
        assert (told["groups"], told["known_groups"], told["silences"]["active"]) == (1, 0, 1)


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def test_the_flags_of_the_daemon_in_alertmanagers_place_say_where_to(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then watchkeeper.yml counts for nothing, and naming it as well is a mistake."""
    (here / "watchkeeper.yml").write_text("not: [ours")
    flags = ["--config.file=alertmanager.yml", "--storage.path=kept"]
    for known in (0, 1):
        assert command_line(["import", "alertmanager", "am", "--json", *flags]) == Exit.OK
        assert json.loads(capsys.readouterr().out)["known_groups"] == known
    assert (here / "kept/state.db").exists()
    assert not (here / "data").exists()
    for flag in flags:
        assert command_line(["import", "alertmanager", "am", "--config=watchkeeper.yml", flag]) == Exit.USAGE
        assert "--config goes with `watchkeeper run`" in capsys.readouterr().err
    assert command_line(["import", "alertmanager", "am", "--config.file=missing.yml"]) == Exit.FINDINGS
    assert "missing.yml: cannot be read" in capsys.readouterr().out


def test_people_are_told_what_finds_no_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the key, so that they can look for the route that they forgot."""
    assert command_line(["import", "alertmanager", "am"]) == Exit.OK
    words = capsys.readouterr().out
    assert "1 silence taken over: 1 active" in words
    assert '{}/{team="x"}:{alertname="Down"}' in words


def test_while_the_daemon_runs_nothing_is_imported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would not see it, and would write over it."""
    with DataLock.take(here / "data", 0):
        for flags in ([], ["--dry-run"]):
            assert command_line(["import", "alertmanager", "am", *flags]) == Exit.REFUSED
            assert "stop the daemon, import, start it again" in capsys.readouterr().err


def test_wrong_folders_and_files_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do instead."""
    assert command_line(["import", "alertmanager", "elsewhere"]) == Exit.USAGE
    assert "--storage.path" in capsys.readouterr().err
    (here / "am/nflog").write_bytes((here / "am/nflog").read_bytes()[:-3])
    assert command_line(["import", "alertmanager", "am"]) == Exit.FINDINGS
    assert "am/nflog: entry 2, at byte " in capsys.readouterr().err
    (here / "watchkeeper.yml").write_text("storage: {path: data}\n")
    (here / "am/nflog").unlink()
    assert command_line(["import", "alertmanager", "am"]) == Exit.USAGE
    assert "alertmanager_file" in capsys.readouterr().err
