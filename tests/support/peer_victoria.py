"""Debian's VictoriaMetrics as a process on loopback."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support.daemon_process import until

VICTORIA = shutil.which("victoria-metrics")


@asynccontextmanager
async def running_victoria(folder: Path) -> AsyncGenerator[str]:
    """Its address; its data and its log are in `folder`."""
    assert VICTORIA is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log_file = folder / "victoria.log"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            VICTORIA,
            f"-storageDataPath={folder / 'victoria'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"

    async def is_up() -> bool:
        assert process.returncode is None, log_file.read_text()
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{url}/health") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    try:
        await until(is_up, "VictoriaMetrics listens")
        yield url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
