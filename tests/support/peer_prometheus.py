"""Debian's Prometheus as a process on loopback, to be asked the same as the daemon."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.peer_processes import running_peer

PROMETHEUS = shutil.which("prometheus")


@asynccontextmanager
async def running_prometheus(folder: Path, configuration: str, *flags: str) -> AsyncGenerator[str]:
    """Its address; its data and its log are in `folder`, which is there already."""
    assert PROMETHEUS is not None
    file = folder / "prometheus.yml"
    file.write_text(configuration, encoding="utf-8")
    flags = (
        f"--storage.tsdb.path={folder / 'data'}",
        *flags,
    )
    async with running_peer(PROMETHEUS, file, *flags) as url:
        yield url
