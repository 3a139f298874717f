"""Where the files that come with Watchkeeper lie: inside the installed package, or beside it in a source tree."""

from __future__ import annotations

from pathlib import Path

import monitor

_PACKAGE = Path(monitor.__file__).parent


def shipped(name: str) -> Path:
    """The folder `rules` or `dashboards`."""
    installed = _PACKAGE / "shipped" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
