"""The daemon as a test holds it: a process that is started, asked, signalled and killed.

Its life is told in one log file (both of its outputs, all lives one after the other). Every wait goes through `until`,
which ends at a deadline with what was waited for.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import aiohttp

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
_LISTENS = re.compile(r"listens on (http://\S+)")
_PAUSE = 0.1
_START_SECONDS = 20.0


async def until(look: Callable[[], T | Awaitable[T]], what: str, seconds: float = 15.0) -> T:
    """Look again and again until there is something to see (anything that is true) and return it. Raises AssertionError
    with `what` when it has not come after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        found = cast("T", await seen) if isinstance(seen, Awaitable) else seen
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(_PAUSE)


def _listen(config: Path) -> tuple[str, ...]:
    """A free port, unless the configuration says where: the default one may be somebody's."""
    return () if "listen" in config.read_text(encoding="utf-8") else ("--listen", "127.0.0.1:0")


class DaemonProcess:
    """One data folder, one configuration, any number of lives."""

    def __init__(self, folder: Path, config: Path, *, launcher: Sequence[str] = ("monitor", "run")) -> None:
        """`launcher` is the module to run and what it is given before --config and --data."""
        self.config = config
        self.data = folder / "data"
        self.log_file = folder / "daemon.log"
        self.launcher = tuple(launcher)
        self.url = ""
        self._folder = folder
        self._life_began = 0
        self._process: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        return f"DaemonProcess(pid={self._process.pid if self._process else None}, {self.url})"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "the daemon was not started"
        return self._process

    def log(self) -> str:
        """What this life has said so far."""
        with self.log_file.open("rb") as file:
            file.seek(self._life_began)
            return file.read().decode(errors="replace")

    async def start(self, *, ready: bool = True) -> None:
        """Start it; with `ready`, return when everything is up."""
        assert self._process is None, "it runs already"
        self._life_began = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self.launcher,
                "--config",
                str(self.config),
                "--data",
                str(self.data),
                *_listen(self.config),
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                cwd=self._folder,
                env=surroundings(),
            )
        if ready:
            await self.until_ready()

    async def until_ready(self) -> None:
        """Return when it says so. Raises AssertionError with its log if it does not."""

        def listening() -> str:
            found = _LISTENS.findall(self.log())
            assert found or self.process.returncode is None, f"it ended:\n{self.log()}"
            return found[-1] if found else ""

        self.url = await until(listening, "the daemon listens", _START_SECONDS)
        await until(self._is_ready, "the daemon is ready", _START_SECONDS)

    def kill(self) -> None:
        """kill -9. `gone` waits for the end."""
        self.process.kill()

    async def gone(self, seconds: float = 15.0) -> int:
        """Wait for its end, however that comes; the exit code, negative for a signal."""
        process = self.process
        async with asyncio.timeout(seconds):
            code = await process.wait()
        self._process = None
        return code

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return await self.gone()

    async def restart(self) -> None:
        """kill -9, start, ready."""
        self.kill()
        await self.gone()
        await self.start()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> None:
        """For the end of a test: gone, whatever state it is in."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self.gone()

    def fill_disk(self, room: int = 0) -> None:
        """From now on no write may make a file longer than this many bytes: writing fails as on a full disk."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (room, hard))

    def empty_disk(self) -> None:
        """There is room again."""
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (hard, hard))

    async def command(self, *words: str, person: str = "") -> tuple[int, str]:
        """Run a verb of the command line against this daemon: exit code and output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "monitor",
            *words,
            "--url",
            self.url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            stdin=asyncio.subprocess.DEVNULL,
            cwd=self._folder,
            env={**surroundings(), **({"USER": person, "LOGNAME": person} if person else {})},
        )
        async with asyncio.timeout(20):
            output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(errors="replace")

    async def get(self, path: str, **query: str) -> Any:
        """The JSON body of a GET. Raises aiohttp.ClientError."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.url + path, params=query, raise_for_status=True) as answer,
        ):
            return await answer.json()

    async def ask(self, method: str, path: str, body: object = None, *, person: str = "") -> tuple[int, Any]:
        """Status and JSON body (None if it has none) of any request; `person` is who says that they are at the keyboard."""
        headers = {"X-Watchkeeper-Person": person} if person else {}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, json=body, headers=headers) as answer,
        ):
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else None

    async def query(self, expression: str) -> Sequence[Mapping[str, Any]]:
        """The result of an instant query."""
        document = await self.get("/api/v1/query", query=expression)
        return cast("Sequence[Mapping[str, Any]]", document["data"]["result"])

    async def alerts(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Active alerts of one rule."""
        document = await self.get("/api/v1/alerts")
        found = cast("Sequence[Mapping[str, Any]]", document["data"]["alerts"])
        return [alert for alert in found if alert["labels"]["alertname"] == name]

    async def _is_ready(self) -> bool:
        assert self.process.returncode is None, f"it ended:\n{self.log()}"
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/-/ready") as answer:
            return answer.status == 200


def surroundings() -> dict[str, str]:
    """This process's environment without what configures the daemon."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WATCHKEEPER_")}
    return {**kept, "PYTHONPATH": str(ROOT)}
