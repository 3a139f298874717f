"""What an http check asks: its options, and the requests they become. Requests are composed once, except where a file
with credentials must be read for each attempt.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from monitor.model.checks import NO_READING, BodyReading, Check
from monitor.model.times import spoken_duration
from monitor.net.http1 import BODY_LIMIT, request
from monitor.net.tls import SYSTEM_TRUST, Trust
from monitor.net.url import Url, parse_url
from monitor.probe.expect import Expectations

_PRIVATE_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization", "host"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Options of an http check."""

    method: str = "GET"
    """GET, HEAD, POST or any other method."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Header fields to send; `Host` and `User-Agent` may be replaced."""
    body: str = field(default="", repr=False)
    """Body to send."""
    follow_redirects: bool = True
    """Follow 301, 302, 303, 307 and 308; the final answer counts."""
    max_redirects: int = 10
    """Redirects past this number are a failure."""
    ip_version: int = 4
    """Preferred IP version, 4 or 6."""
    ip_fallback: bool = True
    """Take the other IP version when the name has no address of the preferred one."""
    tls: Trust = SYSTEM_TRUST
    """Whom to believe, and the client certificate."""
    username: str = field(default="", repr=False)
    """For basic authentication."""
    password: str = field(default="", repr=False)
    """For basic authentication; rather use `password_file`."""
    password_file: str = ""
    """Read at each attempt."""
    bearer_token_file: str = ""
    """Read at each attempt; sent as `Authorization: Bearer`."""
    proxy_url: str = field(default="", repr=False)
    """HTTP proxy to go through."""
    accept_gzip: bool = False
    """Offer gzip and deflate. Answers that come compressed are decompressed in any case."""
    body_limit: int = BODY_LIMIT
    """Bytes, before and after decompression; a larger body is a failure."""
    understand: bool = True
    """Read the body as a health document: state, components, version."""


@dataclass(slots=True, kw_only=True)
class HttpTarget:
    """A compiled check, with a memory of the last body so that an unchanged one is not read again."""

    url: Url
    user_agent: str
    options: HttpOptions
    request: bytes = field(repr=False)
    """Ready to be sent; empty when a file must be read for each attempt."""
    body: bytes = field(repr=False)
    timeout_text: str
    expectations: Expectations
    required: frozenset[str]
    last_body: bytes = b""
    last_type: str = ""
    last_reading: BodyReading = NO_READING


def compile_http(check: Check, user_agent: str) -> HttpTarget:
    """Raises ValueError, with a sentence for the user, for a check that cannot work."""
    options = check.options if isinstance(check.options, HttpOptions) else HttpOptions()
    if options.ip_version not in (4, 6):
        raise ValueError(f"ip_version {options.ip_version} is not 4 or 6")
    url = parse_url(check.target)
    body = options.body.encode()
    fixed = not (options.password_file or options.bearer_token_file)
    plain = request(
        options.method, url.target, _headers(url, options, user_agent, authorization(options, url, {})), body
    )
    return HttpTarget(
        url=url,
        user_agent=user_agent,
        options=options,
        request=plain if fixed else b"",
        body=body,
        timeout_text=f"no answer within {spoken_duration(check.timeout)}",
        expectations=Expectations(check.expect),
        required=frozenset(check.expect.required),
    )


def compose(target: HttpTarget) -> bytes:
    """The first request. Raises OSError when a file of credentials cannot be read, ValueError for its content."""
    if target.request:
        return target.request
    options = target.options
    secrets = read_secrets(options)
    headers = _headers(target.url, options, target.user_agent, authorization(options, target.url, secrets))
    return request(options.method, target.url.target, headers, target.body)


def compose_hop(target: HttpTarget, url: Url, method: str, cookies: str) -> bytes:
    """The request of a redirect's hop; credentials stay with the origin they were meant for."""
    options = target.options
    if url.origin == target.url.origin:
        lines = compose(target).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        fields = [line.partition(": ") for line in lines]
        headers = [(name, value) for name, _, value in fields if name.lower() != "content-length"]
    else:
        headers = [
            (name, value)
            for name, value in _headers(url, options, target.user_agent, "")
            if name.lower() not in _PRIVATE_HEADERS
        ]
        headers.insert(0, ("Host", url.authority))
    if cookies:
        headers.append(("Cookie", cookies))
    body = target.body if method == options.method else b""
    return request(method, url.target, headers, body)


def _headers(url: Url, options: HttpOptions, user_agent: str, credentials: str) -> list[tuple[str, str]]:
    given = {name.lower() for name in options.headers}
    headers: list[tuple[str, str]] = []
    if "host" not in given:
        headers.append(("Host", url.authority))
    if "user-agent" not in given:
        headers.append(("User-Agent", user_agent))
    if "accept" not in given:
        headers.append(("Accept", "*/*"))
    if options.accept_gzip and "accept-encoding" not in given:
        headers.append(("Accept-Encoding", "gzip, deflate"))
    if credentials and "authorization" not in given:
        headers.append(("Authorization", credentials))
    headers.extend(options.headers.items())
    headers.append(("Connection", "close"))
    return headers


def read_secrets(options: HttpOptions) -> dict[str, str]:
    """The content of the files that hold credentials, by file name. Raises OSError."""
    names = (options.password_file, options.bearer_token_file)
    return {name: Path(name).read_text(encoding="utf-8").strip() for name in names if name}


def authorization(options: HttpOptions, url: Url, secrets: Mapping[str, str]) -> str:
    """The Authorization header's value, or nothing. `secrets` maps file names to their content."""
    if options.bearer_token_file:
        return f"Bearer {secrets.get(options.bearer_token_file, '')}"
    if options.username or options.password:
        password = secrets.get(options.password_file, options.password)
        pair = f"{options.username}:{password}"
    elif url.userinfo:
        name, _, password = url.userinfo.partition(":")
        pair = f"{unquote(name)}:{unquote(password)}"
    else:
        return ""
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
