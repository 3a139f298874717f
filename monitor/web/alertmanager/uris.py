"""What passes for an address of the schema's `format: uri`: what Go's url.ParseRequestURI takes.

It takes more than a browser would open, and so does Alertmanager: an alert is not refused because its link leads nowhere. Of
Go's versions the more lenient one is followed, which lets a host have several colons.

Source: Go net/url url.go.
"""

from __future__ import annotations

import re
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:")
_USER: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT: Final = re.compile(r"(?::[0-9]*)?")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_ESCAPE: Final = re.compile(r"%([0-9a-fA-F]{2})")
_NOT_IN_HOST: Final = re.compile(r"[ #/?@\\^`{|}]")
_ASCII_IN_HOST: Final = re.compile(r"%(?!25|[89a-fA-F][0-9a-fA-F])")
"""ASCII is written there as it is: an escape stands only for what is not ASCII, or for itself."""
_REMEMBERED: Final = 256
"""Characters; longer texts are judged anew, since they are written by strangers and would fill the memory."""
_IN_ZONE: Final = frozenset(ascii_letters + digits + "% !$&'()*+,;=:[]<>\"-_.~")


def is_request_uri(text: str) -> bool:
    """Something with a scheme, or an absolute path."""
    return _known(text) if len(text) <= _REMEMBERED else _judged(text)


def _judged(text: str) -> bool:
    if _CONTROL.search(text):
        return False
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    if not rest.startswith("/"):
        return scheme is not None or text == "*"
    rest = rest.partition("?")[0]
    if scheme is None or not rest.startswith("//"):
        return not _BAD_ESCAPE.search(rest)
    authority, _, path = rest[2:].partition("/")
    return not _BAD_ESCAPE.search(path) and _is_authority(authority)


_known: Final = lru_cache(256)(_judged)


def _is_authority(text: str) -> bool:
    user, _, host = text.rpartition("@")
    if not _USER.fullmatch(user) or _BAD_ESCAPE.search(user):
        return False
    if not host.startswith("["):
        return bool(_PORT.fullmatch("".join(host.rpartition(":")[1:]) if ":" in host else "")) and _is_host(host)
    inside, bracket, port = host.rpartition("]")
    address, _, zone = inside.partition("%25")
    return bool(bracket and _PORT.fullmatch(port)) and _is_host(address) and _is_zone(zone)


def _is_host(text: str) -> bool:
    return not _NOT_IN_HOST.search(text) and not _ASCII_IN_HOST.search(text)


def _is_zone(text: str) -> bool:
    escaped = {chr(int(code, 16)) for code in _ESCAPE.findall(text)}
    return not _NOT_IN_HOST.search(text) and not _BAD_ESCAPE.search(text) and escaped <= _IN_ZONE
