"""Build, configuration, process, store: what clients look at to learn with whom they talk.

What only a program written in Go has (its collector's settings, its build) is told as empty.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.times import HOUR, format_duration
from monitor.tsdb.cardinality import cardinality
from monitor.web.answers import json_answer
from monitor.web.parts import up
from monitor.web.prometheus.parameters import LATEST, limit_of, parameters
from monitor.web.prometheus.rendering import time_text
from monitor.web.routes import Call, Dialect, Route

if TYPE_CHECKING:
    from monitor.model.times import Timestamp
    from monitor.tsdb.view import View

_SPOKEN: Final = "3.1.0"
"""The Prometheus whose API this is. Clients decide by it what they may ask for, so our own version would mislead them.
There is no `features`: Grafana would take us for Mimir."""
_HEAD: Final = 2 * HOUR
"""As much of the store is counted as Prometheus has in its head."""
_TOP: Final = 10


async def buildinfo(call: Call) -> web.Response:
    return _success(
        {
            "version": _SPOKEN,
            "revision": f"watchkeeper-{call.parts.version}",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }
    )


async def config(call: Call) -> web.Response:
    """The sections that Prometheus knows, without secrets."""
    return _success({"yaml": call.parts.configuration().prometheus_yaml})


async def flags(call: Call) -> web.Response:
    """Our settings by the names of Prometheus's flags, those that we have."""
    settings = call.parts.configuration()
    return _success(
        {
            "config.file": settings.file,
            "log.format": "json" if settings.log.form == "json" else "logfmt",
            "log.level": "warn" if settings.log.level == "warning" else settings.log.level,
            "query.lookback-delta": format_duration(settings.queries.lookback),
            "query.max-concurrency": str(settings.queries.max_concurrency),
            "query.max-samples": str(settings.queries.max_samples),
            "query.timeout": format_duration(settings.queries.timeout),
            "storage.tsdb.path": str(settings.storage.folder / "samples"),
            "storage.tsdb.retention.time": format_duration(settings.storage.retention),
            "web.enable-admin-api": "false",
            "web.enable-lifecycle": "true",
            "web.enable-remote-write-receiver": "true",
            "web.external-url": settings.external_url,
            "web.listen-address": f"{settings.listen.host}:{settings.listen.port}",
        }
    )


async def runtimeinfo(call: Call) -> web.Response:
    parts = call.parts
    loaded = parts.loaded()
    return _success(
        {
            "startTime": time_text(parts.started_at),
            "CWD": str(Path.cwd()),
            "hostname": socket.gethostname(),
            "serverTime": time_text(call.now),
            "reloadConfigSuccess": loaded.succeeded,
            "lastConfigTime": time_text(loaded.at or parts.started_at),
            "corruptionCount": 0,
            "goroutineCount": len(asyncio.all_tasks()),
            "GOMAXPROCS": os.cpu_count() or 1,
            "GOMEMLIMIT": 0,
            "GOGC": "",
            "GODEBUG": "",
            "storageRetention": format_duration(parts.configuration().storage.retention),
        }
    )


async def tsdb(call: Call) -> web.Response:
    """Which metrics and labels make most series, of those with a sample in the last two hours."""
    most = limit_of(await parameters(call)) or _TOP
    view, since = up(call.parts.samples).view(), call.now - _HEAD
    return _success(await asyncio.to_thread(_cardinality, view, since, most))


async def walreplay(_: Call) -> web.Response:
    """The log is replayed before we listen, so nothing is ever left to replay."""
    return _success({"min": 0, "max": 0, "current": 0})


async def alertmanagers(_: Call) -> web.Response:
    """Alerts are handled here and sent to no other."""
    return _success({"activeAlertmanagers": [], "droppedAlertmanagers": []})


async def features(_: Call) -> web.Response:
    """What of the language is served. Source: prometheus web/api/v1 (features), a switch for each name."""
    from monitor.promql.signatures import FUNCTIONS

    functions = {name: not signature.experimental for name, signature in sorted(FUNCTIONS.items())}
    language = {
        "at_modifier": True,
        "bool": True,
        "by": True,
        "group_left": True,
        "group_right": True,
        "ignoring": True,
        "negative_offset": True,
        "offset": True,
        "on": True,
        "per_query_lookback_delta": True,
        "subqueries": True,
        "without": True,
    }
    return _success({"promql": language, "promql_functions": functions})


def _cardinality(view: View, since: Timestamp, most: int) -> Mapping[str, object]:
    frames = view.select((), since, LATEST)
    series = view.series((), since, LATEST)
    known = cardinality(series)
    times = [frame.times for frame in frames if len(frame.times)]
    return {
        "headStats": {
            "numSeries": len(series),
            "numLabelPairs": len(known.pairs),
            "chunkCount": len(frames),
            "minTime": min((int(one[0]) for one in times), default=since),
            "maxTime": max((int(one[-1]) for one in times), default=since),
        },
        "seriesCountByMetricName": _top(known.metrics, most),
        "labelValueCountByLabelName": _top(known.values, most),
        "memoryInBytesByLabelName": _top(known.sizes, most),
        "seriesCountByLabelValuePair": _top(
            Counter({f"{name}={value}": count for (name, value), count in known.pairs.most_common(most)}), most
        ),
    }


def _top(counted: Counter[str], most: int) -> list[dict[str, object]]:
    return [{"name": name, "value": count} for name, count in counted.most_common(most)]


def _success(data: Mapping[str, object]) -> web.Response:
    return json_answer({"status": "success", "data": data})


ROUTES: Final = tuple(
    Route(method="GET", path=f"/api/v1/{name}", handler=handler, dialect=Dialect.PROMETHEUS)
    for name, handler in (
        ("alertmanagers", alertmanagers),
        ("features", features),
        ("status/buildinfo", buildinfo),
        ("status/config", config),
        ("status/flags", flags),
        ("status/runtimeinfo", runtimeinfo),
        ("status/tsdb", tsdb),
        ("status/walreplay", walreplay),
    )
)
