"""`web.yml` under a running server: a file that was cut off opens nothing, and guessing passwords drives out nobody."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import bcrypt
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from monitor.simulate.world import Journal
from monitor.web.guarding import Guard
from tests.support.certificates import Authority
from tests.support.web_worlds import web_file_of

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{ana: {HASH}}}\n"
HEADERS = "http_server_config: {headers: {X-Frame-Options: deny}}\n"


class Gate:
    """A guard, its file and its clock."""

    def __init__(self, folder: Path, text: str) -> None:
        self.path = folder / "web.yml"
        self.path.write_text(text, encoding="utf-8")
        self.now = 100.0
        self.log = Journal()
        self.guard = Guard(
            web_file_of(self.path),
            read=lambda name: web_file_of(Path(name)),
            log=self.log,
            monotonic=lambda: self.now,
        )

    async def status(self, password: str = "", *, token: bool = False) -> int:
        """Of a request by ana; 200 if the guard lets it pass."""
        given = base64.b64encode(f"ana:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {given}"} if password else {}
        found = await self.guard.admit(make_mocked_request("GET", "/", headers=headers), lambda: token)
        return found.status if isinstance(found, web.Response) else 200


@pytest.mark.parametrize("text", ["", "basic_auth_users:\n", "# users follow\n"])
async def test_an_emptied_file_opens_nothing(tmp_path: Path, text: str) -> None:
    """However long it stays so; the log says why, and a whole file is followed again."""
    gate = Gate(tmp_path, USERS)
    gate.path.write_text(text, encoding="utf-8")
    for _ in range(3):
        assert await gate.status() == 401
        gate.now += 10
    assert any("protects nothing" in str(line) for line in gate.log.lines)
    gate.path.write_text(f"basic_auth_users: {{ana: {HASH}, bo: {HASH}}}\n", encoding="utf-8")
    assert await gate.status("secret") == 200
    assert set(gate.guard.file.users) == {"ana", "bo"}


async def test_users_are_given_up_only_by_a_file_that_stays_so(tmp_path: Path) -> None:
    """Read the same a second later; each change begins the second anew."""
    gate = Gate(tmp_path, HEADERS + USERS)
    gate.path.write_text(HEADERS, encoding="utf-8")
    assert await gate.status() == 401
    gate.now += 0.9
    assert await gate.status() == 401
    gate.path.write_text(HEADERS + "basic_auth_users:\n", encoding="utf-8")
    gate.now += 0.9
    assert await gate.status() == 401
    gate.now += 1.0
    assert await gate.status() == 200


async def test_client_names_are_checked_until_a_restart(tmp_path: Path) -> None:
    """Also when the file has no TLS any more: the server still speaks it."""
    chain, key = Authority(tmp_path).pair("localhost")
    tls = (
        f"tls_server_config: {{cert_file: {chain.name}, key_file: {key.name}, client_ca_file: ca.pem, "
        "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [ana.example.org]}\n"
    )
    gate = Gate(tmp_path, HEADERS + tls)
    assert await gate.status() == 403
    gate.path.write_text(HEADERS, encoding="utf-8")
    for _ in range(3):
        assert await gate.status() == 403
        gate.now += 1.0
    assert gate.guard.file.tls is None
    assert any("restart" in str(line) for line in gate.log.lines)


async def test_guessing_passwords_drives_out_nobody(tmp_path: Path) -> None:
    """More guesses than are remembered, then more at once than may wait: 429 for these, and ana and tokens pass."""
    gate = Gate(tmp_path, USERS)
    assert await gate.status("secret") == 200
    for number in range(120):
        assert await gate.status(f"guess {number}") == 401
    guesses = [gate.status(f"at once {number}") for number in range(40)]
    *refused, ana, token = await asyncio.gather(*guesses, gate.status("secret"), gate.status("a token", token=True))
    assert (refused.count(401), refused.count(429)) == (16, 24)
    assert (ana, token) == (200, 200)
    assert await gate.status("at last") == 401


async def test_one_caller_with_many_requests_waits_once(tmp_path: Path) -> None:
    """All of them bring the same password, so none is too much."""
    gate = Gate(tmp_path, USERS)
    assert set(await asyncio.gather(*(gate.status("secret") for _ in range(40)))) == {200}
