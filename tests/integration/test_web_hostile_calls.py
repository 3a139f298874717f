"""Calls that break the rules of HTTP or of text: each is refused or read as well as can be, none is an error of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from monitor.model.labels import Labels
from monitor.web.answers import text_answer
from tests.support.web_worlds import NOW, WebWorld, web_world

FORM = "application/x-www-form-urlencoded"
PATHS = ("/api/v1/query", "/api/v2/alerts", "/api/watchkeeper/v1/deployments", "/ping/nothing", "/api/v1/write")


async def spoken(world: WebWorld, head: str, body: bytes = b"", *headers: bytes) -> bytes:
    """What the server answers to these bytes until it hangs up."""
    split = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(split.hostname, split.port)
    lines = [head.encode(), f"Host: {split.netloc}".encode(), b"Connection: close", *headers]
    writer.write(b"\r\n".join([*lines, b"", b""]) + body)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=nonsense", f"{FORM}; charset=utf-16"])
async def test_a_form_is_read_as_utf_8_whatever_it_says(tmp_path: Path, content_type: str) -> None:
    """As Go reads it; bytes that are none become U+FFFD."""
    async with web_world(str(tmp_path)) as world:
        world.samples.append(NOW, [(Labels({"__name__": "m", "a": "é"}), 1.0)])
        headers = {"Content-Type": content_type}
        for form, status in ((b'query=m{a="\xc3\xa9"}', 200), (b"query=\xff", 400), (b"\xff\xfe=\xff", 400)):
            async with world.client.post(f"{world.url}/api/v1/query", data=form, headers=headers) as response:
                assert (response.status, form) == (status, form)
                if status == 200:
                    assert '"a":"é"' in await response.text()
        assert not world.log.lines


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_is_compressed_is_not_unpacked(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not what its route reads, whether it is what its header says or not; a few bytes never become many."""
    kind = FORM if path == "/api/v1/query" else "application/json"
    headers = {"Content-Type": kind, "Content-Encoding": "gzip"}
    async with web_world(str(tmp_path)) as world:
        async with world.client.post(world.url + path, data=b"no gzip at all", headers=headers) as response:
            assert response.status in (400, 404, 415, 503), await response.text()
        assert not world.log.lines
    assert not caplog.records


@pytest.mark.parametrize("path", PATHS)
async def test_chunks_that_break_off_are_refused(tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Without a word in the log."""
    async with web_world(str(tmp_path)) as world:
        kind = FORM if path == "/api/v1/query" else "application/json"
        headers = (b"Transfer-Encoding: chunked", b"Content-Type: " + kind.encode())
        answer = await spoken(world, f"POST {path} HTTP/1.1", b"2\r\n[]\r\nnonsense\r\n\r\n", *headers)
        assert int(answer[9:12]) in (400, 404, 415, 503)
        assert not world.log.lines
    assert not caplog.records


async def test_halves_of_surrogate_pairs_do_not_break_a_deployment(tmp_path: Path) -> None:
    """They are no text: U+FFFD is stored and told."""
    async with web_world(str(tmp_path)) as world:
        body = rb'{"version": "1\ud800", "service": "\udfff", "detail": "\ud83d\ude00", "environment": "e"}'
        url = f"{world.url}/api/watchkeeper/v1/deployments"
        async with world.client.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
            assert response.status == 201, await response.text()
        _, found = await world.json("GET", "/api/watchkeeper/v1/deployments")
        assert str(found).count("\ufffd") == 2
        assert "😀" in str(found)


@pytest.mark.parametrize(
    ("head", "header", "status"),
    [
        ("GET /api/v2/alerts HTTP/1.1", b"Accept: \xff", 406),
        ("GET /api/v1/query HTTP/1.1", b"Authorization: Bearer \xff", 401),
        ("POST /api/v2/alerts HTTP/1.1", b"Content-Type: \xff", 415),
    ],
)
async def test_a_header_that_is_no_text_can_be_repeated(tmp_path: Path, head: str, header: bytes, status: int) -> None:
    """By what refuses it."""
    async with web_world(str(tmp_path)) as world:
        answer = await spoken(world, head, b"x", header, b"Content-Length: 1")
        assert answer[9:12] == str(status).encode()
        assert not world.log.lines


def test_a_text_that_repeats_a_header_can_be_sent() -> None:
    """Whatever was in it."""
    assert text_answer("x\udcff").body == "x\ufffd\n".encode()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"\x00" * 100,
    ],
)
async def test_what_is_no_http_is_one_more_refused_call(
    tmp_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A scanner of ports does not fill the log."""
    async with web_world(str(tmp_path)) as world:
        split = urlsplit(world.url)
        reader, writer = await asyncio.open_connection(split.hostname, split.port)
        writer.write(sent)
        assert (await reader.read(12)) in (b"HTTP/1.0 400", b"HTTP/1.1 400")
        writer.close()
        assert world.refusals == ["api"]
        assert not world.log.lines
    assert not caplog.records
