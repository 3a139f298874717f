"""Documents whose texts are templates: a webhook's `payload`, PagerDuty's details, Jira's fields.

Every text, and every key of a mapping, is rendered. A text that has become YAML for something else than a text stands for
that, so that a template can write lists and numbers; what came in so is taken as it is. Keys that are no texts are left
out. Source: template/template.go (DeepCopyWithTemplate).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast


def filled(value: object, render: Callable[[str], str], parse: Callable[[str], object]) -> object:
    """`value` with its texts rendered. `parse` reads YAML and raises ValueError; `render` raises TemplateError."""
    if isinstance(value, str):
        text = render(value)
        try:
            found = parse(text)
        except ValueError:
            return text
        return text if isinstance(found, str) else _with_text_keys(found)
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {render(key): filled(member, render, parse) for key, member in members.items() if isinstance(key, str)}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [filled(member, render, parse) for member in cast("Sequence[object]", value)]
    return value


def _with_text_keys(value: object) -> object:
    if isinstance(value, Mapping):
        members = cast("Mapping[object, object]", value)
        return {key: _with_text_keys(member) for key, member in members.items() if isinstance(key, str)}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_with_text_keys(member) for member in cast("Sequence[object]", value)]
    return value
