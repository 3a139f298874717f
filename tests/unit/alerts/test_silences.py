"""Silences: who gets which id, what is refused, what is kept, and what they mute."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.silence_book import SilenceBook
from monitor.alerts.silence_size import stored_size
from monitor.alerts.silences import (
    RETENTION,
    Silence,
    SilenceDraft,
    SilenceLimits,
    SilenceState,
    SilenceStep,
    can_update,
    expire,
    forget,
    merge,
    place,
    query,
)
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.parse import Syntax, parse_matchers
from monitor.model.errors import NotFoundError, RequestError
from monitor.model.labels import Labels
from monitor.model.times import HOUR, MINUTE, Timestamp

NOW: Timestamp = 1_767_225_600_000


def draft(matchers: str = "a=b", starts: int = 0, ends: int | None = 60, id_: str = "") -> SilenceDraft:
    """Minutes from now."""
    return SilenceDraft(
        id=id_,
        matcher_sets=(parse_matchers(matchers),),
        starts_at=NOW + starts * MINUTE,
        ends_at=None if ends is None else NOW + ends * MINUTE,
    )


class Desk:
    """Silences that are asked for one after the other."""

    def __init__(self, limits: SilenceLimits | None = None) -> None:
        self.book = SilenceBook()
        self.limits = limits or SilenceLimits()
        self.made = 0

    def place(self, asked: SilenceDraft, at: int = 0) -> str:
        self.made += 1
        step = place(self.book.all, asked, f"s{self.made}", NOW + at * MINUTE, limits=self.limits)
        self.book.take(step)
        return step.id


def test_an_edit_keeps_the_id_where_history_stays_true() -> None:
    """The same matchers in the same order; what has begun keeps its start; the end may move as long as it is not past."""
    desk = Desk()
    first = desk.place(draft("a=b,c=d"))
    assert desk.place(draft("a=b,c=d", ends=90, id_=first), at=10) == first
    assert desk.place(draft("c=d,a=b", ends=90, id_=first), at=20) == "s3"
    assert desk.book.all[first].ends_at == NOW + 20 * MINUTE
    assert desk.book.all["s3"].starts_at == NOW + 20 * MINUTE
    assert desk.place(draft("c=d,a=b", starts=25, ends=90, id_="s3"), at=22) == "s4"
    assert desk.place(draft("c=d,a=b", starts=30, ends=90, id_="s4"), at=23) == "s4"
    assert desk.place(draft("a=b", ends=500, id_=first), at=100) == "s6"


def test_the_past_is_not_silenced() -> None:
    """A start that lies back becomes now."""
    desk = Desk()
    assert desk.book.all[desk.place(draft(starts=-30))].starts_at == NOW


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (replace(draft(), matcher_sets=()), "invalid silence: at least one matcher set required"),
        (replace(draft(), matcher_sets=((),)), "invalid silence: matcher set 0 is empty"),
        (draft("a=,b=~.*"), "invalid silence: matcher set 0: at least one matcher must not match the empty string"),
        (draft(ends=None), "invalid silence: invalid zero end timestamp"),
        (draft(ends=-1), "invalid silence: end time must not be before start time"),
    ],
)
def test_what_would_silence_everything_or_nothing_is_refused(asked: SilenceDraft, message: str) -> None:
    """With Alertmanager's texts."""
    with pytest.raises(RequestError) as caught:
        place({}, asked, "s1", NOW)
    assert str(caught.value) == message


def test_names_are_those_of_the_syntax_in_force() -> None:
    """Classic mode knows no others."""
    with pytest.raises(RequestError, match=r'invalid label matcher 0 in set 0: invalid label name "ä"'):
        place({}, draft('"ä"=b'), "s1", NOW, syntax=Syntax.CLASSIC)
    assert place({}, draft('"ä"=b'), "s1", NOW).id == "s1"


def test_an_unknown_silence_cannot_be_edited_or_ended() -> None:
    """It is said to be unknown."""
    with pytest.raises(NotFoundError, match="silence not found"):
        place({}, draft(id_="s9"), "s1", NOW)
    with pytest.raises(NotFoundError, match="silence not found"):
        expire({}, "s9", NOW)


def test_limits_refuse_and_break_nothing() -> None:
    """Neither the number nor the size is exceeded; an edit in place is not one more."""
    desk = Desk(SilenceLimits(silences=1, size=200))
    first = desk.place(draft())
    assert desk.place(draft(ends=90, id_=first)) == first
    with pytest.raises(RequestError, match=r"exceeded maximum number of silences: 1 \(limit: 1\)"):
        desk.place(draft("c=d"))
    with pytest.raises(RequestError, match=r"silence exceeded maximum size: \d+ bytes \(limit: 200 bytes\)"):
        desk.place(replace(draft(id_=first), comment="x" * 200))
    assert [one.comment for one in desk.book.all.values()] == [""]


def test_the_size_is_that_of_alertmanagers_message() -> None:
    """Counted by hand: id 2+2; matcher 2+(2+1)+(2+1) in a set in a field; three instants and the end of keeping."""
    silence = Silence(
        id="id",
        matcher_sets=((Matcher("a", MatchOp.EQUAL, "b"),),),
        starts_at=1_000,
        ends_at=2_500,
        updated_at=0,
        expires_at=1_000,
    )
    instants = (2 + 2) + (2 + 2 + 1 + 5) + 2
    inner = (2 + 2) + (2 + 2 + 6) + instants
    assert stored_size(silence) == 2 + inner + (2 + 2)


def test_ended_silences_are_kept_for_a_while() -> None:
    """Five days, as in Alertmanager."""
    desk = Desk()
    first = desk.place(draft())
    desk.book.take(expire(desk.book.all, first, NOW + MINUTE))
    assert expire(desk.book.all, first, NOW + 2 * MINUTE).put == ()
    ended = NOW + MINUTE
    assert forget(desk.book.all, ended + RETENTION - 1).removed == ()
    assert forget(desk.book.all, ended + RETENTION).removed == (first,)


def test_a_pending_silence_that_is_ended_never_began() -> None:
    """Start and end are that instant."""
    desk = Desk()
    first = desk.place(draft(starts=10))
    (after,) = expire(desk.book.all, first, NOW).put
    assert (after.starts_at, after.ends_at, after.state(NOW)) == (NOW, NOW, SilenceState.EXPIRED)


def test_of_two_versions_the_later_counts() -> None:
    """What is outdated is not taken over."""
    desk = Desk()
    mine = desk.book.all[desk.place(draft())]
    newer, older = (replace(mine, updated_at=NOW + by, comment=str(by)) for by in (1, -1))
    gone = replace(mine, id="gone", expires_at=NOW - 1)
    assert merge(desk.book.all, [newer, older, gone], NOW).put == (newer,)
    assert merge({}, [older, newer], NOW).put == (newer,)


def test_they_are_shown_active_first() -> None:
    """By their end; then pending by their start; then expired, the latest first."""
    desk = Desk()
    for starts, ends in ((0, 5), (0, 90), (0, 60), (60, 70), (40, 90), (0, 3)):
        desk.place(draft(starts=starts, ends=ends))
    shown = [one.id for one in query(desk.book.all.values(), NOW + 10 * MINUTE)]
    assert shown == ["s3", "s2", "s5", "s4", "s1", "s6"]
    assert len(query(desk.book.all.values(), NOW + 10 * MINUTE, {SilenceState.PENDING})) == 2


def test_the_book_knows_who_mutes_and_when_that_changes() -> None:
    """Pending ones by their start, active ones by their end."""
    desk = Desk()
    desk.place(draft(ends=30))
    desk.place(draft(starts=20, ends=40))
    labels = Labels({"a": "b"})
    assert [one.id for one in desk.book.muting(labels, NOW)] == ["s1"]
    assert desk.book.next_change(labels, NOW) == NOW + 20 * MINUTE
    assert [one.id for one in desk.book.muting(labels, NOW + 25 * MINUTE)] == ["s1", "s2"]
    assert desk.book.muting(labels, NOW + 40 * MINUTE) == ()
    assert desk.book.next_change(labels, NOW + 40 * MINUTE) is None
    assert desk.book.muting(Labels({"a": "c"}), NOW) == ()
    assert desk.book.muting(labels, NOW + 3 * HOUR) == ()
    assert repr(desk.book) == "SilenceBook(2 silences, 0 filed)"


def test_at_the_very_instant_of_its_end_a_silence_can_be_prolonged() -> None:
    """As in Alertmanager; a moment later it is history."""
    stored = Desk()
    silence = stored.book.all[stored.place(draft(ends=10))]
    longer = replace(silence, ends_at=NOW + 90 * MINUTE)
    assert can_update(silence, longer, NOW + 10 * MINUTE)
    assert not can_update(silence, longer, NOW + 10 * MINUTE + 1)


MATCHERS = st.sampled_from(["a=b", "a!=b", "a=~b|c", 'a!~"x.*"', "c=d", "a=b,c=d"])
LABELS = st.dictionaries(st.sampled_from("ac"), st.sampled_from("bcdx"))


@given(st.lists(MATCHERS, max_size=5), MATCHERS, LABELS)
def test_more_silences_never_mute_less(some: list[str], one_more: str, labels: dict[str, str]) -> None:
    """And the book finds what asking each silence finds."""
    silences = [
        Silence(
            id=str(number),
            matcher_sets=(parse_matchers(text),),
            starts_at=NOW,
            ends_at=NOW + HOUR,
            updated_at=NOW,
            expires_at=NOW + HOUR,
        )
        for number, text in enumerate([*some, one_more])
    ]
    few, many = SilenceBook(silences[:-1]), SilenceBook()
    many.take(SilenceStep(put=tuple(silences)))
    before = {one.id for one in few.muting(Labels(labels), NOW)}
    after = {one.id for one in many.muting(Labels(labels), NOW)}
    assert before <= after == {one.id for one in silences if one.matches(Labels(labels))}
