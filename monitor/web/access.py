"""Who calls, and what they may do. Decided from headers, the place where we listen, and the tokens of the configuration.

A token belongs to a person with a role. Whoever is on the same machine and talks to a loopback listener by a loopback name is
trusted as the administrator `local`, unless `trust_local` says otherwise: a reverse proxy on the machine looks the same and
need not say for whom it calls, so by default nobody is local where tokens or a foreign `external_url` are configured. A request
that says that it came through a proxy never is. Any page that a browser shows can send requests to a daemon on its machine, so
requests that change something are refused when a browser says that another site made them, and a loopback listener answers to
loopback names only (and to the host of `external_url`), since a foreign name that resolves to 127.0.0.1 is an attack. A
listener in a network has the same trouble with names as long as reading needs no token: it answers to addresses, to the
machine's name, to `external_url` and to names without a dot, which nobody outside the network can give.

Tokens come as `Authorization: Bearer`, or as the password of `Basic`, because that is what browsers can ask people for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.model.errors import AccessError, StoreError
from monitor.model.incidents import Actor, Door

if TYPE_CHECKING:
    from monitor.config.configuration import Token

DOOR_HEADER = "X-Watchkeeper-Door"
"""`cli` when our command line calls."""
PERSON_HEADER = "X-Watchkeeper-Person"
"""A local caller may say who is at the keyboard."""

_LONGEST_NAME = 64
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


class Role(Enum):
    """What somebody may do; each includes those before it."""

    NOBODY = "nobody"
    VIEWER = "viewer"
    """Looks."""
    RESPONDER = "responder"
    """Acts on incidents, probes, reports deployments."""
    ADMIN = "admin"
    """Reloads and sends test messages."""

    def covers(self, other: Role) -> bool:
        return _RANK[self] >= _RANK[other]


_RANK = {role: rank for rank, role in enumerate(Role)}


class UnidentifiedError(AccessError):
    """Nobody in particular may not do this: say who you are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls."""

    name: str
    role: Role
    door: Door
    known: bool
    """By a token, or as somebody on this machine."""

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, door=self.door)


ANYBODY = Caller(name="anonymous", role=Role.NOBODY, door=Door.API, known=False)
"""Whoever calls a route that is open to all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where we listen and under which names."""

    loopback: bool
    external_url: str = ""
    tokens: Sequence[Token] = ()
    read_needs_token: bool = False
    trust_local: bool = True
    machine: str = ""
    """The name of this machine."""


def identify(headers: Mapping[str, str], place: Place, door: Door) -> Caller:
    """Who sent this. Raises UnidentifiedError for credentials that are not ours."""
    if headers.get(DOOR_HEADER, "") == Door.CLI.value:
        door = Door.CLI
    given = headers.get("Authorization", "")
    if given:
        token = _token(_secret(given), place.tokens)
        return Caller(name=token.person, role=Role(token.role), door=door, known=True)
    if place.loopback and place.trust_local and _is_local(headers):
        name = headers.get(PERSON_HEADER, "").strip()[:_LONGEST_NAME]
        return Caller(name=name if name.isprintable() and name else "local", role=Role.ADMIN, door=door, known=True)
    role = Role.NOBODY if place.read_needs_token else Role.VIEWER
    return Caller(name="anonymous", role=role, door=door, known=False)


def admit(caller: Caller, needed: Role, *, changes: bool) -> None:
    """May the caller do what needs this role? Nobody unknown changes anything. Raises UnidentifiedError, AccessError."""
    if caller.role.covers(needed) and (caller.known or not changes):
        return
    if not caller.known:
        raise UnidentifiedError("this needs a token: send `Authorization: Bearer TOKEN`")
    raise AccessError(f"{caller.name} is {caller.role.value}; this needs the role {needed.value}")


def check_host(headers: Mapping[str, str], place: Place) -> None:
    """Is the request meant for us? Raises AccessError."""
    host = hostname(headers.get("Host", ""))
    if not host or _is_loopback_name(host) or host == hostname(urlsplit(place.external_url).netloc):
        return
    if place.loopback:
        raise AccessError(f'the name "{host}" is not ours: a loopback listener answers to localhost or external_url')
    if place.read_needs_token or "Authorization" in headers:
        return  # no page of somebody else's has a token to send
    if "." not in host or _is_address(host) or host in _names_of(place.machine):
        return
    raise AccessError(
        f'the name "{host[:100]}" is not ours: call us by address or host name, send a token, or set external_url'
    )


def check_origin(headers: Mapping[str, str], place: Place) -> None:
    """Did a page of another site send this? Raises AccessError."""
    site = headers.get("Sec-Fetch-Site", "")
    if site and site not in ("same-origin", "none"):
        raise AccessError("a page of another site sent this request")
    origin = headers.get("Origin", "") or headers.get("Referer", "")
    if not origin or site:
        return
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:
        netloc = ""
    ours = {headers.get("Host", "").lower(), urlsplit(place.external_url).netloc.lower()} - {""}
    if netloc not in ours:
        raise AccessError(f"a page of another site ({origin[:100]}) sent this request")


def hostname(netloc: str) -> str:
    """The name of `name:port`, in lower case, IPv6 without brackets."""
    try:
        return (urlsplit(f"//{netloc}").hostname or "").rstrip(".")
    except ValueError:
        return netloc


def _is_local(headers: Mapping[str, str]) -> bool:
    host = hostname(headers.get("Host", ""))
    return (not host or _is_loopback_name(host)) and not any(name in headers for name in _FORWARDED)


def _is_loopback_name(host: str) -> bool:
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdigit() for part in parts)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _names_of(machine: str) -> frozenset[str]:
    name = machine.lower()
    return frozenset({name, f"{name.partition('.')[0]}.local"})


def _secret(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "bearer":
            return rest
        case "basic":
            try:
                return base64.b64decode(rest, validate=True).decode().partition(":")[2]
            except ValueError:  # no Base64, not even ASCII, or no UTF-8
                raise UnidentifiedError("the Authorization header cannot be read") from None
        case _:
            raise UnidentifiedError("the Authorization header must say `Bearer TOKEN`")


def _token(secret: str, tokens: Sequence[Token]) -> Token:
    """The token with this secret, in a time that does not tell how close a guess was."""
    digest = hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
    found: Token | None = None
    for token in tokens:
        try:
            expected = token.secret.read()
        except StoreError:
            continue  # a secret that cannot be read opens nothing
        if hmac.compare_digest(digest, hashlib.sha256(expected.encode()).digest()) and expected:
            found = token
    if found is None:
        raise UnidentifiedError("this token is not known")
    return found
