"""The twin as a process: addresses on its first line, certificate in a file, faults and record over HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path

import aiohttp


async def test_the_twin_can_be_steered_from_another_process(tmp_path: Path) -> None:
    """As acceptance tests do: script a fault, send, read what arrived and what it led to."""
    authority = tmp_path / "ca.pem"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.twin", "--ca-file", str(authority), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            addresses = json.loads(await process.stdout.readline())
        event = {
            "routing_key": "k" * 32,
            "event_action": "trigger",
            "dedup_key": "d",
            "payload": {"summary": "s", "source": "x", "severity": "critical"},
        }
        context = ssl.create_default_context(cafile=str(authority))
        async with aiohttp.ClientSession() as session:
            fault = {"kind": "status", "call": "pagerduty", "status": 429, "retry_after": 3}
            async with session.post(f"{addresses['http']}/control/faults", json=fault) as answer:
                assert answer.status == 200
            statuses: list[int] = []
            for _ in range(2):
                async with session.post(f"{addresses['https']}/v2/enqueue", json=event, ssl=context) as answer:
                    statuses.append(answer.status)
            async with session.get(f"{addresses['http']}/control/record") as answer:
                record = await answer.json()
            async with session.get(f"{addresses['http']}/control/state") as answer:
                state = await answer.json()
        assert statuses == [429, 202]
        assert [(one["call"], one["accepted"]) for one in record] == [
            ("pagerduty.enqueue", False),
            ("pagerduty.enqueue", True),
        ]
        assert [alert["dedup_key"] for alert in state["pagerduty"]["alerts"]] == ["d"]
    finally:
        process.terminate()
        await process.wait()
