"""Calls with a JSON body."""

from __future__ import annotations

import json
from collections.abc import Mapping

from monitor.notify.kinds.calling import Call


def json_call(url: str, body: object, headers: Mapping[str, str] | None = None, *, method: str = "POST") -> Call:
    """Raises ValueError if there is no address."""
    if not url:
        raise ValueError("the address is empty")
    given = {"Content-Type": "application/json", "User-Agent": "Watchkeeper", **(headers or {})}
    return Call(url=url, headers=given, body=json.dumps(body, ensure_ascii=False).encode(), method=method)
