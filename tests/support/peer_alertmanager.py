"""Debian's Alertmanager as a process on loopback, and amtool to ask it and the daemon the same."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.peer_processes import running_peer

ALERTMANAGER = shutil.which("prometheus-alertmanager")
AMTOOL = shutil.which("amtool")


@asynccontextmanager
async def running_alertmanager(folder: Path, configuration: str, *flags: str) -> AsyncGenerator[str]:
    """Its address; its data and its log are in `folder`, which is there already."""
    assert ALERTMANAGER is not None
    file = folder / "alertmanager.yml"
    file.write_text(configuration, encoding="utf-8")
    flags = (
        f"--storage.path={folder / 'data'}",
        "--cluster.listen-address=127.0.0.1:0",
        "--cluster.settle-timeout=0s",
        *flags,
    )
    async with running_peer(ALERTMANAGER, file, *flags) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Said:
    """What a run of amtool ended with."""

    code: int
    out: str
    err: str


async def amtool(url: str, *words: str, given: str = "") -> Said:
    """Run it against an address, with `given` as its input; nothing of the caller's home is read."""
    assert AMTOOL is not None
    process = await asyncio.create_subprocess_exec(
        AMTOOL,
        f"--alertmanager.url={url}",
        "--no-version-check",
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"HOME": "/nonexistent", "USER": "ana", "TZ": "UTC"},
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


def amtool_checked(folder: Path, text: str) -> tuple[int, str]:
    """What Debian's `amtool check-config` makes of this file: its exit code and its words."""
    assert AMTOOL is not None
    file = folder / "alertmanager.yml"
    file.write_text(text, encoding="utf-8")
    said = subprocess.run([AMTOOL, "check-config", file], capture_output=True, text=True, check=False)
    return said.returncode, said.stdout + said.stderr
