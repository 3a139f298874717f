"""Which parts of the language are allowed beside the stable ones.

Prometheus guards young parts of PromQL by flags. A rule file that uses one must fail to load where Prometheus would
refuse it, so each flag is off unless asked for. Duration expressions are stable and need no flag.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The experimental parts that the parser accepts."""

    experimental_functions: bool = False
    """Functions and aggregations that Prometheus calls experimental: `limitk`, `mad_over_time`, `info`, ..."""
    extended_ranges: bool = False
    """The modifiers `anchored` and `smoothed`."""
    fill_modifiers: bool = False
    """`fill`, `fill_left` and `fill_right` in vector matching."""


STABLE: Final = Features()
"""What Prometheus accepts without flags."""

ALL_FEATURES: Final = Features(experimental_functions=True, extended_ranges=True, fill_modifiers=True)
"""Everything that can be parsed."""

_FLAGS: Final = {
    "promql-experimental-functions": "experimental_functions",
    "promql-extended-range-selectors": "extended_ranges",
    "promql-binop-fill-modifiers": "fill_modifiers",
}
_ALWAYS_ON: Final = frozenset(("promql-at-modifier", "promql-negative-offset", "promql-duration-expr"))
"""What was experimental once."""


DELAYED_NAMES: Final = "promql-delayed-name-removal"
"""Changes the meaning of what is allowed, not what is: see `engine.Options.delayed_names`."""

START_TIMESTAMPS: Final = "use-start-timestamps"
"""The same: see `engine.Options.start_timestamps`."""

_MEANINGS: Final = (DELAYED_NAMES, START_TIMESTAMPS)


def named_features(names: Iterable[str]) -> Features:
    """The parts that these flags of Prometheus's `--enable-feature` allow. Raises ValueError for one that has nothing to do
    with PromQL."""
    allowed: dict[str, bool] = {}
    for name in names:
        if name in _FLAGS:
            allowed[_FLAGS[name]] = True
        elif name not in _ALWAYS_ON and name not in _MEANINGS:
            raise ValueError(f"{name} is not a feature of PromQL; known ones: {', '.join((*_FLAGS, *_MEANINGS))}")
    return Features(**allowed)
