"""The `checks` section: what to watch, in the fewest words that say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field

from monitor.config.fields import AsMapping, AsOptional, Flag, Free, Real, Section, Span, Text, Whole
from monitor.config.findings import Findings
from monitor.config.http_client import HttpClientSection, trust_of
from monitor.config.yamltree import Document, Path, Scalar
from monitor.model.checks import Check, Expect
from monitor.model.labels import Labels
from monitor.model.times import SECOND
from monitor.net.tls import Trust
from monitor.net.url import parse_host_port, parse_url
from monitor.probe.expect import Expectations
from monitor.probe.kinds import CATALOGUE
from monitor.probe.kinds.heartbeat import HeartbeatOptions
from monitor.probe.kinds.http import HttpOptions
from monitor.probe.kinds.tcp import TcpOptions
from monitor.probe.kinds.tls import TlsOptions


def _texts(value: object) -> object:
    """One text as well as a list of them."""
    return [value] if isinstance(value, Scalar) and not value.is_null else [] if isinstance(value, Scalar) else value


Texts = Annotated[list[Text], BeforeValidator(_texts)]


class ExpectSection(Section):
    """What a good answer looks like. Nothing given: status 2xx, and a body that does not say it is ill."""

    status: Texts = []
    """Codes (200), classes (2xx) or ranges (200-204), any of them."""
    headers: Annotated[dict[str, Text], AsMapping] = {}
    """Header name to a regular expression (RE2) that must be found in its value."""
    body: Annotated[dict[str, Free], AsMapping] = {}
    """Path into the JSON body (data.items[0].id) to a value, or to a comparison such as ">= 3"."""
    contains: Texts = []
    """Texts that the body must contain."""
    matches: Texts = []
    """Regular expressions (RE2) that must be found in the body."""
    not_matches: Texts = []
    """Regular expressions (RE2) that must not be found in the body."""
    required: Texts = []
    """Components without which the whole check is unhealthy and not only degraded: one that fails, or that the answer does
    not name. An answer that names no components at all (`ok`, a total alone) is degraded."""
    latency: Annotated[Span | None, AsOptional] = None
    """Slower is a failure."""
    latency_warn: Annotated[Span | None, AsOptional] = None
    """Slower is degraded."""
    certificate_days: Annotated[Real | None, AsOptional] = None
    """Fewer days of validity left are a failure."""
    certificate_days_warn: Annotated[Real | None, AsOptional] = None
    """Fewer days of validity left are degraded."""
    secure: Annotated[Flag | None, AsOptional] = None
    """True: the answer must have come over TLS; false: it must not."""


class HeartbeatSection(Section):
    """A job that reports by itself; silence is the failure."""

    period: Span
    """A success is expected this long after the previous one."""
    grace: Span
    """Late for longer than this is down."""
    max_runtime: Annotated[Span | None, AsOptional] = None
    """A started job must end within this; without it, within grace."""


class TcpSection(Section):
    """A TCP connection, perhaps with a short talk."""

    address: Text
    """host:port."""
    send: Text = ""
    """Text to send once connected."""
    expect: Text = ""
    """Regular expression (RE2) that the answer must match."""


class TlsCheckSection(Section):
    """The certificate behind host:port."""

    address: Text
    """host:port."""
    server_name: Text = ""
    """Name to ask for and to verify; the host when absent."""


def _address(value: object) -> object:
    return {"address": value} if isinstance(value, Scalar) else value


class CheckSection(Section):
    """One check. Exactly one of url, tcp, tls and heartbeat says what kind it is."""

    name: Text = Field(min_length=1)
    """Unique; becomes the label `check`."""
    url: Text = ""
    """An HTTP(S) health endpoint. User and password in it are sent, and shown nowhere."""
    tcp: Annotated[TcpSection | None, BeforeValidator(_address)] = None
    """A port to connect to: host:port, or a mapping."""
    tls: Annotated[TlsCheckSection | None, BeforeValidator(_address)] = None
    """A certificate to watch: host:port, or a mapping."""
    heartbeat: HeartbeatSection | None = None
    """A job that pings us."""
    labels: Annotated[dict[str, Text], AsMapping] = {}
    """Added to every series and alert of this check."""
    interval: Span = 30 * SECOND
    """How often."""
    timeout: Span = 5 * SECOND
    """How long an attempt may take."""
    failure_threshold: Whole = 3
    """So many failures in a row make it unhealthy; the confirming attempts follow a second apart."""
    success_threshold: Whole = 2
    """So many successes in a row make it healthy again."""
    expect: Annotated[ExpectSection, AsMapping] = Field(default_factory=ExpectSection)
    """What a good answer looks like."""
    method: Text = "GET"
    """HTTP method."""
    headers: Annotated[dict[str, Text], AsMapping] = {}
    """HTTP header fields to send."""
    body: Text = ""
    """HTTP body to send."""
    understand: Flag = True
    """Read the body as a health document: state, components, version."""
    ip_version: Whole = 4
    """Preferred IP version: 4 or 6."""
    http_config: Annotated[HttpClientSection, AsMapping] = Field(default_factory=HttpClientSection)
    """Authentication, TLS, redirects and proxy, in Prometheus's words."""


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    target: str
    options: object


def read_checks(
    sections: Sequence[tuple[int, CheckSection]],
    document: Document,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
) -> tuple[Check, ...]:
    """The checks; a mistake leaves a finding and the check out."""
    found: list[Check] = []
    names: set[str] = set()
    for place, section in sections:
        here = (*path, place)
        if section.name in names:
            findings.wrong(document, (*here, "name"), f'another check is named "{section.name}"', "rename one of them")
        names.add(section.name)
        kind = _kind(section, document, here, findings, locate)
        _judge_times(section, document, here, findings)
        for key in ("failure_threshold", "success_threshold"):
            if getattr(section, key) < 1:
                findings.wrong(document, (*here, key), "must be 1 or more")
        expect = _expect(section.expect)
        findings.attempt(document, (*here, "expect"), lambda expect=expect: Expectations(expect))
        if kind is None:
            continue
        check = Check(
            name=section.name,
            kind=kind.name,
            target=kind.target,
            labels=Labels(section.labels),
            interval=section.interval,
            timeout=section.timeout,
            failure_threshold=section.failure_threshold,
            success_threshold=section.success_threshold,
            expect=expect,
            options=kind.options,
        )
        if not findings.has_mistakes(document, here):
            # with what it would not start with
            findings.attempt(document, here, lambda check=check: CATALOGUE[check.kind].judge(check))
        found.append(check)
    return tuple(found)


def _judge_times(section: CheckSection, document: Document, here: Path, findings: Findings) -> None:
    if section.interval <= 0:
        findings.wrong(document, (*here, "interval"), "must be longer than nothing", "write a duration such as 30s")
    if section.timeout <= 0:
        findings.wrong(document, (*here, "timeout"), "must be longer than nothing", "write a duration such as 5s")
    elif section.timeout > section.interval > 0 and section.heartbeat is None:
        problem, remedy = "the timeout is longer than the interval", "lower it, or raise the interval"
        findings.wrong(document, (*here, "timeout"), problem, remedy)


def check_of_url(url: str) -> Check:
    """The check of a URL that was only named on the command line. Raises ValueError."""
    address = url if "://" in url else f"http://{url}"
    _require_http(address)
    address, user, password = _without_credentials(address)
    parts = urlsplit(address)
    options = HttpOptions(username=user, password=password) if user or password else None
    return Check(name=(parts.netloc + parts.path).rstrip("/"), kind="http", target=address, options=options)


def _without_credentials(url: str) -> tuple[str, str, str]:
    """The address as it may be shown, the user and the password. Labels and texts carry the first one everywhere."""
    scheme, colon, rest = url.partition("://") if "://" in url else ("", "", url)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    credentials, _, host = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    return f"{scheme}{colon}{host}{rest[len(authority) :]}", unquote(user), unquote(password)


def _require_http(url: str) -> None:
    """Raises ValueError, which shows neither credentials nor what the query says."""
    plain = _without_credentials(url)[0]
    scheme, colon, rest = plain.partition("://") if "://" in plain else ("", "", plain)
    # After an unescaped slash or question mark in a password, the host is not where it seems to be.
    shown = f"{scheme}{colon}{re.split('[?#]', rest.rpartition('@')[2], maxsplit=1)[0]}"
    wanted = "write http://host:port/path"
    try:
        if colon and scheme.lower() in ("http", "https") and urlsplit(plain).hostname:
            parse_url(plain)
            return
    except ValueError as error:
        if plain == shown:
            raise ValueError(f"{error}: {wanted}") from None
        raise ValueError(
            f'"{shown}" has a part that no address has: {wanted}, with /, ?, # and @ in a password escaped as %2F, %3F, '
            "%23 and %40"
        ) from None
    raise ValueError(f'"{shown}" is not an HTTP address: {wanted}')


def _kind(
    section: CheckSection, document: Document, path: Path, findings: Findings, locate: Callable[[str], str]
) -> _Kind | None:
    given = [name for name in ("url", "tcp", "tls", "heartbeat") if getattr(section, name)]
    if len(given) != 1:
        findings.wrong(
            document,
            path,
            "says more than one kind: " + ", ".join(given) if given else "does not say what to check",
            "give exactly one of url, tcp, tls, heartbeat",
        )
        return None
    if section.heartbeat is not None:
        beat = section.heartbeat
        options = HeartbeatOptions(period=beat.period, grace=beat.grace, max_runtime=beat.max_runtime)
        return _Kind("heartbeat", section.name, options)
    if section.tcp is not None:
        address = section.tcp.address
        findings.attempt(document, (*path, "tcp"), lambda: parse_host_port(address))
        return _Kind("tcp", address, TcpOptions(send=section.tcp.send, expect=section.tcp.expect))
    trust = trust_of(section.http_config.tls_config, locate)
    if section.tls is not None:
        given = section.tls.address
        address = given if _PORT.search(given) else f"{given}:443"
        findings.attempt(document, (*path, "tls"), lambda: parse_host_port(address))
        return _Kind("tls", address, TlsOptions(trust=trust))
    if findings.attempt(document, (*path, "url"), lambda: _checked_url(section.url)) is None:
        return None
    target, user, password = _without_credentials(section.url)
    options = _http_options(section, trust, document, path, findings, locate)
    if (user or password) and not options.username:
        options = replace(options, username=user, password=password)
    return _Kind("http", target, options)


def _http_options(
    section: CheckSection,
    trust: Trust,
    document: Document,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
) -> HttpOptions:
    client = section.http_config
    for key in client.unserved():
        findings.doubt(document, (*path, "http_config", *key.split(".")), "is known but not served yet")
    headers = dict(section.headers)
    token = client.authorization.credentials or client.bearer_token
    if token:
        headers["Authorization"] = f"{client.authorization.type} {token}"
    token_file = client.authorization.credentials_file or client.bearer_token_file
    password_file = client.basic_auth.password_file
    return HttpOptions(
        method=section.method.upper(),
        headers=headers,
        body=section.body,
        follow_redirects=client.follow_redirects,
        ip_version=section.ip_version,
        tls=trust,
        username=client.basic_auth.username,
        password=client.basic_auth.password,
        password_file=locate(password_file) if password_file else "",
        bearer_token_file=locate(token_file) if token_file else "",
        proxy_url=client.proxy_url,
        understand=section.understand,
    )


def _expect(section: ExpectSection) -> Expect:
    body: dict[str, Any] = dict(section.body)
    return Expect(
        status=tuple(section.status),
        headers=dict(section.headers),
        body=body,
        contains=tuple(section.contains),
        matches=tuple(section.matches),
        not_matches=tuple(section.not_matches),
        required=tuple(section.required),
        latency=section.latency,
        latency_warn=section.latency_warn,
        certificate_days=section.certificate_days,
        certificate_days_warn=section.certificate_days_warn,
        secure=section.secure,
    )


def _checked_url(url: str) -> str:
    _require_http(url)
    return url


_PORT: Final = re.compile(r"[^:\]]:[^:\]]*$|\]:")
"""One colon, or one behind an IPv6 address in brackets."""
