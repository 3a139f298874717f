"""/metrics tells under Alertmanager's names what is counted under ours."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from monitor.app.alertmanager_metrics import AlertmanagerState, alertmanager_exposition
from monitor.config.configuration import Configuration
from monitor.config.environment import Environment
from monitor.config.loading import load
from monitor.config.overrides import AlertmanagerFlags, Overrides
from monitor.telemetry import Telemetry
from monitor.web.gets import Gets

FILE = """\
route: {receiver: hook, routes: [{receiver: mail, matchers: [team="a"]}]}
receivers:
- {name: hook, webhook_configs: [{url: "http://127.0.0.1:1/"}, {url: "http://127.0.0.1:2/"}]}
- {name: mail, slack_configs: [{api_url: "http://127.0.0.1:3/", channel: a}]}
- {name: unused, webhook_configs: [{url: "http://127.0.0.1:1/"}]}
inhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d]}]
"""


def configuration(folder: Path, *, text: str = FILE, gossips: bool = True) -> Configuration:
    """Of Alertmanager's file."""
    file = folder / "alertmanager.yml"
    file.write_text(text, encoding="utf-8")
    return load(Overrides(alertmanager=AlertmanagerFlags(config_file=str(file), gossips=gossips)), Environment(), {})


_FAILED = "alertmanager_notifications_failed"


def samples(telemetry: Telemetry, found: Configuration, gets: Gets | None = None) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels, in the order of their names."""
    state = AlertmanagerState(
        configuration=found, reloaded_at=1_000, reload_failed=False, groups=3, limited={"Flood": 7}, gets=gets
    )
    text = alertmanager_exposition(telemetry, state).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_notifications_are_told_by_integration(tmp_path: Path) -> None:
    """Attempts, failures, what was given up (once, though it was handed over before), suppressed, and how long it took; zero where nothing happened yet."""
    telemetry = Telemetry(lambda: 0.0)
    telemetry.deliveries.labels("webhook", "delivered").inc(5)
    telemetry.deliveries.labels("webhook", "rejected").inc(2)
    telemetry.given_up.labels("webhook", "trigger", "clientError", "no").inc()
    telemetry.given_up.labels("webhook", "resolve", "clientError", "no").inc()
    telemetry.given_up.labels("webhook", "trigger", "contextDeadlineExceeded", "no").inc()
    telemetry.given_up.labels("webhook", "trigger", "other", "yes").inc()
    telemetry.handed_over.labels("webhook", "trigger", "serverError").inc()
    telemetry.suppressed.labels("silence").inc(4)
    telemetry.delivery_seconds.labels("webhook").observe(0.2)
    telemetry.http_seconds.labels("/api/v2/alerts", "post", "200").observe(0.1)
    found = samples(telemetry, configuration(tmp_path))
    assert found["alertmanager_notification_requests_total", "webhook"] == 7
    assert found["alertmanager_notification_requests_failed_total", "webhook"] == 2
    assert found["alertmanager_notifications_total", "webhook"] == 9
    failed = {key[2]: number for key, number in found.items() if key[:2] == (f"{_FAILED}_total", "webhook")}
    assert failed == {
        "authError": 0,
        "rateLimited": 0,
        "clientError": 2,
        "serverError": 1,
        "contextCanceled": 0,
        "contextDeadlineExceeded": 1,
        "other": 0,
    }
    assert found["alertmanager_notifications_total", "slack"] == 0
    assert found["alertmanager_notifications_suppressed_total", "silence"] == 4
    assert found["alertmanager_notification_latency_seconds_count", "webhook"] == 1
    assert found["alertmanager_notification_latency_seconds_bucket", "webhook", "0.25"] == 1
    assert found["alertmanager_http_request_duration_seconds_count", "200", "/api/v2/alerts", "post"] == 1
    assert found["alertmanager_alerts_limited_total", "Flood"] == 7


def test_requests_are_bounded_in_alertmanagers_place_only(tmp_path: Path) -> None:
    """How many are under way and were refused is told where there is a bound; elsewhere nobody knows."""
    telemetry = Telemetry(lambda: 0.0)
    gets = Gets(1)
    gets.under_way, gets.exceeded = 1, 3
    found = samples(telemetry, configuration(tmp_path), gets)
    assert found["alertmanager_http_requests_in_flight", "get"] == 1
    assert found["alertmanager_http_concurrency_limit_exceeded_total", "get"] == 3
    assert not any(
        "in_flight" in name or "limit_exceeded" in name for name, *_ in samples(telemetry, configuration(tmp_path))
    )


def test_the_configuration_is_told(tmp_path: Path) -> None:
    """Receivers that routes use, rules, groups, when it was loaded, and a hash that changes with it."""
    telemetry = Telemetry(lambda: 0.0)
    found = samples(telemetry, configuration(tmp_path))
    assert found["alertmanager_receivers",] == 2
    assert found["alertmanager_integrations",] == 3
    assert found["alertmanager_inhibition_rules",] == 1
    assert found["alertmanager_dispatcher_aggregation_groups",] == 3
    assert found["alertmanager_config_last_reload_successful",] == 1
    assert found["alertmanager_config_last_reload_success_timestamp_seconds",] == 1
    other = samples(telemetry, configuration(tmp_path, text=FILE.replace('team="a"', 'team="b"')))
    assert other["alertmanager_config_hash",] != found["alertmanager_config_hash",]


def test_karma_finds_a_version_and_dashboards_a_cluster_of_one(tmp_path: Path) -> None:
    """No cluster where there is none."""
    found = samples(Telemetry(lambda: 0.0), configuration(tmp_path))
    assert found["alertmanager_build_info", "", "", "", "0.34.0+watchkeeper"] == 1
    assert (found["alertmanager_cluster_enabled",], found["alertmanager_cluster_members",]) == (1, 1)
    alone = samples(Telemetry(lambda: 0.0), configuration(tmp_path, gossips=False))
    assert alone["alertmanager_cluster_enabled",] == 0
    assert ("alertmanager_cluster_members",) not in alone
