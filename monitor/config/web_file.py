"""`web.yml`: TLS, users, headers and a rate limit for the server, in the file that Prometheus's programs share.

Keys, defaults and refusals are theirs (exporter-toolkit web/tls_config.go, docs/web-configuration.md). What Python's TLS
cannot do is refused with its reason, never silently weaker.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from math import ceil
from pathlib import Path as FilePath
from typing import Final

from monitor.config.findings import Findings
from monitor.config.golang.kinds import File, Flag, Reading, Secret, Text, Whole
from monitor.config.golang.structs import ListOf, MapOf, Rule, Struct, Values, at_most_one
from monitor.config.web_settings import RateLimit, WebFile, stamp_of
from monitor.config.yamltree import Path, Tree, read
from monitor.model.errors import ConfigError, Finding
from monitor.model.labels import quote
from monitor.net.server_tls import CIPHERS, CURVES, VERSIONS, ServerTls, server_context

LARGEST: Final = 1 << 20
_OF_TLS13: Final = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
_CLIENTS: Final = {
    "": "",
    "NoClientCert": "",
    "RequestClientCert": "",
    "VerifyClientCertIfGiven": "given",
    "RequireAndVerifyClientCert": "required",
}
"""Who asks for a certificate and then believes any learns nothing from it, so then none is asked for."""
_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
_COSTS: Final = (4, 31)
_HASH: Final = re.compile(r"\$2[abxy]?\$(\d\d)\$[./A-Za-z0-9]{53}")
_GO_SPAN: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_GO_UNITS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}


def read_web_file(name: str, findings: Findings) -> WebFile | None:
    """The file as it stands. None if something is wrong; then the findings tell."""
    try:
        with FilePath(name).open("rb") as stream:
            stamp = stamp_of(os.fstat(stream.fileno()))
            text = stream.read(LARGEST).decode()
        document = read(text, name)
    except ConfigError as error:
        findings.include(error)
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
        findings.all.append(Finding(file=name, line=0, path="", problem=f"cannot be read: {reason}"))
        return None
    base = FilePath(name).parent
    reading = Reading(document, findings, lambda path: str(base / path) if path else "")
    before = reading.mistakes
    values = WEB.read(document.tree, (), reading)
    assert isinstance(values, Values)
    if reading.mistakes > before:
        return None
    tls, http, limit = (values.one(key) for key in ("tls_server_config", "http_server_config", "rate_limit"))
    made = WebFile(
        file=name,
        tls=_tls(tls, reading) if tls is not None and tls.given else None,
        headers={name: value for name, value in (http.pairs("headers") if http is not None else {}).items() if value},
        users=values.pairs("basic_auth_users"),
        rate_limit=_limit(limit),
        stamp=stamp,
    )
    return made if reading.mistakes == before else None


class _Span(Text):
    """A duration as Go writes it; milliseconds inside."""

    def read(self, tree: Tree, path: Path, reading: Reading) -> object:
        text = Text.read(self, tree, path, reading)
        parts = _GO_SPAN.findall(text) if isinstance(text, str) else []
        if text in ("", "0"):
            return 0
        if not parts or "".join(number + unit for number, unit in parts) != text:
            reading.misfit(path, f"cannot unmarshal !!str `{text}` into time.Duration", "is not a duration", "write 1s")
            return 0
        millis = round(sum(float(number) * _GO_UNITS[unit] for number, unit in parts), 6)
        if 0 < millis < 1:
            reading.refuse(path, f"{text} is shorter than a millisecond", "write 1ms or more, or 0 for none")
        return ceil(millis)


def _known_word(key: str, words: Mapping[str, object], text: str) -> Rule:
    def rule(values: Values, reading: Reading) -> None:
        word = values.text(key)
        if word and word not in words:
            reading.refuse(values.at(key), text.format(word), f"one of: {', '.join(words)}")

    return rule


def _known_words(key: str, words: Collection[str], text: str) -> Rule:
    def rule(values: Values, reading: Reading) -> None:
        for place, word in enumerate(values.texts(key)):
            if word not in words:
                reading.refuse(values.at(key, place), text.format(word), f"one of: {', '.join(sorted(words))}")

    return rule


def _whole_pair(values: Values, reading: Reading) -> None:
    if not values.given & {"cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type"}:
        return
    for name in ("cert", "key"):
        file = f"{name}_file"
        if not values.set(name, file):
            reading.refuse(values.path, f"missing one of {name} or {file}", f"set {file}")


def _clients(values: Values, reading: Reading) -> None:
    policy = values.text("client_auth_type")
    if policy == "RequireAnyClientCert":
        problem = "a certificate that is demanded but not verified cannot be had here"
        reading.refuse(values.at("client_auth_type"), problem, "use RequireAndVerifyClientCert")
    elif policy not in _CLIENTS:
        reading.refuse(
            values.at("client_auth_type"),
            f"Invalid ClientAuth: {policy}",
            f"one of: {', '.join(filter(None, _CLIENTS))}",
        )
    elif values.set("client_ca", "client_ca_file") and not policy:
        text = "Client CA's have been configured without a Client Auth Policy"
        reading.refuse(values.path, text, "set client_auth_type: RequireAndVerifyClientCert")
    if values.texts("client_allowed_sans") and _CLIENTS.get(policy) != "required":
        problem = "client_allowed_sans needs client_auth_type: RequireAndVerifyClientCert"
        reading.refuse(values.at("client_allowed_sans"), problem)


def _headers(values: Values, reading: Reading) -> None:
    for name, value in values.pairs("headers").items():
        allowed = _HEADERS.get(name)
        place = values.at("headers", name)
        if allowed is None:
            text = f"HTTP header {quote(name)} can not be configured"
            reading.refuse(place, text, f"one of: {', '.join(_HEADERS)}")
        elif allowed and value and value not in allowed:
            words = " ".join(map(quote, allowed))
            text = f"invalid value for {name}. Expected one of: [{words}], but got: {quote(value)}"
            reading.refuse(place, text)


def _users(values: Values, reading: Reading) -> None:
    for name, hashed in values.pairs("basic_auth_users").items():
        place, remedy = values.at("basic_auth_users", name), "`htpasswd -nBC 10 NAME` makes one"
        found = _HASH.fullmatch(hashed)
        if found is None:
            text = "crypto/bcrypt: hashedSecret too short to be a bcrypted password"
            reading.refuse(place, text, remedy, problem="is not a bcrypt hash of a password")
        elif not _COSTS[0] <= int(found[1]) <= _COSTS[1]:
            low, high = _COSTS
            text = f"crypto/bcrypt: cost {int(found[1])} is outside allowed range ({low},{high})"
            reading.refuse(place, text, remedy)


def _bucket(values: Values, reading: Reading) -> None:
    if values.whole("interval") and values.whole("burst") < 1:
        reading.refuse(values.path, "a rate limit without a burst refuses every request", "set burst")


WEB: Final = Struct(
    title="web.yml",
    about="How the server is protected.",
    go="web.Config",
    rules=(_users,),
    keys={
        "tls_server_config": Struct(
            title="TLS of the server",
            about="Certificate, key, versions, and what clients must show. Files are read again when they change.",
            go="web.TLSConfig",
            rules=(
                _whole_pair,
                _clients,
                at_most_one("cannot specify both cert and cert_file", "cert", "cert_file"),
                at_most_one("cannot specify both key and key_file", "key", "key_file"),
                at_most_one("cannot specify both client_ca_file and client_ca", "client_ca", "client_ca_file"),
                _known_word("min_version", VERSIONS, "unknown TLS version: {}"),
                _known_word("max_version", VERSIONS, "unknown TLS version: {}"),
                _known_words("cipher_suites", {*CIPHERS, *_OF_TLS13}, "unknown cipher: {}"),
                _known_words("curve_preferences", CURVES, "unknown curve: {}"),
            ),
            keys={
                "cert": Text(about="Our certificate with those that sign it, as PEM."),
                "key": Secret(about="Its key, as PEM, without a passphrase."),
                "cert_file": File(about="The same in a file."),
                "key_file": File(about="The same in a file."),
                "client_ca": Text(
                    about="Who signs clients' certificates, as PEM; the system's authorities if not given."
                ),
                "client_ca_file": File(about="The same in a file."),
                "client_auth_type": Text(
                    about="NoClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert. RequestClientCert asks "
                    "for nothing here, and RequireAnyClientCert, which verifies nothing, is refused."
                ),
                "client_allowed_sans": ListOf(about="One of these names must be in the client's certificate."),
                "min_version": Text(default="TLS12", about="TLS10 to TLS13."),
                "max_version": Text(default="TLS13", about="TLS10 to TLS13."),
                "cipher_suites": ListOf(about="Go's names of suites up to TLS 1.2."),
                "curve_preferences": ListOf(about="Go's names of curves; the first one is used."),
                "prefer_server_cipher_suites": Flag(default=True, about="Without effect: our order always counts."),
            },
        ),
        "http_server_config": Struct(
            title="HTTP of the server",
            about="Headers of every answer.",
            go="web.HTTPConfig",
            rules=(_headers,),
            keys={
                "http2": Flag(default=True, about="Without effect: HTTP/1.1 is spoken."),
                "headers": MapOf(about=f"Any of {', '.join(_HEADERS)}."),
            },
        ),
        "basic_auth_users": MapOf(
            item=Secret(), about="Name to the bcrypt hash of the password. If there are any, every request needs one."
        ),
        "rate_limit": Struct(
            title="Rate limit of the server",
            about="More requests than this are answered 429.",
            go="web.RateLimiterConfig",
            rules=(_bucket,),
            keys={
                "interval": _Span(about="Between two requests in the long run, from 1ms; 0 is no limit."),
                "burst": Whole(about="So many at once."),
            },
        ),
    },
)


def _tls(values: Values, reading: Reading) -> ServerTls | None:
    names = ("cert", "key", "client_ca")
    files = {f"{name}_file": values.text(f"{name}_file") for name in names}
    tls = ServerTls(
        **{name: values.text(name) for name in names},
        **{name: reading.locate(path) if path else "" for name, path in files.items()},
        client_certificate=_CLIENTS[values.text("client_auth_type")],
        client_names=values.texts("client_allowed_sans"),
        min_version=values.text("min_version") or "TLS12",
        max_version=values.text("max_version") or "TLS13",
        ciphers=tuple(name for name in values.texts("cipher_suites") if name in CIPHERS),
        curve=next(iter(values.texts("curve_preferences")), ""),
    )
    if not (tls.cert or tls.cert_file):
        return None
    try:
        server_context(tls)
    except (OSError, ValueError) as error:
        reason = f"{error.filename}: {(error.strerror or '').lower()}" if isinstance(error, OSError) else str(error)
        reading.refuse(values.path, f"failed to load X509KeyPair: {reason}", "give a certificate and its key")
    return tls


def _limit(values: Values | None) -> RateLimit | None:
    if values is None or not values.whole("interval"):
        return None
    return RateLimit(interval=values.whole("interval"), burst=values.whole("burst"))
