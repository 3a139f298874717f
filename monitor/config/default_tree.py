"""The default tree: the routing where no Alertmanager configuration is given, and how Alertmanager would print it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monitor.alerts.routes import Route
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.printing import matcher_text, matchers_text
from monitor.model.times import SECOND, format_duration

DEFAULT: Final = "default"
"""The receiver that hears of everything, and the policy of what is critical."""
PAGE: Final = "page"
"""The receiver that escalates."""


def default_tree(pages: bool) -> Route:
    """Critical alerts open incidents at once, if this environment pages; everything else is told after half a minute."""
    # One incident a service: what is ill about it belongs together, and another alert joins instead of paging again.
    group_by = frozenset({"check", "job", "environment"})
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


def printed_tree(root: Route, receivers: Iterable[str]) -> str:
    """The tree and the receivers' names in Alertmanager's words, for clients that read its configuration. How a receiver is
    told is no business of theirs."""
    import yaml

    document = {"route": _printed(root), "receivers": [{"name": name} for name in receivers]}
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
