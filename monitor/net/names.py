"""Our resolver, for aiohttp: its sessions share the answers that checks and scrapes have, and outlive an outage of DNS with
them."""

from __future__ import annotations

import asyncio
import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from monitor.net.resolve import Address, Resolver, Unresolved


class Names(AbstractResolver):
    """Lends a `Resolver`, whose owner closes it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """All addresses of the family. Raises OSError if there are none."""
        answered: asyncio.Future[tuple[Address, ...] | Unresolved] = asyncio.get_running_loop().create_future()

        def found(answer: tuple[Address, ...] | Unresolved) -> None:
            if not answered.done():  # whoever waited may have gone
                answered.set_result(answer)

        self._resolver.addresses(host, found)
        answer = await answered
        if isinstance(answer, Unresolved):
            raise OSError(answer.text)
        chosen = [one for one in answer if family in (socket.AF_UNSPEC, one.family)]
        if not chosen:
            raise OSError(f"{host} has no address of the kind that is wanted")
        return [
            ResolveResult(
                hostname=host,
                host=one.text,
                port=port,
                family=one.family,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for one in chosen
        ]

    async def close(self) -> None:
        """Nothing is held."""
