"""Deployments told from outside, the audit trail, test messages, and the daemon's own state."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from monitor.model.changes import Deployment
from monitor.model.checks import HealthState
from monitor.model.times import DAY
from monitor.tsdb.figures import NOTHING_STORED
from monitor.web.access import Role
from monitor.web.answers import BadCallError, json_answer
from monitor.web.own.bodies import read_body, rows_of
from monitor.web.own.documents import audit_documents, deployment_document, instant, span
from monitor.web.parts import Trial, up
from monitor.web.routes import Call, Route

_DEPLOYMENT_FIELDS: Final = ("version", "service", "by", "environment", "previous", "detail", "at")
_FAR_AHEAD: Final = DAY
_SHOWN_DAYS: Final = 30


async def deployments(call: Call) -> web.Response:
    """Of the last thirty days, the newest first."""
    limit = rows_of(call, 100)
    found = await up(call.parts.audit).deployments(call.now - _SHOWN_DAYS * DAY, limit)
    return json_answer({"deployments": [deployment_document(one) for one in found]})


async def deploy(call: Call) -> web.Response:
    """Durable when it answers; shown with the alerts of the next hours."""
    body = await read_body(call, _DEPLOYMENT_FIELDS)
    at = body.instant("at", call.now)
    if not 0 < at <= call.now + _FAR_AHEAD:
        raise BadCallError('the field "at" is no time at which this can have been deployed', "leave it out for now")
    deployment = Deployment(
        at=at,
        version=body.text("version", None, longest=200),
        service=body.text("service", longest=200),
        by=body.text("by", longest=200) or call.caller.name,
        environment=body.text("environment", longest=200) or call.parts.configuration().environment,
        previous=body.text("previous", longest=200),
        detail=body.text("detail"),
    )
    await up(call.parts.record_deployment)(deployment, call.caller.actor)
    return json_answer({"deployment": deployment_document(deployment)}, status=201)


async def audit(call: Call) -> web.Response:
    """The newest first."""
    return json_answer({"audit": audit_documents(await up(call.parts.audit).recent(rows_of(call, 100)))})


async def status(call: Call) -> web.Response:
    parts = call.parts
    configuration = parts.configuration()
    report = await parts.health(call.now)
    probing = parts.probing
    states = [probing.verdict(one.name).state for one in probing.checks] if probing is not None else []
    stats = await asyncio.to_thread(parts.samples.stats) if parts.samples is not None else NOTHING_STORED
    rules = parts.rules.status() if parts.rules is not None else ()
    active = [one for group in rules for rule in group.rules for one in rule.alerts]
    open_incidents = await parts.escalating.incidents(1_000, open_only=True) if parts.escalating is not None else ()
    document = {
        "version": parts.version,
        "environment": configuration.environment,
        "status": report.status.value,
        "ready": parts.ready(),
        "health": dict(report.document()),
        "started_at": instant(parts.started_at),
        "up": span(max(call.now - parts.started_at, 0)),
        "now": instant(call.now),
        "configuration_file": configuration.file,
        "checks": {state.value: states.count(state) for state in HealthState},
        "alerts": {word: sum(one.state.value == word for one in active) for word in ("pending", "firing")},
        "incidents": {"open": len(open_incidents)},
        "rule_groups": len(rules),
        "targets": len(parts.scraping.status()) if parts.scraping is not None else 0,
        "outbox": await parts.outbox.counts() if parts.outbox is not None else {},
        "storage": {
            "series": stats.series,
            "samples": stats.samples,
            "memory_bytes": stats.memory_bytes,
            "disk_bytes": stats.disk_bytes,
            "blocks": stats.blocks,
            "block_samples": stats.block_samples,
            "block_bytes": stats.block_bytes,
            "retention": span(configuration.storage.retention),
            "out_of_order_time_window": span(configuration.storage.out_of_order_time_window),
        },
        "caller": {"name": call.caller.name, "role": call.caller.role.value},
    }
    return json_answer(document)


async def try_receiver(call: Call) -> web.Response:
    """Through the whole way of a page; what became of it at each integration."""
    body = await read_body(call, ("annotations", "labels", "templates"))
    trial = Trial(labels=body.pairs("labels"), annotations=body.pairs("annotations"), templates=body.pairs("templates"))
    receiver = call.path("name")
    results = await up(call.parts.try_receiver)(receiver, trial, call.caller.actor)
    told = [{"integration": str(one.destination), "good": one.good, "detail": one.detail} for one in results]
    return json_answer({"receiver": receiver, "results": told})


ROUTES: Final = (
    Route(method="GET", path="/api/watchkeeper/v1/deployments", handler=deployments),
    Route(method="POST", path="/api/watchkeeper/v1/deployments", handler=deploy, role=Role.RESPONDER, changes=True),
    Route(method="GET", path="/api/watchkeeper/v1/audit", handler=audit),
    Route(method="GET", path="/api/watchkeeper/v1/status", handler=status),
    Route(
        method="POST",
        path="/api/watchkeeper/v1/receivers/{name}/test",
        handler=try_receiver,
        role=Role.ADMIN,
        changes=True,
    ),
)
