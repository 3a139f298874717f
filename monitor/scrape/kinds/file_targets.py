"""Targets listed in JSON or YAML files (`file_sd_configs`).

Files are looked at every few seconds and read when they have changed. One that cannot be read or understood keeps the
targets that it had; one that is gone has none. Source: prometheus discovery/file/file.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.globbing import files_matching
from monitor.model.errors import PeerError
from monitor.model.times import MINUTE, SECOND, Millis
from monitor.scrape.discovery import Found, Groups, read_groups

_LOOK_EVERY: Final[Millis] = 5 * SECOND
_MOST_BYTES: Final = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTargets:
    """An entry of `file_sd_configs`."""

    files: tuple[str, ...]
    """Whole paths; the last part may hold wildcards."""
    refresh_interval: Millis = 5 * MINUTE

    @property
    def refresh(self) -> Millis:
        return min(self.refresh_interval, _LOOK_EVERY)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a file was when it was last read."""

    stamp: tuple[int, int, int]
    problem: str


class FileFinder:
    """Remembers of each file when it had last changed."""

    def __init__(self) -> None:
        self._read: dict[str, _Read] = {}

    async def find(self, options: FileTargets, last: Mapping[str, Groups]) -> Found:
        """Never raises: each file stands for itself."""
        return await asyncio.to_thread(self._find, options, last)

    def _find(self, options: FileTargets, last: Mapping[str, Groups]) -> Found:
        sources: dict[str, Groups] = {}
        problems: list[str] = []
        for pattern in options.files:
            for file in files_matching(pattern):
                name = str(file)
                sources[name], problem = self._groups(file, last.get(name))
                if problem:
                    problems.append(f"{name}: {problem}")
        for gone in [name for name in last if name not in sources]:
            self._read.pop(gone, None)
        return Found(sources, tuple(problems))

    def _groups(self, file: Path, last: Groups | None) -> tuple[Groups, str]:
        name = str(file)
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._read.get(name)
            if last is not None and known is not None and known.stamp == stamp:
                return last, known.problem
            text = "" if status.st_size > _MOST_BYTES else file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return last or (), f"cannot be read: {reason}"
        try:
            if not text and status.st_size:
                raise PeerError(f"has more than {_MOST_BYTES >> 20} MB")
            groups = read_groups(text, name, {"__meta_filepath": name}, is_json=file.suffix.lower() == ".json")
            problem = ""
        except PeerError as error:
            groups, problem = last or (), str(error)
        self._read[name] = _Read(stamp, problem)
        return groups, problem
