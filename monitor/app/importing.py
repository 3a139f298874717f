"""What a daemon imports, and what it leaves out.

A sidecar carries for months what is imported once, so what nobody asked for stays out: each of these takes megabytes or a
noticeable part of one. It is done once, while the configuration is read and there is one thread.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

_TRUSTED: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where OpenSSL looks for certificates instead of in the system's places."""

_NO_THREADS: Final = {"OPENBLAS_NUM_THREADS": "1"}
"""For numpy: nothing here is linear algebra, and its threads take a tenth of a second of CPU when they start."""


def import_daemon(*, in_place: bool) -> None:
    """All that it needs to stand, so that nothing of it is waited for when the configuration has been read. `in_place`: as
    Alertmanager, told everything, without samples and rules."""
    _import_aiohttp()
    importlib.import_module("monitor.app.daemon")
    if not in_place:
        with _variables(_NO_THREADS):
            importlib.import_module("monitor.app.lookout")
    importlib.import_module("monitor.web.in_place" if in_place else "monitor.web.table")


def _import_aiohttp() -> None:
    """Without the client's own resolver (it is given ours, which imports c-ares when there is a name to look up) and without
    the system's certificates in its default context (it is given one that is made at the first use of TLS): three
    megabytes. A session that is given no context of its own therefore trusts nobody."""
    with _hidden("aiodns"), _variables(dict.fromkeys(_TRUSTED, os.devnull)):
        importlib.import_module("aiohttp.web")


@contextmanager
def _hidden(name: str) -> Generator[None]:
    """What tries to import this package is told that it is not installed."""
    known = name in sys.modules
    if not known:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]  # the import system's way to say no
    try:
        yield
    finally:
        if not known:
            del sys.modules[name]


@contextmanager
def _variables(values: Mapping[str, str]) -> Generator[None]:
    """The environment has them for whom is imported meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
