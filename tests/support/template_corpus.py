"""Notification templates of our own writing, each a construct of the language: `notification_templates/*.txt`.

A case begins with `=== what it shows`, then options after bars: `html` (by html/template), `empty` (without alerts),
`expect: text` (what comes out; for what Debian's amtool is too old for), `differs: why` (amtool 0.25 gives something else,
and why). What a case shows ends in "fails" where the template must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from monitor.alerts.templating.data import Data
from monitor.alerts.templating.given import read_data
from monitor.alerts.templating.renderer import Rendering, TemplateLibrary

FOLDER = Path(__file__).parent / "notification_templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCase:
    name: str
    file: str
    template: str
    html: bool = False
    data: str = "two.json"
    expect: str | None = None
    differs: str = ""

    @property
    def fails(self) -> bool:
        return self.name.endswith((" fails", " fail"))

    def render(self) -> str:
        """By our engine. Raises TemplateError."""
        rendering = Rendering(TemplateLibrary(), data_of(self.data), 0)
        return (rendering.html if self.html else rendering.text)(self.template)


@cache
def data_of(name: str) -> Data:
    return read_data((FOLDER / name).read_text(encoding="utf-8"))


@cache
def template_cases() -> tuple[TemplateCase, ...]:
    return tuple(case for path in sorted(FOLDER.glob("*.txt")) for case in _read(path))


def _read(path: Path) -> Iterator[TemplateCase]:
    for part in path.read_text(encoding="utf-8").split("=== ")[1:]:
        head, _, template = part.partition("\n")
        name, *options = head.split(" | ")
        named = {key: text for key, colon, text in (option.partition(": ") for option in options) if colon}
        yield TemplateCase(
            name=name,
            file=path.name,
            template=template.removesuffix("\n"),
            html="html" in options,
            data="empty.json" if "empty" in options else "two.json",
            expect=named.get("expect"),
            differs=named.get("differs", ""),
        )
