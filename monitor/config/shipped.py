"""Where the files that come with Watchkeeper lie: inside the installed package, or beside it in a source tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import monitor

if TYPE_CHECKING:
    from monitor.rules.groups import RuleGroup

_PACKAGE = Path(monitor.__file__).parent

SHIPPED_NAME: Final = "shipped/"
"""What the names of shipped rule files begin with, where files are named."""


def shipped_rules(groups: Sequence[RuleGroup]) -> int:
    """How many of the rules are shipped ones."""
    return sum(len(group.rules) for group in groups if group.file.startswith(SHIPPED_NAME))


def shipped(name: str) -> Path:
    """The folder `rules` or `dashboards`."""
    installed = _PACKAGE / "shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
