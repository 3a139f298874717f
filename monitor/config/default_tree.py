"""The default tree: the routing where no Alertmanager configuration is given, and how Alertmanager would print it.

One cause, one page. What is ill about a service belongs to one group, and so to one incident, whether a check or a scrape
saw it: alerts of checks leave the rules with the check's name as their `job` (`rules.leaving`), and a group is a job in an
environment. Within it the shipped alerts explain each other. A service that is down has no answers, no targets and no
database; whoever is told that it is down is not told of these as well. They join the incident, are shown with it, and wake
nobody, unless they go on when what explained them is over and nobody has taken the incident.

| while this fires        | these of the same service are explained by it                                                |
|-------------------------|----------------------------------------------------------------------------------------------|
| `ServiceDown`           | all below, and `ScrapeTargetsDown`, `DatabaseComponentDown`, `ServiceDegraded`, `InstanceDown` |
| `ScrapeTargetsDown`     | rates and latencies, which are then of the past, and `InstanceDown`                            |
| `DatabaseComponentDown` | failing and slow requests, pools that give no connections, `ServiceDegraded`                   |
| `ErrorRateHigh`         | `ErrorRateElevated`                                                                            |
| `DatabaseDown`          | what is slow or queues in that database, on the same instance                                  |

A cause is never taken for a symptom: a certificate, the CPU, memory and slow queries may be why a service is down, so they
are told beside it. And nothing explains `ServiceDown` itself: a service that was slow and is now gone is news.

An alert that is silenced, or in maintenance, explains nothing: whoever silenced a broken check has not asked to miss what
its service suffers from besides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.alerts.inhibition import InhibitRule
from monitor.alerts.routes import Route
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.printing import matcher_text, matchers_text
from monitor.model.labels import ALERT_NAME
from monitor.model.times import SECOND, format_duration

DEFAULT: Final = "default"
"""The receiver that hears of everything, and the policy of what is critical."""
PAGE: Final = "page"
"""The receiver that escalates."""

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
    down = ("ScrapeTargetsDown", "InstanceDown", "DatabaseComponentDown", "ComponentDegraded", "ServiceDegraded")
    return (
        _explains("ServiceDown", *down, *_REQUESTS),
        _explains("ScrapeTargetsDown", "InstanceDown", *_REQUESTS),
        _explains("DatabaseComponentDown", "ServiceDegraded", *_REQUESTS),
        _explains("ErrorRateHigh", "ErrorRateElevated"),
        _explains("DatabaseDown", *_QUERIES, equal=(*_SERVICE, "instance")),
    )


def _explains(cause: str, *symptoms: str, equal: tuple[str, ...] = _SERVICE) -> InhibitRule:
    return InhibitRule(
        name=f"{cause} explains it",
        sources=(Matcher(ALERT_NAME, MatchOp.EQUAL, cause), Matcher("job", MatchOp.NOT_EQUAL, "")),
        targets=(Matcher(ALERT_NAME, MatchOp.MATCHES, "|".join(symptoms)),),
        equal=equal,
        by_what_is_heard=True,
    )


def printed_tree(root: Route, receivers: Iterable[str], inhibit_rules: Iterable[InhibitRule]) -> str:
    """The tree, the receivers' names and the inhibition rules in Alertmanager's words, for clients that read its
    configuration. How a receiver is told is no business of theirs."""
    import yaml

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
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=False)


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
