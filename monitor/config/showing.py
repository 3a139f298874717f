"""A configuration to be shown: as written, in block form, with `<secret>` in place of what must not be told.

What is secret is known by its key, and hidden wherever the key stands: one too many does no harm.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from monitor.config.yamltree import Path, Scalar, Tree

HIDDEN: Final = "<secret>"

_SECRETS: Final = frozenset(
    {
        "application_credential_secret",
        "application_secret",
        "auth_token",
        "bearer_token",
        "client_certificate_key",
        "client_secret",
        "consumer_key",
        "credentials",
        "key",
        "key_passphrase",
        "password",
        "private_key",
        "secret",
        "secret_key",
        "secrets",
        "service_account_key",
        "token",
    }
)
_CREDENTIALS: Final = frozenset({"authorization", "basic_auth", "http_config", "oauth2", "sigv4", "tls_config"})
"""Sections that say who one is: what stands in their place, or astray in them, may be the secret itself."""
_SECRET_MAPPINGS: Final = frozenset({"headers", "http_headers", "proxy_connect_header"})
"""Any value in these may be one."""
_IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def shown(tree: Tree) -> str:
    """The YAML text."""
    return yaml.safe_dump(_plain(tree), sort_keys=False, default_flow_style=False, allow_unicode=True)


def is_secret_key(key: str) -> bool:
    """Does a secret stand under this key, or may one?"""
    return key in _SECRETS or key in _SECRET_MAPPINGS or key.rpartition("_")[2] in _SECRETS


def is_secret_place(path: Path) -> bool:
    """May what stands there, where something else belongs, be a secret?"""
    keys = [part for part in path if isinstance(part, str)]
    integration = "receivers" in keys and bool(keys) and keys[-1].endswith("_configs")
    return integration or any(is_secret_key(key) or key in _CREDENTIALS for key in keys)


def _plain(tree: Tree, *, hide: bool = False) -> object:
    if isinstance(tree, dict):
        return {
            key: _plain(value, hide=hide or key in _SECRETS or key in _SECRET_MAPPINGS) for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [_plain(item, hide=hide) for item in tree]
    return _scalar(tree, hide=hide)


def _scalar(scalar: Scalar, *, hide: bool) -> object:
    value = scalar.natural()
    if hide:
        return value if value in (None, "") else HIDDEN
    if isinstance(value, str):
        return _IN_ADDRESS.sub(HIDDEN, value)
    # 1.10 or 0x10 are perhaps texts to their field: they stay as they were written
    return value if str(value) == scalar.text or isinstance(value, bool) else scalar.text
