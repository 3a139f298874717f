"""`watchkeeper version`."""

from __future__ import annotations

import platform

from monitor import __version__
from monitor.cli.options import JsonOption
from monitor.cli.showing import say, say_json


def version(json_: JsonOption = False) -> None:
    """The version of this command; the daemon's is in `watchkeeper status`."""
    if json_:
        say_json({"version": __version__, "python": platform.python_version()})
        return
    say(f"watchkeeper {__version__} (Python {platform.python_version()})")
