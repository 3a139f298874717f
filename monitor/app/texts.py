"""Texts of notifications, with what they need from the configuration's room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from monitor.alerts.templating.options import NotificationTemplates
from monitor.model.errors import ConfigError
from monitor.model.notifications import Destination, Message

if TYPE_CHECKING:
    from monitor.alerts.templating.fields import TemplatedFields


def parsed_document(text: str) -> object:
    """YAML as values; its package is imported with the first document that is a template. Raises ValueError."""
    from monitor.config.yamltree import natural, read

    try:
        return natural(read(text, "the rendered text").tree)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def templated_fields(templates: NotificationTemplates) -> TemplatedFields:
    """Imports what renders them, two megabytes that only those need who have templates."""
    from monitor.alerts.templating.fields import TemplatedFields

    return TemplatedFields(templates, parsed_document)


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
            self._known = (templates, templated_fields(templates))
        return self._known[1]
