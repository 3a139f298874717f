"""Targets that misbehave: each gets its reason in time, and none gets our memory."""

from __future__ import annotations

import resource
import zlib

import pytest

from monitor.model.checks import Check, FailureReason, HealthState, Outcome
from monitor.probe.kinds.http_target import HttpOptions
from tests.support.probes import attempt, instruments
from tests.support.targets import Script, circle, drip, endless, hang, raw, reply, serving

TIMEOUT = 400


async def outcome_of(
    script: Script, *, within: int = TIMEOUT, silent: bool = False, options: HttpOptions | None = None
) -> Outcome:
    async with serving(script, silent=silent) as target, instruments() as tools:
        check = Check(name="bad", kind="http", target=target.url("/"), timeout=within, options=options)
        outcome = await attempt(tools, check)
    assert not outcome.success
    assert outcome.state is HealthState.UNHEALTHY
    assert outcome.took < within / 1000 + 0.2
    return outcome


async def test_a_target_that_never_answers_times_out_at_its_deadline() -> None:
    """A hang ends at the timeout, not before and hardly after."""
    outcome = await outcome_of(hang)
    assert (outcome.reason, outcome.text) == (FailureReason.TIMEOUT, "no answer within 400ms")
    assert outcome.took >= TIMEOUT / 1000


async def test_an_answer_that_comes_byte_by_byte_times_out() -> None:
    """Progress does not extend the deadline."""
    outcome = await outcome_of(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000, pause=0.005))
    assert outcome.reason is FailureReason.TIMEOUT
    assert outcome.text.startswith("no answer within 400ms (answer incomplete after")


async def test_a_slow_answer_within_the_deadline_is_an_answer() -> None:
    """Dripping is not failing as long as it ends in time."""
    async with (
        serving(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", pause=0.001)) as target,
        instruments() as tools,
    ):
        outcome = await attempt(tools, Check(name="slow", kind="http", target=target.url(), timeout=5000))
    assert outcome.success


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"],
    ids=["until close", "chunked"],
)
async def test_a_body_without_end_is_too_large_and_is_not_kept(start: bytes) -> None:
    """Reading stops at the limit, and memory does not grow with the body."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = await outcome_of(endless(start, b"y" * 65536), within=5000)
    assert (outcome.reason, outcome.text) == (FailureReason.TOO_LARGE, "body is larger than 10 MB")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


async def test_a_body_announced_as_ten_gigabytes_is_refused_by_its_header() -> None:
    """The announcement is enough."""
    outcome = await outcome_of(endless(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n", b"z" * 65536))
    assert outcome.text == "body of 10000000000 bytes is larger than 10 MB"


async def test_a_compressed_bomb_is_too_large() -> None:
    """The limit holds after decompression too."""
    packed = zlib.compress(b"\0" * 40_000_000)
    outcome = await outcome_of(reply(200, packed, ("Content-Encoding", "deflate")), within=5000)
    assert outcome.text == "decompressed body is larger than 10 MB"


async def test_redirects_in_a_circle_end_after_ten() -> None:
    """The eleventh redirect is a failure."""
    outcome = await outcome_of(circle, within=3000)
    assert outcome.reason is FailureReason.TOO_MANY_REDIRECTS
    assert outcome.redirects == 10


async def test_a_redirect_to_a_foreign_scheme_leads_nowhere() -> None:
    """Only http and https are followed."""
    outcome = await outcome_of(reply(302, b"", ("Location", "file:///etc/passwd")))
    assert outcome.reason is FailureReason.BAD_REDIRECT


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 99999999999999999999 OK\r\n\r\n", FailureReason.BAD_ANSWER),
        (b"\0\xff\xfe" * 50, FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", FailureReason.BAD_ANSWER),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", FailureReason.CLOSED_EARLY),
        (b"HTTP/1.1 200 OK\r\nConte", FailureReason.CLOSED_EARLY),
        (b"", FailureReason.CLOSED_EARLY),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 1000 + b"\r\n", FailureReason.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 200_000, FailureReason.TOO_LARGE),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else value.name,
)
async def test_nonsense_gets_its_reason(answer: bytes, reason: FailureReason) -> None:
    """Whatever the peer sends, the attempt ends with a reason."""
    outcome = await outcome_of(raw(answer))
    assert outcome.reason is reason
    assert outcome.text


async def test_a_header_without_end_stops_at_the_limit() -> None:
    """An endless header is cut off at 64 kB."""
    outcome = await outcome_of(
        endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: aaaaaaaaaaaaaaaaaaaa\r\n" * 100), within=3000
    )
    assert (outcome.reason, outcome.text) == (FailureReason.TOO_LARGE, "header is larger than 64 kB")
