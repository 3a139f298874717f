"""Debian's Alertmanager as a process on loopback, and amtool to ask it and the daemon the same."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.support.daemon_process import until

ALERTMANAGER = shutil.which("prometheus-alertmanager")
AMTOOL = shutil.which("amtool")
_LISTENS = re.compile(r'msg="?Listening on"? address=(\S+)')


@asynccontextmanager
async def running_alertmanager(folder: Path, configuration: str, *flags: str) -> AsyncGenerator[str]:
    """Its address; its data and its log are in `folder`, which is there already."""
    assert ALERTMANAGER is not None
    file = folder / "alertmanager.yml"
    file.write_text(configuration, encoding="utf-8")
    log_file = folder / "alertmanager.log"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            ALERTMANAGER,
            f"--config.file={file}",
            f"--storage.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=127.0.0.1:0",
            "--cluster.settle-timeout=0s",
            *flags,
            stdout=log,
            stderr=log,
        )

    def address() -> str:
        assert process.returncode is None, log_file.read_text()
        found = _LISTENS.search(log_file.read_text())
        return f"http://{found[1]}" if found else ""

    async def is_ready(url: str) -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/-/ready") as answer:
            return answer.status == 200

    try:
        url = await until(address, "Alertmanager listens")
        await until(lambda: is_ready(url), "Alertmanager is ready")
        yield url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


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
