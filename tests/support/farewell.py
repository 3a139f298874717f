"""The end of a test server: no connection to it is left open, in whatever stage it is."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import cast


async def farewell(ports: Collection[int]) -> None:
    """Cut every connection that was made to these ports and let the loop close its socket.

    A server that ends closes the connections it knows. One in the middle of its TLS handshake, or whose handler has not
    begun, is known to the loop alone; left open it is found by the garbage collector, as a failure of some later test.
    """
    loop = asyncio.get_running_loop()
    # no public way leads there: the loop's own table of transports by file descriptor, the same in all versions of asyncio
    transports = cast("Mapping[int, asyncio.Transport]", vars(loop)["_transports"])
    for _ in range(3):  # what was accepted just now is in the table a few turns later, and so is the end of what is cut
        await asyncio.sleep(0)
    for transport in list(transports.values()):
        name = cast("tuple[object, ...] | None", transport.get_extra_info("sockname"))
        if name is not None and name[1:2] and name[1] in ports:
            transport.abort()
    for _ in range(3):
        await asyncio.sleep(0)
