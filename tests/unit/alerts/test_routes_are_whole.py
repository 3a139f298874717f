"""A routing is asked from several threads: decisions on the database's, displays on the loop's."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.alerts.placement import Routing
from monitor.alerts.routes import Route

ASKED: list[Routing] = []
SEEN: list[set[str]] = []


class Watched(Route):
    """A root that lets somebody ask for the routes while they are being listed."""

    def walk(self) -> Iterator[Route]:
        for route in super().walk():
            yield route
            SEEN.extend(set(routing.routes()) for routing in ASKED)


def test_nobody_sees_a_part_of_the_routes() -> None:
    """A group under a route that is not seen would be taken for an orphan and retired."""
    children = tuple(Route(receiver="r", id=f"{{}}/{n}", key="{}") for n in range(3))
    root = Watched(receiver="r", id="{}", key="{}", children=children)
    ASKED.append(Routing(root=root, receivers={}))
    whole = {"{}", *(child.id for child in children)}
    assert set(ASKED[0].routes()) == whole
    assert all(part == whole for part in SEEN)
