"""TLS against real sockets: good certificates, broken ones, and what is learnt from both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.clock import Clock
from monitor.model.checks import Check, Expect, FailureReason, HealthState
from monitor.model.times import DAY
from monitor.net.tls import Trust
from monitor.probe.kinds.http_target import HttpOptions
from tests.support.certificates import Authority
from tests.support.probes import attempt, instruments
from tests.support.targets import hang, raw, reply, serving


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    yield Authority(tmp_path)


def check(url: str, trust: Trust, *, expect: Expect | None = None, timeout: int = 3000) -> Check:
    return Check(
        name="tls", kind="http", target=url, timeout=timeout, expect=expect or Expect(), options=HttpOptions(tls=trust)
    )


async def test_a_good_certificate_gives_phases_expiry_and_version(authority: Authority) -> None:
    """All TLS facts are known after one attempt."""
    async with serving(reply(), context=authority.server("127.0.0.1", days=30)) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), Trust(ca_file=authority.file)))
    assert outcome.success, outcome.text
    facts = outcome.tls_facts
    assert facts is not None
    assert outcome.tls > 0
    assert facts.version == "TLS 1.3"
    assert facts.earliest_expiry is not None
    assert abs(facts.earliest_expiry - Clock().now() - 30 * DAY) < DAY
    assert facts.chain_expiry == facts.earliest_expiry
    assert len(facts.fingerprint) == 64


@pytest.mark.parametrize(
    ("names", "days", "trusted", "reason"),
    [
        (("127.0.0.1",), -3.0, True, FailureReason.CERTIFICATE_EXPIRED),
        (("other.example",), 30.0, True, FailureReason.CERTIFICATE_WRONG_HOST),
        (("127.0.0.1",), 30.0, False, FailureReason.CERTIFICATE_UNTRUSTED),
    ],
    ids=["expired", "wrong host", "unknown authority"],
)
async def test_a_broken_certificate_fails_with_its_reason_and_still_tells_its_end(
    authority: Authority, names: tuple[str, ...], days: float, trusted: bool, reason: FailureReason
) -> None:
    """A second look without verification reads the expiry; the attempt stays a failure."""
    trust = Trust(ca_file=authority.file) if trusted else Trust()
    async with serving(reply(), context=authority.server(*names, days=days)) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), trust))
    assert (outcome.success, outcome.reason) == (False, reason)
    facts = outcome.tls_facts
    assert facts is not None
    assert facts.earliest_expiry is not None
    assert abs(facts.earliest_expiry - Clock().now() - days * DAY) < DAY
    assert facts.chain_expiry is None
    assert not target.heads


async def test_an_end_that_is_near_degrades_and_a_nearer_one_fails(authority: Authority) -> None:
    """Days left are compared with both limits."""
    trust = Trust(ca_file=authority.file)
    async with serving(reply(), context=authority.server("127.0.0.1", days=10)) as target, instruments() as tools:
        warned = await attempt(
            tools, check(target.url(), trust, expect=Expect(certificate_days_warn=14, certificate_days=3))
        )
        failed = await attempt(tools, check(target.url(), trust, expect=Expect(certificate_days=14)))
    assert (warned.state, warned.reason) == (HealthState.DEGRADED, FailureReason.CERTIFICATE_EXPIRES_SOON)
    assert failed.state is HealthState.UNHEALTHY


async def test_plain_http_behind_https_is_a_tls_failure() -> None:
    """A server that does not speak TLS is told apart."""
    async with serving(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), silent=True) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url().replace("http:", "https:"), Trust()))
    assert outcome.reason is FailureReason.TLS_FAILED
    assert outcome.tls_facts is None or outcome.tls_facts.earliest_expiry is None


async def test_a_handshake_that_hangs_times_out_and_says_where() -> None:
    """The sentence names the phase."""
    async with serving(hang, silent=True) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url().replace("http:", "https:"), Trust(), timeout=300))
    assert outcome.text == "no answer within 300ms (in the TLS handshake)"


async def test_a_client_certificate_is_presented(authority: Authority) -> None:
    """With it the server answers, without it the server refuses."""
    context = authority.server("127.0.0.1", client_ca=True)
    pem = authority.client_pem()
    async with serving(reply(), context=context) as target, instruments() as tools:
        with_it = await attempt(tools, check(target.url(), Trust(ca_file=authority.file, cert_file=pem)))
        without = await attempt(tools, check(target.url(), Trust(ca_file=authority.file)))
    assert with_it.success
    assert not without.success


async def test_verification_off_accepts_anything(authority: Authority) -> None:
    """insecure means insecure."""
    async with serving(reply(), context=authority.server("other.example", days=-1)) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), Trust(verify=False)))
    assert outcome.success
