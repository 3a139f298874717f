"""The section that says which alerts are damped when they come and go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Final

from monitor.alerts.flapping import FlapRule
from monitor.config.fields import AsList, Section, Span, Text, Whole
from monitor.config.findings import Findings
from monitor.config.matcher_lists import MatcherLists, read_matchers
from monitor.config.yamltree import Document, Path
from monitor.model.times import MINUTE

_MOST: Final = 1_000


class FlapSection(Section):
    """Alerts that change more often than `changes` within `window` are held as firing until no more than half as many changes
    are left in the window. One message says that they flap, one that they are calm again or over. The first entry that
    concerns an alert counts."""

    matchers: Annotated[list[Text], AsList] = []
    """Which alerts, as in Alertmanager's routes; all conditions must hold."""
    receivers: Annotated[list[Text], AsList] = []
    """Only in groups of these receivers, so for the routes that lead to them; all if none is named."""
    changes: Whole = 4
    """So many changes are borne: an alert that fires, ends, and fires again has changed three times."""
    window: Span = 30 * MINUTE
    """Within so long."""


def read_flapping(
    sections: Sequence[FlapSection],
    receivers: Collection[str] | None,
    document: Document,
    path: Path,
    findings: Findings,
) -> tuple[FlapRule, ...]:
    """The rules; what is wrong in them becomes findings. `receivers`: None if nobody knows which there are."""
    found: list[FlapRule] = []
    for place, section in enumerate(sections):
        here = (*path, place)
        lists = MatcherLists(texts=section.matchers)
        matchers = read_matchers(lists, ("match", "match_re", "matchers"), here, document, findings)
        if not section.matchers and not section.receivers:
            findings.wrong(
                document, here, "concerns every alert", 'give matchers or receivers; severity=~".+" is nearly all'
            )
        for number, name in enumerate(section.receivers):
            if receivers is not None and name not in receivers:
                have = ", ".join(sorted(receivers)) or "none"
                findings.wrong(
                    document, (*here, "receivers", number), f'"{name}" is no receiver', f"defined receivers: {have}"
                )
        if not 2 <= section.changes <= _MOST:
            findings.wrong(
                document, (*here, "changes"), f"{section.changes} is not between 2 and {_MOST}", "4 is a good start"
            )
        if section.window < MINUTE:
            findings.wrong(document, (*here, "window"), "is shorter than a minute", "write 30m")
        found.append(
            FlapRule(
                matchers=matchers,
                receivers=frozenset(section.receivers),
                changes=section.changes,
                window=section.window,
            )
        )
    return tuple(found)
