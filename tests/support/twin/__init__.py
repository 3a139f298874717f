"""The vendor twin: one server that behaves like PagerDuty's and Slack's APIs, faults on demand.

It knows what a sender can tell apart: PagerDuty's dedup semantics (a trigger on an open alert joins it, on a resolved one
opens a new one; acknowledging or resolving nothing is accepted and dropped), 120 events a minute and key, its validation;
Slack's messages, edits, threads, history with metadata, one message a second and channel, block limits. Everything that
arrives is recorded with its time, also what a scripted fault then hides from the sender.

`async with running_twin() as twin:` in a test; `python -m tests.support.twin --port 0 --ca-file ca.pem` as a process, which
prints its addresses as one line of JSON and is steered under `/control` (see `server`).
"""

from tests.support.twin.faults import Fault, FaultKind
from tests.support.twin.records import Received
from tests.support.twin.server import Twin, running_twin

__all__ = ["Fault", "FaultKind", "Received", "Twin", "running_twin"]
