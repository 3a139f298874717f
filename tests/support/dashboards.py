"""The queries of the shipped dashboards."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def expressions(path: Path) -> list[str]:
    board = json.loads(path.read_text(encoding="utf-8"))
    return [target["expr"] for panel in panels(board) for target in panel.get("targets", ())]


def without_variables(expression: str) -> str:
    """The query as Grafana would send it, with a value in place of each variable."""
    return re.sub(r"\$\{?\w+\}?", ".*", expression.replace("$__rate_interval", "2m"))


def panels(board: Any) -> list[dict[str, Any]]:
    return [each for panel in board["panels"] for each in (panel, *panel.get("panels", ()))]
