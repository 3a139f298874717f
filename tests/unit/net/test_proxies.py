"""Which proxy is for which URL."""

from __future__ import annotations

import pytest

from monitor.net.proxies import Proxies


@pytest.mark.parametrize(
    ("without", "url", "through"),
    [
        ("", "http://a.example/", True),
        ("", "http://localhost:1/", False),
        ("", "http://127.0.0.2/", False),
        ("", "http://[::1]:1/", False),
        ("*", "http://a.example/", False),
        ("example", "http://a.example/", False),
        ("a.example", "http://ba.example/", True),
        (".example", "http://example/", True),
        (".example, x", "http://a.example/", False),
        ("*.example", "http://a.example/", False),
        ("a.example:81", "http://a.example/", True),
        ("a.example:80", "http://a.example/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", False),
        ("10.0.0.0/8", "http://11.1.2.3/", True),
        ("10.1.2.3", "http://10.1.2.3:9/", False),
        ("10.1.2.3:9", "http://10.1.2.3:8/", True),
        ("fd00::/8", "http://[fd00::1]/", False),
    ],
)
def test_some_are_asked_without_a_proxy(without: str, url: str, through: bool) -> None:
    """Those that are listed, and this machine itself, as Go's httpproxy has it."""
    assert bool(Proxies(http="http://p:3128", without=without).of(url)) == through


def test_the_environment_names_one_for_each_scheme() -> None:
    """In capitals or not; without a scheme of its own a proxy speaks HTTP."""
    proxies = Proxies.from_environment({"http_proxy": "p:1", "HTTPS_PROXY": "http://q:2", "no_proxy": "c"})
    assert [proxies.of(url) for url in ("http://a/", "https://a/", "https://c/")] == ["http://p:1", "http://q:2", ""]
