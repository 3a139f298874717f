"""The JSON dialects of health bodies: how each is recognised, and how it is read.

A reader gives the dialect's own total and the components, lazily; the caller takes as many as it wants. Nothing here
trusts a type: each value is looked at before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from monitor.model.checks import Component, HealthState
from monitor.probe.words import DEEPEST, MOST_COMPONENTS, clean_name, clean_text, state_of

Document = Mapping[str, object]
_Found = tuple[HealthState | None, Iterable[Component]]
"""The total (None: not known) and the components."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect."""

    name: str
    detect: Callable[[Document, str], bool]
    """By the document and the content type."""
    read: Callable[[Document], _Found]
    totals: bool = True
    """The dialect's own total is believed; otherwise components make it worse."""


STATUS_KEYS: Final = ("status", "state", "health", "healthy", "ok", "alive", "ready", "success")
CONTAINERS: Final = ("checks", "components", "dependencies", "services", "details", "subsystems", "results")
_WELL_KNOWN: Final = frozenset(
    [
        "database",
        "db",
        "cache",
        "redis",
        "queue",
        "broker",
        "kafka",
        "rabbitmq",
        "postgres",
        "postgresql",
        "mysql",
        "mariadb",
        "mongo",
        "mongodb",
        "elasticsearch",
        "opensearch",
        "search",
        "storage",
        "disk",
        "s3",
        "smtp",
        "mail",
        "ldap",
        "auth",
        "upstream",
        "api",
        "backend",
        "memcached",
        "nats",
        "vault",
        "consul",
        "etcd",
        "zookeeper",
        "cassandra",
        "clickhouse",
        "sqlite",
        "worker",
        "workers",
        "scheduler",
        "replica",
        "primary",
    ]
)
_YES_NO_ENDINGS: Final = ("ok", "up", "connected", "healthy", "ready", "alive", "reachable", "available")
_METADATA: Final = frozenset(
    [
        "version",
        "app_version",
        "appversion",
        "build",
        "info",
        "git",
        "commit",
        "sha",
        "image",
        "releaseid",
        "serviceid",
        "timestamp",
        "time",
        "date",
        "now",
        "uptime",
        "name",
        "service",
        "app",
        "application",
        "env",
        "environment",
        "hostname",
        "host",
        "description",
        "message",
        "notes",
        "output",
        "links",
        "reason",
        "region",
        "id",
        "node",
        "pid",
        "release",
        "started",
        "started_at",
        "duration",
        "totalduration",
        "cluster_name",
        "system",
        "instance",
        "branch",
        "language",
        "namespace",
        "zone",
        "tags",
        "mode",
    ]
)
_UNSURE: Final = frozenset({"unknown", "partial", "starting", "warning", "1", "0"})
"""Words that mean health only where health is expected: `region: unknown` is none."""


def _health_json(document: Document) -> _Found:
    """draft-inadarei-api-health-check-06 section 3 and 4; InfluxDB puts a list under `checks`."""
    return state_of(document.get("status")), _walk(document.get("checks"), DEEPEST)


def _actuator(document: Document) -> _Found:
    """Spring Boot (before 2.2 `details` for `components`) and Micronaut, which nests the same way."""
    parts = document.get("components", document.get("details"))
    return state_of(document.get("status")), _walk(parts, DEEPEST)


def _aspnet(document: Document) -> _Found:
    return _aspnet_state(document.get("status")), _aspnet_entries(document.get("entries"))


def _aspnet_entries(entries: object) -> Iterator[Component]:
    for name, entry in _items(entries):
        fields = _mapping(entry)
        state = _aspnet_state(fields.get("status"))
        if state is not None:
            words = clean_text(fields.get("description") or fields.get("exception") or "")
            yield Component(clean_name(name), state, words)


def _aspnet_state(value: object) -> HealthState | None:
    # the UI of old wrote the enum's numbers
    numbers = {2: HealthState.HEALTHY, 1: HealthState.DEGRADED, 0: HealthState.UNHEALTHY}
    return numbers.get(value) if isinstance(value, int) and not isinstance(value, bool) else state_of(value)


def _microprofile(document: Document) -> _Found:
    return state_of(document.get("status")), _walk(document.get("checks"), 1)


def _terminus(document: Document) -> _Found:
    return state_of(document.get("status")), _walk(document.get("details") or document.get("error"), 1)


def _dropwizard(document: Document) -> _Found:
    states = [_mapping(value).get("healthy") for value in document.values()]
    total = HealthState.HEALTHY if all(state is True for state in states) else HealthState.UNHEALTHY
    parts = (
        Component(clean_name(name), state, clean_text(_mapping(value).get("message") or ""))
        for name, value in document.items()
        if (state := state_of(_mapping(value).get("healthy"))) is not None
    )
    return total, parts


def _hellofresh(document: Document) -> _Found:
    failures = (
        Component(clean_name(name), HealthState.UNHEALTHY, clean_text(words))
        for name, words in _items(document.get("failures"))
    )
    return state_of(document.get("status")), failures


def _elasticsearch(document: Document) -> _Found:
    return state_of(document.get("status")), ()


def _etcd(document: Document) -> _Found:
    return state_of(document.get("health")), ()


def _vault(document: Document) -> _Found:
    """Standby is a role and no fault; sealed or uninitialised means no service."""
    sealed, initialized = document.get("sealed") is True, document.get("initialized") is True
    parts = (
        Component(
            "initialized", HealthState.HEALTHY if initialized else HealthState.UNHEALTHY, clean_text(initialized)
        ),
        Component("unsealed", HealthState.UNHEALTHY if sealed else HealthState.HEALTHY, clean_text(not sealed)),
    )
    return HealthState.HEALTHY if initialized and not sealed else HealthState.UNHEALTHY, parts


def _shape(document: Document) -> _Found:
    total = next((state for key in STATUS_KEYS if (state := state_of(document.get(key))) is not None), None)
    return total, _siblings(document)


def _siblings(document: Document) -> Iterator[Component]:
    for key in CONTAINERS:
        yield from _walk(document.get(key), DEEPEST)
    for name, value in document.items():
        low = name.lower()
        if name in STATUS_KEYS or name in CONTAINERS or low in _METADATA:
            continue
        known = low in _WELL_KNOWN
        if isinstance(value, str):
            state = state_of(value)
            if state is not None and (known or value.strip().lower() not in _UNSURE):
                yield Component(clean_name(name), state, clean_text(value))
        elif isinstance(value, bool):
            # `debug: false` is no outage: only names that ask a yes-or-no question about health count
            if known or low.endswith(_YES_NO_ENDINGS):
                yield Component(clean_name(name), state_of(value) or HealthState.HEALTHY, clean_text(value))
        else:
            yield from _part(name, value, DEEPEST)


def _walk(parts: object, depth: int, prefix: str = "") -> Iterator[Component]:
    """Components under a container: a mapping of names, or a list of objects that carry theirs."""
    if isinstance(parts, list):
        for item in cast("list[object]", parts)[:MOST_COMPONENTS]:
            fields = _mapping(item)
            name = fields.get("name") or fields.get("component") or fields.get("componentId") or fields.get("id")
            if isinstance(name, str):
                yield from _part(prefix + name, item, depth)
        return
    for name, value in _items(parts):
        if isinstance(value, list):
            yield from _measurements(prefix + name, cast("list[object]", value))
        else:
            yield from _part(prefix + name, value, depth)


def _part(name: str, value: object, depth: int) -> Iterator[Component]:
    fields = _mapping(value)
    if not fields:
        state = state_of(value)
        if state is not None:
            yield Component(clean_name(name), state, clean_text(value))
        return
    word = next((fields[key] for key in STATUS_KEYS if key in fields), None)
    state = state_of(word)
    if state is not None:
        yield Component(clean_name(name), state, _words(fields, word))
    if depth > 1:
        for key in ("components", "details", "checks"):
            for inner, item in _items(fields.get(key)):
                if isinstance(item, dict):
                    yield from _part(f"{name}/{inner}", cast("object", item), depth - 1)


def _measurements(name: str, values: list[object]) -> Iterator[Component]:
    """health+json: a list under each name, one object for each node; the worst of them speaks."""
    worst: Component | None = None
    for item in values[:MOST_COMPONENTS]:
        fields = _mapping(item)
        state = state_of(fields.get("status"))
        if state is not None and (worst is None or state.rank > worst.state.rank):
            worst = Component(clean_name(name), state, _words(fields, fields.get("status")))
    if worst is not None:
        yield worst


def _words(fields: Document, word: object) -> str:
    said = clean_text(word)
    for key in ("output", "message", "error", "reason", "description"):
        more = clean_text(fields.get(key))
        if more:
            return clean_text(f"{said}: {more}")
    return said


def _mapping(value: object) -> Document:
    return cast("Document", value) if isinstance(value, dict) else {}


def _items(value: object) -> Iterable[tuple[str, object]]:
    return list(_mapping(value).items())[: 4 * MOST_COMPONENTS]


def _word(document: Document) -> str:
    status = document.get("status")
    return status.lower() if isinstance(status, str) and len(status) < 64 else ""


def _is_dropwizard(document: Document, content_type: str) -> bool:
    values = list(document.values())[: MOST_COMPONENTS + 1]
    return bool(values) and all(isinstance(_mapping(value).get("healthy"), bool) for value in values)


DIALECTS: Final = (
    Dialect(
        "aspnet", lambda d, t: isinstance(d.get("entries"), dict) and ("totalDuration" in d or "status" in d), _aspnet
    ),
    Dialect(
        "health+json",
        lambda d, t: t == "application/health+json" or _word(d) in ("pass", "warn", "fail"),
        _health_json,
    ),
    Dialect(
        "microprofile",
        lambda d, t: isinstance(d.get("checks"), list) and _word(d) in ("up", "down"),
        _microprofile,
    ),
    Dialect(
        "terminus",
        lambda d, t: (
            isinstance(d.get("details"), dict)
            and ("info" in d or "error" in d)
            and _word(d) in ("ok", "error", "shutting_down")
        ),
        _terminus,
    ),
    Dialect(
        "actuator",
        lambda d, t: (
            t.startswith("application/vnd.spring-boot.actuator")
            or (
                _word(d) in ("up", "down", "out_of_service", "unknown")
                and (isinstance(d.get("components"), dict) or isinstance(d.get("details"), dict))
            )
        ),
        _actuator,
    ),
    Dialect("vault", lambda d, t: isinstance(d.get("sealed"), bool) and "initialized" in d, _vault),
    Dialect("elasticsearch", lambda d, t: "cluster_name" in d and "status" in d, _elasticsearch),
    Dialect(
        "hellofresh",
        lambda d, t: (
            "status" in d
            and (isinstance(d.get("failures"), dict) or ("timestamp" in d and isinstance(d.get("system"), dict)))
        ),
        _hellofresh,
        totals=False,
    ),
    Dialect("etcd", lambda d, t: isinstance(d.get("health"), str | bool) and len(d) <= 2, _etcd),
    Dialect("dropwizard", _is_dropwizard, _dropwizard),
    Dialect("shape", lambda d, t: True, _shape, totals=False),
)
"""In order of detection: the first that fits."""
