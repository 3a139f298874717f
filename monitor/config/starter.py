"""The file that `watchkeeper init` writes: four lines that say everything that has no good default."""

from __future__ import annotations

import json

from monitor.config.checks import check_of_url
from monitor.probe.kinds.http import HttpOptions


def starter(url: str) -> str:
    """A whole configuration that watches this address. Raises ValueError for one that cannot be checked."""
    check = check_of_url(url)
    name = check.name.split("/")[0].split(":")[0]
    options = check.options
    credentials = ""
    if isinstance(options, HttpOptions):  # they came with the address
        pair = f"username: {json.dumps(options.username)}, password: {json.dumps(options.password)}"
        credentials = f", http_config: {{basic_auth: {{{pair}}}}}"
    return (
        "# Look for mistakes with `watchkeeper check-config`, start with `watchkeeper run`.\n"
        "environment: production\n"
        "checks:\n"
        f"  - {{name: {json.dumps(name)}, url: {json.dumps(check.target)}{credentials}}}  # every 30s; pages go to the console\n"
    )
