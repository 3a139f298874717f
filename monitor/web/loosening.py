"""What of a changed `web.yml` may count by itself: all that does not protect less.

A file that is being written, or that a full disk cut off, is often good YAML. Nothing tells it from one that somebody meant,
however long it stays so, except that somebody says so. So each part that protects less stays as it was until then, apart
from the others: a user who is removed in the same breath is out at once. To add a user or an allowed name is no loss, nor is
another certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from monitor.config.web_settings import RateLimit, WebFile
from monitor.net.server_tls import ServerTls

_DEMANDS: Final = ("", "given", "required")
"""Of clients, each more than the one before."""


def tightened(former: WebFile, fresh: WebFile) -> tuple[WebFile, Sequence[str]]:
    """The fresh reading with what protects less in it as it was, and the keys that are meant."""
    lost: list[str] = []
    kept = fresh
    if former.users and not fresh.users:
        lost.append("basic_auth_users")
        kept = replace(kept, users=former.users)
    if former.rate_limit is not None and _is_wider(former.rate_limit, fresh.rate_limit):
        lost.append("rate_limit")
        kept = replace(kept, rate_limit=former.rate_limit)
    if former.tls is not None and fresh.tls is None:
        lost.append("tls_server_config")
        kept = replace(kept, tls=former.tls)
    elif former.tls is not None and fresh.tls is not None:
        tls, parts = _tightened_tls(former.tls, fresh.tls)
        lost += parts
        kept = replace(kept, tls=tls)
    return kept, lost


def _is_wider(former: RateLimit, fresh: RateLimit | None) -> bool:
    return fresh is None or fresh.interval < former.interval or fresh.burst > former.burst


def _tightened_tls(former: ServerTls, fresh: ServerTls) -> tuple[ServerTls, Sequence[str]]:
    lost: list[str] = []
    kept = fresh
    if _DEMANDS.index(fresh.client_certificate) < _DEMANDS.index(former.client_certificate):
        lost.append("client_auth_type")
        kept = replace(
            kept,
            client_certificate=former.client_certificate,
            client_ca=former.client_ca,
            client_ca_file=former.client_ca_file,
        )
    if former.client_names and not fresh.client_names:
        lost.append("client_allowed_sans")
        kept = replace(kept, client_names=former.client_names)
    if fresh.min_version < former.min_version:
        lost.append("min_version")
        kept = replace(kept, min_version=former.min_version, max_version=max(fresh.max_version, former.min_version))
    return kept, lost
