"""Debian's Prometheus as a process on loopback, to be asked the same as the daemon."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.support.daemon_process import until

PROMETHEUS = shutil.which("prometheus")
_LISTENS = re.compile(r'msg="Listening on" address=(\S+)')


@asynccontextmanager
async def running_prometheus(folder: Path, configuration: str, *flags: str) -> AsyncGenerator[str]:
    """Its address; its data and its log are in `folder`, which is there already."""
    assert PROMETHEUS is not None
    file = folder / "prometheus.yml"
    file.write_text(configuration, encoding="utf-8")
    log_file = folder / "prometheus.log"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            PROMETHEUS,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
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
        url = await until(address, "Prometheus listens")
        await until(lambda: is_ready(url), "Prometheus is ready")
        yield url
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
