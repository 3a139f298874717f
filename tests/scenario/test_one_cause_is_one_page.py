"""One cause, one page: what the shipped rules and the default tree make of a service that is checked and scraped under one
name."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.alerts.maintenance import MaintenanceWindow, Once
from monitor.config.configuration import Configuration
from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.matching.parse import parse_matchers
from monitor.model.incidents import IncidentState
from monitor.model.notifications import MessageKind
from monitor.model.times import HOUR, MINUTE
from monitor.simulate.stories import Played, Story
from monitor.simulate.tellings import acknowledged, page, resolve, update
from monitor.simulate.world import START

METRICS = "http://shop.test:80/metrics"
SHOP = """
environment: production
host: {enabled: false}
checks: [{name: shop, url: "http://shop.test/health"}]
scrape_configs: [{job_name: shop, scrape_interval: 15s, static_configs: [{targets: ["shop.test:80"]}]}]
receivers: [{name: default, console_configs: [{}]}]
people: {ana: {console: true}, bo: {webhook: "http://bo.test/"}}
policies: {default: {steps: [{notify: ["user:ana"]}, {after: 5m, notify: ["user:bo"]}]}}
"""
LONG_QUERY = 'pg_stat_activity_max_tx_duration{state="active",datname="shop"} 500\n'
DOWN = "5m22s50ms"
"""When a check that fails from 5m on is judged: its slot lies 20 s after each half minute."""


SIDE_DOOR = '{name: admin, url: "http://admin.test/health", labels: {job: shop}}'
"""A second check of the same service."""


def shop(folder: Path, *, job: str = "shop", beside: str = "") -> Configuration:
    """A service with a check and a scrape job of one name, the shipped rules, and no routing of its own. `beside`: another
    check."""
    file = folder / "watchkeeper.yml"
    text = SHOP.replace("job_name: shop", f"job_name: {job}")
    file.write_text(text.replace('/health"}]', f'/health"}}, {beside}]') if beside else text)
    return load(Overrides(config=str(file)), Environment(), {})


def pages(played: Played, who: str = "ana") -> list[str]:
    """The titles of what woke somebody."""
    heard = (one for one in played.world.heard if one.who == who and one.kind is MessageKind.TRIGGER)
    return [one.message.title for one in heard]


def dead(folder: Path, beside: str = "") -> Story:
    """Both the check and the metrics port are refused from the fifth minute on."""
    story = Story(shop(folder, beside=beside))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("shop").serve(METRICS, None)
    return story


REFUSED = "shop is down: connection refused"
NO_TARGET = "shop is down: no instance answers"


def requests(total: float, failed: float) -> str:
    """What the shop's counters show."""
    return (
        "# TYPE http_requests_total counter\n"
        f'http_requests_total{{code="200"}} {total - failed:.0f}\nhttp_requests_total{{code="500"}} {failed:.0f}\n'
    )


def test_a_service_that_dies_pages_once_for_its_check_and_its_targets(tmp_path: Path) -> None:
    """The targets join the acknowledged incident without a word, and it ends when both are back."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("shop").serve(METRICS, None)
    story.at(DOWN).expect(page("ana"))
    story.at("5m40s").ack("ana").expect(acknowledged("ana"))
    story.at("12m").up("shop").serve(METRICS, "x 1\n")
    story.at("12m21s50ms").expect(resolve("ana"))
    played = story.until("20m").expect_nothing()
    (incident,) = played.incidents
    assert {member.name for member in incident.members} == {"ServiceDown", "ScrapeTargetsDown"}


def test_targets_that_join_before_anybody_answered_are_told_to_nobody_either(tmp_path: Path) -> None:
    """The walk goes on as it was: no update, and the second step at its time."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("shop").serve(METRICS, None)
    story.at(DOWN).expect(page("ana"))
    story.at("10m22s50ms").expect(page("bo"))
    story.at("11m").ack("bo").expect(acknowledged("ana"), acknowledged("bo"))
    message = story.until("12m").expect_nothing().telling("bo").message
    assert message.title == "CRITICAL: shop is down: connection refused"
    assert "With it, since 2026-01-01 00:06:" in message.text
    assert "shop is down: no instance answers" in message.text


def test_a_database_that_takes_the_service_with_it_pages_once(tmp_path: Path) -> None:
    """The health answer names it with the page already; its alert follows half a minute later, and is only noted."""
    story = Story(shop(tmp_path))
    story.at("5m").ill("shop", database="disconnected")
    story.at("0s").serve(METRICS, "x 1\n")
    story.at(DOWN).expect(page("ana"))
    story.at("5m40s").ack("ana").expect(acknowledged("ana"))
    story.at("8m").up("shop")
    story.at("8m21s50ms").expect(resolve("ana"))
    message = story.until("15m").expect_nothing().telling("ana").message
    assert "database: disconnected" in message.title


def test_a_symptom_that_outlives_its_cause_pages_nobody_who_has_the_cause(tmp_path: Path) -> None:
    """The service answers again, and its database is still away: whoever acknowledged has it, and it stays open."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").ill("shop", database="disconnected")
    story.at(DOWN).expect(page("ana"))
    story.at("5m40s").ack("ana").expect(acknowledged("ana"))
    story.at("10m").ill("shop", healthy=True, database="disconnected")
    story.at("20m").up("shop")
    story.at("20m20s50ms").expect(resolve("ana"))
    story.until("30m").expect_nothing()


def test_a_service_that_goes_down_after_its_database_pages_again_and_says_what_is_new(tmp_path: Path) -> None:
    """That users are turned away now is news to whoever knew of the database only; what they knew stands beside it."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").ill("shop", healthy=True, database="disconnected")
    story.at("5m50s50ms").expect(page("ana"))
    story.at("7m").ack("ana").expect(acknowledged("ana"))
    story.at("10m").ill("shop", database="disconnected")
    story.at("10m22s50ms").expect(page("ana"))
    story.at("11m").ack("ana").expect(acknowledged("ana"))
    played = story.until("12m").expect_nothing()
    again = [heard.message for heard in played.world.heard if heard.kind is MessageKind.TRIGGER][1]
    assert again.title.startswith("CRITICAL, NEW: shop is down: HTTP status 503, expected 2xx")
    lines = again.text.splitlines()
    assert lines[0] == "New, since 2026-01-01 00:10:22 UTC: shop is down"
    assert lines[3:5] == [
        "Known before, since 2026-01-01 00:05:50 UTC (4m 32s): shop cannot reach its database (database)",
        "ana acknowledged what was known 3m 22s ago; it pages again because of what is new.",
    ]
    assert "With it" not in again.text


def test_failing_requests_are_told_once_and_not_as_a_warning_as_well(tmp_path: Path) -> None:
    """When all of them fail at once the page comes while the warning, which fires sooner, still waits for company."""
    story = Story(shop(tmp_path))
    for quarter in range(60):
        total = 750.0 * quarter
        story.at(f"{15 * quarter}s").serve(METRICS, requests(total, max(total - 15_000, 0)))
    played = story.observe(13 * 60_000)
    assert [(heard.who, heard.kind) for heard in played.world.heard] == [
        ("ana", MessageKind.TRIGGER),
        ("bo", MessageKind.TRIGGER),
    ]


def test_errors_that_a_service_shows_when_it_is_back_join_whoever_has_it(tmp_path: Path) -> None:
    """Their window remembers the outage for minutes after it."""
    story = Story(shop(tmp_path))
    for quarter in range(100):
        total = 750.0 * quarter
        failed = 750.0 * min(max(quarter - 20, 0), 20)
        story.at(f"{15 * quarter}s").serve(METRICS, requests(total, failed))
    story.at("5m").ill("shop", database="disconnected")
    story.at(DOWN).expect(page("ana"))
    story.at("5m40s").ack("ana").expect(acknowledged("ana"))
    story.at("10m").up("shop")
    played = story.observe(24 * 60_000)
    kinds = [(heard.who, heard.kind) for heard in played.world.heard]
    assert kinds == [("ana", MessageKind.TRIGGER), ("ana", MessageKind.ACKNOWLEDGE), ("ana", MessageKind.RESOLVE)]


def test_another_service_pages_beside_it(tmp_path: Path) -> None:
    """What one service explains, it explains for itself."""
    story = Story(shop(tmp_path, job="cart"))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("shop").serve(METRICS, None)
    played = story.observe(9 * 60_000)
    assert len(played.incidents) == 2


def test_a_silenced_check_explains_nothing(tmp_path: Path) -> None:
    """Whoever silenced a broken check is still told that no instance answers."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n").down("shop")
    story.at("1s").silence("ana", 'alertname="ServiceDown"', "1h")
    story.at("10m").serve(METRICS, None)
    played = story.observe(13 * 60_000)
    assert [heard.message.title for heard in played.world.heard] == ["CRITICAL: shop is down: no instance answers"]


def test_a_cause_may_be_told_beside_what_it_causes(tmp_path: Path) -> None:
    """A warning that may be the reason is no symptom: the long query is told though the service is down."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, LONG_QUERY)
    story.at("0s").down("shop")
    story.at("2s50ms").expect(page("ana"))
    story.at("1m").ack("ana").expect(acknowledged("ana"))
    played = story.observe(5 * 60_000)
    assert "default" in {heard.who for heard in played.world.heard}
    assert [incident.state for incident in played.incidents] == [IncidentState.ACKNOWLEDGED]


def test_an_update_names_what_joined(tmp_path: Path) -> None:
    """To whoever was paged and has not answered, a second cause is no page, and it is named with its time."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").ill("shop", healthy=True, database="disconnected")
    story.at("5m50s50ms").expect(page("ana"))
    story.at("8m").ill("shop", database="disconnected")
    story.at("8m22s50ms").expect(update("ana"))
    story.at("9m").ack("ana").expect(acknowledged("ana"))
    message = story.until("10m").expect_nothing().telling("ana", MessageKind.UPDATE).message
    assert message.text.splitlines()[0] == "New, since 2026-01-01 00:08:22 UTC: shop is down"
    assert message.facts[0] == ("New", "ServiceDown since 2026-01-01 00:08:22 UTC")


def test_a_service_that_dies_again_much_later_pages_whoever_has_what_is_left_of_it(tmp_path: Path) -> None:
    """The metrics port stayed closed, so the incident never ended; the second outage is another one."""
    story = dead(tmp_path)
    story.at("6m").ack("ana")
    story.at("10m").up("shop")
    story.at("26m").ack("ana")
    story.at("60m").down("shop")
    assert pages(story.observe(62 * MINUTE)) == [
        f"CRITICAL: {REFUSED}",
        f"CRITICAL, NEW: {NO_TARGET}",
        f"CRITICAL, NEW: {REFUSED}",
    ]


@pytest.mark.parametrize("over_after", ["9m", "16m"])
def test_what_goes_on_long_after_its_cause_is_told_to_whoever_had_that(tmp_path: Path, over_after: str) -> None:
    """They were told of the service, which answers, and sleep; that no instance does is told a quarter of an hour later, also
    by a daemon that was killed meanwhile, unless it is over by then."""
    story = dead(tmp_path)
    story.at("6m").ack("ana")
    story.at("10m").up("shop")
    story.at("12m").crash(back_after="5s")
    story.at("19m" if over_after == "9m" else "26m").serve(METRICS, "x 1\n")
    played = story.observe(30 * MINUTE)
    told = [(one.at // MINUTE, one.kind) for one in played.world.heard]
    if over_after == "9m":
        assert pages(played) == [f"CRITICAL: {REFUSED}"]
        return
    assert pages(played) == [f"CRITICAL: {REFUSED}", f"CRITICAL, NEW: {NO_TARGET}"]
    assert [at for at, kind in told if kind is MessageKind.TRIGGER] == [5, 25]
    again = next(one for one in reversed(played.world.heard) if one.kind is MessageKind.TRIGGER)
    assert "ana acknowledged what was known 19m" in again.message.text


def test_a_service_that_flaps_pages_whoever_has_it_no_more(tmp_path: Path) -> None:
    """Minutes between the outages do not make them news."""
    story = dead(tmp_path)
    story.at("6m").ack("ana")
    for minute in range(8, 60, 4):
        story.at(f"{minute}m").up("shop")
        story.at(f"{minute + 2}m").down("shop")
    assert len(pages(story.observe(65 * MINUTE))) == 1


def test_a_service_that_flaps_is_called_new_to_nobody_who_was_paged(tmp_path: Path) -> None:
    """They hear of each change; what was told before is not new."""
    story = dead(tmp_path)
    for minute in range(8, 20, 4):
        story.at(f"{minute}m").up("shop")
        story.at(f"{minute + 2}m").down("shop")
    told = [one.message.title for one in story.observe(25 * MINUTE).world.heard if one.kind is MessageKind.UPDATE]
    assert f"CRITICAL: {REFUSED}" in told
    assert not [title for title in told if title.startswith("CRITICAL, NEW") and REFUSED in title]


def test_a_warning_of_a_causes_name_hides_no_page(tmp_path: Path) -> None:
    """Somebody pushes their own `ServiceDown` for one instance; all targets going is a page all the same."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("1m").alert("ServiceDown", job="shop", environment="production", severity="warning", check="shop")
    story.at("5m").serve(METRICS, None)
    assert pages(story.observe(8 * MINUTE)) == [f"CRITICAL: {NO_TARGET}"]


def test_one_check_explains_nothing_that_another_one_sees(tmp_path: Path) -> None:
    """Whoever has the side door's outage is told of the shop's database."""
    story = Story(shop(tmp_path, beside=SIDE_DOOR))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("admin")
    story.at("6m").ack("ana")
    story.at("10m").ill("shop", healthy=True, database="disconnected")
    first, second = pages(story.observe(12 * MINUTE))
    assert first == "CRITICAL: admin is down: connection refused"
    assert second.startswith("CRITICAL, NEW: shop cannot reach its database")


def test_a_side_door_that_is_closed_does_not_explain_that_the_house_is_gone(tmp_path: Path) -> None:
    """Only the check that bears the service's name speaks for all of its targets."""
    story = Story(shop(tmp_path, beside=SIDE_DOOR))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("admin")
    story.at("6m").ack("ana")
    story.at("30m").serve(METRICS, None)
    assert pages(story.observe(32 * MINUTE))[1:] == [f"CRITICAL, NEW: {NO_TARGET} (+1 known before)"]


def test_a_cause_that_was_silenced_is_news_when_the_silence_ends(tmp_path: Path) -> None:
    """Whoever acknowledged what was heard meanwhile was never told of it."""
    story = dead(tmp_path)
    story.at("1s").silence("ana", 'alertname="ServiceDown"', "20m")
    story.at("8m").ack("ana")
    assert pages(story.observe(22 * MINUTE)) == [f"CRITICAL: {NO_TARGET}", f"CRITICAL, NEW: {REFUSED}"]


def test_a_cause_in_maintenance_is_news_when_the_window_ends_and_not_before(tmp_path: Path) -> None:
    """As with a silence, though the incident has begun by then."""
    story = dead(tmp_path)
    span = Once(START + 2 * MINUTE, START + 40 * MINUTE)
    window = MaintenanceWindow(name="move", matchers=tuple(parse_matchers('check="shop"')), once=(span,))
    story.at("2m").maintain("ana", window)
    story.at("8m").ack("ana")
    played = story.observe(42 * MINUTE)
    assert pages(played) == [f"CRITICAL: {NO_TARGET}", f"CRITICAL, NEW: {REFUSED}"]
    assert [one.at for one in played.world.heard if one.kind is MessageKind.TRIGGER][1] == 40 * MINUTE


def test_a_symptom_that_was_silenced_too_is_news_when_the_silence_ends(tmp_path: Path) -> None:
    """It was kept quiet by more than its cause."""
    story = dead(tmp_path)
    story.at("1s").silence("ana", 'alertname="ScrapeTargetsDown"', "20m")
    story.at("6m").ack("ana")
    story.at("10m").up("shop")
    assert pages(story.observe(22 * MINUTE)) == [f"CRITICAL: {REFUSED}", f"CRITICAL, NEW: {NO_TARGET}"]


@pytest.mark.parametrize("cause_ends", [True, False])
def test_what_a_person_resolved_is_not_opened_by_what_it_explains(tmp_path: Path, cause_ends: bool) -> None:
    """The targets fail half a minute later; both open it again if they go on for the policy's quarter of an hour."""
    story = dead(tmp_path)
    story.at("5m40s").resolve("ana")
    if cause_ends:
        story.at("9m").up("shop")
    assert pages(story.observe(20 * MINUTE)) == [f"CRITICAL: {REFUSED}"]
    assert len(pages(story.observe(22 * MINUTE))) == 2


def failing(story: Story, since: int, until: int, minutes: int) -> None:
    """All requests fail between these minutes; the counters are read once in each quarter of a minute."""
    for quarter in range(4 * minutes):
        failed = 750.0 * min(max(quarter - 4 * since, 0), 4 * (until - since))
        story.at(f"{15 * quarter}s").serve(METRICS, requests(750.0 * quarter, failed))


def test_an_outage_taken_hours_ago_does_not_explain_requests_that_fail_now(tmp_path: Path) -> None:
    """The service did without its database for an hour; that it turns its users away now is news to whoever sleeps."""
    story = Story(shop(tmp_path))
    story.at("5m").ill("shop", healthy=True, database="disconnected")
    story.at("7m").ack("ana")
    failing(story, since=65, until=90, minutes=70)
    played = story.observe(69 * MINUTE)
    first, second = pages(played)
    assert first.startswith("CRITICAL: shop cannot reach its database")
    assert second.startswith("CRITICAL, NEW: shop fails ")
    assert [one.at // MINUTE for one in played.world.heard if one.kind is MessageKind.TRIGGER] == [5, 67]


def test_requests_that_fail_soon_after_the_outage_are_known_to_whoever_has_it(tmp_path: Path) -> None:
    """For as long as they do."""
    story = Story(shop(tmp_path))
    story.at("5m").ill("shop", healthy=True, database="disconnected")
    story.at("7m").ack("ana")
    failing(story, since=12, until=60, minutes=40)
    played = story.observe(38 * MINUTE)
    assert len(pages(played)) == 1
    (incident,) = played.incidents
    assert "ErrorRateHigh" in {member.name for member in incident.members}


def test_a_second_check_of_a_service_that_dies_later_pages_whoever_has_the_first(tmp_path: Path) -> None:
    """The side door was closed; now the house is gone, which another check sees, and one page says it."""
    story = Story(shop(tmp_path, beside=SIDE_DOOR))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("admin")
    story.at("6m").ack("ana")
    story.at("12m").down("shop").serve(METRICS, None)
    story.at("13m").ack("ana")
    assert pages(story.observe(30 * MINUTE)) == [
        "CRITICAL: admin is down: connection refused",
        f"CRITICAL, NEW: {REFUSED} (+1 known before)",
    ]


def test_checks_of_a_service_that_die_together_page_once_however_fast_somebody_answers(tmp_path: Path) -> None:
    """They see it one after another."""
    story = Story(shop(tmp_path, beside=SIDE_DOOR))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("shop").down("admin").serve(METRICS, None)
    judged = sorted(one.at for one in story.observe(7 * MINUTE).world.heard)
    story.at(f"{judged[0] + 1}ms").ack("ana")
    played = story.observe(30 * MINUTE)
    assert len(pages(played)) == 1
    (incident,) = played.incidents
    assert {member.labels.get("check", "") for member in incident.members} == {"", "admin", "shop"}


@pytest.mark.parametrize("recovers", [True, False])
def test_what_a_person_resolved_is_not_opened_by_what_is_silenced(tmp_path: Path, recovers: bool) -> None:
    """It is paged when its silence ends, or with what never stopped."""
    story = dead(tmp_path)
    story.at("1s").silence("ana", 'alertname="Full"', "19m")
    story.at("6m").resolve("ana")
    story.at("7m").alert("Full", job="shop", environment="production", severity="critical")
    if recovers:
        story.at("8m").up("shop").serve(METRICS, "x 1\n")
    assert pages(story.observe(18 * MINUTE)) == [f"CRITICAL: {REFUSED}"]
    played = story.observe(24 * MINUTE)
    assert len(pages(played)) == 2
    assert ("Full" in pages(played)[1]) == recovers


def test_a_silence_that_ends_is_news_after_a_resolve_that_nothing_reopens(tmp_path: Path) -> None:
    """`reopen_if_still_firing: 0s` is about what somebody was told."""
    file = tmp_path / "watchkeeper.yml"
    shop(tmp_path)
    file.write_text(
        file.read_text().replace("policies: {default: {", "policies: {default: {reopen_if_still_firing: 0s, ")
    )
    story = Story(load(Overrides(config=str(file)), Environment(), {}))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("1s").silence("ana", 'alertname="Full"', "20m")
    story.at("5m").down("shop").serve(METRICS, None)
    story.at("6m").alert("Full", job="shop", environment="production", severity="critical")
    story.at("8m").resolve("ana")
    played = story.observe(40 * MINUTE)
    assert pages(played) == [f"CRITICAL: {REFUSED}", "CRITICAL: shop is down: connection refused (+1 more)"]
    assert [one.at for one in played.world.heard if one.kind is MessageKind.TRIGGER][1] // MINUTE == 20


def test_what_begins_in_its_own_maintenance_is_told_at_its_end_with_the_time_of_its_beginning(tmp_path: Path) -> None:
    """Muted is muted, also for whoever has acknowledged something else of the service."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    span = Once(START + 2 * MINUTE, START + 40 * MINUTE)
    window = MaintenanceWindow(name="disks", matchers=tuple(parse_matchers('alertname="Full"')), once=(span,))
    story.at("2m").maintain("ana", window)
    story.at("5m").down("shop").serve(METRICS, None)
    story.at("6m").ack("ana")
    story.at("30m").alert("Full", job="shop", environment="production", severity="critical")
    played = story.observe(42 * MINUTE)
    assert pages(played) == [f"CRITICAL: {REFUSED}", "CRITICAL, NEW: Full on shop (+1 known before)"]
    again = [one for one in played.world.heard if one.kind is MessageKind.TRIGGER][1]
    assert again.at == 40 * MINUTE
    assert again.message.text.splitlines()[0] == "New, since 2026-01-01 00:30:00 UTC (10m): Full on shop"


CAUSED = {"job": "shop", "environment": "production", "severity": "critical"}
"""Labels of what is pushed beside the check of the shop."""


def minutes(played: Played) -> list[int]:
    """When somebody was woken."""
    return [one.at // MINUTE for one in played.world.heard if one.kind is MessageKind.TRIGGER and one.who == "ana"]


@pytest.mark.parametrize("jump", [0, -HOUR, -2 * HOUR, HOUR])
def test_a_clock_that_was_set_after_an_acknowledgement_hides_no_outage_of_another_check(
    tmp_path: Path, jump: int
) -> None:
    """The house is gone a quarter of an hour after its side door, whatever the clock says."""
    story = Story(shop(tmp_path, beside=SIDE_DOOR))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").down("admin")
    story.at("6m").ack("ana")
    story.at("7m").jump(jump)
    story.at("20m").down("shop").serve(METRICS, None)
    assert REFUSED in pages(story.observe(26 * MINUTE))[-1]


def test_a_clock_that_was_put_back_hides_no_second_outage_of_the_same_check(tmp_path: Path) -> None:
    """It was over for half an hour, which the clock does not show."""
    story = dead(tmp_path)
    story.at("6m").ack("ana")
    story.at("10m").up("shop")
    story.at("26m").ack("ana")
    story.at("27m").jump(-HOUR)
    story.at("60m").down("shop")
    assert REFUSED in pages(story.observe(66 * MINUTE))[-1]


def test_a_symptom_that_flaps_after_its_cause_is_told_to_whoever_had_that(tmp_path: Path) -> None:
    """Each gap is short, and so is each return; together they go on for more than a quarter of an hour."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").alert("ServiceDown", end="7m", check="shop", **CAUSED)
    story.at("5m").alert("Stays", end="90m", **CAUSED)
    story.at("6m").ack("ana")
    story.at("7m").alert("ErrorRateHigh", end="12m", **CAUSED)
    for minute in (21, 35):
        story.at(f"{minute}m").alert("ErrorRateHigh", end="12m", **CAUSED)
    played = story.observe(45 * MINUTE)
    assert "ErrorRateHigh" in pages(played)[-1]
    assert 27 <= minutes(played)[-1] <= 35


def test_a_symptom_that_begins_anew_long_after_its_cause_pages_at_once(tmp_path: Path) -> None:
    """Its name was explained once; now it has another cause, which is said."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").alert("ServiceDown", end="90m", check="shop", **CAUSED)
    story.at("6m").ack("ana")
    story.at("7m").alert("ErrorRateHigh", end="14m", **CAUSED)
    story.at("25m").alert("ErrorRateHigh", end="60m", **CAUSED)
    played = story.observe(45 * MINUTE)
    assert minutes(played)[1:] == [25]
    assert pages(played)[1] == "CRITICAL, NEW: ErrorRateHigh on shop (+1 known before)"


def test_the_end_of_a_silence_over_a_symptom_whose_cause_is_over_is_news_at_once(tmp_path: Path) -> None:
    """It was known by its cause, and then told to nobody."""
    story = Story(shop(tmp_path))
    story.at("0s").serve(METRICS, "x 1\n")
    story.at("5m").alert("ServiceDown", end="20m", check="shop", **CAUSED)
    story.at("6m").ack("ana")
    story.at("7m").alert("ErrorRateHigh", end="90m", **CAUSED)
    story.at("12m").silence("ana", 'alertname="ErrorRateHigh"', "28m")
    assert minutes(story.observe(60 * MINUTE)) == [5, 40]


def test_a_snooze_after_the_cause_is_over_hides_nothing_that_goes_on(tmp_path: Path) -> None:
    """Whoever snoozed it believes that the service answers."""
    story = dead(tmp_path)
    story.at("6m").ack("ana")
    story.at("10m").up("shop")
    story.at("12m").snooze("ana", "8h")
    assert minutes(story.observe(30 * MINUTE)) == [5, 25]
