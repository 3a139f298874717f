"""The http kind against real sockets on loopback."""

from __future__ import annotations

import gzip
from pathlib import Path

from monitor.model.checks import Check, Expect, FailureReason, HealthState
from monitor.probe.kinds.http_target import HttpOptions
from tests.support.probes import attempt, instruments
from tests.support.targets import in_turn, raw, reply, serving


def check(url: str, *, timeout: int = 2000, expect: Expect | None = None, options: HttpOptions | None = None) -> Check:
    return Check(name="api", kind="http", target=url, timeout=timeout, expect=expect or Expect(), options=options)


async def test_a_plain_answer_is_healthy_and_all_phases_are_known() -> None:
    """A 200 with a body gives success, the code, the lengths and the phases in order."""
    async with (
        serving(reply(200, b'{"status":"UP"}', ("Content-Type", "application/json"))) as target,
        instruments() as tools,
    ):
        outcome = await attempt(tools, check(target.url("/health")))
    assert (outcome.success, outcome.state, outcome.text) == (True, HealthState.HEALTHY, "")
    assert (outcome.status_code, outcome.http_version, outcome.content_length, outcome.body_length) == (
        200,
        1.1,
        15,
        15,
    )
    assert (outcome.ip_protocol, outcome.ip_hash) == (4, 3668918509)
    assert outcome.connect > 0
    assert outcome.processing > 0
    assert outcome.took >= outcome.connect + outcome.processing
    head = target.heads[0].decode()
    assert head.startswith("GET /health HTTP/1.1\r\n")
    assert "User-Agent: Watchkeeper/test\r\n" in head
    assert f"Host: 127.0.0.1:{target.port}\r\n" in head


async def test_a_wrong_status_is_a_failure_with_its_sentence() -> None:
    """503 is not 2xx."""
    async with serving(reply(503)) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url()))
    assert (outcome.success, outcome.reason) == (False, FailureReason.STATUS)
    assert outcome.text == "HTTP status 503, expected 2xx"


async def test_a_body_that_says_down_is_believed_over_its_200() -> None:
    """The body can only make it worse, and does."""
    body = b'{"status":"DOWN","components":{"db":{"status":"DOWN"},"disk":{"status":"UP"}}}'
    async with serving(reply(200, body)) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url()))
    assert outcome.state is HealthState.UNHEALTHY
    assert outcome.reason is FailureReason.BODY_UNHEALTHY
    assert outcome.text == "body says 'DOWN' (db: DOWN)"


async def test_redirects_are_followed_and_counted() -> None:
    """The final answer counts; a 303 after POST is asked with GET, cookies of the same host go along."""
    script = in_turn(
        reply(303, b"", ("Location", "/b?x=1"), ("Set-Cookie", "sid=7; Path=/")),
        reply(200, b"ok"),
    )
    options = HttpOptions(method="POST", body="hello", headers={"X-Token": "t"})
    async with serving(script) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url("/a"), options=options))
    assert (outcome.success, outcome.redirects, outcome.status_code) == (True, 1, 200)
    second = target.heads[1].decode()
    assert second.startswith("GET /b?x=1 HTTP/1.1\r\n")
    assert "Cookie: sid=7\r\n" in second
    assert "X-Token: t\r\n" in second
    assert "Content-Length" not in second


async def test_credentials_do_not_follow_a_redirect_to_another_origin() -> None:
    """Authorization is for the origin that was configured."""
    async with (
        instruments() as tools,
        serving(reply(200)) as other,
        serving(reply(302, b"", ("Location", other.url("/x")))) as target,
    ):
        options = HttpOptions(username="ana", password="geheim")
        outcome = await attempt(tools, check(target.url(), options=options))
    assert outcome.success
    assert b"Authorization: Basic YW5hOmdlaGVpbQ==" in target.heads[0]
    assert b"Authorization" not in other.heads[0]


async def test_a_redirect_that_is_not_followed_is_judged_by_its_status() -> None:
    """follow_redirects false makes the 302 the answer."""
    async with serving(reply(302, b"", ("Location", "/x"))) as target, instruments() as tools:
        outcome = await attempt(
            tools, check(target.url(), options=HttpOptions(follow_redirects=False), expect=Expect(status=("302",)))
        )
    assert (outcome.success, outcome.status_code, outcome.redirects) == (True, 302, 0)


async def test_chunked_and_compressed_bodies_are_read() -> None:
    """A gzip body in chunks is decompressed before it is read."""
    packed = gzip.compress(b'{"status":"degraded","version":"1.2.3"}')
    chunks = b"%x\r\n%s\r\n%x;ext=1\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (5, packed[:5], len(packed) - 5, packed[5:])
    message = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + chunks
    async with serving(raw(message)) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), options=HttpOptions(accept_gzip=True)))
    assert (outcome.state, outcome.version, outcome.content_length) == (HealthState.DEGRADED, "1.2.3", -1)
    assert b"Accept-Encoding: gzip, deflate\r\n" in target.heads[0]


async def test_a_body_without_length_ends_with_the_connection() -> None:
    """Close-delimited answers are complete at the end of the stream."""
    async with serving(raw(b"HTTP/1.0 200 OK\r\n\r\nall good")) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), expect=Expect(contains=("good",))))
    assert (outcome.success, outcome.http_version, outcome.body_length) == (True, 1.0, 8)


async def test_head_takes_no_body() -> None:
    """HEAD answers announce a length and send nothing."""
    async with serving(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), options=HttpOptions(method="HEAD")))
    assert (outcome.success, outcome.content_length, outcome.body_length) == (True, 500, 0)


async def test_nobody_listening_is_a_refusal() -> None:
    """A closed port is refused at once."""
    async with serving(reply()) as target, instruments() as tools:
        port = target.port
    async with instruments() as tools:
        outcome = await attempt(tools, check(f"http://127.0.0.1:{port}/"))
    assert (outcome.reason, outcome.text) == (FailureReason.CONNECTION_REFUSED, "connection refused")
    assert outcome.took < 1


async def test_expectations_on_json_headers_and_text_become_sentences() -> None:
    """All that is not met is told, in one text."""
    body = b'{"database":"connecting","queue":{"depth":12},"items":[{"id":4}]}'
    expect = Expect(
        headers={"X-Region": "^eu-"},
        body={"database": "connected", "queue.depth": "< 10", "items[0].id": 4},
        contains=("hello",),
    )
    async with serving(reply(200, body, ("X-Region", "us-1"))) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), expect=expect, options=HttpOptions(understand=False)))
    assert outcome.reason is FailureReason.HEADER
    assert outcome.text == (
        'header X-Region is "us-1" and does not match \'^eu-\'; body does not contain "hello"; '
        'database is "connecting", expected "connected"; queue.depth is 12, expected < 10'
    )


async def test_credentials_in_files_are_read_at_each_attempt(tmp_path: Path) -> None:
    """A rotated token is used at once; a missing file is a failure with its sentence."""
    token = tmp_path / "token"
    token.write_text("first\n")
    options = HttpOptions(bearer_token_file=str(token))
    async with serving(reply()) as target, instruments() as tools:
        await attempt(tools, check(target.url(), options=options))
        token.write_text("second\n")
        await attempt(tools, check(target.url(), options=options))
        token.unlink()
        outcome = await attempt(tools, check(target.url(), options=options))
    assert b"Authorization: Bearer first\r\n" in target.heads[0]
    assert b"Authorization: Bearer second\r\n" in target.heads[1]
    assert outcome.text.startswith("credentials cannot be read")
    assert len(target.heads) == 2


async def test_the_host_header_may_be_replaced() -> None:
    """It is sent once, also after a redirect on the same server."""
    script = in_turn(reply(302, b"", ("Location", "/b")), reply())
    async with serving(script) as target, instruments() as tools:
        outcome = await attempt(tools, check(target.url(), options=HttpOptions(headers={"host": "shop.example"})))
    assert outcome.success
    for head in target.heads:
        assert head.lower().count(b"host:") == 1
        assert b"host: shop.example\r\n" in head
