"""What people read when they are woken."""

from __future__ import annotations

from dataclasses import replace

from monitor.model.changes import Deployment
from monitor.model.labels import Labels
from monitor.model.notifications import MessageKind, NotifyReason
from monitor.model.times import DAY, HOUR, MINUTE, Timestamp
from monitor.oncall.events import Acknowledge, GroupChanged, Resolve
from monitor.oncall.messages import Occasion, build, headline
from tests.support.incidents import ANA, START, Story, alert, explained, group, muted, over

OVER = Occasion(kind=MessageKind.RESOLVE, reason=NotifyReason.ALL_RESOLVED)
PAGE = Occasion(kind=MessageKind.TRIGGER, reason=NotifyReason.FIRST, paged=("ana",), step=0)


def paged(story: Story, *deployments: Deployment, now: Timestamp = START + 2 * MINUTE) -> tuple[str, str]:
    message = build(story.state, PAGE, deployments, "", now)
    return message.title, message.text


def opened(**annotations: str) -> Story:
    story = Story()
    story.feed(GroupChanged(group(replace(alert(), annotations=Labels(annotations)))))
    return story


def test_the_title_says_how_bad_it_is_and_what_is_ill() -> None:
    """The summary where there is one, else the alert and the most telling label."""
    assert paged(opened(summary="shop-api answers 503"))[0] == "CRITICAL: shop-api answers 503"
    assert paged(opened())[0] == "CRITICAL: Down on a"


def test_the_text_says_since_when_who_was_woken_and_who_is_next() -> None:
    """With instants in UTC and spans in words."""
    text = paged(opened(description="12 of 40 requests fail."))[1]
    assert text.splitlines() == [
        "12 of 40 requests fail.",
        "Since 2027-01-15 08:00:00 UTC (2m).",
        "Paged: ana.",
        "Next page at 2027-01-15 08:05:00 UTC (3m) unless somebody acknowledges.",
    ]


def test_runbook_dashboard_and_the_incidents_own_page_are_links() -> None:
    """Relative ones are pages of the daemon; what no browser should follow is left out."""
    story = opened(runbook_url="https://wiki/shop", dashboard_url="javascript:alert(1)")
    message = build(story.state, PAGE, (), "https://wk.example", START)
    assert message.links == (("Runbook", "https://wiki/shop"), ("Incident", "https://wk.example/incidents/1"))
    assert "javascript" not in message.text
    shipped = opened(runbook_url="runbooks/ServiceDown.md")
    assert build(shipped.state, PAGE, (), "https://wk.example", START).links[0] == (
        "Runbook",
        "https://wk.example/runbooks/ServiceDown.md",
    )


def test_what_went_live_shortly_before_is_told() -> None:
    """Of this service or of all, the newest first; not what is old, of others, or yet to come."""
    story = Story()
    shop = alert(summary="ill")
    shop = replace(shop, labels=shop.labels.with_(service="shop"))
    story.feed(GroupChanged(group(shop)))
    _, text = paged(
        story,
        Deployment(at=START - HOUR, version="1.4", service="shop", by="ci"),
        Deployment(at=START + MINUTE, version="2026-11"),
        Deployment(at=START - DAY, version="1.3", service="shop"),
        Deployment(at=START - HOUR, version="7", service="billing"),
        Deployment(at=START + HOUR, version="9", service="shop"),
    )
    assert [line for line in text.splitlines() if line.startswith("Changed")] == [
        "Changed lately: version 2026-11 went live 1m after it began.",
        "Changed lately: shop 1.4 by ci went live 1h before it began.",
    ]


def test_many_alerts_are_counted_and_the_first_few_told() -> None:
    """Equal ones once; the worst first; the payload is bounded and says how many it leaves out."""
    story = Story()
    many = [alert("Slow", instance=f"i{index:02}", severity="error") for index in range(40)]
    same = [alert("Dup", instance=str(index), summary="disk is full") for index in range(3)]
    story.feed(GroupChanged(group(*many, *same, over(alert("Old")))))
    message = build(story.state, PAGE, (), "", START)
    assert message.title == "CRITICAL: disk is full (+42 more)"
    assert message.text.splitlines()[1:8] == [
        "43 alerts fire:",
        "- disk is full (3 times)",
        "- Slow on i00",
        "- Slow on i01",
        "- Slow on i02",
        "- Slow on i03",
        "- and 36 more",
    ]
    assert message.group is not None
    assert (len(message.alerts), message.group.truncated) == (20, 23)


def test_a_member_that_is_reported_twice_is_told_once() -> None:
    """By its fingerprint."""
    story = Story()
    story.feed(GroupChanged(group(alert(), alert())))
    assert len(build(story.state, PAGE, (), "", START).alerts) == 1


def test_muted_alerts_stand_behind_the_loud_ones() -> None:
    """The title is about what is heard, and counts nothing else; the text has the others with their reason."""
    story = Story()
    story.feed(GroupChanged(group(muted(alert("Aaa")), alert("Slow", severity="error"))))
    assert headline(story.state) == "Slow on a"
    message = build(story.state, PAGE, (), "", START)
    assert message.severity.value == "error"
    assert "Muted, since 2027-01-15 08:00:00 UTC: Aaa on a (a silence matches it)" in message.text.splitlines()


def test_what_another_alert_explains_stands_with_it() -> None:
    """Neither counted nor called muted: it belongs to what is told."""
    story = Story()
    down = alert(summary="shop is down")
    story.feed(GroupChanged(group(down, explained(alert("NoDatabase"), down))))
    message = build(story.state, PAGE, (), "", START)
    assert message.title == "CRITICAL: shop is down"
    assert message.text.splitlines()[1] == "With it, since 2027-01-15 08:00:00 UTC: NoDatabase on a"


def test_what_joins_is_told_first_and_what_was_known_after_it() -> None:
    """As many as there is room for, the rest counted; the payload names the new ones by their fingerprints."""
    story = Story()
    old = [alert("Down", instance=str(number), summary=f"{number} is down") for number in range(7)]
    story.feed(GroupChanged(group(*old)))
    new = alert("Full", severity="error", starts_at=START + MINUTE, summary="disk is full", description="Make room.")
    story.at(2 * MINUTE).feed(GroupChanged(group(*old, new)))
    message = list(story.rows.values())[-1].message
    assert (message.kind, message.title) == (MessageKind.UPDATE, "CRITICAL, NEW: disk is full (+7 known before)")
    lines = message.text.splitlines()
    assert lines[:3] == [
        "New, since 2027-01-15 08:01:00 UTC (1m): disk is full",
        "Make room.",
        "Known before, since 2027-01-15 08:00:00 UTC (2m): 0 is down",
    ]
    assert lines[7] == "Known before: 2 more"
    assert message.facts[0] == ("New", "Full since 2027-01-15 08:01:00 UTC")
    assert message.incident is not None
    assert message.incident.news == (new.fingerprint,)


def test_the_last_message_tells_how_long_it_took_and_who_ended_it() -> None:
    """A resolve shows what was ill, with its ends."""
    story = opened(summary="ill")
    story.at(5 * MINUTE).feed(GroupChanged(group(over(alert(summary="ill")))))
    last = list(story.rows.values())[-1].message
    assert (last.kind, last.title) == (MessageKind.RESOLVE, "RESOLVED after 5m: ill")
    assert [one.firing for one in last.alerts] == [False]
    story = opened(summary="ill")
    story.at(5 * MINUTE).feed(Resolve(ANA))
    assert list(story.rows.values())[-1].message.title == "RESOLVED by ana after 5m: ill"


def test_an_acknowledgement_names_its_holder() -> None:
    """In the title and as a fact."""
    story = opened(summary="ill")
    story.at(MINUTE).feed(Acknowledge(ANA))
    message = list(story.rows.values())[-1].message
    assert message.title == "ACKNOWLEDGED by ana: ill"
    assert ("Acknowledged by", "ana") in message.facts
    assert message.incident is not None
    assert (message.incident.state, message.incident.next_step_at) == ("acknowledged", None)


def test_facts_count_the_page_so_that_no_loop_goes_unseen() -> None:
    """Step and number of the page."""
    story = opened()
    story.at(5 * MINUTE).fire()
    message = list(story.rows.values())[-1].message
    assert ("Step", "2 of 3, page 2") in message.facts
    assert message.incident is not None
    assert (message.incident.step, message.incident.steps) == (2, 3)


def test_titles_and_texts_are_bounded() -> None:
    """Annotations come from outside and may be of any length."""
    message = build(opened(summary="x" * 10_000, description="y" * 100_000).state, PAGE, (), "", START)
    assert len(message.title) == 250
    assert len(message.text) <= 3000


def test_common_labels_are_those_that_all_alerts_share() -> None:
    """As templates and webhooks know them."""
    story = Story()
    story.feed(GroupChanged(group(alert(), alert(instance="b"))))
    group_view = build(story.state, PAGE, (), "", START).group
    assert group_view is not None
    assert group_view.common_labels == Labels({"alertname": "Down", "severity": "critical"})


def test_what_the_check_saw_is_in_the_title_and_in_the_text_while_it_fires() -> None:
    """A phone shows the title alone; afterwards the sentence would mislead."""
    story = opened(reason="HTTP status 503, expected 2xx")
    message = build(story.state, PAGE, (), "", START)
    assert message.title.endswith(": HTTP status 503, expected 2xx")
    assert "Seen: HTTP status 503, expected 2xx" in message.text
    over_ = build(
        replace(story.state, members=tuple(replace(one, firing=False) for one in story.state.members)),
        OVER,
        (),
        "",
        START,
    )
    assert "HTTP status" not in over_.title + over_.text


def test_an_incident_is_only_about_what_fires_since_it_opened() -> None:
    """Its group may still name alerts of the time before; they are in no title, text or resolve of this one."""
    story = Story()
    old = over(alert("Old", summary="it was ill before", starts_at=START - HOUR))
    story.feed(GroupChanged(group(old, alert("New", summary="ill"))))
    story.feed(GroupChanged(group(old, over(alert("New", summary="ill")))))
    message = build(story.state, OVER, (), "", START)
    assert [view.labels["alertname"] for view in message.alerts] == ["New"]
    assert "before" not in message.title + message.text
