"""Warnings and infos: what a query's author should know although there is an answer.

A text is `PromQL warning: ... (line:column)` or `PromQL info: ...`, as the HTTP API shows it; the place is that of the
expression it is about. Source of the wording: prometheus util/annotations/annotations.go.
"""

from __future__ import annotations

from monitor.promql.nodes import Expr
from monitor.promql.quoting import bytes_of

WARNING = "PromQL warning: "
INFO = "PromQL info: "


class Annotations:
    """Collects texts, each once, in the order of coming up."""

    def __init__(self, text: str) -> None:
        self._data = bytes_of(text)
        self._texts: dict[str, None] = {}

    def warn(self, message: str, node: Expr) -> None:
        self._texts[f"{WARNING}{message} ({self._place(node)})"] = None

    def inform(self, message: str, node: Expr) -> None:
        self._texts[f"{INFO}{message} ({self._place(node)})"] = None

    def texts(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def _place(self, node: Expr) -> str:
        before = self._data[: node.start]
        return f"{before.count(chr(10)) + 1}:{node.start - before.rfind(chr(10))}"
