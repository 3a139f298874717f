"""Reading the configuration in a process of its own.

Files, validation and all their libraries take more memory than the rest of a small daemon, for a moment, and half of a
start's time, while the second core is idle. So a child reads, and passes on what it found, pickled, through a pipe; the
parent imports meanwhile what it needs itself. A reload does the same.
"""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

from monitor.config import prose
from monitor.config.overrides import Overrides
from monitor.model.errors import BugError, ConfigError, Finding

if TYPE_CHECKING:
    from monitor.config.configuration import Configuration


class Reading:
    """A child at work. Made with `begin`; ends with `finish`."""

    def __init__(self, child: subprocess.Popen[bytes], overrides: Overrides) -> None:
        self._child = child
        self._overrides = overrides

    @classmethod
    def begin(cls, overrides: Overrides) -> Reading:
        """Start reading; the environment is this process's."""
        # The child inherits standard error, where Python tells what nobody expected. `-P`: nothing is imported from the
        # folder that somebody happens to be in.
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "monitor.config.reading"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return cls(child, overrides)

    def finish(self) -> Configuration:
        """Wait for the child. Raises ConfigError with its findings."""
        answer, _ = self._child.communicate(pickle.dumps(self._overrides))
        if self._child.returncode:
            raise BugError(f"reading the configuration ended with code {self._child.returncode}")
        found: Configuration | tuple[Finding, ...] = pickle.loads(answer)
        if isinstance(found, tuple):
            raise ConfigError(found)
        return found


def main() -> None:
    """The child: overrides come in, the configuration or the error goes out."""
    gc.disable()  # the process ends before garbage could matter
    prose.wanted = False
    from monitor.config.loading import load, read_environment

    overrides: Overrides = pickle.load(sys.stdin.buffer)
    found: Configuration | tuple[Finding, ...]
    try:
        found = load(overrides, read_environment())
    except ConfigError as error:
        found = error.findings
    sys.stdout.buffer.write(pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    main()
