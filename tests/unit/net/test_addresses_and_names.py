"""Web addresses are taken apart, and names are looked up without delaying each other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from monitor.clock import Clock
from monitor.model.checks import FailureReason
from monitor.net.names import Names
from monitor.net.resolve import Address, Answer, Resolver, Unresolved, literal
from monitor.net.url import follow, parse_host_port, parse_url
from monitor.simulate.loop import VirtualLoop, run


@pytest.mark.parametrize(
    ("text", "secure", "host", "port", "target", "authority"),
    [
        ("http://a.example/health", False, "a.example", 80, "/health", "a.example"),
        ("https://a.example", True, "a.example", 443, "/", "a.example"),
        ("a.example:8080/x?y=1#part", False, "a.example", 8080, "/x?y=1", "a.example:8080"),
        ("https://[2001:db8::1]:8443/", True, "2001:db8::1", 8443, "/", "[2001:db8::1]:8443"),
        ("http://bücher.example/ä b", False, "xn--bcher-kva.example", 80, "/%C3%A4%20b", "xn--bcher-kva.example"),
        ("http://u:p@a.example/%2f", False, "a.example", 80, "/%2f", "a.example"),
    ],
)
def test_an_address_is_taken_apart(text: str, secure: bool, host: str, port: int, target: str, authority: str) -> None:
    """Scheme, host, port, target and what the Host header says."""
    url = parse_url(text)
    assert (url.secure, url.host, url.port, url.target, url.authority) == (secure, host, port, target, authority)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a/",
        "http://",
        "http://a:99999/",
        "http://a:x/",
        "http://a b/",
        "http://a\r\nb/",
        "x" * 9000,
        "http://[::1",
    ],
)
def test_a_wrong_address_is_refused(text: str) -> None:
    """With a sentence."""
    with pytest.raises(ValueError, match=r"."):
        parse_url(text)


def test_a_redirect_may_be_relative_or_absolute() -> None:
    """Relative to the address that answered."""
    base = parse_url("https://a.example/x/y")
    assert str(follow(base, "z?q=1")) == "https://a.example/x/z?q=1"
    assert str(follow(base, "//b.example/")) == "https://b.example/"
    with pytest.raises(ValueError, match="scheme"):
        follow(base, "javascript:alert(1)")


@pytest.mark.parametrize("text", ["a", "a:", ":1", "a:0", "a:70000", "::1:80", "a:1x"])
def test_host_and_port_must_both_be_there(text: str) -> None:
    """host:port, IPv6 in brackets."""
    assert parse_host_port("[::1]:80") == ("::1", 80)
    with pytest.raises(ValueError, match=r"."):
        parse_host_port(text)


class FakeNames:
    """A source of names under the test's control."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: dict[str, Callable[[Answer | Unresolved], None]] = {}

    def ask(self, name: str, done: Callable[[Answer | Unresolved], None]) -> None:
        self.asked.append(name)
        self.waiting[name] = done

    def answer(self, name: str, *texts: str, ttl: float = 10.0) -> None:
        addresses = tuple(address for text in texts for address in literal(text) or ())
        self.waiting.pop(name)(Answer(addresses=addresses, ttl=ttl))

    def fail(self, name: str, reason: FailureReason) -> None:
        self.waiting.pop(name)(Unresolved(reason, "no"))

    def close(self) -> None:
        pass


def shown(found: Address | Unresolved) -> str:
    return found.text if isinstance(found, Address) else found.reason.value


def test_literals_and_localhost_are_never_asked_for() -> None:
    """They are answered within the call, in the preferred version."""
    source, found = FakeNames(), list[str]()
    loop = VirtualLoop()
    resolver = Resolver(loop, source)
    for name in ("127.0.0.1", "::1", "localhost"):
        resolver.resolve(name, lambda answer: found.append(shown(answer)))
    resolver.resolve("localhost", lambda answer: found.append(shown(answer)), prefer=6)
    resolver.resolve("127.0.0.1", lambda answer: found.append(shown(answer)), prefer=6, fallback=False)
    loop.close()
    assert found == ["127.0.0.1", "::1", "127.0.0.1", "::1", "name_not_found"]
    assert not source.asked


def test_a_dead_name_does_not_delay_a_healthy_one() -> None:
    """Questions run side by side, and the same question is asked once."""
    source, found = FakeNames(), list[str]()
    loop = VirtualLoop()
    resolver = Resolver(loop, source)
    for name in ("dead", "dead", "alive"):
        resolver.resolve(name, lambda answer, name=name: found.append(f"{name} {shown(answer)}"))
    source.answer("alive", "192.0.2.1")
    loop.close()
    assert found == ["alive 192.0.2.1"]
    assert source.asked == ["dead", "alive"]


def test_answers_are_kept_for_their_ttl_and_outlive_failing_name_servers() -> None:
    """Fresh: not asked. Past the TTL: asked; a failure gives the old answer, a denial does not."""
    source, found = FakeNames(), list[str]()
    loop = VirtualLoop()
    clock = Clock(lambda: 0)
    resolver = Resolver(loop, source)

    def ask() -> None:
        resolver.resolve("a", lambda answer: found.append(shown(answer)))

    async def story() -> None:
        ask()
        source.answer("a", "192.0.2.1", ttl=10)
        await clock.sleep(9_000)
        ask()
        assert source.asked == ["a"]
        await clock.sleep(2_000)
        ask()
        source.fail("a", FailureReason.NAME_LOOKUP_FAILED)
        await clock.sleep(6_000)
        ask()
        source.fail("a", FailureReason.NAME_NOT_FOUND)
        ask()
        source.fail("a", FailureReason.NAME_LOOKUP_FAILED)

    run(story(), loop)
    assert found == ["192.0.2.1", "192.0.2.1", "192.0.2.1", "name_not_found", "name_lookup_failed"]


def test_the_digest_is_blackbox_exporters() -> None:
    """FNV-1a-32 of the address bytes; 127.0.0.1 checked against the binary."""
    found = literal("127.0.0.1")
    assert found is not None
    assert found[0].digest == 3668918509


def test_sessions_have_the_same_answers_by_family() -> None:
    """What aiohttp asks for: one version, or both."""
    source = FakeNames()
    loop = VirtualLoop()
    names = Names(Resolver(loop, source))

    async def story() -> None:
        asked = asyncio.gather(names.resolve("a", 80, socket.AF_INET), names.resolve("a", 80, socket.AF_UNSPEC))
        await Clock().sleep(0)
        source.answer("a", "192.0.2.1", "2001:db8::1")
        four, both = await asked
        assert [(one["host"], one["port"], one["family"]) for one in four] == [("192.0.2.1", 80, socket.AF_INET)]
        assert [one["host"] for one in both] == ["192.0.2.1", "2001:db8::1"]
        assert source.asked == ["a"]

    run(story(), loop)


def test_sessions_are_told_why_there_is_no_address() -> None:
    """An OSError is what aiohttp understands."""
    source = FakeNames()
    loop = VirtualLoop()
    names = Names(Resolver(loop, source))

    async def story() -> None:
        asked = asyncio.gather(names.resolve("gone"), names.resolve("six"), return_exceptions=True)
        await Clock().sleep(0)
        source.fail("gone", FailureReason.NAME_NOT_FOUND)
        source.answer("six", "2001:db8::1")
        assert [str(one) for one in await asked] == ["no", "six has no address of the kind that is wanted"]

    run(story(), loop)
