"""Tokens by OAuth2's client credentials (RFC 6749, 4.4).

A token is asked for at first use and kept until shortly before its end, or until somebody refuses it. Servers differ in
where they want the client's secret; it is tried in the Authorization header and then among the parameters, as Go's oauth2
does, and what worked is remembered. Nothing that is secret, and nothing that a server says beside its error code, is told.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast
from urllib.parse import parse_qsl, quote_plus, urlencode

from monitor.model.errors import PeerError
from monitor.model.surrogates import json_of
from monitor.net.http_config import OAuth2
from monitor.net.url import redacted

_MARGIN: Final = 10.0
"""Seconds before its end from which on a token is not used."""
_CODE: Final = re.compile(r"[a-z_]{1,40}")


class Posting(Protocol):
    """Sends a form; gives the status, the content type and the body. Raises PeerError."""

    async def __call__(self, options: OAuth2, headers: Mapping[str, str], form: str) -> tuple[int, str, bytes]: ...


@dataclass(slots=True)
class _Kept:
    """What is known of one client at one server."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    token: str = field(default="", repr=False)
    until: float = 0.0
    """On the loop's clock."""
    secret: str = field(default="", repr=False)
    """For which the token was given."""
    in_header: bool = True


class Tokens:
    """The tokens of all clients."""

    def __init__(self, post: Posting, read_secret: Callable[[str], str]) -> None:
        self._post = post
        self._read_secret = read_secret
        self._kept: dict[OAuth2, _Kept] = {}

    def __repr__(self) -> str:
        return f"Tokens({len(self._kept)} clients)"

    async def authorization(self, options: OAuth2) -> str:
        """What stands in the Authorization header. Raises PeerError when there is no token."""
        kept = self._kept.setdefault(options, _Kept())
        async with kept.lock:  # many targets of a job ask at once, and one token is enough
            secret = self._read_secret(options.secret_file) if options.secret_file else options.secret
            if not kept.token or kept.secret != secret or asyncio.get_running_loop().time() >= kept.until:
                await self._renew(options, secret, kept)
            return kept.token

    def refuse(self, options: OAuth2, authorization: str) -> bool:
        """Somebody took this for wrong: forget it. False if it has been forgotten already."""
        kept = self._kept.get(options)
        if kept is None or kept.token != authorization:
            return False
        kept.token = ""
        return True

    async def _renew(self, options: OAuth2, secret: str, kept: _Kept) -> None:
        kept.token = ""
        failure: PeerError | None = None
        for in_header in (kept.in_header, not kept.in_header):
            try:
                token, lasts = await self._ask(options, secret, in_header=in_header)
            except PeerError as error:
                failure = failure or error
                continue
            kept.token, kept.secret, kept.in_header = token, secret, in_header
            kept.until = asyncio.get_running_loop().time() + lasts - _MARGIN
            return
        raise failure or PeerError("oauth2: cannot fetch token")

    async def _ask(self, options: OAuth2, secret: str, *, in_header: bool) -> tuple[str, float]:
        """The header's value and how many seconds it holds."""
        fields = [("grant_type", "client_credentials")]
        if options.scopes:
            fields.append(("scope", " ".join(options.scopes)))
        fields += [(name, value) for name, value in options.params]
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if in_header:
            pair = f"{quote_plus(options.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            fields += [("client_id", options.client_id), ("client_secret", secret)]
        status, content_type, body = await self._post(options, headers, urlencode(fields))
        answer = _fields(body, content_type)
        token = answer.get("access_token")
        if status // 100 != 2 or not isinstance(token, str) or not token or not token.isprintable():
            code = str(answer.get("error", ""))
            said = f' "{code}"' if _CODE.fullmatch(code) else ""
            what = "server response missing access_token" if status // 100 == 2 else f"HTTP status {status}{said}"
            raise PeerError(f"oauth2: cannot fetch token from {redacted(options.token_url)}: {what}")
        kind = str(answer.get("token_type", "")).lower()
        word = {"mac": "MAC", "basic": "Basic"}.get(kind, "Bearer")
        return f"{word} {token}", _seconds(answer.get("expires_in"))


def _fields(body: bytes, content_type: str) -> Mapping[str, Any]:
    try:
        text = body.decode()
        if content_type in ("application/x-www-form-urlencoded", "text/plain"):
            return dict(parse_qsl(text))
        answer: object = json_of(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}


def _seconds(value: object) -> float:
    """How long it holds; a server that does not say means for ever."""
    try:
        seconds = float(str(value))
    except ValueError:
        return float("inf")
    return seconds if seconds > 0 else float("inf")
