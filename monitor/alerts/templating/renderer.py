"""Rendering the texts of one notification over the named templates of the configuration. Pure.

Texts are parsed once and remembered; a rendering is the dot, the instant and the route's labels over them. A failing
template raises, and whoever sends falls back to plain words: a broken template must not keep a page from anybody.
"""

from __future__ import annotations

from typing import Final

from monitor.alerts.templating.data import Data
from monitor.alerts.templating.functions import FUNCTION_NAMES, functions
from monitor.gotemplate.evaluation import Limits, MissingKey
from monitor.gotemplate.html import escaped
from monitor.gotemplate.template import TemplateSet
from monitor.model.errors import TemplateError
from monitor.model.labels import quote
from monitor.model.times import Timestamp

_TEXTS_REMEMBERED: Final = 512
_DEEPEST_LABEL: Final = 20
_LIMITS: Final = Limits()


class TemplateLibrary:
    """The named templates, and the texts that were rendered over them, parsed."""

    __slots__ = ("_documents", "_named", "_texts")

    def __init__(self, named: TemplateSet | None = None) -> None:
        self._named = named if named is not None else empty_set()
        self._texts: dict[str, TemplateSet] = {}
        self._documents: dict[str, TemplateSet] = {}

    def __repr__(self) -> str:
        return f"TemplateLibrary({len(self._named.definitions)} named, {len(self._texts)} texts)"

    def check(self, text: str) -> None:
        """Raises TemplateError for a text that is no template."""
        self.parsed(text)

    def parsed(self, text: str) -> TemplateSet:
        """The set with this text as the template without a name. Raises TemplateError."""
        found = self._texts.get(text)
        if found is None:
            found = self._named.parse("", text)
            if len(self._texts) >= _TEXTS_REMEMBERED:
                self._texts.clear()
            self._texts[text] = found
        return found

    def document(self, text: str) -> TemplateSet:
        """The same for html/template: what its actions give is escaped for the place. Raises TemplateError."""
        found = self._documents.get(text)
        if found is None:
            found = escaped(self.parsed(text), "")
            if len(self._documents) >= _TEXTS_REMEMBERED:
                self._documents.clear()
            self._documents[text] = found
        return found


def empty_set() -> TemplateSet:
    """No template yet; those that will be parsed into it may call Alertmanager's functions."""
    return TemplateSet.allowing(FUNCTION_NAMES)


class Rendering:
    """One notification's texts. `route_labels_rendered`: the labels of the route are texts already, not templates."""

    __slots__ = ("_data", "_functions", "_labels_rendered", "_library", "_under_way")

    def __init__(
        self, library: TemplateLibrary, data: Data | object, now: Timestamp, *, route_labels_rendered: bool = True
    ) -> None:
        self._library = library
        self._data = data
        self._labels_rendered = route_labels_rendered
        self._under_way: list[str] = []
        self._functions = functions(now=now, route_label=self._route_label)

    def text(self, template: str) -> str:
        """By text/template. Raises TemplateError."""
        return self._execute(template, html=False)

    def html(self, template: str) -> str:
        """By html/template: what actions give is escaped for its place. Raises TemplateError."""
        return self._execute(template, html=True)

    def _execute(self, template: str, *, html: bool) -> str:
        if "{{" not in template and not html:
            return template
        parsed = (self._library.document if html else self._library.parsed)(template)
        return parsed.execute(
            "",
            self._data,
            self._functions,
            missing_key=MissingKey.ZERO,
            limits=_LIMITS,
        )

    def _route_label(self, name: str) -> str:
        text = self._data.route_labels.get(name, "") if isinstance(self._data, Data) else ""
        if self._labels_rendered:
            return text
        if name in self._under_way or len(self._under_way) >= _DEEPEST_LABEL:
            raise ValueError(f"route label {quote(name)} refers to itself")
        self._under_way.append(name)
        try:
            return self.text(text)
        except TemplateError as error:
            raise ValueError(str(error)) from error
        finally:
            self._under_way.pop()
