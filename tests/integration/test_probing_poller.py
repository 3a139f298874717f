"""The nested epoll set on pairs of real sockets."""

from __future__ import annotations

import asyncio
import socket

from monitor.net.poller import READ, Poller


class Attempt:
    """Something that is watched and limited; over once its socket was readable."""

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self.near, self.far = socket.socketpair()
        self.over = False
        self.expired = False

    def ready(self, events: int) -> None:
        self.over = True
        self.close()

    def expire(self) -> None:
        self.expired = True

    def close(self) -> None:
        self.poller.forget(self.near.fileno())
        self.near.close()
        self.far.close()


async def test_an_answer_that_waits_in_its_socket_beats_a_deadline_that_has_passed() -> None:
    """When the loop was held up the peer was in time and we are late: no false alarm, whatever the number."""
    poller = Poller(asyncio.get_running_loop())
    attempts = [Attempt(poller) for _ in range(200)]
    for attempt in attempts:
        poller.watch(attempt.near.fileno(), READ, attempt)
        attempt.far.send(b"here")
        poller.limit(poller.time() - 1, attempt)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    poller.close()
    assert all(attempt.over for attempt in attempts)
    assert not any(attempt.expired for attempt in attempts)
