"""A changed `web.yml`: what counts by itself, and what waits until somebody says that it is meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.config.web_settings import RateLimit, WebFile
from monitor.net.server_tls import ServerTls
from monitor.web.loosening import tightened

TLS = ServerTls(
    cert_file="a.crt",
    key_file="a.key",
    client_ca_file="ca.pem",
    client_certificate="required",
    client_names=("ana", "bo"),
    min_version="TLS12",
)
FORMER = WebFile(file="web.yml", tls=TLS, users={"ana": "h1", "bo": "h2"}, rate_limit=RateLimit(interval=100, burst=10))


@pytest.mark.parametrize(
    "fresh",
    [
        replace(FORMER, users={"ana": "h3"}),
        replace(FORMER, users={"ana": "h1", "bo": "h2", "cy": "h4"}),
        replace(FORMER, headers={"X-Frame-Options": "deny"}),
        replace(FORMER, rate_limit=RateLimit(interval=200, burst=5)),
        replace(FORMER, tls=replace(TLS, cert_file="b.crt", key_file="b.key")),
        replace(FORMER, tls=replace(TLS, client_names=("ana",))),
        replace(FORMER, tls=replace(TLS, client_names=("ana", "bo", "cy"))),
        replace(FORMER, tls=replace(TLS, min_version="TLS13")),
    ],
)
def test_what_protects_as_well_counts_by_itself(fresh: WebFile) -> None:
    """Users and names come and go one by one, certificates are renewed, limits grow narrower."""
    assert tightened(FORMER, fresh) == (fresh, [])


@pytest.mark.parametrize(
    ("fresh", "lost"),
    [
        (replace(FORMER, users={}), ["basic_auth_users"]),
        (replace(FORMER, tls=None), ["tls_server_config"]),
        (replace(FORMER, rate_limit=None), ["rate_limit"]),
        (replace(FORMER, rate_limit=RateLimit(interval=100, burst=11)), ["rate_limit"]),
        (replace(FORMER, rate_limit=RateLimit(interval=99, burst=10)), ["rate_limit"]),
        (replace(FORMER, tls=replace(TLS, min_version="TLS10")), ["min_version"]),
        (replace(FORMER, tls=replace(TLS, min_version="TLS10", max_version="TLS11")), ["min_version"]),
        (replace(FORMER, tls=replace(TLS, client_names=())), ["client_allowed_sans"]),
        (
            replace(FORMER, tls=replace(TLS, client_certificate="given", client_ca_file="", client_names=())),
            ["client_auth_type", "client_allowed_sans"],
        ),
        (WebFile(file="web.yml"), ["basic_auth_users", "rate_limit", "tls_server_config"]),
    ],
)
def test_what_protects_less_stays_as_it_was(fresh: WebFile, lost: list[str]) -> None:
    """And is named by its keys."""
    kept, named = tightened(FORMER, fresh)
    assert list(named) == lost
    assert kept.users == FORMER.users
    assert kept.rate_limit == FORMER.rate_limit
    assert kept.tls is not None
    assert replace(kept.tls, max_version="TLS13") == TLS
    assert kept.tls.max_version >= kept.tls.min_version


def test_all_else_of_the_same_change_counts() -> None:
    """Somebody removes a user and takes the limit away: the user is out."""
    fresh = replace(FORMER, users={"bo": "h2"}, rate_limit=None, headers={"X-Frame-Options": "deny"})
    kept, named = tightened(FORMER, fresh)
    assert list(named) == ["rate_limit"]
    assert kept == replace(fresh, rate_limit=FORMER.rate_limit)


def test_nothing_is_lost_where_nothing_was() -> None:
    """From no protection to some."""
    assert tightened(WebFile(file="web.yml"), FORMER) == (FORMER, [])
