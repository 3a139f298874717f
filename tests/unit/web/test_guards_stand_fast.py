"""`web.yml` under a running server: a file that was cut off opens nothing, and guessing passwords drives out nobody."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from monitor.config.web_settings import WebFile
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
        self.then: Callable[[], object] = lambda: 0
        """What somebody does when the file has just been read at a request."""
        self.guard = Guard(
            web_file_of(self.path),
            read=self._read,
            log=self.log,
            monotonic=lambda: self.now,
        )

    def _read(self, name: str) -> WebFile:
        found = web_file_of(Path(name))
        self.then()
        return found

    async def status(self, password: str = "", *, token: bool = False, remote: str = "192.0.2.1") -> int:
        """Of a request by ana; 200 if the guard lets it pass."""
        given = base64.b64encode(f"ana:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {given}"} if password else {}
        request = make_mocked_request("GET", "/", headers=headers).clone(remote=remote)
        found = await self.guard.admit(request, lambda: token)
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


async def test_users_are_given_up_only_when_somebody_says_so(tmp_path: Path) -> None:
    """By a reload; a file that was cut off behind its headers opens nothing, however long it stays so."""
    gate = Gate(tmp_path, HEADERS + USERS)
    for text in (HEADERS, HEADERS + "basic_auth_users:\n"):
        gate.path.write_text(text, encoding="utf-8")
        for _ in range(3):
            assert await gate.status() == 401
            gate.now += 3600
    assert any("protects less" in str(line) and "basic_auth_users" in str(line) for line in gate.log.lines)
    gate.guard.take(web_file_of(gate.path))
    assert await gate.status() == 200


async def test_what_protects_more_counts_at_once_beside_what_protects_less(tmp_path: Path) -> None:
    """A user who is removed is out, though the rate limit that went with the same change stays."""
    gate = Gate(tmp_path, USERS + "rate_limit: {interval: 1h, burst: 3}\n")
    assert await gate.status("secret") == 200
    gate.path.write_text(USERS.replace("ana", "bo"), encoding="utf-8")
    assert [await gate.status("secret") for _ in range(3)] == [401, 401, 429]
    assert set(gate.guard.file.users) == {"bo"}
    gate.guard.take(web_file_of(gate.path))
    assert gate.guard.file.rate_limit is None
    assert await gate.status("secret") == 401


async def test_a_reload_takes_neither_an_emptied_file_nor_another_one(tmp_path: Path) -> None:
    """The one is hardly meant, and the other takes a restart."""
    gate = Gate(tmp_path, USERS)
    other = tmp_path / "other.yml"
    other.write_text(HEADERS, encoding="utf-8")
    gate.guard.take(web_file_of(other))
    gate.path.write_text("", encoding="utf-8")
    gate.guard.take(web_file_of(gate.path))
    assert await gate.status() == 401


async def test_a_change_between_a_reading_and_its_coming_into_force_is_seen(tmp_path: Path) -> None:
    """At the start, at a reload and at a request alike: the stamp is that of the file which was read."""
    gate = Gate(tmp_path, USERS)
    gate.path.write_text(USERS.replace("ana", "somebody"), encoding="utf-8")  # since the start read it
    assert await gate.status("secret") == 401
    reloaded = web_file_of(gate.path)
    gate.path.write_text(USERS, encoding="utf-8")
    gate.guard.take(reloaded)
    assert await gate.status("secret") == 200
    gate.then = lambda: gate.path.write_text(USERS.replace("ana", "bo"), encoding="utf-8")
    gate.path.write_text(USERS + HEADERS, encoding="utf-8")
    assert await gate.status("secret") == 200
    gate.then = lambda: 0
    assert await gate.status("secret") == 401
    assert set(gate.guard.file.users) == {"bo"}


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
    assert await gate.status() == 403
    gate.guard.take(web_file_of(gate.path))
    assert await gate.status() == 403
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
    assert (refused.count(401), refused.count(429)) == (8, 32)
    assert (ana, token) == (200, 200)
    assert await gate.status("at last") == 401


@pytest.mark.parametrize(
    ("guesser", "ana"),
    [("192.0.2.1", "192.0.2.2"), ("2001:db8::{}", "2001:db8:0:1::1"), ("::ffff:192.0.2.1", "192.0.2.2")],
)
async def test_who_guesses_from_one_place_leaves_places_to_others(tmp_path: Path, guesser: str, ana: str) -> None:
    """Also to users whom nobody remembers yet; a network of IPv6 is one place."""
    gate = Gate(tmp_path, USERS)
    guesses = [gate.status(f"guess {number}", remote=guesser.format(number)) for number in range(100)]
    *refused, known = await asyncio.gather(*guesses, gate.status("secret", remote=ana))
    assert (refused.count(401), refused.count(429), known) == (8, 92, 200)


async def test_guesses_from_everywhere_wait_only_so_long(tmp_path: Path) -> None:
    """More than so many in all are refused, whoever asks; the places are free again afterwards."""
    gate = Gate(tmp_path, USERS)
    guesses = [gate.status(f"guess {number}", remote=f"192.0.2.{number}") for number in range(60)]
    refused = await asyncio.gather(*guesses)
    assert (refused.count(401), refused.count(429)) == (32, 28)
    assert await gate.status("secret", remote="192.0.2.77") == 200


async def test_one_caller_with_many_requests_waits_once(tmp_path: Path) -> None:
    """All of them bring the same password, so none is too much."""
    gate = Gate(tmp_path, USERS)
    assert set(await asyncio.gather(*(gate.status("secret") for _ in range(40)))) == {200}
