"""The templated options of integrations, as texts that go with a message.

Each integration names its options (`title`, `fields.0.value`); here they become texts at the moment of the decision, so that
what is stored is complete and a later attempt says the same. An option that is a document (a webhook's payload, PagerDuty's
details) becomes JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from monitor.alerts.templating.data import KV, data_of
from monitor.alerts.templating.options import FieldTemplate, NotificationTemplates
from monitor.alerts.templating.payloads import filled
from monitor.alerts.templating.renderer import Rendering, TemplateLibrary, empty_set
from monitor.gotemplate.gojson import json_text
from monitor.model.errors import TemplateError
from monitor.model.labels import Labels
from monitor.model.notifications import Destination, Message


class TemplatedFields:
    """`messages.Fields` over a configuration's templates. The named ones are parsed when the first message asks for them."""

    __slots__ = ("_library", "_parse", "_templates")

    def __init__(self, templates: NotificationTemplates, parse: Callable[[str], object]) -> None:
        """`parse` reads a YAML text, for documents; it raises ValueError."""
        self._templates = templates
        self._parse = parse
        self._library: TemplateLibrary | None = None

    def __repr__(self) -> str:
        return f"TemplatedFields({len(self._templates.fields)} integrations)"

    def render(self, destination: Destination, message: Message) -> Mapping[str, str]:
        """See `messages.Fields`."""
        wanted = self._templates.fields.get(destination)
        if not wanted:
            return {}
        rendering = Rendering(self._parsed(), data_of(message), message.at)
        return {name: self._named(name, rendering, template) for name, template in wanted.items()}

    def some(self, destination: Destination, message: Message, names: frozenset[str]) -> Mapping[str, str]:
        """The options with these names, or below them. One that fails is left out."""
        wanted = self._templates.fields.get(destination, {})
        chosen = {name: template for name, template in wanted.items() if name.partition(".")[0] in names}
        found: dict[str, str] = {}
        if chosen:
            rendering = Rendering(self._parsed(), data_of(message), message.at)
            for name, template in chosen.items():
                with suppress(TemplateError, ValueError):
                    found[name] = self._one(rendering, template)
        return found

    def route_labels(self, templates: Sequence[tuple[str, str]], message: Message) -> Labels:
        """See `messages.Fields`. Labels may refer to each other (`routeLabels`)."""
        dot = replace(data_of(message), route_labels=KV(templates))
        rendering = Rendering(self._parsed(), dot, message.at, route_labels_rendered=False)
        found: dict[str, str] = {}
        for name, template in templates:
            try:
                found[name] = rendering.text(template)
            except TemplateError as error:
                raise TemplateError(f"route label {name}: {error}") from error
        return Labels(found)

    def text(self, template: str, message: Message) -> str:
        """A single template over the message. Raises TemplateError."""
        return Rendering(self._parsed(), data_of(message), message.at).text(template)

    def _named(self, name: str, rendering: Rendering, template: FieldTemplate) -> str:
        try:
            return self._one(rendering, template)
        except (TemplateError, ValueError) as error:  # the latter of what JSON cannot say
            raise TemplateError(f"{name}: {error}") from error

    def _one(self, rendering: Rendering, template: FieldTemplate) -> str:
        if template.document:
            return json_text(filled(template.source, rendering.text, self._parse))
        return (rendering.html if template.html else rendering.text)(str(template.source))

    def _parsed(self) -> TemplateLibrary:
        library = self._library
        if library is None:
            named = empty_set()
            for name, text in self._templates.files:
                named = named.parse(name, text)
            library = self._library = TemplateLibrary(named)
        return library
