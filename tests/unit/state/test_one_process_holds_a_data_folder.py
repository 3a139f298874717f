"""The lock of a data folder: one holder, named to whoever comes second."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.model.errors import LockedError, StoreError
from monitor.state.lock import LOCK_FILE, DataLock

NOW = 1_700_000_000_000


def test_a_second_taker_is_told_the_process_that_holds_the_folder(tmp_path: Path) -> None:
    """The error names pid, host and since when."""
    with DataLock.take(tmp_path / "data", NOW), pytest.raises(LockedError) as caught:
        DataLock.take(tmp_path / "data", NOW + 5)
    assert f"process {os.getpid()} on {socket.gethostname()}, since 2023-11-14T22:13:20.000Z" in str(caught.value)


def test_a_released_folder_can_be_taken_again(tmp_path: Path) -> None:
    """Release ends the lock, and releasing twice does no harm."""
    lock = DataLock.take(tmp_path, NOW)
    lock.release()
    lock.release()
    with DataLock.take(tmp_path, NOW + 1) as again:
        assert again.holder.since == NOW + 1


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    """A killed holder leaves a file behind and no lock."""
    script = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from monitor.state.lock import DataLock\n"
        f"DataLock.take(Path({str(tmp_path)!r}), {NOW})\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {holder.pid} "):
            DataLock.take(tmp_path, NOW)
        holder.kill()
        holder.wait()
        assert str(holder.pid) in (tmp_path / LOCK_FILE).read_text()
        DataLock.take(tmp_path, NOW).release()


def test_an_unreadable_note_does_not_hide_that_the_folder_is_locked(tmp_path: Path) -> None:
    """Without a readable note the error says `another process`."""
    with DataLock.take(tmp_path, NOW):
        (tmp_path / LOCK_FILE).write_text("?")
        with pytest.raises(LockedError, match="another process"):
            DataLock.take(tmp_path, NOW)


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    """A file where the folder should be is told, not traced."""
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        DataLock.take(tmp_path / "data", NOW)
