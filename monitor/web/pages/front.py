"""The front page: how everything is, what is open, what fires, what is silenced, each check, what was deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web

from monitor.model.alerts import AlertState
from monitor.model.checks import HealthState
from monitor.model.incidents import IncidentState, Severity
from monitor.model.times import DAY
from monitor.web.own.alerts import pushed_alerts
from monitor.web.own.documents import next_step_at, shown_target
from monitor.web.pages.history import Strips, strip, strips
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
from monitor.web.pages.markup import Html, join, tag, web_link
from monitor.web.pages.silences import active_silences, silences_section, windows_at_hand, windows_section
from monitor.web.parts import up
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.alerts.groups import AlertGroup
    from monitor.config.configuration import Configuration
    from monitor.model.changes import Deployment
    from monitor.model.checks import Check, Outcome, Verdict
    from monitor.model.labels import Labels
    from monitor.model.times import Timestamp
    from monitor.oncall.incident import Incident
    from monitor.rules.states import ActiveAlert

_MOST_CHECKS: Final = 300
_MOST_ALERTS: Final = 100
_MOST_INCIDENTS: Final = 50
_DEPLOYMENTS: Final = 8
_SHOWN_ALERTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overall:
    """The answer to the only question of the first second."""

    tone: str
    title: str
    text: str


async def front(call: Call) -> web.Response:
    parts = call.parts
    report = await parts.health(call.now)
    probing = up(parts.probing)
    checks = [(one, probing.verdict(one.name), probing.outcome(one.name)) for one in probing.checks]
    rules = parts.rules.status() if parts.rules is not None else ()
    own = [one for group in rules for rule in group.rules for one in rule.alerts]
    groups = await parts.alerts.groups() if parts.alerts is not None else ()
    configuration = parts.configuration()
    incidents: Sequence[Incident] = ()
    if parts.escalating is not None:
        incidents = await parts.escalating.incidents(_MOST_INCIDENTS, open_only=True)
    deployments: Sequence[Deployment] = ()
    if parts.audit is not None:
        deployments = await parts.audit.deployments(call.now - 7 * DAY, _DEPLOYMENTS)
    silences = await active_silences(call)
    windows = await windows_at_hand(call)
    view = up(parts.samples).view()
    ready = parts.ready()

    def build() -> Page:
        checks.sort(key=_urgency)
        alerts = _all_alerts(own, groups, configuration, call.now)
        alerts.sort(key=lambda one: (one.state is not AlertState.FIRING, -_severity(one).rank, one.since))
        overall = _overall(report.status, checks, alerts, incidents, ready=ready)
        words = [tag("h1", overall.title), tag("p", overall.text)]
        body = [
            tag("div", words, class_=f"banner {overall.tone}", role="status"),
            _itself(report.status, dict(report.document())),
            _incidents(incidents, call) if incidents or ready else None,
            _alerts(alerts, call) if alerts else None,
            silences_section(silences) if silences else None,
            windows_section(windows) if windows else None,
            _checks(checks, strips(view, call.now), call),
            _deployments(deployments, call) if deployments else None,
            tag("footer", "As of ", moment(call.now), " UTC. Renews itself every 15 seconds."),
        ]
        return Page(title=f"{overall.title} · Watchkeeper", tone=overall.tone, body=body)

    return await page_answer(call, build)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alert:
    """One of our own rules, or one that somebody pushed."""

    labels: Labels
    annotations: Labels
    state: AlertState
    since: Timestamp
    value: float | None


def _all_alerts(
    own: Sequence[ActiveAlert], groups: Sequence[AlertGroup], configuration: Configuration, now: Timestamp
) -> list[_Alert]:
    ruled = {leaves.fingerprint for one in own if (leaves := configuration.leaves_as(one.labels)) is not None}
    found = [
        _Alert(labels=one.labels, annotations=one.annotations, state=one.state, since=one.active_at, value=one.value)
        for one in own
    ]
    return found + [
        _Alert(
            labels=one.labels,
            annotations=one.annotations,
            state=AlertState.FIRING,
            since=one.starts_at,
            value=one.value,
        )
        for one in pushed_alerts(groups, ruled, now)
    ]


def _urgency(found: tuple[Check, Verdict, Outcome | None]) -> tuple[int, bool, bool, str]:
    check, verdict, _ = found
    return -verdict.state.rank, not verdict.pending, verdict.state is not HealthState.UNKNOWN, check.name


def _overall(
    own: HealthState,
    checks: Sequence[tuple[Check, Verdict, Outcome | None]],
    alerts: Sequence[_Alert],
    incidents: Sequence[Incident],
    *,
    ready: bool,
) -> _Overall:
    states = [verdict.state for _, verdict, _ in checks]
    down, degraded = states.count(HealthState.UNHEALTHY), states.count(HealthState.DEGRADED)
    waiting = [one for one in incidents if one.state is IncidentState.TRIGGERED]
    firing = sum(one.state is AlertState.FIRING for one in alerts)
    pending = len(alerts) - firing
    facts = [
        f"{states.count(HealthState.HEALTHY)} of {_counted(len(states), 'check')} healthy",
        f"{degraded} degraded" if degraded else "",
        f"{down} unhealthy" if down else "",
        f"{_counted(firing, 'alert')} firing",
        f"{pending} pending" if pending else "",
        f"{len(incidents) - len(waiting)} acknowledged or snoozed" if len(incidents) > len(waiting) else "",
    ]
    text = ", ".join(fact for fact in facts if fact) + "."
    if not ready:
        return _Overall(tone="warn", title="Starting", text=text)
    if own is HealthState.UNHEALTHY:
        return _Overall(tone="bad", title="Watchkeeper itself is unhealthy", text=text)
    if waiting:
        verb = "waits" if len(waiting) == 1 else "wait"
        return _Overall(tone="bad", title=f"{_counted(len(waiting), 'incident')} {verb} for somebody", text=text)
    if down:
        verb = "is" if down == 1 else "are"
        return _Overall(tone="bad", title=f"{_counted(down, 'check')} {verb} unhealthy", text=text)
    if incidents:
        return _Overall(tone="warn", title=f"{_counted(len(incidents), 'incident')} in hand", text=text)
    if firing:
        return _Overall(tone="warn", title=f"{_counted(firing, 'alert')} firing", text=text)
    if degraded or own is HealthState.DEGRADED:
        title = "Something is degraded" if degraded else "Watchkeeper itself is degraded"
        return _Overall(tone="warn", title=title, text=text)
    if not checks:
        return _Overall(tone="none", title="Nothing is being checked", text="Add a check to the configuration.")
    return _Overall(tone="good", title="All is well", text=text)


def _itself(own: HealthState, document: dict[str, object]) -> Html | None:
    if own is HealthState.HEALTHY:
        return None
    parts = document.get("parts")
    reasons = parts.items() if isinstance(parts, dict) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    facts = [(name, str(document.get(name))) for name in ("database", "cache") if document.get(name) != "connected"]
    rows = [*facts, *((str(name), str(why)) for name, why in reasons)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    body = tag("dl", [join([tag("dt", name), tag("dd", why)]) for name, why in rows])
    return section("Watchkeeper itself", tag("div", body, class_="card"))


def _incidents(incidents: Sequence[Incident], call: Call) -> Html:
    urgent_first = sorted(incidents, key=lambda one: (one.state is not IncidentState.TRIGGERED, -one.severity.rank))
    cards = [_incident(one, call) for one in urgent_first]
    nothing = tag("div", "No open incidents.", class_="card empty")
    return section("Open incidents", cards or nothing, count=len(incidents) or None)


def _incident(incident: Incident, call: Call) -> Html:
    from monitor.oncall.messages import headline

    number = str(incident.number)
    triggered = incident.state is IncidentState.TRIGGERED
    tone = "bad" if triggered and not incident.held else "warn"
    title = headline(incident)
    told = (one.annotations.get("summary", "") or str(one.labels.without("severity")) for one in incident.firing)
    names = [name for name in dict.fromkeys(told) if name != title]
    more = f" and {len(names) - _SHOWN_ALERTS} more" if len(names) > _SHOWN_ALERTS else ""
    actions = [
        button(number, "acknowledge", "Acknowledge", "/", first=True) if triggered else None,
        button(number, "resolve", "Resolve", "/"),
    ]
    body = tag(
        "div",
        tag("h3", tag("span", f"#{number} ", class_="no"), tag("a", title, href=f"/incidents/{number}")),
        tag("p", standing(incident, call)),
        tag("p", "; ".join(names[:_SHOWN_ALERTS]) + more) if names else None,
        class_="what",
    )
    return tag(
        "article", tag("div", body, tag("div", actions, class_="actions"), class_=f"incident {tone}"), class_="card"
    )


def standing(incident: Incident, call: Call) -> Html:
    """Severity, state, since when, and what comes next, in one line."""
    now = call.now
    end = now if incident.resolved_at is None else incident.resolved_at
    was = ", open for " if incident.resolved_at is None else ", was open for "
    facts: list[Html] = [join([incident.severity.value, was, ago(incident.opened_at, end)])]
    match incident.state:
        case IncidentState.ACKNOWLEDGED:
            facts.append(join([f"acknowledged by {incident.acked_by} ", ago(incident.acked_at, now), " ago"]))
        case IncidentState.SNOOZED:
            facts.append(join(["snoozed until ", moment(incident.snoozed_until), " UTC"]))
        case IncidentState.RESOLVED:
            facts.append(join([f"resolved{f' by {incident.resolved_by}' if incident.resolved_by else ''}"]))
        case IncidentState.TRIGGERED if incident.held:
            facts.append(join(["held while its alerts are muted"]))
        case IncidentState.TRIGGERED:
            told = ", ".join(dict.fromkeys(str(one) for one in incident.notified))
            facts.append(join([f"told: {told}" if told else "nobody was told yet"]))
    due = next_step_at(incident)
    if due is not None and incident.state is IncidentState.TRIGGERED:
        facts.append(join([_upcoming(incident), " in ", short(due - now) if due > now else "a moment"]))
    elif incident.waits_for and incident.state is IncidentState.TRIGGERED:
        facts.append(join([incident.waits_for]))
    return join(part for place, fact in enumerate(facts) for part in ((" · ", fact) if place else (fact,)))


def _upcoming(incident: Incident) -> str:
    steps = incident.pinned.policy.steps
    if incident.exhausted:
        return "next reminder"
    if incident.step + 1 < len(steps):
        names = ", ".join(target.name or str(target) for target in steps[incident.step + 1].notify)
        return f"step {incident.step + 2} of {len(steps)} ({names})"
    return "next round"


def _alerts(alerts: Sequence[_Alert], call: Call) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", _alert_state(one), class_="tight"),
            tag(
                "td",
                tag("strong", one.labels.get("alertname", "")),
                " ",
                labels(one.labels),
                tag("div", one.annotations.get("summary", "") or one.annotations.get("description", "")),
                class_="wide fill",
            ),
            tag("td", "" if one.value is None else f"{one.value:.6g}", class_="num"),
            tag("td", ago(one.since, call.now), class_="num"),
            tag("td", _runbook(one), class_="tight"),
        )
        for one in alerts[:_MOST_ALERTS]
    ]
    heads = [("State", ""), ("Alert", ""), ("Value", "num"), ("Since", "num"), ("", "")]
    rest = _rest(len(alerts), _MOST_ALERTS)
    return section("Alerts", table(heads, rows), rest, count=len(alerts))


def _alert_state(alert: _Alert) -> Html:
    if alert.state is AlertState.PENDING:
        return state("none", "pending")
    tone = "bad" if _severity(alert).rank >= Severity.ERROR.rank else "warn"
    return state(tone, alert.labels.get("severity", "") or "firing")


def _runbook(alert: _Alert) -> Html | None:
    url = alert.annotations.get("runbook_url", "") or alert.annotations.get("runbook", "")
    return web_link("Runbook", url) if url.startswith("http") else None


def _severity(alert: _Alert) -> Severity:
    return Severity.of(alert.labels.get("severity", ""))


def _checks(checks: Sequence[tuple[Check, Verdict, Outcome | None]], history: Strips, call: Call) -> Html:
    if not checks:
        return section("Checks", tag("div", "None are configured.", class_="card empty"))
    rows = [
        tag(
            "tr",
            tag("td", state(TONES[verdict.state], verdict.state.value), class_="tight"),
            tag(
                "td",
                tag("strong", tag("a", check.name, href=f"/checks/{quote(check.name, safe='')}")),
                tag("div", shown_target(check), class_="soft small"),
                class_="wide",
            ),
            tag("td", verdict.text, class_="wide"),
            tag("td", ago(verdict.since, call.now), class_="num"),
            tag("td", latency(outcome.took) if outcome is not None and outcome.took else "", class_="num"),
            tag("td", verdict.version, class_="tight hide"),
            tag("td", strip(history.get(check.name)), class_="hide"),
        )
        for check, verdict, outcome in checks[:_MOST_CHECKS]
    ]
    heads = [
        ("State", ""),
        ("Check", ""),
        ("Why", ""),
        ("Since", "num"),
        ("Latency", "num"),
        ("Version", "hide"),
        ("Last hour", "hide"),
    ]
    return section("Checks", table(heads, rows), _rest(len(checks), _MOST_CHECKS), count=len(checks))


def _deployments(deployments: Sequence[Deployment], call: Call) -> Html:
    rows = [
        tag(
            "tr",
            tag("td", ago(one.at, call.now), " ago", class_="tight"),
            tag("td", one.service or "all services", class_="tight"),
            tag("td", f"{one.previous} → " if one.previous else None, tag("strong", one.version), class_="wide fill"),
            tag("td", one.by, class_="soft tight"),
            tag("td", one.environment, class_="soft hide"),
        )
        for one in deployments
    ]
    heads = [("When", ""), ("Service", ""), ("Version", ""), ("By", ""), ("Environment", "hide")]
    return section("Recent deployments", table(heads, rows))


def _rest(found: int, shown: int) -> Html | None:
    return tag("p", f"{found - shown} more are not shown.", class_="soft") if found > shown else None


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
