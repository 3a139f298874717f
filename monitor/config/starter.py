"""The file that `watchkeeper init` writes: four lines that say everything that has no good default."""

from __future__ import annotations

import json

from monitor.config.checks import check_of_url


def starter(url: str) -> str:
    """A whole configuration that watches this address. Raises ValueError for one that cannot be checked."""
    check = check_of_url(url)
    name = check.name.split("/")[0].split(":")[0]
    return (
        "# Look for mistakes with `watchkeeper check-config`, start with `watchkeeper run`.\n"
        "environment: production\n"
        "checks:\n"
        f"  - {{name: {json.dumps(name)}, url: {json.dumps(check.target)}}}  # every 30s; pages go to the console\n"
    )
