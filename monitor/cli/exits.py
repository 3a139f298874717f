"""Exit codes: one table, shown by --help, used by every verb."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    UNREACHABLE = 3
    ONLY_LINT = 3  # promtool's number; the verbs that use it speak to no daemon
    REFUSED = 4
    NOT_FOUND = 5
    FAILED = 6
    INTERRUPTED = 130

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES: Final = {
    Exit.OK: "all is well",
    Exit.FINDINGS: "mistakes were found, a test failed, or what was asked about is not healthy",
    Exit.USAGE: "the command cannot be understood",
    Exit.UNREACHABLE: "the daemon does not answer; from promtool's checks: only style was found wrong",
    Exit.REFUSED: "not allowed, or the present state forbids it",
    Exit.NOT_FOUND: "what was asked for does not exist",
    Exit.FAILED: "the daemon, its disk or this command failed",
    Exit.INTERRUPTED: "interrupted",
}

TABLE: Final = "Exit codes: " + "; ".join(f"{code.value} {code.sentence}" for code in Exit) + "."


class CommandError(Exception):
    """A command cannot go on. `remedy` says what to do."""

    def __init__(self, code: Exit, message: str, remedy: str = "") -> None:
        self.code = code
        self.message = message
        self.remedy = remedy
        super().__init__(message)

    def document(self) -> dict[str, object]:
        """The form that the API's errors have."""
        return {"error": {"code": self.code.name.lower(), "message": self.message, "remedy": self.remedy}}
