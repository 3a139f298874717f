"""Checks: how each is, why, and a probe out of turn."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from monitor.model.checks import Check, Outcome, Verdict
from monitor.web.access import Role
from monitor.web.answers import built_answer, json_answer
from monitor.web.own.bodies import read_body
from monitor.web.own.documents import check_details, check_document
from monitor.web.own.pings import log_documents, probing_of
from monitor.web.routes import Call, Route


async def checks(call: Call) -> web.StreamResponse:
    """The worst first, then by name."""
    probing = call.parts.probing
    found: list[tuple[Check, Verdict, Outcome | None]] = []
    if probing is not None:
        found = [(one, probing.verdict(one.name), probing.outcome(one.name)) for one in probing.checks]

    def build() -> object:
        found.sort(key=lambda one: (-one[1].state.rank, one[0].name))
        return {"checks": [check_document(*one) for one in found]}

    return await built_answer(call.request, build, len(found))


async def check(call: Call) -> web.Response:
    name = call.path("name")
    probing = probing_of(call.parts, name)
    verdict, outcome = probing.verdict(name), probing.outcome(name)
    configured = next(one for one in probing.checks if one.name == name)
    document = check_details(configured, verdict, outcome)
    return json_answer({"check": {**document, "pings": log_documents(call.parts, name)}})


async def probe(call: Call) -> web.Response:
    """The attempt goes on after the answer."""
    await read_body(call, ())
    name = call.path("name")
    probing_of(call.parts, name).probe_now(name)
    return json_answer({"message": f"a probe of {name} is under way"}, status=202)


ROUTES: Final = (
    Route(method="GET", path="/api/watchkeeper/v1/checks", handler=checks),
    Route(method="GET", path="/api/watchkeeper/v1/checks/{name}", handler=check),
    Route(
        method="POST",
        path="/api/watchkeeper/v1/checks/{name}/probe",
        handler=probe,
        role=Role.RESPONDER,
        changes=True,
    ),
)
