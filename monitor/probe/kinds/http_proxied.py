"""HTTP through a proxy: what our own wire does not speak goes through aiohttp, with the same options and judgement.

A proxy resolves the name and makes the connection, so of the phases only processing and transfer are known, and there
are no TLS facts. aiohttp costs 16 MB and is imported at the first such attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.model.checks import NO_READING, Check, FailureReason, HealthState, Outcome
from monitor.model.times import Timestamp
from monitor.net.http1 import KEPT_BODY
from monitor.net.tls import authorities_read
from monitor.net.url import parse_url
from monitor.probe.answers import Answer
from monitor.probe.assess import FINE, assess
from monitor.probe.dialects import read_body
from monitor.probe.expect import Expectations
from monitor.probe.kinds.awaited import AwaitedKind
from monitor.probe.kinds.http_target import HttpOptions, authorization, read_secrets
from monitor.probe.kinds.kind import failed

if TYPE_CHECKING:
    from aiohttp import HttpVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxiedTarget:
    """A compiled check."""

    url: str
    options: HttpOptions
    expectations: Expectations
    required: frozenset[str]


def compile_proxied(check: Check) -> ProxiedTarget:
    """Raises ValueError, with a sentence for the user, for a check that cannot work."""
    options = check.options
    if not isinstance(options, HttpOptions) or not options.proxy_url:
        raise ValueError("proxy_url is missing")
    if options.tls.server_name:
        raise ValueError("tls_config.server_name cannot be set together with proxy_url")
    try:
        proxy = parse_url(options.proxy_url)
    except ValueError:  # its words show the address, and so a password in it
        raise ValueError("proxy_url is no address of an HTTP proxy: write http://host:port") from None
    if proxy.secure:
        raise ValueError("proxy_url must be http: the connection to the proxy itself is not encrypted")
    return ProxiedTarget(
        url=str(parse_url(check.target)),
        options=options,
        expectations=Expectations(check.expect),
        required=frozenset(check.expect.required),
    )


class ThroughProxy(AwaitedKind[ProxiedTarget]):
    """The part of the http kind that serves checks with a `proxy_url`. See `kind.Kind`."""

    def prepare(self, check: Check) -> ProxiedTarget:
        return compile_proxied(check)

    async def attempt(self, target: ProxiedTarget, started: Timestamp) -> Outcome:
        import aiohttp

        from monitor.net.names import Names

        options = target.options
        began = self.instruments.loop.time()
        headers = {"User-Agent": self.instruments.user_agent, "Accept": "*/*"}
        first_byte = 0.0
        try:
            credentials = authorization(options, parse_url(target.url), read_secrets(options))
            if credentials:
                headers["Authorization"] = credentials
            headers.update(options.headers)
            context = self.instruments.contexts.get(options.tls)
            await authorities_read(context)
            names = Names(self.instruments.resolver)
            connector = aiohttp.TCPConnector(ssl=context, resolver=names, force_close=True, limit=1)
            async with (
                aiohttp.ClientSession(connector=connector, auto_decompress=True) as session,
                session.request(
                    options.method,
                    target.url,
                    headers=headers,
                    data=options.body.encode() or None,
                    proxy=options.proxy_url,
                    allow_redirects=options.follow_redirects,
                    max_redirects=options.max_redirects + 1,
                ) as response,
            ):
                first_byte = self.instruments.loop.time()
                kept = bytearray()
                length = 0
                async for piece in response.content.iter_chunked(65536):
                    length += len(piece)
                    kept += piece[: KEPT_BODY - len(kept)]
                    if length > options.body_limit:
                        break
                answer = Answer(
                    now=self.instruments.clock.now(),
                    took=self.instruments.loop.time() - began,
                    status=response.status,
                    http_version=_version(response.version),
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=bytes(kept),
                    complete=length == len(kept),
                    secure=response.url.scheme == "https",
                )
                redirects = len(response.history)
                announced = response.content_length
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason, text = _reason(error, options)
            return failed(reason, text, started=started, took=self.instruments.loop.time() - began)
        reading = read_body(answer, required=target.required) if options.understand else NO_READING
        found = assess(target.expectations.shortfalls(answer), reading)
        if length > options.body_limit and found is FINE:
            text = f"body is larger than {options.body_limit // 1024} kB"
            return failed(FailureReason.TOO_LARGE, text, started=started, took=answer.took)
        return Outcome(
            success=found.state is not HealthState.UNHEALTHY,
            state=found.state,
            started=started,
            took=answer.took,
            reason=found.reason,
            text=found.text,
            processing=first_byte - began,
            transfer=began + answer.took - first_byte,
            status_code=answer.status,
            http_version=answer.http_version,
            content_length=-1 if announced is None else announced,
            body_length=length,
            redirects=redirects,
            reading=reading,
            version=reading.version or answer.headers.get("x-app-version", "") or answer.headers.get("x-version", ""),
        )


def _version(version: HttpVersion | None) -> float:
    return 0.0 if version is None else version.major + version.minor / 10


def _reason(error: Exception, options: HttpOptions) -> tuple[FailureReason, str]:
    import aiohttp

    match error:
        case aiohttp.TooManyRedirects():
            return FailureReason.TOO_MANY_REDIRECTS, f"more than {options.max_redirects} redirects"
        case aiohttp.ClientHttpProxyError():
            return FailureReason.CONNECTION_FAILED, f"the proxy answered with status {error.status}"
        case aiohttp.ClientProxyConnectionError():
            return FailureReason.CONNECTION_FAILED, "the proxy cannot be reached"
        case aiohttp.ClientConnectorCertificateError():
            return FailureReason.CERTIFICATE_UNTRUSTED, "certificate is not trusted"
        case aiohttp.ClientConnectorDNSError():
            return FailureReason.NAME_LOOKUP_FAILED, "the proxy's name does not resolve"
        case aiohttp.ClientSSLError():
            return FailureReason.TLS_FAILED, "TLS handshake failed behind the proxy"
        case aiohttp.ServerDisconnectedError():
            return FailureReason.CLOSED_EARLY, "connection closed without an answer"
        case aiohttp.ClientPayloadError():
            return FailureReason.CLOSED_EARLY, "connection closed inside the body"
        case aiohttp.ClientResponseError():
            return FailureReason.BAD_ANSWER, "answer breaks the protocol"
        case _:
            return FailureReason.CONNECTION_FAILED, f"connection failed: {type(error).__name__}"
