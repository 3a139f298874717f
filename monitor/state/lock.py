"""One process a data folder: a locked file that says who holds it.

The lock itself belongs to the kernel, so it ends with the process however that ends; what is written in the file is only
for people. Locks of this kind (`flock`) also hold between two openings within one process, and child processes do not
inherit them, since the file is closed when they start another program.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitor.model.errors import LockedError, StoreError
from monitor.model.times import Timestamp, rfc3339

LOCK_FILE: Final = "lock"
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a data folder."""

    pid: int
    host: str
    since: Timestamp

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {rfc3339(self.since)}"


class DataLock:
    """A folder that is ours until `release`, or until the process ends. Made with `take`."""

    def __init__(self, folder: Path, descriptor: int, holder: Holder) -> None:
        self.folder = folder
        self.holder = holder
        self._descriptor = descriptor

    def __repr__(self) -> str:
        state = "released" if self._descriptor < 0 else str(self.holder)
        return f"DataLock({self.folder}, {state})"

    @classmethod
    def take(cls, folder: Path, now: Timestamp) -> DataLock:
        """Make the folder ours; it is created if it is not there. Raises LockedError, which names the process that has
        it, or StoreError if the folder cannot be written."""
        path = folder / LOCK_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"the data folder {folder} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            holder = Holder(pid=os.getpid(), host=socket.gethostname(), since=now)
            text = json.dumps({"pid": holder.pid, "host": holder.host, "since": holder.since})
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text.encode(), 0)
        except OSError as error:
            refusal = _refusal(folder, descriptor, error)
            os.close(descriptor)
            raise refusal from error
        return cls(folder, descriptor, holder)

    def release(self) -> None:
        """Give the folder back. Twice does no harm."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> DataLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@contextlib.contextmanager
def untaken(folder: Path) -> Generator[None]:
    """Nobody takes the folder while this lasts. Nothing is created or written, so a folder that nobody ever took is not
    held. Raises as `DataLock.take` does."""
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise StoreError(f"the data folder {folder} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise _refusal(folder, descriptor, error) from error
        yield
    finally:
        os.close(descriptor)


def _refusal(folder: Path, descriptor: int, error: OSError) -> LockedError | StoreError:
    if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
        holder = _read(descriptor) or "another process"
        return LockedError(f"the data folder {folder} is in use by {holder}: stop it, or use another folder")
    return StoreError(f"the data folder {folder} cannot be locked: {error.strerror}")


def _read(descriptor: int) -> Holder | None:
    """Who wrote the file; None if it does not say (it was locked a moment ago)."""
    try:
        known: Any = json.loads(os.pread(descriptor, _LONGEST, 0))
        return Holder(pid=int(known["pid"]), host=str(known["host"]), since=int(known["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
