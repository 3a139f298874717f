"""The default tree: the routing where no Alertmanager configuration is given, and how Alertmanager would print it.

One cause, one page. What is ill about a service belongs to one group, and so to one incident, whether a check or a scrape
saw it: alerts of checks leave the rules with the check's name as their `job` (`rules.leaving`), and a group is a job in an
environment. Within it the shipped alerts explain each other. A service that is down has no answers, no targets and no
database; whoever is told that it is down is not told of these as well. They join the incident, are shown with it, and wake
nobody, unless they go on when what explained them is over and nobody has taken the incident.

| while this fires        | these of the same service are explained by it                                                |
|-------------------------|----------------------------------------------------------------------------------------------|
| `ServiceDown`           | all below but queries, `ScrapeTargetsDown`, `DatabaseComponentDown`, `ServiceDegraded`, `InstanceDown` |
| `ScrapeTargetsDown`     | rates and latencies, which are then of the past, and `InstanceDown`                            |
| `DatabaseComponentDown` | failing and slow requests, pools that give no connections, `ServiceDegraded`                   |
| `ErrorRateHigh`         | `ErrorRateElevated`                                                                            |
| `DatabaseDown`          | what is slow or queues in that database, on the same instance                                  |

A cause is never taken for a symptom: a certificate, the CPU, memory and slow queries may be why a service is down, so they
are told beside it. And nothing explains `ServiceDown` itself: a service that was slow and is now gone is news.

Nothing hides behind less than a page: only what is critical explains. Nor behind another part of the service: what a check
sees ill in its answer is explained by the same check only, and what all of the service suffers, its targets and requests, only
by the check that bears the service's name. A second check that shares a job by its labels may watch a side door.

An alert that is silenced, or in maintenance, explains nothing: whoever silenced a broken check has not asked to miss what
its service suffers from besides.

Nor does one explain what begins more than a quarter of an hour after it (`_WITHIN`). What a cause does it does within
minutes; a database that is away since yesterday, which the service did without, is not why its requests fail today, or has
become so, and whoever acknowledged it then sleeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from monitor.alerts.inhibition import InhibitRule
from monitor.alerts.routes import Route
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.printing import matcher_text, matchers_text
from monitor.model.labels import ALERT_NAME
from monitor.model.times import MINUTE, SECOND, Millis, format_duration

DEFAULT: Final = "default"
"""The receiver that hears of everything, and the policy of what is critical."""
PAGE: Final = "page"
"""The receiver that escalates."""

_UNSAID: Final = """\
# Alertmanager has no words for this: here only sources that are neither silenced nor in maintenance inhibit, those of a
# check inhibit what has no check only if the check has the name of its job, and none inhibits what begins 15m after it.
"""
_WITHIN: Final[Millis] = 15 * MINUTE
"""The slowest shipped symptom looks at five minutes and waits for one."""
_SERVICE: Final = ("job", "environment")
_REQUESTS: Final = ("ErrorRateHigh", "ErrorRateElevated", "LatencyHigh", "DatabasePoolTimeouts")
_QUERIES: Final = ("DatabasePoolQueue", "PostgresLongQuery", "PostgresSlowQueries", "MysqlSlowQueries")


def default_tree(pages: bool) -> Route:
    """Critical alerts open incidents at once, if this environment pages; everything else is told after half a minute."""
    group_by = frozenset(_SERVICE)
    critical = (Matcher("severity", MatchOp.EQUAL, "critical"),)
    page = Route(
        receiver=PAGE,
        key=f"{{}}/{matchers_text(critical)}",
        id=f"{{}}/{matchers_text(critical)}/0",
        matchers=critical,
        group_by=group_by,
        group_wait=0,
    )
    return Route(receiver=DEFAULT, group_by=group_by, group_wait=30 * SECOND, children=(page,) if pages else ())


def default_inhibit_rules() -> tuple[InhibitRule, ...]:
    """Which of the shipped alerts explains which."""
    return (
        _check_explains("ServiceDown", "DatabaseComponentDown", "ComponentDegraded", "ServiceDegraded"),
        _main_check_explains("ServiceDown", "ScrapeTargetsDown", "InstanceDown", *_REQUESTS),
        _explains("ScrapeTargetsDown", "InstanceDown", *_REQUESTS),
        _check_explains("DatabaseComponentDown", "ServiceDegraded"),
        _main_check_explains("DatabaseComponentDown", *_REQUESTS),
        _explains("ErrorRateHigh", "ErrorRateElevated"),
        _explains("DatabaseDown", *_QUERIES, equal=(*_SERVICE, "instance")),
    )


def _explains(cause: str, *symptoms: str, equal: tuple[str, ...] = _SERVICE) -> InhibitRule:
    return InhibitRule(
        name=f"{cause} explains it",
        sources=(
            Matcher(ALERT_NAME, MatchOp.EQUAL, cause),
            Matcher("severity", MatchOp.EQUAL, "critical"),
            Matcher("job", MatchOp.NOT_EQUAL, ""),
        ),
        targets=(Matcher(ALERT_NAME, MatchOp.MATCHES, "|".join(symptoms)),),
        equal=equal,
        by_what_is_heard=True,
        within=_WITHIN,
    )


def _check_explains(cause: str, *symptoms: str) -> InhibitRule:
    """What the same check sees."""
    rule = _explains(cause, *symptoms, equal=(*_SERVICE, "check"))
    return replace(rule, sources=(*rule.sources, Matcher("check", MatchOp.NOT_EQUAL, "")))


def _main_check_explains(cause: str, *symptoms: str) -> InhibitRule:
    """What all of the service suffers: only where the check that saw the cause bears the service's name."""
    return replace(_explains(cause, *symptoms), alike=("check", "job"))


def printed_tree(root: Route, receivers: Iterable[str], inhibit_rules: Iterable[InhibitRule]) -> str:
    """The tree, the receivers' names and the inhibition rules in Alertmanager's words, for clients that read its
    configuration. How a receiver is told is no business of theirs, and a comment says what these words cannot."""
    import yaml

    inhibit_rules = tuple(inhibit_rules)
    document = {
        "route": _printed(root),
        "receivers": [{"name": name} for name in receivers],
        "inhibit_rules": [
            {
                "source_matchers": [matcher_text(one) for one in rule.sources],
                "target_matchers": [matcher_text(one) for one in rule.targets],
                "equal": list(rule.equal),
            }
            for rule in inhibit_rules
        ],
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return _UNSAID + text if any(rule.by_what_is_heard for rule in inhibit_rules) else text


def _printed(route: Route) -> dict[str, object]:
    found: dict[str, object] = {"receiver": route.receiver, "group_by": sorted(route.group_by)}
    if route.matchers:
        found["matchers"] = [matcher_text(one) for one in route.matchers]
    found |= {
        name: format_duration(span)
        for name, span in (
            ("group_wait", route.group_wait),
            ("group_interval", route.group_interval),
            ("repeat_interval", route.repeat_interval),
        )
    }
    if route.children:
        found["routes"] = [_printed(child) for child in route.children]
    return found
