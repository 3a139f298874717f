"""tcp, tls, proxies, and names, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.model.checks import Check, FailureReason, HealthState
from monitor.net.resolve import Answer, Unresolved
from monitor.net.tls import Trust
from monitor.probe.kinds.http_target import HttpOptions
from monitor.probe.kinds.tcp import TcpOptions
from monitor.probe.kinds.tls import TlsOptions
from tests.support.certificates import Authority
from tests.support.probes import attempt, instruments
from tests.support.targets import hang, raw, reply, serving


def tcp(port: int, options: TcpOptions | None = None) -> Check:
    return Check(name="t", kind="tcp", target=f"127.0.0.1:{port}", timeout=500, options=options)


async def test_a_port_that_accepts_is_healthy() -> None:
    """Connecting is all that is asked."""
    async with serving(hang, silent=True) as target, instruments() as tools:
        outcome = await attempt(tools, tcp(target.port))
    assert (outcome.success, outcome.ip_protocol) == (True, 4)
    assert outcome.connect > 0


async def test_a_closed_port_is_refused() -> None:
    """At once."""
    async with serving(hang, silent=True) as target, instruments() as tools:
        port = target.port
    async with instruments() as tools:
        outcome = await attempt(tools, tcp(port))
    assert outcome.reason is FailureReason.CONNECTION_REFUSED


async def test_a_greeting_is_searched_for_the_expression() -> None:
    """Found is healthy; another text is a failure when the connection ends."""
    async with serving(raw(b"220 mail ready\r\n"), silent=True) as target, instruments() as tools:
        met = await attempt(tools, tcp(target.port, TcpOptions(expect="^220 .*ready")))
        unmet = await attempt(tools, tcp(target.port, TcpOptions(expect="^SSH-2")))
    assert met.success
    assert (unmet.reason, unmet.text) == (
        FailureReason.BODY_TEXT,
        "connection closed, and nothing in it matched '^SSH-2'",
    )


async def test_something_can_be_said_first() -> None:
    """send, then expect."""
    async with serving(reply(200, b"pong")) as target, instruments() as tools:
        outcome = await attempt(tools, tcp(target.port, TcpOptions(send="PING\r\n\r\n", expect="pong$")))
    assert outcome.success
    assert target.heads == [b"PING\r\n\r\n"]


async def test_a_silent_peer_times_out() -> None:
    """With an expression and no word there is a sentence for that."""
    async with serving(hang, silent=True) as target, instruments() as tools:
        outcome = await attempt(tools, tcp(target.port, TcpOptions(expect="hello")))
    assert (outcome.reason, outcome.text) == (FailureReason.TIMEOUT, "no answer within 500ms that matches 'hello'")


@pytest.mark.parametrize(
    ("days", "state", "reason"),
    [
        (30.0, HealthState.HEALTHY, None),
        (10.0, HealthState.DEGRADED, FailureReason.CERTIFICATE_EXPIRES_SOON),
        (1.0, HealthState.UNHEALTHY, FailureReason.CERTIFICATE_EXPIRES_SOON),
        (-1.0, HealthState.UNHEALTHY, FailureReason.CERTIFICATE_EXPIRED),
    ],
    ids=str,
)
async def test_a_certificate_is_judged_by_its_days(
    tmp_path: Path, days: float, state: HealthState, reason: FailureReason | None
) -> None:
    """Fourteen days to warn, three to fail, and expired is expired; the end is known in every case."""
    authority = Authority(tmp_path)
    options = TlsOptions(trust=Trust(ca_file=authority.file))
    async with (
        serving(hang, context=authority.server("127.0.0.1", days=days), silent=True) as target,
        instruments() as tools,
    ):
        check = Check(name="t", kind="tls", target=f"127.0.0.1:{target.port}", options=options)
        outcome = await attempt(tools, check)
    assert (outcome.state, outcome.reason) == (state, reason)
    assert outcome.tls_facts is not None
    assert outcome.tls_facts.earliest_expiry is not None


async def test_a_proxy_is_asked_for_the_whole_address() -> None:
    """The request goes to the proxy, in absolute form, and its answer is judged as any other."""
    body = b'{"status":"healthy","version":"2.0"}'
    async with serving(reply(200, body, ("Content-Type", "application/json"))) as proxy, instruments() as tools:
        options = HttpOptions(proxy_url=proxy.url(""), headers={"X-A": "b"})
        check = Check(name="p", kind="http", target="http://shop.example/health", options=options)
        outcome = await attempt(tools, check)
    assert (outcome.success, outcome.version, outcome.status_code) == (True, "2.0", 200)
    assert proxy.heads[0].startswith(b"GET http://shop.example/health HTTP/1.1\r\n")
    assert b"X-A: b\r\n" in proxy.heads[0]


@pytest.mark.parametrize(("silent", "reason"), [(True, FailureReason.TIMEOUT), (False, FailureReason.CLOSED_EARLY)])
async def test_a_bad_proxy_gives_its_reason(silent: bool, reason: FailureReason) -> None:
    """In time, as everything."""
    script = hang if silent else raw(b"")
    async with serving(script) as proxy, instruments() as tools:
        check = Check(
            name="p", kind="http", target="http://a.example/", timeout=300,
            options=HttpOptions(proxy_url=proxy.url("")),
        )  # fmt: skip
        outcome = await attempt(tools, check)
    assert outcome.reason is reason


class DeadNames:
    """Name servers that never answer."""

    def ask(self, name: str, done: Callable[[Answer | Unresolved], None]) -> None:
        pass

    def close(self) -> None:
        pass


async def test_names_that_hang_delay_no_other_target() -> None:
    """Fifty dead names time out by themselves while a healthy target is answered at once."""
    async with serving(reply()) as target, instruments(DeadNames()) as tools:
        dead = [
            asyncio.ensure_future(
                attempt(tools, Check(name="d", kind="http", target=f"http://n{n}.example/", timeout=400))
            )
            for n in range(50)
        ]
        healthy = await attempt(tools, Check(name="h", kind="http", target=target.url(), timeout=400))
        outcomes = await asyncio.gather(*dead)
    assert healthy.success
    assert healthy.took < 0.2
    assert {outcome.text for outcome in outcomes} == {"no answer within 400ms (looking up the name)"}
