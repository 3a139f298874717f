"""What health bodies say, whatever dialect they speak.

The dialect is recognised by the body, so the user configures nothing. Transport and HTTP status have decided before; a
body can only make the state worse, and it is believed when it does: a service that answers 200 with `DOWN` is down. A
word that is not known counts as healthy and sets `unparsed`. Frameworks that compute a total of their own (actuator,
health+json, ASP.NET, MicroProfile, terminus) are believed in their total; in hand-made bodies a failed component makes
the whole degraded. A component that the user requires makes it unhealthy in every dialect.

Bodies are hostile until read: at most 64 components beside the required ones, three levels, 256 kB.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final, cast

from monitor.model.checks import NO_READING, BodyReading, Component, HealthState
from monitor.probe.answers import NOT_JSON, Answer
from monitor.probe.frameworks import CONTAINERS, DIALECTS, STATUS_KEYS, Document
from monitor.probe.words import MOST_COMPONENTS, clean_name, clean_text, state_of, version_in

_FAILURES_ONLY: Final = frozenset({"hellofresh"})
"""Dialects whose healthy answers name no components."""


def read_body(answer: Answer, *, required: Collection[str] = frozenset()) -> BodyReading:
    """What the body says. It never raises, whatever the body holds.

    A required component that the answer does not name is as good as down: whoever requires it wants to hear of it, also
    when the answer is another page or another service. Where a healthy answer names nothing at all (`ok`, or a total
    alone) it is degraded, since nobody can tell; where a dialect names failures only, silence is health."""
    reading = _read(answer, required)
    named = {component.name for component in reading.components}
    missing = sorted(name for name in required if name not in named and not _mentioned(answer.json, name))
    if not missing or reading.dialect in _FAILURES_ONLY:
        return reading
    text = f"required component {', '.join(missing)} is not in the answer"
    if not reading.components and reading.dialect != "none" and reading.state is not HealthState.UNHEALTHY:
        return replace(reading, state=HealthState.DEGRADED, text=f"{text}, which names no components")
    return replace(
        reading,
        state=HealthState.UNHEALTHY,
        text=f"{reading.text}; {text}" if reading.state is HealthState.UNHEALTHY and reading.text else text,
    )


def _mentioned(document: object, name: str) -> bool:
    """Is it there, though with a word whose meaning is not known?"""
    if not isinstance(document, dict):
        return False
    fields = cast("Document", document)
    places = (fields, *(fields[key] for key in CONTAINERS if isinstance(fields.get(key), dict)))
    return any(clean_name(key) == name for place in places for key in cast("Document", place))


def _read(answer: Answer, required: Collection[str]) -> BodyReading:
    if not answer.body.strip():
        return NO_READING
    content_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    document = answer.json
    if isinstance(document, dict):
        return _read_document(cast("Document", document), content_type, required)
    if document is NOT_JSON:
        return _read_text(answer, content_type, required)
    state = state_of(document)
    if state is None:
        return BodyReading(dialect="none", unparsed=True)
    return _concluded("plain", state, clean_text(document), (), required, totals=True)


def _read_document(document: Document, content_type: str, required: Collection[str]) -> BodyReading:
    for dialect in DIALECTS:
        if dialect.detect(document, content_type):
            state, components = dialect.read(document)
            listed = _first(components, required)
            reading = _concluded(
                dialect.name, state, _said(document), listed, required, totals=dialect.totals and state is not None
            )
            return replace(reading, version=version_in(document))
    return BodyReading(dialect="none", unparsed=True, version=version_in(document))


def _concluded(
    name: str,
    state: HealthState | None,
    said: str,
    components: tuple[Component, ...],
    required: Collection[str],
    *,
    totals: bool,
) -> BodyReading:
    worst = state or HealthState.HEALTHY
    for component in components:
        if component.state.rank and component.name in required:
            limit = component.state
        elif component.state.rank and not totals:
            limit = HealthState.DEGRADED
        else:
            continue
        if limit.rank > worst.rank:
            worst = limit
    bad = [f"{part.name}: {part.text or part.state.value}" for part in components if part.state.rank]
    text = ""
    if worst.rank:
        text = f"body says {said!r}" if said and state is not None and state.rank else f"body says {worst.value}"
        if bad:
            text += f" ({', '.join(bad[:3])}{', …' if len(bad) > 3 else ''})"
    return BodyReading(
        dialect=name, state=worst, components=components, unparsed=state is None and not components, text=text
    )


def _said(document: Document) -> str:
    return next((clean_text(document[key]) for key in STATUS_KEYS if key in document), "")


def _first(components: Iterable[Component], required: Collection[str]) -> tuple[Component, ...]:
    """The first 64, each name once, and those that are required."""
    found: dict[str, Component] = {}
    for component in components:
        if (
            component.name
            and component.name not in found
            and (len(found) < MOST_COMPONENTS or component.name in required)
        ):
            found[component.name] = component
    return tuple(found.values())


# -- plain text and Kubernetes -----------------------------------------------------------------------------------------


def _read_text(answer: Answer, content_type: str, required: Collection[str]) -> BodyReading:
    text = answer.text.strip()
    if text.startswith(("[+]", "[-]")):
        return _read_kubernetes(text, required)
    if len(text) <= 64 and "<" not in text:
        state = state_of(text) or state_of(text.partition("\n")[0].partition(":")[0])
        if state is not None:
            return _concluded("plain", state, clean_text(text), (), required, totals=True)
    return BodyReading(dialect="none", unparsed="html" not in content_type)


def _read_kubernetes(text: str, required: Collection[str]) -> BodyReading:
    """`[+]ping ok`, `[-]etcd failed: reason withheld`, and a last line. Source: kubernetes.io, API health endpoints."""
    components: list[Component] = []
    passed: bool | None = None
    for line in text.split("\n", 2 * MOST_COMPONENTS)[: 2 * MOST_COMPONENTS]:
        mark, rest = line[:3], line[3:].strip()
        name, _, words = rest.partition(" ")
        if mark == "[+]":
            components.append(Component(clean_name(name), HealthState.HEALTHY, clean_text(words)))
        elif mark == "[-]":
            components.append(Component(clean_name(name), HealthState.UNHEALTHY, clean_text(words)))
        elif "check passed" in line:
            passed = True
        elif "check failed" in line:
            passed = False
    listed = _first(components, required)
    total = None if passed is None else HealthState.HEALTHY if passed else HealthState.UNHEALTHY
    return _concluded("kubernetes", total, "check failed", listed, required, totals=False)
