"""A page that cannot be delivered is taken elsewhere, and says why."""

from __future__ import annotations

from dataclasses import replace

from monitor.model.incidents import TimelineEntry
from monitor.model.notifications import DeliveryReport, Destination, MessageKind, OutboxRow
from monitor.model.times import MINUTE
from monitor.oncall.effects import Step
from monitor.oncall.events import Acknowledge, DeliveryReported, GroupChanged
from tests.support.incidents import ANA, PAYMENTS, Story, alert, group, noted, policy_step, targets, to


def failed(story: Story, row: OutboxRow, **changes: object) -> Step:
    report = DeliveryReport(
        dedupe_key=row.dedupe_key,
        destination=row.destination,
        kind=row.message.kind,
        at=story.now,
        arrived=False,
        incident=row.incident,
        epoch=row.epoch,
        order_key=row.order_key,
        why="404 no such routing key",
    )
    return story.feed(DeliveryReported(replace(report, **changes)))


def pages(taken: Step) -> list[Destination]:
    return [row.destination for row in taken.effects if isinstance(row, OutboxRow) and row.message.kind.wakes]


def opened(story: Story) -> OutboxRow:
    story.feed(GroupChanged(group(alert())))
    return next(iter(story.rows.values()))


def test_the_persons_next_contact_and_the_fallback_through_another_channel_are_paged() -> None:
    """With the reason, and without moving the walk."""
    story = Story(replace(PAYMENTS, fallback=targets("user:bo")))
    taken = failed(story, opened(story))
    assert pages(taken) == [to("ana", "email"), to("bo", "email")]
    assert noted(taken) == ["delivery_failed"]
    row = next(effect for effect in taken.effects if isinstance(effect, OutboxRow))
    assert "404 no such routing key" in row.message.text
    assert row.dedupe_key == "ID1:1:0:0:user:ana/email[0]"
    assert (story.state.step, story.state.timers[0].due_at) == (0, story.now + 5 * MINUTE)


def test_the_same_report_twice_pages_once() -> None:
    """The keys of the rows are the same."""
    story = Story()
    row = opened(story)
    failed(story, row)
    count = len(story.rows)
    failed(story, row)
    assert len(story.rows) == count


def test_a_person_without_another_contact_leaves_the_fallback() -> None:
    """The last contact failed too."""
    story = Story()
    row = opened(story)
    failed(story, row)
    second = next(row for row in story.rows.values() if row.destination == to("ana", "email"))
    assert pages(failed(story, second)) == [to("lead", "slack")]


def test_who_was_told_instead_by_delivery_is_not_told_again() -> None:
    """Only the person's next contact is tried then."""
    story = Story()
    row = opened(story)
    assert pages(failed(story, row, redirected_to=Destination("ops", "slack"))) == [to("ana", "email")]


def test_nobody_left_to_tell_is_counted() -> None:
    """A channel that fails, and no fallback."""
    story = Story(replace(PAYMENTS, steps=(policy_step("slack:#x"),), fallback=()))
    taken = failed(story, opened(story))
    assert (pages(taken), noted(taken), story.state.nobody) == ([], ["delivery_failed", "nobody"], 1)


def test_who_was_told_instead_by_delivery_is_somebody() -> None:
    """The house's last resort, where no contact and no fallback is left: the incident says who has it, and that the first
    is tried further."""
    story = Story(replace(PAYMENTS, steps=(policy_step("slack:#x"),), fallback=()))
    taken = failed(story, opened(story), redirected_to=Destination("ops", "console"), trying=True)
    assert (pages(taken), noted(taken), story.state.nobody) == ([], ["delivery_failed"], 0)
    (entry,) = taken.effects
    assert isinstance(entry, TimelineEntry)
    assert entry.text == (
        "The page to slack:#x by slack has not been delivered yet: 404 no such routing key; ops/console[0] is told instead; "
        "it is tried further"
    )


def test_a_failure_after_somebody_took_it_is_only_written_down() -> None:
    """Nobody is to be woken any more."""
    story = Story()
    row = opened(story)
    story.feed(Acknowledge(ANA))
    taken = failed(story, row)
    assert (pages(taken), noted(taken)) == ([], ["delivery_failed"])


def test_reports_that_need_nothing_do_nothing() -> None:
    """About what wakes nobody, or about another generation; an arrival is written down."""
    story = Story()
    row = opened(story)
    assert failed(story, row, kind=MessageKind.UPDATE).effects == ()
    assert failed(story, row, incident="OTHER").effects == ()
    assert noted(failed(story, row, arrived=True)) == ["delivered"]


def test_whoever_was_told_instead_hears_of_the_end() -> None:
    """They are among the notified."""
    story = Story()
    failed(story, opened(story))
    story.feed(Acknowledge(ANA))
    told = {row.destination for row in story.rows.values() if row.message.kind is MessageKind.ACKNOWLEDGE}
    assert told == {to("ana"), to("ana", "email"), to("lead", "slack")}
