"""The words in which health bodies speak, and how far they are trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from monitor.model.checks import HealthState

MOST_COMPONENTS: Final = 64
DEEPEST: Final = 3
"""Levels of components inside components."""
_LONGEST_NAME: Final = 64
_LONGEST_TEXT: Final = 160

_HEALTHY: Final = (
    "ok up pass passed passing healthy success successful alive ready connected available running serving green true 1"
    " pong active online operational fine good normal"
)
_DEGRADED: Final = (
    "warn warning degraded partial partially partially_available yellow unknown out_of_service draining starting"
)
_UNHEALTHY: Final = (
    "fail failed failing down error unhealthy critical disconnected unavailable red timeout not_serving false 0"
    " not_ready not_ok not_connected unreachable offline dead shutting_down timeout_during_health_check service_unknown"
)
WORDS: Final[Mapping[str, HealthState]] = {
    **dict.fromkeys(_HEALTHY.split(), HealthState.HEALTHY),
    **dict.fromkeys(_DEGRADED.split(), HealthState.DEGRADED),
    **dict.fromkeys(_UNHEALTHY.split(), HealthState.UNHEALTHY),
}

VERSION_PATHS: Final = (
    ("version",),
    ("app_version",),
    ("appVersion",),
    ("build", "version"),
    ("info", "version"),
    ("git", "commit", "id"),
    ("releaseId",),
    ("commit",),
    ("sha",),
    ("image",),
    ("component", "version"),
)
"""Where a body names its version; the first hit wins."""


def state_of(value: object) -> HealthState | None:
    """The state that a word, a truth value or 0/1 stands for; None for anything else."""
    if isinstance(value, bool):
        return HealthState.HEALTHY if value else HealthState.UNHEALTHY
    if isinstance(value, str):
        if len(value) > _LONGEST_NAME:
            return None
        return WORDS.get(value.strip().rstrip(".!").lower().replace(" ", "_").replace("-", "_"))
    if isinstance(value, int) and value in (0, 1):
        return HealthState.HEALTHY if value else HealthState.UNHEALTHY
    return None


def clean_name(value: object) -> str:
    """A component's name: printable, one line, at most 64 characters."""
    return _clean(value, _LONGEST_NAME)


def clean_text(value: object) -> str:
    """A component's words: printable, one line, at most 160 characters. Numbers and truth values are written out, anything
    else is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.15g}" if isinstance(value, float) or abs(value) < 1 << 53 else "large number"
    return _clean(value, _LONGEST_TEXT) if isinstance(value, str) else ""


def version_in(document: Mapping[str, object]) -> str:
    """The version that a body names, at most 64 characters; empty if it names none."""
    for path in VERSION_PATHS:
        here: object = document
        for step in path:
            here = cast("Mapping[str, object]", here).get(step) if isinstance(here, dict) else None
        if isinstance(here, bool):
            continue
        text = clean_text(here)
        if text:
            return text[:_LONGEST_NAME]
    return ""


def _clean(value: object, longest: int) -> str:
    text = str(value)[: longest * 2].encode("utf-8", "replace").decode("utf-8")
    text = "".join(char if char.isprintable() else " " for char in text).strip()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
