"""A SOCKS proxy in an `http_config`: names are left to it, its refusals leave nothing unclear, its password is told nowhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import ModuleType
from urllib.parse import urlsplit

import aiohttp
import pytest

from monitor.model.errors import PeerError
from monitor.model.notifications import Delivered, DeliveryOutcome, RetryLater
from monitor.net.asking import Asking
from monitor.net.http_config import HttpClient, OAuth2
from monitor.net.socks import SocksSessions, is_socks
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.webhook import Webhook, WebhookOptions
from tests.support.collector import Collector, Reply, collecting
from tests.support.messages import a_row
from tests.support.socks_proxy import socks_proxy
from tests.support.surroundings import sending, unused_surroundings


@asynccontextmanager
async def a_webhook() -> AsyncGenerator[Webhook]:
    async with aiohttp.ClientSession(headers={"User-Agent": "Watchkeeper/test"}) as session:
        asking = Asking(lambda: session)
        around = unused_surroundings()
        yield Webhook(replace(around, asking=lambda: asking))
        await asking.close()


async def told(webhook: Webhook, client: HttpClient) -> DeliveryOutcome:
    options = WebhookOptions(url=SecretSource("http://hooks.example/a"), client=client)
    return await webhook.deliver(sending(a_row(of_incident=False), options))


def port_of(hook: Collector) -> int:
    return urlsplit(hook.url).port or 0


async def test_a_name_is_left_to_the_proxy_which_may_ask_who_we_are() -> None:
    """Also for the token that goes before; further calls need no further session."""
    async with collecting() as hook, collecting() as tokens, a_webhook() as webhook:
        hosts = {"hooks.example": port_of(hook), "idp.example": port_of(tokens)}
        tokens.answer(Reply(body={"access_token": "t", "token_type": "Bearer"}))
        async with socks_proxy(hosts, login=("ana", "s3cret")) as proxy:
            oauth2 = OAuth2(client_id="me", secret="x", token_url="http://idp.example/t", proxy_url=proxy.url)
            client = HttpClient(proxy_url=proxy.url.replace("socks5:", "socks5h:"), oauth2=oauth2)
            assert await told(webhook, client) == Delivered()
            assert await told(webhook, client) == Delivered()
            assert proxy.asked[:2] == [("idp.example", 80), ("hooks.example", 80)]
    assert hook.last.headers["Authorization"] == "Bearer t"
    assert hook.last.headers["Host"] == "hooks.example"
    assert len(hook.arrived) == 2


async def test_what_the_proxy_refuses_was_not_sent() -> None:
    """Unknown hosts, a wrong password, nobody there, a URL that is none: waited for, and no password is told."""
    async with a_webhook() as webhook, socks_proxy({}, login=("ana", "right")) as proxy:
        outcomes = [
            await told(webhook, HttpClient(proxy_url=url))
            for url in (
                proxy.url,
                proxy.url.replace("right", "s3cret"),
                "socks5://ana:s3cret@127.0.0.1:9",
                "socks5://ana:s3cret@127.0.0.1:port",
            )
        ]
    assert outcomes == [
        RetryLater("no connection through the SOCKS proxy: ProxyError"),
        RetryLater("no connection through the SOCKS proxy: ProxyError"),
        RetryLater("no connection through the SOCKS proxy: ProxyConnectionError"),
        RetryLater("the SOCKS proxy's URL is not one: write socks5://host:port"),
    ]
    assert "s3cret" not in repr(outcomes)


async def test_without_the_package_the_way_to_it_is_told() -> None:
    """At the call, and not at the start: a proxy may be named that no call goes through."""

    def gone() -> ModuleType:
        raise ImportError

    async with aiohttp.ClientSession() as session:
        with pytest.raises(PeerError, match=r"pip install 'watchkeeper\[socks\]'"):
            await SocksSessions(lambda: True, gone).through("socks5://proxy:1080", session, True)
    assert [is_socks(url) for url in ("SOCKS5://x", "socks5h://x", "http://x", "socks4://x")] == [
        True,
        True,
        False,
        False,
    ]
