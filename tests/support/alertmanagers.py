"""An Alertmanager as a process on loopback, Debian's or ours, started and asked in the same way."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tests.support.daemon_process import surroundings, until

ALERTMANAGER = shutil.which("prometheus-alertmanager")
_LISTENS = re.compile(r'msg="Listening on" address=(\S+)')
_START_SECONDS = 40.0


class Alertmanager:
    """One configuration file and one storage folder; any number of lives."""

    name: ClassVar[str]
    launcher: ClassVar[Sequence[str]]

    def __init__(self, folder: Path, configuration: str, *flags: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.flags = flags
        self.address = ""
        self._process: asyncio.subprocess.Process | None = None
        self._life_began = 0
        self.configure(configuration)

    def __repr__(self) -> str:
        return f"{self.name}({self.address})"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "it was not started"
        return self._process

    def configure(self, text: str) -> None:
        """Write the file; a reload or a start reads it."""
        (self.folder / "alertmanager.yml").write_text(text, encoding="utf-8")

    def configured(self) -> str:
        """The file as it stands."""
        return (self.folder / "alertmanager.yml").read_text(encoding="utf-8")

    def log(self) -> str:
        """What this life has said so far."""
        with (self.folder / "log").open("rb") as file:
            file.seek(self._life_began)
            return file.read().decode(errors="replace")

    async def start(self) -> None:
        """Returns when it listens."""
        log_file = self.folder / "log"
        self._life_began = log_file.stat().st_size if log_file.exists() else 0
        with log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.launcher,
                f"--config.file={self.folder / 'alertmanager.yml'}",
                f"--storage.path={self.folder / 'data'}",
                f"--web.listen-address={self.address or '127.0.0.1:0'}",
                "--cluster.listen-address=",
                *self.flags,
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                cwd=self.folder,
                env=surroundings(),
            )

        def address() -> str:
            found = _LISTENS.search(self.log())
            assert found or self.process.returncode is None, f"it ended:\n{self.log()}"
            return found[1] if found else ""

        self.address = await until(address, f"{self.name} listens", _START_SECONDS)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        process = self.process
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(20):
            code = await process.wait()
        self._process = None
        return code


class Ours(Alertmanager):
    name = "ours"
    launcher = (sys.executable, "-m", "monitor", "alertmanager")


class Debians(Alertmanager):
    name = "debian's"
    launcher = (ALERTMANAGER or "prometheus-alertmanager",)
