"""From what was read of an HTTP client's keys to the client that the rooms ask with."""

from __future__ import annotations

from typing import cast

from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Values
from monitor.net.http_config import Authorization, Header, HttpClient, OAuth2
from monitor.net.tls import SYSTEM_TRUST, Trust


def client_of(values: Values, reading: Reading) -> HttpClient:
    """The keys of `http_client.HTTP_CLIENT` as a client; files relative to the document."""
    return HttpClient(
        authorization=_authorization(values, reading),
        follow_redirects=values.flag("follow_redirects"),
        trust=_trust(values, reading),
        proxy_url=values.text("proxy_url"),
        no_proxy=values.text("no_proxy"),
        proxy_from_environment=values.flag("proxy_from_environment"),
        proxy_headers=_proxy_headers(values),
        more_headers=tuple(
            Header(
                name=name,
                values=(*header.texts("values"), *header.texts("secrets")),
                files=tuple(map(reading.locate, header.texts("files"))),
            )
            for name, header in values.mapping("http_headers").items()
            if isinstance(header, Values)
        ),
        oauth2=_oauth2(values, reading),
    )


def _oauth2(values: Values, reading: Reading) -> OAuth2 | None:
    given = values.one("oauth2")
    if given is None:
        return None
    if given.text("grant_type") not in ("", "client_credentials"):
        reading.doubt(given.at("grant_type"), "is known but not served yet", "client_credentials is asked for")
    return OAuth2(
        client_id=given.text("client_id"),
        token_url=given.text("token_url"),
        secret=given.text("client_secret"),
        secret_file=_whole(given, "client_secret_file", reading),
        scopes=given.texts("scopes"),
        params=tuple(given.pairs("endpoint_params").items()),
        trust=_trust(given, reading),
        proxy_url=given.text("proxy_url"),
        no_proxy=given.text("no_proxy"),
        proxy_from_environment=given.flag("proxy_from_environment"),
        proxy_headers=_proxy_headers(given),
    )


def _trust(values: Values, reading: Reading) -> Trust:
    tls = values.one("tls_config")
    return trust_of(tls, reading) if tls is not None else SYSTEM_TRUST


def _proxy_headers(values: Values) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value) for name, held in values.mapping("proxy_connect_header").items() for value in _texts(held)
    )


def trust_of(tls: Values, reading: Reading) -> Trust:
    """A `tls_config` as the room of connections wants it."""
    return Trust(
        verify=not tls.flag("insecure_skip_verify"),
        ca=tls.text("ca"),
        ca_file=_whole(tls, "ca_file", reading),
        cert=tls.text("cert"),
        key=tls.text("key"),
        cert_file=_whole(tls, "cert_file", reading),
        key_file=_whole(tls, "key_file", reading),
        server_name=tls.text("server_name"),
        min_version=tls.text("min_version"),
        max_version=tls.text("max_version"),
    )


def _authorization(values: Values, reading: Reading) -> Authorization | None:
    basic, other = values.one("basic_auth"), values.one("authorization")
    if basic is not None:
        return Authorization(
            type="Basic",
            username=basic.text("username"),
            username_file=_whole(basic, "username_file", reading),
            secret=basic.text("password"),
            secret_file=_whole(basic, "password_file", reading),
        )
    inline = other.text("credentials") if other else values.text("bearer_token")
    file = _whole(other, "credentials_file", reading) if other else _whole(values, "bearer_token_file", reading)
    if not file and not inline:
        return None
    word = other.text("type").strip() if other else ""
    return Authorization(type=word or "Bearer", secret=inline, secret_file=file)


def _whole(values: Values, key: str, reading: Reading) -> str:
    name = values.text(key)
    return reading.locate(name) if name else ""


def _texts(values: object) -> tuple[str, ...]:
    return tuple(map(str, cast("list[object]", values))) if isinstance(values, list) else ()
