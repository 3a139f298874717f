"""OAuth2, headers and proxies of an HTTP client, against servers that look at what comes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from monitor.model.errors import PeerError
from monitor.net.asking import Asking
from monitor.net.http_config import Authorization, Header, HttpClient, OAuth2


class Service:
    """A token server and what it protects."""

    def __init__(self) -> None:
        self.questions: list[dict[str, str]] = []
        self.basic: list[str] = []
        self.refuse_header = False
        self.lasts: object = 3600
        self.valid = ""
        self.seen: list[web.Request] = []

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        header = request.headers.get("Authorization", "")
        if self.refuse_header and header:
            return web.json_response({"error": "invalid_client", "hint": "s3cret"}, status=401)
        self.questions.append(form)
        self.basic.append(base64.b64decode(header.removeprefix("Basic ")).decode())
        self.valid = f"t{len(self.questions)}"
        return web.json_response({"access_token": self.valid, "token_type": "bearer", "expires_in": self.lasts})

    async def metrics(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        good = request.headers.get("Authorization") == f"Bearer {self.valid}"
        return web.Response(text="up 1", status=200 if good else 401)

    async def open(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        return web.Response(text="up 1")


@asynccontextmanager
async def running() -> AsyncGenerator[tuple[Service, str, Asking]]:
    service = Service()
    app = web.Application()
    app.router.add_post("/token", service.token)
    app.router.add_get("/metrics", service.metrics)
    app.router.add_get("/open", service.open)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield service, str(server.make_url("/")), Asking(lambda: session)


async def scraped(asking: Asking, url: str, client: HttpClient) -> str:
    async with asking.get(url, client, {"Accept": "text/plain"}, 5_000) as response:
        return await response.text()


async def test_one_token_serves_all_until_shortly_before_its_end(tmp_path: Path) -> None:
    """Scopes and further parameters are asked for; the secret's file is read, and a new secret asks anew."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    async with running() as (service, url, asking):
        client = HttpClient(
            oauth2=OAuth2(
                client_id="me",
                token_url=f"{url}token",
                secret_file=str(secret),
                scopes=("a", "b"),
                params=(("audience", "x"),),
            )
        )
        answers = await asyncio.gather(*(scraped(asking, f"{url}metrics", client) for _ in range(5)))
        assert answers == ["up 1"] * 5
        assert service.questions == [{"grant_type": "client_credentials", "scope": "a b", "audience": "x"}]
        assert service.basic == ["me:s3cret"]
        secret.write_text("other\n")
        await scraped(asking, f"{url}metrics", client)
        assert service.basic[1:] == ["me:other"]
        assert "s3cret" not in repr(client)


async def test_a_token_that_is_about_to_end_or_is_refused_is_asked_for_anew() -> None:
    """Within ten seconds of its end, and once after a 401."""
    async with running() as (service, url, asking):
        client = HttpClient(oauth2=OAuth2(client_id="me", token_url=f"{url}token", secret="s"))
        service.lasts = 9
        await scraped(asking, f"{url}metrics", client)
        service.lasts = "3600"
        await scraped(asking, f"{url}metrics", client)
        await scraped(asking, f"{url}metrics", client)
        assert len(service.questions) == 2
        service.valid = "revoked"
        assert await scraped(asking, f"{url}metrics", client) == "up 1"
        assert len(service.questions) == 3


async def test_the_secret_is_given_among_the_parameters_to_a_server_that_wants_it_there() -> None:
    """And what a server says beside its error code is not told."""
    async with running() as (service, url, asking):
        service.refuse_header = True
        client = HttpClient(oauth2=OAuth2(client_id="me", token_url=f"{url}token", secret="s3cret"))
        assert await scraped(asking, f"{url}metrics", client) == "up 1"
        assert service.questions[0]["client_secret"] == "s3cret"
        wrong = HttpClient(oauth2=OAuth2(client_id="me", token_url=f"{url}nothing", secret="s3cret"))
        with pytest.raises(PeerError) as caught:
            await scraped(asking, f"{url}metrics", wrong)
        assert str(caught.value) == f"oauth2: cannot fetch token from {url}nothing: HTTP status 404"


async def test_headers_may_have_many_values_and_come_from_files(tmp_path: Path) -> None:
    """Each value is a header of its own; a user's name may stand in a file too."""
    (tmp_path / "value").write_text("three\n")
    (tmp_path / "name").write_text("ana\n")
    async with running() as (service, url, asking):
        client = HttpClient(
            authorization=Authorization(type="Basic", username_file=str(tmp_path / "name"), secret="pw"),
            more_headers=(Header(name="X-Tenant", values=("one", "two"), files=(str(tmp_path / "value"),)),),
        )
        await scraped(asking, f"{url}open", client)
        (request,) = service.seen
        assert request.headers.getall("X-Tenant") == ["one", "two", "three"]
        assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"ana:pw").decode()
        gone = HttpClient(more_headers=(Header(name="X", files=(str(tmp_path / "none"),)),))
        with pytest.raises(PeerError, match="cannot read the secret"):
            await scraped(asking, f"{url}open", gone)


async def test_a_proxy_is_asked_unless_no_proxy_names_the_host() -> None:
    """The proxy sees the whole URL; headers for it go with CONNECT only, as in Go."""
    async with running() as (service, url, asking):
        client = HttpClient(proxy_url=url, proxy_headers=(("X-Pass", "word"),))
        assert await scraped(asking, "http://shop.example/open", client) == "up 1"
        assert service.seen[0].headers["Host"] == "shop.example"
        assert "X-Pass" not in service.seen[0].headers
        past = HttpClient(proxy_url=url, no_proxy="other.example,*.invalid")
        with pytest.raises(PeerError):
            await scraped(asking, "http://shop.invalid/open", past)
        assert len(service.seen) == 1
