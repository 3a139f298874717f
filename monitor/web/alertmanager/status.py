"""Status and receivers: with whom a client talks."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from monitor.model.times import rfc3339
from monitor.web.alertmanager.asking import facts_of, matchers, route
from monitor.web.answers import json_answer
from monitor.web.routes import Call

SPOKEN: Final = "0.34.0+watchkeeper"
"""The Alertmanager whose API this is: amtool compares the first two numbers with its own."""


async def status(call: Call) -> web.Response:
    """A cluster of one that is ready, unless somebody wants none: harnesses wait for a peer to be named."""
    peer = call.parts.peer
    cluster: dict[str, object] = {"peers": [], "status": "disabled"}
    if peer is not None:
        peers = [{"address": peer.address, "name": peer.name}]
        cluster = {"name": peer.name, "peers": peers, "status": "ready"}
    return json_answer(
        {
            "cluster": cluster,
            "config": {"original": facts_of(call).original},
            "uptime": rfc3339(call.parts.started_at),
            "versionInfo": {
                "branch": "",
                "buildDate": "",
                "buildUser": "",
                "goVersion": "",
                "revision": f"watchkeeper-{call.parts.version}",
                "version": SPOKEN,
            },
        }
    )


async def receivers(call: Call) -> web.Response:
    """In the order of the file, those that no route uses among them."""
    from monitor.matching.matchers import all_match

    wanted = matchers(call, "receiver_matchers")
    return json_answer(
        [
            {"labels": dict(labels), "name": name}
            for name, labels in facts_of(call).receivers.items()
            if all_match(wanted, labels)
        ]
    )


ROUTES: Final = (route("GET", "/status", status), route("GET", "/receivers", receivers))
