"""Builds the C reader of scraped bodies, where that is asked for.

`WATCHKEEPER_NATIVE=1 pip install .` (or `uv build --wheel`) puts it into the wheel, which then is for one kind of machine;
otherwise the wheel is pure Python. `python hatch_build.py` (`make native`) builds it into the source tree. It is one file
without Python's headers, so all it takes is a C compiler: `cc`, or whatever CC names.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path(__file__).parent / "monitor" / "scrape" / "exposition" / "_renewing.c"
BUILT = SOURCE.with_suffix(".so")
_FLAGS = ("-O2", "-std=c99", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared")


def build(into: Path = BUILT, *, source: Path = SOURCE, flags: Sequence[str] = ()) -> Path:
    """Compile it, with these flags besides. Raises OSError or CalledProcessError if there is no compiler that can."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*compiler, *_FLAGS, *flags, "-o", str(into), str(source)], check=True)
    return into


class NativeReader(BuildHookInterface[Any]):
    """Called by hatchling for each wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if os.environ.get("WATCHKEEPER_NATIVE", "") not in ("", "0"):
            build()
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"
            build_data["artifacts"].append("monitor/scrape/exposition/_renewing.so")


if __name__ == "__main__":
    print(build())  # noqa: T201
