"""Reading the configuration in a process of its own.

Files, validation and all their libraries take more memory than the rest of a small daemon, for a moment, and half of a
start's time, while the second core is idle. So a child reads, and passes on what it found, pickled, through a pipe; the
parent imports meanwhile what it needs itself. A reload does the same.
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from monitor.config import prose
from monitor.config.overrides import Overrides
from monitor.model.errors import BugError, ConfigError, Finding

if TYPE_CHECKING:
    from monitor.config.configuration import Configuration
    from monitor.config.web_settings import WebFile


class Reading:
    """A child at work. Made with `begin`; ends with `finish`."""

    def __init__(self, child: subprocess.Popen[bytes], overrides: Overrides) -> None:
        self._child = child
        self._overrides = overrides

    @classmethod
    def begin(cls, overrides: Overrides) -> Reading:
        """Start reading; the environment is this process's."""
        return cls(_child(), overrides)

    def finish(self) -> Configuration:
        """Wait for the child. Raises ConfigError with its findings."""
        found: Configuration | tuple[Finding, ...] = _ask(self._child, self._overrides)
        if isinstance(found, tuple):
            raise ConfigError(found)
        return found


def reread_web_file(name: str) -> WebFile:
    """A `web.yml` alone, as it stands now; takes a third of a second. Raises ConfigError with its findings."""
    found: WebFile | tuple[Finding, ...] = _ask(_child(), name)
    if isinstance(found, tuple):
        raise ConfigError(found)
    return found


def _child() -> subprocess.Popen[bytes]:
    # The child inherits standard error, where Python tells what nobody expected. `-P`: nothing is imported from the folder
    # that somebody happens to be in.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "monitor.config.reading"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _ask(child: subprocess.Popen[bytes], question: Overrides | str) -> Any:
    answer, _ = child.communicate(pickle.dumps(question))
    if child.returncode:
        raise BugError(f"reading the configuration ended with code {child.returncode}")
    return pickle.loads(answer)


def main() -> None:
    """The child: overrides, or the name of a `web.yml`, come in; what was read, or the error, goes out. A parent that was
    ended meanwhile has no question, or wants no answer, and its log is no place for our traceback."""
    gc.disable()  # the process ends before garbage could matter
    prose.wanted = False
    from monitor.config.loading import load, read_environment

    question = sys.stdin.buffer.read()
    if not question:
        return
    wanted: Overrides | str = pickle.loads(question)
    found: Configuration | WebFile | tuple[Finding, ...]
    try:
        found = load(wanted, read_environment()) if isinstance(wanted, Overrides) else _web_file(wanted)
    except ConfigError as error:
        found = error.findings
    try:
        sys.stdout.buffer.write(pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL))
        sys.stdout.flush()
    except BrokenPipeError:  # what is left would be tried again at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _web_file(name: str) -> WebFile:
    from monitor.config.findings import Findings
    from monitor.config.web_file import read_web_file

    findings = Findings()
    found = read_web_file(name, findings)
    if found is None:
        raise findings.error()
    return found


if __name__ == "__main__":
    main()
