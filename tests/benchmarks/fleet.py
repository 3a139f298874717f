"""The series of a fleet: ten thousand on a hundred nodes, as the measuring harness's w3 has them."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.model.labels import Labels

NODES = 100
SERVICES = 50
_BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "2", "5", "10", "+Inf")
_CODES = ("200", "201", "204", "301", "400", "404", "429", "500", "502", "503")


def series_of(node: int) -> Iterator[Labels]:
    """Counters, histograms and gauges of one node."""
    own = {"app": f"app{node % 5}", "node": f"n{node}"}
    for code in _CODES:
        yield Labels({"__name__": "requests_total", "service": f"s{node % SERVICES}", "code": code, **own})
    for place in range(9):
        for bound in _BOUNDS:
            service = f"s{(node + place) % SERVICES}"
            yield Labels({"__name__": "duration_seconds_bucket", "service": service, "le": bound, **own})
    yield Labels({"__name__": "up", **own})
    for number in range(4):
        yield Labels({"__name__": "cpu", "core": str(number), **own})
    for number in range(2):
        yield Labels({"__name__": "memory", "part": str(number), **own})
        yield Labels({"__name__": "disk_free", "part": str(number), **own})
