"""One integration being made: what it says, and how the parts of it are read that many have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from monitor.config.alertmanager.inheritance import Plain, complete_values
from monitor.config.golang.clients import client_of, trust_of
from monitor.config.golang.http_client import CLIENT, TLS
from monitor.config.golang.kinds import Reading
from monitor.config.yamltree import Path
from monitor.net.http_config import HttpClient
from monitor.net.tls import Trust
from monitor.notify.kinds.secret import SecretSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One integration being made."""

    values: Plain
    path: Path
    reading: Reading

    def text(self, key: str) -> str:
        return str(self.values[key] or "")

    def flag(self, key: str) -> bool:
        return self.values[key] is True

    def whole(self, key: str) -> int:
        value = self.values[key]
        return value if isinstance(value, int) else 0

    def secret(self, key: str) -> SecretSource:
        return source(self.values, key, self.reading)

    def client(self) -> HttpClient:
        """Its `http_config`."""
        given = cast("Plain", self.values["http_config"] or {})
        return client_of(complete_values(CLIENT, given, (*self.path, "http_config")), self.reading)

    def trust(self, key: str) -> Trust:
        """A `tls_config`."""
        given = cast("Plain", self.values[key] or {})
        return trust_of(complete_values(TLS, given, (*self.path, key)), self.reading)


def source(values: Plain, key: str, reading: Reading) -> SecretSource:
    """A secret that stands inline or in a file."""
    file = str(values.get(f"{key}_file") or "")
    return SecretSource.file(reading.locate(file)) if file else SecretSource(str(values.get(key) or ""))
