"""The folder oncall: weekly hours. Rotations, overrides and shifts of schedules are not served, so their tables are left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from monitor.calendar.hours import ActiveHours, Span, days_of
from monitor.model.times import DAY, MINUTE, Millis, Timestamp, parse_rfc3339
from tests.conformance.cases import Case, Check, LeftOutError

_FAR: Final[Millis] = 15 * DAY


def check_weekly(case: Case) -> None:
    """Is it inside, and where does the shift begin and end that it is in, or else the next one? Asked of the same function
    minute by minute."""
    data = case.data
    hours, at = _hours(data), parse_rfc3339(data["at"])
    if case.kind == "active":
        assert hours.covers(at) == data["result"], f"{not data['result']}"
        return
    start = at - at % MINUTE
    while hours.covers(start) and hours.covers(start - MINUTE) and start > at - _FAR:
        start -= MINUTE
    while not hours.covers(start) and start < at + _FAR:
        start += MINUTE
    found = start if case.kind == "start" else _end(hours, start)
    assert found == parse_rfc3339(data["result"]), f"{datetime.fromtimestamp(found / 1000, UTC)}"


def _end(hours: ActiveHours, start: Timestamp) -> Timestamp:
    end = start
    while hours.covers(end) and end < start + _FAR:
        end += MINUTE
    return end


def _hours(data: Mapping[str, Any]) -> ActiveHours:
    span = Span(_minutes(data["start"]), _minutes(data["end"]))
    return ActiveHours(zone=ZoneInfo(data.get("time_zone", "UTC")), hours=(span,), days=days_of(data["days"]))


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def leave_out(case: Case) -> None:
    """What is not built."""
    raise LeftOutError("rotations and shifts of schedules are not served")


TABLES: dict[str, Check] = {
    "oncall/rule_active.json": check_weekly,
    "oncall/rotation_dst.json": leave_out,
    "oncall/rotation_rows.json": leave_out,
    "oncall/schedule_scenarios.json": leave_out,
}
