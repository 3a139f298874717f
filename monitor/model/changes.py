"""What a decision writes beside the state it is about. All of it goes into the one transaction of that decision."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.incidents import Actor
from monitor.model.times import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Look again at `due_at`. The set of an owner's timers is replaced whenever the owner is written, so a timer that
    fires is one that the latest decision still wants. `epoch` is checked all the same: with several deciders on one
    database a stale one finds nothing to do."""

    owner: str
    """`incident:<id>` or `group:<id>`."""
    kind: str
    due_at: Timestamp
    epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who changed what through which door. Never deleted before its retention."""

    at: Timestamp
    actor: Actor
    action: str
    """A stable word: acknowledge, resolve, reload, deployment, ..."""
    subject: str
    """`incident:<id>`, `config`, `check:<name>`, ..."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A version went live, told by somebody or seen in a health body."""

    at: Timestamp
    version: str
    service: str = ""
    """The check or service it concerns; empty for all."""
    by: str = ""
    environment: str = ""
    previous: str = ""
    detail: str = ""
