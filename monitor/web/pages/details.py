"""One incident and one check with all that is known, and the buttons' other end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from monitor.model.incidents import IncidentState
from monitor.model.times import spoken_duration
from monitor.web.own.bodies import Body
from monitor.web.own.documents import PHASES, next_by, shown_target
from monitor.web.own.incidents import perform
from monitor.web.pages.front import standing
from monitor.web.pages.history import strip, strips
from monitor.web.pages.layout import (
    TONES,
    Page,
    ago,
    button,
    labels,
    latency,
    moment,
    page_answer,
    section,
    short,
    state,
    table,
)
from monitor.web.pages.markup import Child, Html, join, tag, web_link
from monitor.web.parts import up
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.model.checks import Component, Outcome
    from monitor.model.incidents import Member, TimelineEntry
    from monitor.oncall.incident import Incident
    from monitor.state.outbox_store import Sent

_TONES: Final = {
    IncidentState.TRIGGERED: "bad",
    IncidentState.ACKNOWLEDGED: "warn",
    IncidentState.SNOOZED: "warn",
    IncidentState.RESOLVED: "good",
}


async def incident(call: Call) -> web.Response:
    from monitor.oncall.messages import headline

    shown = await up(call.parts.escalating).show(call.path("reference"))
    found = shown.incident
    sent = await up(call.parts.outbox).of_incident(found.id)
    tone = _TONES[found.state]

    def build() -> Page:
        title = headline(found)
        words = [
            tag("h1", f"#{found.number} {title}"),
            tag("p", tag("strong", found.state.value), " · ", standing(found, call)),
        ]
        body = [
            tag("div", words, class_=f"banner {tone}", role="status"),
            _actions(found),
            _members(found.members, call),
            _policy(found),
            _timeline(shown.timeline),
            _sent(sent),
            tag("footer", "As of ", moment(call.now), " UTC. Times are UTC."),
        ]
        return Page(title=f"#{found.number} {found.state.value}: {title} · Watchkeeper", tone=tone, body=body)

    return await page_answer(call, build)


async def check(call: Call) -> web.Response:
    probing = up(call.parts.probing)
    name = call.path("name")
    verdict, outcome = probing.verdict(name), probing.outcome(name)
    configured = next(one for one in probing.checks if one.name == name)
    tone = TONES[verdict.state]
    history = strips(up(call.parts.samples).view(), call.now, name)
    due = next_by(configured, outcome)
    facts: list[tuple[str, Child]] = [
        ("Target", shown_target(configured)),
        ("Kind", configured.kind),
        ("Since", moment(verdict.since or None)),
        ("Every", spoken_duration(configured.interval)),
        ("Next", short(due - call.now) if due is not None and due > call.now else "now"),
        (
            "In a row",
            f"{verdict.failures} {'failure' if verdict.failures == 1 else 'failures'} (unhealthy from {configured.failure_threshold})",
        ),
        ("Version", verdict.version),
        ("Last hour", strip(history.get(name))),
        ("Labels", labels(configured.labels)),
    ]

    def build() -> Page:
        words = [tag("h1", f"{name} is {verdict.state.value}"), tag("p", verdict.text)]
        body = [
            tag("div", words, class_=f"banner {tone}", role="status"),
            section("Check", tag("div", _facts(facts), class_="card")),
            _components(verdict.components) if verdict.components else None,
            _last(outcome) if outcome is not None else None,
            _pings(call, name),
        ]
        return Page(title=f"{name} {verdict.state.value} · Watchkeeper", tone=tone, body=body)

    return await page_answer(call, build)


async def act(call: Call, name: str) -> web.Response:
    """A form was sent; the browser goes back to where it came from."""
    form = await call.form()
    span, back = form.get("for", ""), form.get("back", "/")
    reference = call.path("reference")
    await perform(up(call.parts.escalating), call, name, reference, Body({"for": span}))
    here = back if back.startswith("/") and not back.startswith("//") and "\\" not in back else "/"
    return web.Response(status=303, headers={"Location": here if here.isprintable() and here.isascii() else "/"})


act_by_name = {
    name: partial(act, name=name) for name in ("acknowledge", "unacknowledge", "resolve", "escalate", "snooze")
}


def _actions(found: Incident) -> Html | None:
    if not found.state.is_open:
        return None
    number, back = str(found.number), f"/incidents/{found.number}"
    triggered = found.state is IncidentState.TRIGGERED
    return tag(
        "div",
        button(number, "acknowledge", "Acknowledge", back, first=True) if triggered else None,
        button(number, "unacknowledge", "Give back", back) if not triggered else None,
        button(number, "resolve", "Resolve", back),
        button(number, "snooze", "Snooze 1 h", back, span="1h"),
        button(number, "escalate", "Escalate now", back),
        class_="actions",
    )


def _members(members: tuple[Member, ...], call: Call) -> Html:
    from monitor.oncall.membership import why_quiet

    rows = [
        tag(
            "tr",
            tag("td", state("bad" if one.firing else "good", "firing" if one.firing else "over"), class_="tight"),
            tag(
                "td",
                tag("strong", one.name),
                " ",
                labels(one.labels),
                [
                    tag("div", text)
                    for text in (one.annotations.get("summary"), one.annotations.get("description"))
                    if text
                ],
                [tag("div", f"muted: {text}", class_="soft") for _, text in why_quiet(one, members)],
                class_="wide fill",
            ),
            tag("td", f"{one.value:.6g}" if one.value is not None else "", class_="num"),
            tag("td", ago(one.starts_at, call.now), class_="num"),
            tag(
                "td",
                web_link("Runbook", url) if (url := one.annotations.get("runbook_url", "")) else "",
                class_="tight",
            ),
        )
        for one in members
    ]
    heads = [("State", ""), ("Alert", ""), ("Value", "num"), ("Since", "num"), ("", "")]
    return section("Alerts", table(heads, rows), count=len(members))


def _policy(found: Incident) -> Html:
    policy = found.pinned.policy
    steps = [
        tag(
            "li",
            ", ".join(str(target) for target in step.notify),
            f" after {spoken_duration(step.after)}" if step.after else " at once",
            ", taken" if place <= found.step else None,
            class_="next" if place == found.step + 1 and found.state.is_open else None,
        )
        for place, step in enumerate(policy.steps)
    ]
    return section(f"Policy {policy.name}", tag("div", tag("ol", steps, class_="steps"), class_="card"))


def _timeline(entries: Sequence[TimelineEntry]) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", moment(one.at), class_="tight soft"),
            tag("td", one.kind, class_="tight"),
            tag("td", one.text, class_="wide fill"),
            tag("td", one.actor, class_="soft"),
        )
        for one in reversed(entries)
    ]
    return section("Timeline", table([("When", ""), ("What", ""), ("", ""), ("Who", "")], rows))


def _sent(sent: Sequence[Sent]) -> Html:
    tones = {"sent": "good", "failed": "bad", "unknown": "warn"}
    rows = [
        tag(
            "tr",
            tag("td", state(tones.get(one.state.value, "none"), one.state.value), class_="tight"),
            tag("td", str(one.destination), class_="tight"),
            tag("td", one.kind.value, class_="tight"),
            tag("td", moment(one.finished_at or one.created_at), class_="tight soft"),
            tag("td", f"{one.attempts}", class_="num"),
            tag("td", one.error, class_="wide fill soft"),
        )
        for one in reversed(sent)
    ]
    if not rows:
        return section("Notifications", tag("div", "None were sent.", class_="card empty"))
    heads = [("State", ""), ("To", ""), ("What", ""), ("When", ""), ("Attempts", "num"), ("Error", "")]
    return section("Notifications", table(heads, rows))


def _components(components: Sequence[Component]) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", state(TONES[one.state], one.state.value), class_="tight"),
            tag("td", one.name),
            tag("td", one.text, class_="fill"),
        )
        for one in components
    ]
    return section("Components", table([("State", ""), ("Component", ""), ("It says", "")], rows))


def _last(outcome: Outcome) -> Html:
    phases = ", ".join(f"{name} {latency(value)}" for name in PHASES if (value := float(getattr(outcome, name))))
    facts: list[tuple[str, Child]] = [
        ("When", moment(outcome.started)),
        ("Result", state(TONES[outcome.state], outcome.state.value)),
        ("Why", outcome.text),
        ("Took", latency(outcome.took)),
        ("Phases", phases),
        ("Status", str(outcome.status_code) if outcome.status_code else ""),
        ("Certificate until", moment(outcome.tls_facts.earliest_expiry if outcome.tls_facts is not None else None)),
    ]
    return section("Last attempt", tag("div", _facts(facts), class_="card"))


def _pings(call: Call, name: str) -> Html | None:
    kept = call.parts.pings.get(name)
    if not kept:
        return None
    entries = [
        tag(
            "div",
            tag("dl", tag("dt", moment(one.at)), tag("dd", one.kind, f" {one.what}" if one.what else None)),
            tag("pre", one.log) if one.log else None,
            class_="card",
        )
        for one in kept
    ]
    return section("Pings", entries)


def _facts(facts: Sequence[tuple[str, Child]]) -> Html:
    return tag("dl", [join([tag("dt", name), tag("dd", value)]) for name, value in facts if value])
