"""What a configuration says about templates. Needs nothing of what renders them: who sends webhooks only has no templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.model.notifications import Destination


@dataclass(frozen=True, slots=True)
class FieldTemplate:
    """One templated option."""

    source: object = field(repr=False)
    """The template; of a document any mixture of mappings, lists and texts."""
    html: bool = False
    """By html/template."""
    document: bool = False

    @property
    def is_template(self) -> bool:
        """Is it more than a text that is said as it stands?"""
        return not isinstance(self.source, str) or "{{" in self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationTemplates:
    """What a configuration says about templates."""

    files: tuple[tuple[str, str], ...] = ()
    """Names and texts that define named templates; of two definitions of one name the later counts."""
    fields: Mapping[Destination, Mapping[str, FieldTemplate]] = field(
        default_factory=dict[Destination, Mapping[str, FieldTemplate]]
    )
