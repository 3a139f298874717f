"""Who we are to the other side of HTTP: credentials, trust, proxies, headers.

These keys stand in scrape jobs, in most ways of discovery and in every remote section. Source: prometheus/common
config/http_config.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from monitor.config.findings import Findings
from monitor.config.golang.kinds import File, Flag, Kind, Reading, Secret, Text, Url
from monitor.config.golang.structs import ListOf, MapOf, Rule, Struct, UnsureError, Values, at_most_one
from monitor.config.yamltree import Path, Tree
from monitor.net.socks import INSTALL, installed, is_socks

_VERSIONS: Final = ("TLS10", "TLS11", "TLS12", "TLS13")
_NEW_SECRETS: Final = "Known; secret providers are not served yet."
_RESERVED: Final = frozenset(
    {
        "Accept-Encoding",
        "Authorization",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Host",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "User-Agent",
        "Www-Authenticate",
        "X-Amz-Content-Sha256",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "X-Prometheus-Remote-Read-Version",
        "X-Prometheus-Remote-Write-Version",
        "X-Prometheus-Scrape-Timeout-Seconds",
    }
)


def canonical(header: str) -> str:
    """A header's name as Go's net/http writes it."""
    return "-".join(part[:1].upper() + part[1:].lower() for part in header.split("-"))


def _known_version(key: str) -> Rule:
    def rule(values: Values, reading: Reading) -> None:
        if values.text(key) and values.text(key) not in _VERSIONS:
            reading.refuse(values.at(key), f"unknown TLS version: {values.text(key)}", ", ".join(_VERSIONS))

    return rule


def _certificate_with_key(values: Values, reading: Reading) -> None:
    certificate = values.set("cert", "cert_file", "cert_ref")
    key = values.set("key", "key_file", "key_ref")
    if certificate and not key:
        text = "exactly one of key or key_file must be configured when a client certificate is configured"
        reading.refuse(values.at(certificate[0]), text, "set key_file")
    elif key and not certificate:
        text = "exactly one of cert or cert_file must be configured when a client key is configured"
        reading.refuse(values.at(key[0]), text, "set cert_file")


TLS: Final = Struct(
    title="TLS of an HTTP client",
    about="Whom to believe, and who we are.",
    keys={
        "ca": Text(about="Certificates to trust instead of the system's, as text."),
        "cert": Text(about="Our certificate, as text."),
        "key": Secret(about="Its key, as text."),
        "ca_file": File(about="The same in a file."),
        "cert_file": File(about="Our certificate."),
        "key_file": File(about="Its key."),
        "ca_ref": Text(about=_NEW_SECRETS, served=False),
        "cert_ref": Text(about=_NEW_SECRETS, served=False),
        "key_ref": Text(about=_NEW_SECRETS, served=False),
        "server_name": Text(about="The name that the certificate must be for."),
        "insecure_skip_verify": Flag(about="Believe any certificate."),
        "min_version": Text(allowed=_VERSIONS, about="TLS10 to TLS13; TLS12 if not given."),
        "max_version": Text(allowed=_VERSIONS, about="TLS10 to TLS13; the newest if not given."),
    },
    rules=(
        _known_version("min_version"),
        _known_version("max_version"),
        at_most_one("at most one of ca, ca_file & ca_ref must be configured", "ca", "ca_file", "ca_ref"),
        at_most_one("at most one of cert, cert_file & cert_ref must be configured", "cert", "cert_file", "cert_ref"),
        at_most_one("at most one of key, key_file & key_ref must be configured", "key", "key_file", "key_ref"),
        _certificate_with_key,
    ),
)
_BASIC: Final = Struct(
    title="Basic auth",
    about="User and password.",
    keys={
        "username": Text(),
        "username_file": File(about="A file that holds it; read at each use."),
        "username_ref": Text(about=_NEW_SECRETS, served=False),
        "password": Secret(),
        "password_file": File(about="A file that holds it; read at each use."),
        "password_ref": Text(about=_NEW_SECRETS, served=False),
    },
)
_AUTHORIZATION: Final = Struct(
    title="Authorization of an HTTP client",
    about="The Authorization header.",
    keys={
        "type": Text(default="Bearer", about="The word before the credentials."),
        "credentials": Secret(),
        "credentials_file": File(about="A file that holds them; read at each use."),
        "credentials_ref": Text(about=_NEW_SECRETS, served=False),
    },
)
_HEADERS: Final = MapOf(
    about="Sent with each request; files are read at each use.",
    item=Struct(
        title="HTTP header",
        about="Values of one header, all of which are sent.",
        go="config.Header",
        keys={
            "values": ListOf(),
            "secrets": ListOf(item=Secret(), about="Values that are shown nowhere."),
            "files": ListOf(item=File(), about="Files that each hold a value."),
        },
    ),
)
_PROXY: Final[Mapping[str, Kind]] = {
    "proxy_url": Url(about="A proxy to go through: http, https or socks5 (an extra)."),
    "no_proxy": Text(about="Hosts, domains and networks that are asked without it, separated by commas."),
    "proxy_from_environment": Flag(about="Take HTTP_PROXY, HTTPS_PROXY and NO_PROXY from the environment."),
    "proxy_connect_header": MapOf(
        item=ListOf(item=Secret()), about="Headers for the proxy, sent with CONNECT.", go="config.ProxyHeader"
    ),
}


def _proxy(values: Values, reading: Reading) -> None:
    url, environment = values.text("proxy_url"), values.flag("proxy_from_environment")

    def refuse(key: str, text: str) -> None:
        reading.refuse(values.at(key), text, "keep one way to the proxy")

    if values.mapping("proxy_connect_header") and not environment and not url:
        text = "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured"
        refuse("proxy_connect_header", text)
    if is_socks(url) and not installed():
        reading.doubt(values.at("proxy_url"), "needs the package aiohttp-socks, which is not installed", INSTALL)
    if environment and url:
        refuse("proxy_url", "if proxy_from_environment is configured, proxy_url must not be configured")
    if environment and values.text("no_proxy"):
        refuse("no_proxy", "if proxy_from_environment is configured, no_proxy must not be configured")
    elif values.text("no_proxy") and not url:
        refuse("no_proxy", "if no_proxy is configured, proxy_url must also be configured")


OAUTH2: Final = Struct(
    title="OAuth2",
    about="A token by client credentials: asked for at first use, kept until shortly before its end.",
    keys={
        "client_id": Text(),
        "client_secret": Secret(),
        "client_secret_file": File(about="A file that holds it; read at each use."),
        "client_secret_ref": Text(about=_NEW_SECRETS, served=False),
        "client_certificate_key_id": Text(served=False),
        "client_certificate_key": Secret(served=False),
        "client_certificate_key_file": File(served=False),
        "client_certificate_key_ref": Text(served=False),
        "grant_type": Text(about="Only client_credentials is served.", allowed=("client_credentials",)),
        "signature_algorithm": Text(served=False),
        "iss": Text(served=False),
        "audience": Text(served=False),
        "claims": MapOf(item=Kind(), served=False),
        "scopes": ListOf(about="What to ask for."),
        "token_url": Text(about="Who gives tokens."),
        "endpoint_params": MapOf(item=Secret(), about="More parameters of the question; any may be a secret."),
        "tls_config": TLS,
        **_PROXY,
    },
    rules=(_proxy,),
)

HTTP_CLIENT: Final[Mapping[str, Kind]] = {
    "basic_auth": _BASIC,
    "authorization": _AUTHORIZATION,
    "oauth2": OAUTH2,
    "bearer_token": Secret(about="Older form of authorization."),
    "bearer_token_file": File(about="Older form of authorization."),
    "tls_config": TLS,
    "follow_redirects": Flag(default=True),
    "enable_http2": Flag(default=True, about="Accepted; HTTP/1.1 is spoken."),
    "http_headers": _HEADERS,
    **_PROXY,
}
"""Keys of every structure that asks over HTTP; `valid_client` is their rule."""


def valid_client(values: Values, reading: Reading) -> None:
    """What Prometheus's HTTPClientConfig.Validate says. It ends with the first mistake, we tell the others behind it."""
    with suppress(UnsureError):
        for key, text in _credentials(values):
            reading.refuse(values.at(key), text, "keep one way to say who we are")
    _proxy(values, reading)
    for header in values.mapping("http_headers"):
        if canonical(header) in _RESERVED:
            text = f'setting header "{canonical(header)}" is not allowed'
            reading.refuse(values.at("http_headers", header), text, "it is set by us")


def _credentials(values: Values) -> Iterator[tuple[str, str]]:
    """The keys that are wrong, and why. Of ways that exclude each other the first pair is told."""
    bearer = values.set("bearer_token", "bearer_token_file")
    basic, other, oauth2 = values.one("basic_auth"), values.one("authorization"), values.one("oauth2")
    clash = False
    if len(bearer) > 1:
        yield bearer[1], "at most one of bearer_token & bearer_token_file must be configured"
    if bearer and (basic or oauth2):
        clash = True
        yield bearer[0], "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"
    for name in ("username", "password") if basic else ():
        if basic and len(basic.set(name, f"{name}_file", f"{name}_ref")) > 1:
            yield "basic_auth", f"at most one of basic_auth {name}, {name}_file & {name}_ref must be configured"
    if other:
        if bearer and not clash:
            clash = True
            yield bearer[0], "authorization is not compatible with bearer_token & bearer_token_file"
        if len(other.set("credentials", "credentials_file", "credentials_ref")) > 1:
            yield "authorization", "at most one of authorization credentials & credentials_file must be configured"
        with suppress(UnsureError):
            if other.text("type").strip().lower() == "basic":
                yield "authorization", 'authorization type cannot be set to "basic", use "basic_auth" instead'
    if not clash and other and (basic or oauth2):
        yield "authorization", _ONE_WAY
    elif not clash and oauth2 and basic:
        yield "oauth2", _ONE_WAY
    if oauth2:
        yield from _tokens(oauth2)


def _tokens(oauth2: Values) -> Iterator[tuple[str, str]]:
    for key in ("client_id", "token_url"):
        with suppress(UnsureError):
            if not oauth2.text(key):
                yield "oauth2", f"oauth2 {key} must be configured"
    if len(oauth2.set("client_secret", "client_secret_file", "client_secret_ref")) > 1:
        yield "oauth2", "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured"


_ONE_WAY: Final = "at most one of basic_auth, oauth2 & authorization must be configured"


def custom(values: Values) -> bool:
    """Is anything of the client other than by default?"""
    return any(
        key in values.given and values.set(key) and not (kind.empty is True and values.flag(key))
        for key, kind in HTTP_CLIENT.items()
    )


CLIENT: Final = Struct(
    title="HTTP client",
    about="Who we are to the other side of HTTP.",
    go="config.HTTPClientConfig",
    keys=HTTP_CLIENT,
    rules=(valid_client,),
)
"""These keys as a structure of their own."""


def judge_client(tree: Tree, path: Path, reading: Reading) -> None:
    """Tell what contradicts itself in these keys, where somebody else has judged their form."""
    formal = Reading(reading.document, Findings(), reading.locate)
    client = CLIENT.read(tree, path, formal)
    assert isinstance(client, Values)
    parts = [(CLIENT, client)]
    if (trust := client.one("tls_config")) is not None:
        parts.append((TLS, trust))
    for kind, values in parts:
        for rule in kind.rules:
            with suppress(UnsureError):
                rule(values.strict(), reading)
