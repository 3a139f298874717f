"""Maintenance windows of the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.window_drafts import EVERY_ALERT, WindowDraft, window_of
from monitor.config.configuration import AddressBook
from monitor.config.fields import AsList, AsOneOrMore, Section, Span, Text
from monitor.config.findings import Findings
from monitor.config.matcher_lists import MatcherLists, read_matchers
from monitor.config.muting import TimeIntervalSection, read_interval
from monitor.config.yamltree import Document, Path


class MaintenanceSection(Section):
    """A time for which it is known that alerts mean nothing: once, or again and again. Windows that stand here are changed
    here; others can be added while the daemon runs."""

    name: Text = ""
    """For people: it is shown where the window mutes."""
    matchers: Annotated[list[Text], AsList] = []
    """Which alerts it concerns, as in Alertmanager's routes; all conditions must hold."""
    starts_at: Text = ""
    """The beginning of a window that comes once, as `2026-01-31T22:00:00+01:00`, or as `2026-01-31 22:00` on the clocks of
    `location`."""
    ends_at: Text = ""
    """Its end; or give `duration`."""
    cron: Text = ""
    """When a window begins that comes again: minute, hour, day of month, month, day of week, as `30 2 * * sun`."""
    duration: Span = 0
    """How long it lasts from there, of time that passes."""
    time_intervals: Annotated[list[TimeIntervalSection], AsList] = []
    """When a window comes that comes again, by Alertmanager's intervals, which have locations of their own."""
    location: Text = ""
    """The zone of the clocks that `cron` and `starts_at` go by, and that announcements name beside UTC, such as
    `Europe/Berlin`. Default UTC."""
    comment: Text = ""
    """Why; it is announced."""
    created_by: Text = ""
    """Whose it is; it is announced."""
    announce_to: Text = ""
    """A receiver, a person (`user:ana`) or a channel (`slack:#shop`) that hears when it begins and when it is over."""
    announce_before: Annotated[list[Span], AsOneOrMore] = []
    """How long before it begins they hear of it, as `1h` or `[1d, 30m]`."""


def read_maintenance(
    sections: Sequence[MaintenanceSection], document: Document, path: Path, findings: Findings
) -> tuple[MaintenanceWindow, ...]:
    """The windows; what is wrong in them becomes findings."""
    found: list[MaintenanceWindow] = []
    for place, section in enumerate(sections):
        here = (*path, place)
        lists = MatcherLists(texts=section.matchers)
        name = section.name or f"maintenance[{place}]"
        draft = WindowDraft(
            name=name,
            matchers=read_matchers(lists, ("match", "match_re", "matchers"), here, document, findings),
            starts_at=section.starts_at,
            ends_at=section.ends_at,
            cron=section.cron,
            duration=section.duration,
            intervals=tuple(
                read_interval(one, document, (*here, "time_intervals", number), findings)
                for number, one in enumerate(section.time_intervals)
            ),
            location=section.location,
            comment=section.comment,
            created_by=section.created_by,
            announce_to=section.announce_to,
            announce_before=tuple(section.announce_before),
            place=f"{document.file}:{document.line(here)}",
        )
        window, flaws = window_of(draft)
        for flaw in flaws:
            if section.matchers and flaw.problem == EVERY_ALERT:
                continue  # what was written of them is wrong, and was told
            findings.wrong(document, (*here, flaw.field) if flaw.field else here, flaw.problem, flaw.remedy)
        if name in {one.name for one in found}:
            findings.wrong(document, here, f'"{name}" is not unique', "rename one of them")
        found.append(window)
    return tuple(found)


def check_listeners(
    windows: Sequence[MaintenanceWindow],
    book: AddressBook,
    unsure: Callable[[str], bool],
    document: Document,
    path: Path,
    findings: Findings,
) -> None:
    """Whoever a window is announced to must be able to hear it. `unsure`: whether they can is not known."""
    for place, window in enumerate(windows):
        if window.announce_to:
            check_listener(window.announce_to, book, unsure, document, (*path, place, "announce_to"), findings)


def check_listener(
    receiver: str,
    book: AddressBook,
    unsure: Callable[[str], bool],
    document: Document,
    path: Path,
    findings: Findings,
) -> None:
    """Whoever is told news must be able to hear them."""
    if not unsure(receiver) and not book.listeners(receiver):
        have = sorted({one.receiver for one in book.destinations if book.listeners(one.receiver)})
        findings.wrong(
            document,
            path,
            f'nobody hears what is announced to "{receiver}"',
            f"name one that takes words (chat, mail, webhook, console): {', '.join(have) or 'there are none'}",
        )
