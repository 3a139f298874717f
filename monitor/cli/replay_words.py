"""What a replay tells: lines for people and a document for programs, of one configuration or of what differs between two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.cli.check_config import counted
from monitor.cli.showing import clean, clock_time, say, say_json
from monitor.model.labels import ALERT_NAME, Labels
from monitor.model.notifications import MessageKind, NotifyReason
from monitor.model.times import Timestamp, rfc3339, spoken_duration
from monitor.simulate.comparing import Difference
from monitor.simulate.replay import Quiet, Replayed, Telling

_SHOWN: Final = 20
_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MutingChanges:
    """What is muted, or heard by nobody, under one of two configurations only."""

    muted: tuple[Quiet, ...]
    unmuted: tuple[Quiet, ...]
    unheard: tuple[Labels, ...]
    heard: tuple[Labels, ...]

    @property
    def is_any(self) -> bool:
        return bool(self.muted or self.unmuted or self.unheard or self.heard)

    def document(self) -> dict[str, object]:
        return {
            "newly_muted": [_quiet_document(one) for one in self.muted],
            "no_longer_muted": [_quiet_document(one) for one in self.unmuted],
            "newly_unheard": [dict(labels) for labels in self.unheard],
            "no_longer_unheard": [dict(labels) for labels in self.heard],
        }


def muting_changes(before: Replayed, after: Replayed) -> MutingChanges:
    """What is muted or unheard before and not after, and the other way round."""

    def only(some: Iterable[Quiet], others: Iterable[Quiet]) -> tuple[Quiet, ...]:
        known = {(one.labels, one.to, one.reason, one.by) for one in others}
        return tuple(one for one in some if (one.labels, one.to, one.reason, one.by) not in known)

    return MutingChanges(
        muted=only(after.quiet, before.quiet),
        unmuted=only(before.quiet, after.quiet),
        unheard=tuple(one for one in after.unheard if one not in set(before.unheard)),
        heard=tuple(one for one in before.unheard if one not in set(after.unheard)),
    )


def show_alone(after: Replayed, begin: Timestamp, end: Timestamp, *, all_: bool, json_: bool) -> None:
    """What one configuration sends."""
    if json_:
        told = [_telling_document(one) for one in after.told]
        quiet = [_quiet_document(one) for one in after.quiet]
        unheard = [dict(labels) for labels in after.unheard]
        say_json(
            {**span_document(begin, end), "told": told, "muted": quiet, "unheard": unheard, "trouble": after.trouble}
        )
        return
    _list("told", [_telling_line(one) for one in after.told], all_)
    _list("muted", [_quiet_line(one) for one in after.quiet], all_)
    _list("heard by nobody", [clean(str(labels)) for labels in after.unheard], all_)
    _list("trouble", [clean(one) for one in after.trouble], all_)
    say(f"{counted(len(after.told), 'messages')} {_from_to(begin, end)}")


def show_difference(
    difference: Difference, muting: MutingChanges, after: Replayed, begin: Timestamp, end: Timestamp, *, all_: bool
) -> None:
    """What is sent otherwise, and how much is sent as before."""
    _list("new", [_telling_line(one) for one in difference.new], all_)
    _list("gone", [_telling_line(one) for one in difference.gone], all_)
    _list("sent elsewhere", [_pair_line(*pair) for pair in difference.elsewhere], all_)
    _list("at another time", [_pair_line(*pair) for pair in difference.moved], all_)
    _list("newly muted", [_quiet_line(one) for one in muting.muted], all_)
    _list("no longer muted", [_quiet_line(one) for one in muting.unmuted], all_)
    _list("now heard by nobody", [clean(str(labels)) for labels in muting.unheard], all_)
    _list("was heard by nobody", [clean(str(labels)) for labels in muting.heard], all_)
    _list("trouble", [clean(one) for one in after.trouble], all_)
    parts = [
        f"{difference.same} the same",
        *(
            f"{len(some)} {word}"
            for word, some in (
                ("new", difference.new),
                ("gone", difference.gone),
                ("sent elsewhere", difference.elsewhere),
                ("at another time", difference.moved),
            )
            if some
        ),
    ]
    say(f"Messages {_from_to(begin, end)}: {', '.join(parts)}")


def span_document(begin: Timestamp, end: Timestamp) -> dict[str, object]:
    """What time is replayed."""
    return {"since": rfc3339(begin), "until": rfc3339(end)}


def difference_document(difference: Difference) -> dict[str, object]:
    """What is sent under one of two configurations only, or otherwise."""

    def pairs(some: Sequence[tuple[Telling, Telling]]) -> list[object]:
        return [{"before": _telling_document(one), "after": _telling_document(other)} for one, other in some]

    return {
        "same": difference.same,
        "new": [_telling_document(one) for one in difference.new],
        "gone": [_telling_document(one) for one in difference.gone],
        "elsewhere": pairs(difference.elsewhere),
        "at_another_time": pairs(difference.moved),
    }


def _list(word: str, lines: Sequence[str], all_: bool) -> None:
    if not lines:
        return
    say(f"[bold]{word}[/]")
    for line in lines if all_ else lines[:_SHOWN]:
        say(f"  {line}")
    if len(lines) > _SHOWN and not all_:
        say(f"  [dim]and {len(lines) - _SHOWN} more (--all)[/]")


def _telling_line(one: Telling) -> str:
    return f"{clock_time(rfc3339(one.at))}  {_to(one)}  {_what(one)}  {clean(one.group)}  {_alerts(one)}"


def _pair_line(before: Telling, after: Telling) -> str:
    if (before.to, before.by) == (after.to, after.by):
        span = spoken_duration(abs(after.at - before.at))
        moved = f"{_to(after)} {span} {'later' if after.at > before.at else 'earlier'}"
    else:
        moved = f"{_to(before)} → {_to(after)}"
    return f"{clock_time(rfc3339(after.at))}  {moved}  {_what(after)}  {clean(after.group)}  {_alerts(after)}"


def _to(one: Telling) -> str:
    return f"[bold]{clean(one.to)}[/]/{clean(one.by)}"


def _what(one: Telling) -> str:
    """`first`, `repeat`, `resolved`, or the reason in its own words."""
    if one.reason is NotifyReason.FIRST:
        return "[red]first[/]"
    if one.reason is NotifyReason.REPEAT:
        return "repeat"
    if one.kind is MessageKind.RESOLVE:
        return "[green]resolved[/]"
    return f"{one.kind.value} ({one.reason.value})" if one.reason is NotifyReason.STEP else one.reason.value


def _alerts(one: Telling) -> str:
    labels = sorted(one.firing or one.resolved, key=str)
    named = ", ".join(clean(_short(some)) for some in labels[:_NAMED])
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"{named}{more}"


def _short(labels: Labels) -> str:
    return f"{labels.get(ALERT_NAME, '')}{labels.without(ALERT_NAME)}"


def _quiet_line(one: Quiet) -> str:
    when = clock_time(rfc3339(one.since))
    until = f" to {clock_time(rfc3339(one.until))}" if one.until > one.since else ""
    return f"{when}{until}  {clean(one.to)}  {one.reason.sentence} ({clean(', '.join(one.by))})  {clean(_short(one.labels))}"


def _from_to(begin: Timestamp, end: Timestamp) -> str:
    return f"from {clock_time(rfc3339(begin))} to {clock_time(rfc3339(end))}"


def _telling_document(one: Telling) -> dict[str, object]:
    return {
        "at": rfc3339(one.at),
        "to": one.to,
        "integration": one.by,
        "kind": one.kind.value,
        "reason": one.reason.value,
        "group": one.group,
        "firing": sorted((dict(labels) for labels in one.firing), key=str),
        "resolved": sorted((dict(labels) for labels in one.resolved), key=str),
    }


def _quiet_document(one: Quiet) -> dict[str, object]:
    return {
        "labels": dict(one.labels),
        "to": one.to,
        "group": one.group,
        "reason": one.reason.value,
        "by": list(one.by),
        "since": rfc3339(one.since),
        "until": rfc3339(one.until),
    }
