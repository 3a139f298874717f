"""`watchkeeper why` in words, over documents as daemons send them."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.cli.incidents import about, show_incidents, what_next
from monitor.cli.why import show_alert

NOW = 1_767_225_600_000


def document(**changes: Any) -> dict[str, Any]:
    return {
        "fingerprint": "0011223344556677",
        "labels": {"alertname": "Down"},
        "state": "firing",
        "since": "2026-01-01T00:00:00.000Z",
        "rule": None,
        "route": ["{}"],
        "group": {
            "key": "{}:{}",
            "receiver": "chat",
            "members": 1,
            "policy": None,
            "incident": None,
            "last_look": None,
            "next_look": None,
        },
        "quiet": [],
        "integrations": [],
        **changes,
    }


def test_the_answer_of_a_daemon_that_knows_nothing_of_flapping_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The command is often updated first."""
    show_alert(document(), NOW)
    said = capsys.readouterr().out
    assert "receiver chat" in said
    assert "flaps" not in said


def integration(**attempt: Any) -> dict[str, Any]:
    return {
        "destination": "chat/webhook[0]",
        "told_at": "2025-12-31T23:59:07.000Z",
        "knows": True,
        "last_decision": None,
        "repeats_at": "2026-01-01T04:00:00.000Z",
        "attempts": [row(**{"state": "sent", **attempt})],
    }


def row(state: str, destination: str = "chat/webhook[0]", **changes: Any) -> dict[str, Any]:
    return {
        "destination": destination,
        "kind": "trigger",
        "state": state,
        "created_at": "2025-12-31T23:59:07.000Z",
        "error": "",
        **changes,
    }


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        ({"state": "sent"}, "chat/webhook[0] was told 53s ago"),
        ({"state": "pending"}, "chat/webhook[0] is to be told: decided 53s ago, not delivered yet"),
        ({"state": "failed"}, "chat/webhook[0] could not be told: decided 53s ago, given up"),
        ({"state": "cancelled"}, "chat/webhook[0] was not told: decided 53s ago, dropped before it was sent"),
    ],
)
def test_what_was_decided_is_told_apart_from_what_arrived(
    capsys: pytest.CaptureFixture[str], attempt: dict[str, Any], said: str
) -> None:
    """Only who took a message was told."""
    show_alert(document(integrations=[integration(**attempt)]), NOW)
    out = " ".join(capsys.readouterr().out.split())
    assert said in out
    assert out.count("was told") == (attempt["state"] == "sent")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("sent", "standby/webhook[1] was told instead"),
        ("failed", "standby/webhook[1] was not reached instead either"),
        ("leased", "standby/webhook[1] is to be told instead, not delivered yet"),
    ],
)
def test_the_fallback_that_was_told_instead_is_named(capsys: pytest.CaptureFixture[str], state: str, said: str) -> None:
    """The last of them, and all of them below the attempt."""
    others = [row("failed", "standby/webhook[0]", error="no route"), row(state, "standby/webhook[1]")]
    show_alert(document(integrations=[integration(state="pending", instead=others)]), NOW)
    out = " ".join(capsys.readouterr().out.split())
    assert said in out
    assert "instead standby/webhook[0] failed: no route" in out


def paged(**changes: Any) -> dict[str, Any]:
    """An incident, as far as `why` shows it."""
    return {
        "number": 7,
        "state": "acknowledged",
        "acknowledged_by": "ana",
        "acknowledged_at": "2025-12-31T23:59:30.000Z",
        "resolved_at": "2025-12-31T23:59:50.000Z",
        "told": [{"destination": "user:ana/console[0]", "attempts": [row("sent", "user:ana/console[0]")]}],
        **changes,
    }


def words(capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    """What is said of an alert of a group that escalates."""
    group = {**document()["group"], "policy": "payments", "incident": 7}
    show_alert(document(**{"group": group, **changes}), NOW)
    return " ".join(capsys.readouterr().out.split())


def test_an_incident_shows_who_was_paged_and_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    """As `incidents show` does; a page that was sent before this alert began did not tell of it."""
    said = words(capsys, incident=paged(), since="2025-12-31T23:59:00.000Z")
    assert "policy payments: incident #7, acknowledged" in said
    assert "Acknowledged by ana 30s ago: nobody is paged." in said
    assert "user:ana/console[0] was told of the incident 53s ago sent trigger, decided 53s ago" in said
    later = words(capsys, incident=paged(), since="2025-12-31T23:59:40.000Z")
    assert "was told of the incident 53s ago, before this alert began" in later


def test_an_alert_that_is_over_says_since_when_and_that_it_was_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """Its rule has forgotten it by then, and nobody has pushed it."""
    times = {"since": "2025-12-31T23:50:00.000Z", "believed_until": "2025-12-31T23:58:00.000Z"}
    said = words(capsys, state="resolved", pushed=False, incident=paged(state="resolved"), **times)
    assert said.startswith("Down resolved 2m ago, began 10m ago")
    assert "of our own rules, where it fires no longer" in said
    assert "pushed from outside" in words(capsys, pushed=True)


def test_an_older_daemon_names_the_incident_only(capsys: pytest.CaptureFixture[str]) -> None:
    """The command is often updated first."""
    assert words(capsys).endswith("policy payments: incident #7")
    group = {**document()["group"], "policy": "payments", "incident": None}
    assert words(capsys, group=group).endswith("policy payments: no open incident")


def test_what_inhibits_is_named_by_its_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """And by its fingerprint where nothing more is known of it."""
    quiet = {"reason": "inhibition", "sentence": "another alert that fires explains it", "until": None, "by": ["00ff"]}
    known = {**quiet, "alerts": [{"alertname": "ServiceDown", "check": "shop", "job": "shop"}]}
    assert 'another alert that fires explains it: ServiceDown{check="shop", job="shop"}' in words(capsys, quiet=[known])
    assert "another alert that fires explains it: 00ff" in words(capsys, quiet=[quiet])


def test_an_alert_that_a_reload_regrouped_says_with_which_incident_it_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """The one of its former group."""
    group = {**document()["group"], "policy": "payments", "incident": 7, "kept_from": "{}:{}"}
    assert "with the incident of its former group {}:{}: nobody is paged again" in words(capsys, group=group)


def test_an_alert_that_nobody_reports_any_longer_says_until_when_it_is_believed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A reload has taken its rule away, or changed its labels; an incident says it of the alert."""
    said = words(capsys, state="firing", pushed=False, believed_until="2026-01-01T00:03:20.000Z")
    assert "it fires no longer: nobody reports it any longer; believed until 2026-01-01 00:03:20Z" in said
    member = {"annotations": {"summary": "it is slow"}, "labels": {}, "unreported_until": "2026-01-01T00:03:20.000Z"}
    assert about(member) == "it is slow (nobody reports it any longer; believed until 2026-01-01 00:03:20Z)"
    assert about({**member, "unreported_until": None}) == "it is slow"


def test_a_look_that_found_nothing_to_tell_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Not by the name of the decision."""
    said = words(capsys, integrations=[{**integration(), "last_decision": "none"}])
    assert "(last look: nothing was to be told)" in said


@pytest.mark.parametrize(
    ("until", "next_", "sentence"),
    [
        (
            "2026-01-01T01:00:00.000Z",
            "held until 2026-01-01 01:00:00Z",
            "Held: all of its alerts are muted; it pages at 2026-01-01 01:00:00Z if they still fire.",
        ),
        (None, "held: all is muted", "Held: all of its alerts are muted."),
    ],
)
def test_an_incident_that_is_held_says_so_wherever_it_is_shown(
    capsys: pytest.CaptureFixture[str], until: str | None, next_: str, sentence: str
) -> None:
    """In the list, where its timer is no page that comes, and in the sentence."""
    one = paged(state="triggered", held=True, held_until=until, next_step_at=until)
    row = {**one, "severity": "warning", "opened_at": "2025-12-31T23:59:00.000Z", "title": "Slow"}
    show_incidents([row], NOW)
    assert next_ in " ".join(capsys.readouterr().out.split())
    assert what_next(one, NOW) == sentence
