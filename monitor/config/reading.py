"""Reading the configuration in a process of its own.

Files, validation and all their libraries take more memory than the rest of a small daemon, for a moment, and half of a
start's time, while the second core is idle. So a child reads, and passes on what it found, pickled, through a pipe; the
parent imports meanwhile what it needs itself. A reload does the same.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Any, cast

from monitor.config import prose

if TYPE_CHECKING:
    from monitor.config.configuration import Configuration
    from monitor.config.overrides import Overrides
    from monitor.config.web_settings import WebFile
    from monitor.model.errors import Finding


class Reading:
    """A child at work. Made with `begin`, before anything else is done or imported; once `ask`ed it goes on by itself, and
    `finish` has what it found."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    @classmethod
    def begin(cls) -> Reading:
        """The environment is this process's."""
        # The child inherits standard error, where Python tells what nobody expected. `-P`: nothing is imported from the
        # folder that somebody happens to be in.
        command = [sys.executable, "-P", "-m", "monitor.config.reading"]
        return cls(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))

    @classmethod
    def of(cls, overrides: Overrides) -> Reading:
        """Begun and asked."""
        reading = cls.begin()
        reading.ask(overrides)
        return reading

    def ask(self, question: Overrides | str) -> None:
        """Does not wait: a question is shorter than what a pipe takes."""
        with contextlib.suppress(BrokenPipeError), cast("IO[bytes]", self._child.stdin) as pipe:
            pipe.write(pickle.dumps(question))

    def finish(self) -> Configuration:
        """Wait for the child. Raises ConfigError with its findings."""
        found: Configuration = self.answer()
        return found

    def answer(self) -> Any:
        """Wait for the child. Raises ConfigError with its findings, or BugError for a child that ended otherwise."""
        from monitor.model.errors import BugError, ConfigError

        with cast("IO[bytes]", self._child.stdout) as pipe:
            answer = pipe.read()
        if self._child.wait():
            raise BugError(f"reading the configuration ended with code {self._child.returncode}")
        found = pickle.loads(answer)
        if isinstance(found, tuple):
            raise ConfigError(cast("tuple[Finding, ...]", found))
        return found


def reread_web_file(name: str) -> WebFile:
    """A `web.yml` alone, as it stands now; takes a third of a second. Raises ConfigError with its findings."""
    reading = Reading.begin()
    reading.ask(name)
    found: WebFile = reading.answer()
    return found


def main() -> None:
    """The child: overrides, or the name of a `web.yml`, come in; what was read, or the error, goes out. A parent that was
    ended meanwhile has no question, or wants no answer, and its log is no place for our traceback."""
    gc.disable()  # the process ends before garbage could matter
    prose.wanted = False
    from monitor.config.loading import load, read_environment
    from monitor.config.overrides import Overrides
    from monitor.model.errors import ConfigError

    question = sys.stdin.buffer.read()
    if not question:
        return
    wanted: Overrides | str = pickle.loads(question)
    found: Configuration | WebFile | tuple[Finding, ...]
    try:
        found = load(wanted, read_environment()) if isinstance(wanted, Overrides) else _web_file(wanted)
    except ConfigError as error:
        found = error.findings
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(pickle.dumps(found, protocol=pickle.HIGHEST_PROTOCOL))
        sys.stdout.flush()
    os._exit(0)  # somebody waits, and to take all down again takes as long as a tenth of the work


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
