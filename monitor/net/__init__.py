"""Sockets without tasks: one epoll set nested in the asyncio loop, a slot wheel, HTTP/1.1, TLS and names.

Waking an idle process costs more than a probe does, and a task, future or transport for each connection costs twice
that again. So many connections share one epoll set, whose own descriptor is the only thing asyncio watches; starts are
gathered in slots; and a connection is a small object with a few hooks. Nothing a peer sends is trusted: sizes are
bounded, and each wake reads a bounded piece.

What is asked rarely, or through proxies and with tokens (`asking`), goes through aiohttp, which speaks everything.
"""
