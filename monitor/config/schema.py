"""The JSON Schema of the configuration file, for editors: every key with its sentence, unit and default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import TypeAdapter

from monitor.config.document import ConfigurationSection
from monitor.config.fields import Span
from monitor.model.times import format_duration

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DURATION: Final = str(TypeAdapter(Span).json_schema()["pattern"])


def configuration_schema() -> dict[str, Any]:
    """The schema of the whole file. Durations are texts such as `30s`, also in defaults."""
    schema = ConfigurationSection.model_json_schema(by_alias=True)
    _spoken(schema)
    return {"$schema": _DIALECT, **schema, "title": "Watchkeeper configuration"}


def _spoken(part: object) -> None:
    """Write default durations as the file does; they are milliseconds inside."""
    if isinstance(part, list):
        for item in cast("list[object]", part):
            _spoken(item)
    if not isinstance(part, dict):
        return
    known = cast("dict[str, Any]", part)
    default = known.get("default")
    if isinstance(default, int) and not isinstance(default, bool) and _is_duration(known):
        known["default"] = format_duration(default)
    for item in known.values():
        _spoken(item)


def _is_duration(part: Mapping[str, Any]) -> bool:
    choices = [part, *cast("list[Mapping[str, Any]]", part.get("anyOf", []))]
    return any(choice.get("pattern") == _DURATION for choice in choices)
