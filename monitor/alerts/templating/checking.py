"""What can be known of notification templates before there is an alert: that they parse, and that what they call exists.

Go finds a template that nobody defined only when it is executed, which is when somebody should be told. A call that stands
where it is never reached is doubtful as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from monitor.alerts.templating.options import FieldTemplate
from monitor.alerts.templating.renderer import TemplateLibrary, empty_set
from monitor.gotemplate.template import TemplateSet
from monitor.model.errors import TemplateError
from monitor.model.labels import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Dangling:
    """A call of a template that nobody defines."""

    file: str
    """The name of the file in which it stands; empty for a field."""
    line: int
    column: int
    """Both from 1."""
    name: str

    @property
    def problem(self) -> str:
        return f"template {quote(self.name)} not defined"


def dangling(among: TemplateSet, *names: str) -> Iterator[Dangling]:
    """Calls of nothing in the templates of these names, or in all."""
    for definition, call in among.calls_of_templates(*names):
        if call.name not in among.definitions:
            line, column = definition.position(call.at)
            yield Dangling(file=definition.file, line=line, column=column + 1, name=call.name)


@dataclass(frozen=True, slots=True)
class TemplateChecks:
    """What is wrong with texts that use the named templates of a configuration."""

    _library: TemplateLibrary
    _known: dict[tuple[str, bool], tuple[str, ...]] = field(default_factory=dict[tuple[str, bool], tuple[str, ...]])
    """What was found: most receivers share the named defaults."""

    @classmethod
    def over(cls, files: Sequence[tuple[str, str]]) -> TemplateChecks:
        """Names and texts of files that are known to parse."""
        named = empty_set()
        for name, text in files:
            named = named.parse(name, text)
        return cls(TemplateLibrary(named))

    def problems(self, template: FieldTemplate) -> tuple[str, ...]:
        """What is wrong with a field."""
        found: dict[str, None] = {}
        for text in _texts(template.source):
            key = (text, template.html)
            if key not in self._known:
                self._known[key] = tuple(self._problems(*key))
            found.update(dict.fromkeys(self._known[key]))
        return tuple(found)

    def _problems(self, text: str, html: bool) -> Iterator[str]:
        if "{{" not in text:
            return
        try:
            parsed = self._library.parsed(text)
        except TemplateError as error:
            yield str(error)
            return
        missing = list(dangling(parsed, ""))
        yield from (f"template: :{one.line}:{one.column}: {one.problem}" for one in missing)
        if html and not missing:
            try:
                self._library.document(text)
            except TemplateError as error:
                yield str(error)


def _texts(source: object) -> Iterator[str]:
    """The texts of a document, its keys among them."""
    if isinstance(source, str):
        yield source
    elif isinstance(source, Mapping):
        for key, value in cast("Mapping[object, object]", source).items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(source, Sequence) and not isinstance(source, bytes):
        for item in cast("Sequence[object]", source):
            yield from _texts(item)
