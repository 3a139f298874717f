"""The question before a silence or maintenance window that mutes more than somebody may mean, at whichever door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from monitor.web.answers import UnconfirmedError
from monitor.web.parts import up
from monitor.web.routes import Call

if TYPE_CHECKING:
    from monitor.alerts.breadth import Bounds, Breadth
    from monitor.alerts.groups import AlertGroup
    from monitor.alerts.placement import Routing
    from monitor.matching.matchers import Matcher
    from monitor.model.times import Timestamp


async def breadth_of(call: Call, matcher_sets: Sequence[Sequence[Matcher]]) -> Breadth:
    """What these matchers concern now."""
    from monitor.alerts.breadth import breadth
    from monitor.alerts.standing import standing

    def look(groups: Mapping[str, AlertGroup], _: Routing, now: Timestamp) -> Breadth:
        return breadth(matcher_sets, (one for one in standing(groups, now) if not one.resolved(now)))

    return await up(call.parts.dispatcher).view(look)


def ask(found: Breadth, bounds: Bounds, *, what: str) -> None:
    """Raises UnconfirmedError when somebody should confirm it first."""
    from monitor.alerts.breadth import doubt

    if why := doubt(found, bounds):
        raise UnconfirmedError(f"this {what} {why}")


def breadth_document(found: Breadth) -> dict[str, object]:
    """What these matchers concern now, for callers."""
    return {"alerts": found.matched, "firing": found.firing, "names": [name for name, _ in found.names[:20]]}
