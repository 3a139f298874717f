"""`web.yml` at work: users, headers, rate limit and TLS, all of which follow the file."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from tests.support.certificates import Authority
from tests.support.web_worlds import BEARER, TOKENS, web_world

CHECKS = "/api/watchkeeper/v1/checks"
SERVED = "web: {config_file: web.yml}\n"


def hashed(password: str) -> str:
    """At the least cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


async def test_every_path_asks_for_a_user_once_there_are_some(tmp_path: Path) -> None:
    """Health and metrics too; wrong passwords and unknown users get the same answer, those who are known may do all."""
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{ana: {hashed('secret')}}}\n", encoding="utf-8")
    async with web_world(str(tmp_path), text=SERVED, listen="0.0.0.0") as world:
        for path in (CHECKS, "/metrics", "/-/healthy", "/nothing/here"):
            async with world.client.get(world.url + path) as answer:
                assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Basic")
                assert await answer.text() == "Unauthorized\n"
            assert (await world.get(path, **basic("ana", "wrong")))[0] == 401
            assert (await world.get(path, **basic("bo", "secret")))[0] == 401
            assert (await world.get(path, Authorization="Basic é"))[0] == 401
            assert (await world.get(path, **basic("ana", "secret")))[0] == (404 if path.startswith("/nothing") else 200)
        async with world.client.post(world.url + "/-/reload", headers=basic("ana", "secret")) as answer:
            assert answer.status == 200
        assert [actor.name for actor in world.reloads] == ["ana"]


async def test_tokens_open_as_before(tmp_path: Path) -> None:
    """With their roles; users are beside them."""
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{ana: {hashed('secret')}}}\n", encoding="utf-8")
    text = TOKENS.replace("web:\n", "web:\n  config_file: web.yml\n")
    async with web_world(str(tmp_path), text=text, listen="0.0.0.0") as world:
        assert (await world.get(CHECKS))[0] == 401
        assert (await world.get(CHECKS, **BEARER["vi"]))[0] == 200
        async with world.client.post(world.url + "/-/reload", headers=BEARER["vi"]) as answer:
            assert answer.status == 403


async def test_users_come_and_go_with_the_file(tmp_path: Path) -> None:
    """At the next request; a file that has become bad changes nothing and is told."""
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{ana: {hashed('secret')}}}\n", encoding="utf-8")
    async with web_world(str(tmp_path), text=SERVED) as world:
        assert (await world.get(CHECKS, **basic("ana", "secret")))[0] == 200
        file.write_text(f"basic_auth_users: {{bo: {hashed('other one')}}}\n", encoding="utf-8")
        assert (await world.get(CHECKS, **basic("ana", "secret")))[0] == 401
        assert (await world.get(CHECKS, **basic("bo", "other one")))[0] == 200
        file.write_text("basic_auth_users: {bo: plain}\n", encoding="utf-8")
        assert (await world.get(CHECKS, **basic("bo", "plain")))[0] == 401
        assert (await world.get(CHECKS, **basic("bo", "other one")))[0] == 200
        assert any("refused" in str(line) for line in world.log.lines)


async def test_headers_and_rate_are_those_of_the_file(tmp_path: Path) -> None:
    """Headers also on refusals."""
    text = (
        "http_server_config: {headers: {X-Frame-Options: sameorigin, Strict-Transport-Security: max-age=60}}\n"
        "rate_limit: {interval: 1h, burst: 2}\n"
    )
    (tmp_path / "web.yml").write_text(text, encoding="utf-8")
    async with web_world(str(tmp_path), text=SERVED) as world:
        for status in (200, 200, 429):
            async with world.client.get(world.url + "/-/healthy") as answer:
                assert answer.status == status
                assert answer.headers["X-Frame-Options"] == "sameorigin"
                assert answer.headers["Strict-Transport-Security"] == "max-age=60"


async def test_certificates_are_renewed_under_the_running_server(tmp_path: Path) -> None:
    """The next handshake shows the new one; a key that does not fit leaves the former in use."""
    authority = Authority(tmp_path)
    chain, key = authority.pair("localhost")
    (tmp_path / "web.yml").write_text(
        f"tls_server_config: {{cert_file: {chain.name}, key_file: {key.name}}}\n", encoding="utf-8"
    )
    trust = ssl.create_default_context(cafile=authority.file)
    async with web_world(str(tmp_path), text=SERVED) as world:
        assert world.url.startswith("https://")
        port = int(world.url.rpartition(":")[2])

        async def serial() -> object:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="localhost")
            found = writer.get_extra_info("peercert")["serialNumber"]
            writer.close()
            await writer.wait_closed()
            return found

        first = await serial()
        authority.pair("localhost")
        second = await serial()
        assert second != first
        key.write_text("no key", encoding="utf-8")
        assert await serial() == second
        assert any("not used" in str(line) for line in world.log.lines)


async def test_clients_show_the_certificate_that_is_wanted(tmp_path: Path) -> None:
    """None: no handshake. One of another name: 403."""
    authority = Authority(tmp_path)
    chain, key = authority.pair("localhost")
    (tmp_path / "web.yml").write_text(
        f"tls_server_config: {{cert_file: {chain.name}, key_file: {key.name}, client_ca_file: ca.pem, "
        "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [ana.example.org]}\n",
        encoding="utf-8",
    )
    async with web_world(str(tmp_path), text=SERVED) as world:
        url = f"https://localhost:{world.url.rpartition(':')[2]}/-/healthy"

        async def status(name: str) -> int:
            trust = ssl.create_default_context(cafile=authority.file)
            if name:
                trust.load_cert_chain(authority.client_pem(name))
            connector = aiohttp.TCPConnector(ssl=trust)
            async with aiohttp.ClientSession(connector=connector) as client, client.get(url) as answer:
                return answer.status

        assert await status("ana.example.org") == 200
        assert await status("bo.example.org") == 403
        with pytest.raises(aiohttp.ClientError):
            await status("")
