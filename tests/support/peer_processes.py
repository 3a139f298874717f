"""Somebody else's program as a process on loopback, until the block ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support.daemon_process import until

_LISTENS = re.compile(r'msg="?Listening on"? address=(\S+)')


@asynccontextmanager
async def running_peer(program: str, file: Path, *flags: str) -> AsyncGenerator[str]:
    """The address of a program of Prometheus's, once it is ready; it reads `file`, listens at a port of its own choice, and logs
    to a file beside it."""
    log_file = file.with_suffix(".log")
    words = (program, f"--config.file={file}", "--web.listen-address=127.0.0.1:0", *flags)
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(*words, stdout=log, stderr=log)

    def address() -> str:
        assert process.returncode is None, log_file.read_text()
        found = _LISTENS.search(log_file.read_text())
        return f"http://{found[1]}" if found else ""

    async def is_ready(url: str) -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/-/ready") as answer:
            return answer.status == 200

    try:
        url = await until(address, f"{program} listens")
        await until(lambda: is_ready(url), f"{program} is ready")
        yield url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
