"""What keeps alerts quiet by configuration: inhibition rules and named time intervals.

Source: Alertmanager config/config.go, config/common/inhibitrule.go, timeinterval/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

from monitor.alerts.inhibition import InhibitRule
from monitor.calendar.intervals import (
    TimeInterval,
    parse_days_of_month,
    parse_months,
    parse_times,
    parse_weekdays,
    parse_years,
)
from monitor.calendar.walls import parse_location
from monitor.config.fields import AsList, AsMapping, AsOptional, Flag, GoSection, Section, Text
from monitor.config.findings import Findings
from monitor.config.matcher_lists import MatcherLists, read_matchers
from monitor.config.yamltree import Document, Path
from monitor.matching.parse import Syntax, is_label_name

T = TypeVar("T")
MaybeText = Annotated[Text | None, AsOptional]
_ZERO: Final = (0, 0)
"""A range that is null, as go-yaml leaves it: Sunday for days of the week, else one that never comes."""


class InhibitRuleSection(GoSection):
    """While an alert of the source side fires, alerts of the target side keep quiet."""

    go_types = {
        "source_match": "map[string]string",
        "source_match_re": "map[string]string",
        "source_matchers": "[]string",
        "target_match": "map[string]string",
        "target_match_re": "map[string]string",
        "target_matchers": "[]string",
        "equal": "[]string",
    }

    name: Text = ""
    """For people: it is shown where the rule inhibits."""
    source_match: Annotated[dict[str, Text], AsMapping] = {}
    """Deprecated form of source_matchers: label to exact value."""
    source_match_re: Annotated[dict[str, Annotated[Text | None, AsOptional]], AsMapping] = {}
    """Deprecated form of source_matchers: label to regular expression."""
    source_matchers: Annotated[list[Text], AsList] = []
    """Which alerts inhibit; all conditions must hold."""
    target_match: Annotated[dict[str, Text], AsMapping] = {}
    """Deprecated form of target_matchers: label to exact value."""
    target_match_re: Annotated[dict[str, Annotated[Text | None, AsOptional]], AsMapping] = {}
    """Deprecated form of target_matchers: label to regular expression."""
    target_matchers: Annotated[list[Text], AsList] = []
    """Which alerts are inhibited; all conditions must hold."""
    equal: Annotated[list[MaybeText], AsList] = []
    """Labels that must have the same value in both; a missing one is an empty one."""


class TimesSection(GoSection):
    """Hours of a day, on the local clock."""

    go_type = "timeinterval.yamlTimeRange"

    start_time: Text = ""
    """`09:00`."""
    end_time: Text = ""
    """`17:00`; the minute itself is not included, `24:00` is midnight. Not before start_time."""


class TimeIntervalSection(GoSection):
    """An interval holds when each of its fields does; a field holds when one of its ranges does."""

    go_type = "timeinterval.TimeInterval"
    go_types = {
        "times": "[]timeinterval.TimeRange",
        "weekdays": "[]timeinterval.WeekdayRange",
        "days_of_month": "[]timeinterval.DayOfMonthRange",
        "months": "[]timeinterval.MonthRange",
        "years": "[]timeinterval.YearRange",
    }

    times: list[Annotated[TimesSection | None, AsOptional]] | None = None
    """Hours of the day."""
    weekdays: list[MaybeText] | None = None
    """`saturday`, `monday:friday`."""
    days_of_month: list[MaybeText] | None = None
    """`1`, `1:15`, `-3:-1` for the last three days."""
    months: list[MaybeText] | None = None
    """`december`, `1:3`, `june:august`."""
    years: list[MaybeText] | None = None
    """`2026`, `2026:2030`."""
    location: Text = ""
    """The zone of the clock that it is read off, such as `Europe/Berlin`; `Local` for the machine's. Default UTC."""


class NamedIntervalsSection(GoSection):
    """Intervals under a name that routes use; it holds when one of them does."""

    go_types = {"time_intervals": "[]timeinterval.TimeInterval"}

    name: Text = ""
    """The name."""
    time_intervals: Annotated[list[Annotated[TimeIntervalSection, AsMapping]], AsList] = []
    """The intervals."""


class MutingSection(Section):
    """What Alertmanager's muting loses, and is to be told after all. An Alertmanager configuration alone sends what
    Alertmanager would send."""

    notify_on_unmute: Flag = False
    """Tell again, at the next flush, of what still fires when its silence, interval or inhibition ends; otherwise it is told
    when the repeat interval is over."""
    resolve_when_muted: Flag = False
    """Tell the end of what was told though it is muted, once nothing that was told fires any more."""
    notify_on_refire: Annotated[Flag | None, AsOptional] = None
    """What resolved while it was muted is new when it fires again; otherwise nobody hears of it until the repeat interval is
    over. When not set: true, unless there is an Alertmanager configuration."""


def read_inhibit_rule(
    section: InhibitRuleSection,
    document: Document,
    path: Path,
    findings: Findings,
    syntax: Syntax = Syntax.FALLBACK,
) -> InhibitRule:
    """The rule; what is wrong in it becomes findings."""
    for place, label in enumerate(section.equal):
        if label is None:
            # to amtool it is a label without a name, which no alert has: all are equal in it
            findings.doubt(document, (*path, "equal", place), "is empty and left out", "remove it or fill it")
        elif not is_label_name(label, syntax):
            findings.wrong(document, (*path, "equal", place), f'invalid label name "{label}" in equal list')

    source = MatcherLists(
        exact=section.source_match, expressions=section.source_match_re, texts=section.source_matchers
    )
    target = MatcherLists(
        exact=section.target_match, expressions=section.target_match_re, texts=section.target_matchers
    )
    sources, targets = (
        read_matchers(
            lists, (f"{side}_match", f"{side}_match_re", f"{side}_matchers"), path, document, findings, syntax
        )
        for side, lists in (("source", source), ("target", target))
    )
    if not sources and not targets:
        findings.doubt(
            document, path, "lets every alert inhibit every other", "add source_matchers and target_matchers"
        )
    return InhibitRule(
        name=section.name,
        sources=sources,
        targets=targets,
        equal=tuple(label for label in section.equal if label is not None),
    )


def read_named_intervals(
    sections: Sequence[NamedIntervalsSection | None],
    found: dict[str, tuple[TimeInterval, ...]],
    words: str,
    document: Document,
    path: Path,
    findings: Findings,
) -> None:
    """Add the intervals by name; `words` is what error texts call them. What is null has the name "", as go-yaml leaves it."""
    for place, section in enumerate(sections):
        here = (*path, place)
        if section is None:
            if "" in found:
                findings.wrong(document, here, f'{words} "" is not unique', "remove it or fill it")
            else:
                findings.doubt(document, here, "is empty: no time is in it", "remove it or fill it")
            found[""] = ()
            continue
        if not section.name:
            findings.wrong(document, here, f"missing name in {words}", "give it a name that routes can use")
        elif section.name in found:
            findings.wrong(document, here, f'{words} "{section.name}" is not unique', "rename one of them")
        found[section.name] = tuple(
            read_interval(one, document, (*here, "time_intervals", number), findings)
            for number, one in enumerate(section.time_intervals)
        )


def read_interval(section: TimeIntervalSection, document: Document, path: Path, findings: Findings) -> TimeInterval:
    """The interval; what is wrong in it becomes findings."""

    def each(
        key: str, parts: Sequence[T | None] | None, parse: Callable[[T], tuple[int, int]]
    ) -> tuple[tuple[int, int], ...] | None:
        if parts is None:
            return None
        made = [
            _ZERO if part is None else findings.attempt(document, (*path, key, place), lambda part=part: parse(part))
            for place, part in enumerate(parts)
        ]
        return tuple(one for one in made if one is not None)

    return TimeInterval(
        times=each("times", section.times, lambda one: parse_times(one.start_time, one.end_time)),
        weekdays=each("weekdays", section.weekdays, parse_weekdays),
        days_of_month=each("days_of_month", section.days_of_month, parse_days_of_month),
        months=each("months", section.months, parse_months),
        years=each("years", section.years, parse_years),
        location=findings.attempt(document, (*path, "location"), lambda: parse_location(section.location)) or "",
    )
