"""Which parts of the language are allowed beside the stable ones.

Prometheus guards young parts of PromQL by flags. A rule file that uses one must fail to load where Prometheus would
refuse it, so each flag is off unless asked for. Duration expressions are stable and need no flag.
"""

from __future__ import annotations

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
