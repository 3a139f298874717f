"""Targets that are the records of names in DNS (`dns_sd_configs`).

A name that does not exist, or has no record of the kind, has no targets; one that nobody could be asked about keeps those
that it had. Names are asked for as they are written: search domains are not tried. Source: prometheus discovery/dns/dns.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.model.times import SECOND, Millis
from monitor.scrape.discovery import Found, Groups
from monitor.scrape.jobs import TargetGroup

RecordType = Literal["A", "AAAA", "MX", "NS", "SRV"]

# ARES_ENODATA, ARES_ENOTFOUND of c-ares' ares.h
_NOTHING_THERE: Final = frozenset({1, 4})
_META: Final = "__meta_dns_"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTargets:
    """An entry of `dns_sd_configs`."""

    names: tuple[str, ...]
    type: RecordType = "SRV"
    port: int = 0
    """Of each target; SRV records bring theirs."""
    refresh: Millis = 30 * SECOND


@dataclass(frozen=True, slots=True)
class Record:
    """One record as far as it matters."""

    host: str
    port: int = 0


Lookup = Callable[[str, RecordType], Awaitable[Sequence[Record]]]
"""Records of a name; none if it does not exist. Raises PeerError when nobody could be asked."""


class DnsFinder:
    """Asks for all names side by side."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    async def find(self, options: DnsTargets, last: Mapping[str, Groups]) -> Found:
        """Never raises: each name stands for itself."""
        answers = await asyncio.gather(*(self._ask(name, options.type) for name in options.names))
        sources: dict[str, Groups] = {}
        problems: list[str] = []
        for name, answer in zip(options.names, answers, strict=True):
            if isinstance(answer, PeerError):
                problems.append(f"{name}: {answer}")
                sources[name] = last.get(name, ())
            else:
                sources[name] = tuple(_group(name, record, options) for record in answer)
        return Found(sources, tuple(problems))

    async def _ask(self, name: str, kind: RecordType) -> Sequence[Record] | PeerError:
        try:
            return await self._lookup(name, kind)
        except PeerError as error:
            return error


def _group(name: str, record: Record, options: DnsTargets) -> TargetGroup:
    host = record.host.rstrip(".")
    port = record.port if options.type == "SRV" else options.port
    labels = {f"{_META}name": name}
    match options.type:
        case "SRV":
            labels |= {f"{_META}srv_record_target": record.host, f"{_META}srv_record_port": str(port)}
        case "MX":
            labels[f"{_META}mx_record_target"] = record.host
        case "NS":
            labels[f"{_META}ns_record_target"] = record.host
        case _:
            pass
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return TargetGroup(addresses=(address,), labels=Labels(labels), source=f"dns {name}")


def c_ares(nameservers: Sequence[str] = (), *, port: int = 53) -> Lookup:
    """Look up through c-ares. Without `nameservers` (addresses) those of the system are asked."""
    resolver: Any = None

    async def lookup(name: str, kind: RecordType) -> Sequence[Record]:
        nonlocal resolver
        # the import takes longer than the loop may be held
        await asyncio.get_running_loop().run_in_executor(None, import_module, "aiodns")
        import aiodns

        if resolver is None:
            resolver = aiodns.DNSResolver(
                nameservers=list(nameservers) or None, timeout=2.0, tries=2, udp_port=port, tcp_port=port
            )
        try:
            found = await resolver.query_dns(name.rstrip("."), kind)
        except aiodns.error.DNSError as error:
            code, *rest = error.args
            if code in _NOTHING_THERE:
                return ()
            raise PeerError(f"no answer from DNS: {rest[0] if rest else code}") from error
        return [_record(one.data) for one in found.answer if type(one.data).__name__.startswith(f"{kind}Record")]

    return lookup


def _record(data: Any) -> Record:
    for field in ("target", "addr", "exchange", "nsdname", "host"):
        if hasattr(data, field):
            return Record(str(getattr(data, field)), int(getattr(data, "port", 0)))
    raise PeerError(f"a record of an unknown shape: {type(data).__name__}")
