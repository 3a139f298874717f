"""Every error of the house, drawn once. Each class says whose fault it is and whether trying again can help.

WatchkeeperError
├── UserError                 the input is wrong; trying again with the same input cannot help
│   ├── ConfigError           one or more findings in configuration, rule or template files
│   ├── QueryError            a PromQL text that cannot be parsed or checked (carries positions)
│   ├── EvaluationError       a PromQL text that is well formed but fails on these data
│   ├── QueryLimitError       a query over a limit (time, samples, points)
│   ├── TemplateError         a template that cannot be parsed or executed
│   ├── ExpositionError       a metrics body that breaks the format (carries line number)
│   ├── RequestError          an API call that asks for something impossible
│   │   ├── NotFoundError     ... that does not exist
│   │   └── ConflictError     ... that the present state forbids
│   └── AccessError           a caller without the right to do this
├── PeerError                 somebody else's service failed; trying again later may help
│   └── ResolveError          a name that cannot be resolved
├── StoreError                our own disk or database failed; the operator must look
│   ├── LockedError           another process holds the data folder
│   └── CorruptionError       a file does not hold what was written
└── BugError                  we are wrong; report it

Foreign exceptions stop where they enter and become one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class WatchkeeperError(Exception):
    """The root. `str(error)` is one sentence for people."""


class UserError(WatchkeeperError):
    """The input is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One mistake or doubt in a file: `file:line:column: path: what is wrong: what would be right`."""

    file: str
    line: int
    """From 1; 0 when the finding concerns the whole file."""
    column: int = 0
    """From 1; 0 when only the line is known."""
    path: str
    """Where in the document, as `checks[0].url`; empty for the whole document."""
    problem: str
    remedy: str = ""
    original: str = ""
    """For files that others invented: their own text for this mistake, letter for letter."""
    warning: bool = False

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.path, self.problem, self.remedy) if part)


class ConfigError(UserError):
    """One or more findings; all mistakes of a load are reported together."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class QueryError(UserError):
    """A PromQL text is wrong. `start` and `end` are byte offsets into the text."""

    def __init__(self, message: str, *, start: int = 0, end: int = 0) -> None:
        self.message = message
        self.start = start
        self.end = end
        super().__init__(message)


class EvaluationError(UserError):
    """A well-formed query fails on these data (for example: many-to-many matching)."""


class QueryLimitError(UserError):
    """A query needs more time, samples or points than it may."""


class TemplateError(UserError):
    """A template cannot be parsed or executed; the message names template, line and column."""


class ExpositionError(UserError):
    """A metrics body breaks the format. `line` counts from 1."""

    def __init__(self, message: str, *, line: int) -> None:
        self.line = line
        super().__init__(f"line {line}: {message}")


class RequestError(UserError):
    """An API call or command asks for something impossible."""


class NotFoundError(RequestError):
    """What was asked for does not exist."""


class ConflictError(RequestError):
    """The present state forbids what was asked for."""


class AccessError(UserError):
    """The caller may not do this."""


class PeerError(WatchkeeperError):
    """Somebody else's service failed; trying again later may help."""


class ResolveError(PeerError):
    """A host name cannot be resolved."""


class StoreError(WatchkeeperError):
    """Our own disk or database failed."""


class LockedError(StoreError):
    """Another process holds the data folder. The message names it."""


class CorruptionError(StoreError):
    """A file does not hold what was written to it. The message names file and offset."""


class BugError(WatchkeeperError):
    """A state that cannot be; please report it."""
