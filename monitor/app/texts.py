"""Texts of notifications, with what they need from the configuration's room."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitor.alerts.templating.fields import NotificationTemplates, TemplatedFields
from monitor.model.errors import ConfigError
from monitor.model.notifications import Destination, Message


def parsed_document(text: str) -> object:
    """YAML as values; its package is imported with the first document that is a template. Raises ValueError."""
    from monitor.config.yamltree import natural, read

    try:
        return natural(read(text, "the rendered text").tree)
    except ConfigError as error:
        raise ValueError(str(error)) from error


class LateTexts:
    """Renders what is read at the moment of sending, over the named templates of the configuration in force."""

    def __init__(self, templates: Callable[[], NotificationTemplates]) -> None:
        self._templates = templates
        self._known: tuple[NotificationTemplates, TemplatedFields] | None = None

    def __repr__(self) -> str:
        return f"LateTexts({'in use' if self._known else 'not used yet'})"

    def __call__(self, template: str, message: Message) -> str:
        """Raises TemplateError."""
        return self._fields().text(template, message)

    def addresses(self, destination: Destination, message: Message, names: frozenset[str]) -> Mapping[str, str]:
        """See `monitor.notify.kinds.sending.Addresses`."""
        return self._fields().some(destination, message, names)

    def _fields(self) -> TemplatedFields:
        templates = self._templates()
        if self._known is None or self._known[0] is not templates:
            self._known = (templates, TemplatedFields(templates, parsed_document))
        return self._known[1]
