"""`remote_write` and `rules.query_url` as the loader reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.configuration import Configuration
from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.model.errors import ConfigError
from monitor.model.labels import Labels
from monitor.net.http_config import Authorization


def loaded(folder: Path, text: str) -> Configuration:
    path = folder / "watchkeeper.yml"
    path.write_text(text, encoding="utf-8")
    return load(Overrides(config=str(path)), Environment(), {})


def test_a_receiver_has_prometheus_defaults(tmp_path: Path) -> None:
    """And the external labels; credentials are read at their use."""
    text = (
        "global: {external_labels: {region: eu}}\n"
        "remote_write: [{url: 'https://r/push', headers: {X-Scope-OrgID: a}, authorization: {credentials_file: t}}]\n"
    )
    (receiver,) = loaded(tmp_path, text).remote_writes
    options = receiver.options
    assert (options.timeout, options.samples_per_send, options.deadline) == (30_000, 2_000, 5_000)
    assert (options.min_backoff, options.max_backoff, options.metadata_interval) == (30, 5_000, 60_000)
    assert (options.external_labels, options.exemplars, options.metadata) == (Labels({"region": "eu"}), False, True)
    assert receiver.client.headers == (("X-Scope-OrgID", "a"),)
    assert receiver.client.authorization == Authorization(secret_file=str(tmp_path / "t"))
    assert len(options.name) == 6


def test_the_section_may_stand_in_a_prometheus_file(tmp_path: Path) -> None:
    """Files that it names are beside it."""
    (tmp_path / "p.yml").write_text(
        "remote_write: [{url: 'http://r/', name: n, basic_auth: {username: u, password: p}}]\n"
    )
    (receiver,) = loaded(tmp_path, "prometheus_file: p.yml\n").remote_writes
    assert receiver.options.name == "n"
    assert receiver.client.authorization == Authorization(type="Basic", username="u", secret="p")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{name: a}", "url for remote_write is empty"),
        ("{url: 'http://r', headers: {Content-Type: x}}", "Content-Type is a reserved header. It must not be changed"),
        ("{url: 'http://r', unknown: 1}", '"unknown" is not a known key here'),
        ("{url: 'http://r', protobuf_message: odd}", "unknown type for remote write protobuf message odd"),
        (
            "{url: 'http://r', queue_config: {max_samples_per_send: 0}}",
            "remote write queue max_samples_per_send must be positive",
        ),
        ("{url: 'http://r', write_relabel_configs: [{regex: '('}]}", "write_relabel_configs"),
        ("{url: 'http://r'}, {url: 'http://r'}", "found duplicate for URL: http://r"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, entry: str, problem: str) -> None:
    """In Prometheus's words where it has them."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"remote_write: [{entry}]\n")
    assert problem in str(caught.value)
    assert "remote_write[" in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "sigv4: {}",
        "azuread: {sdk: {tenant_id: a}}",
        "google_iam: {}",
        "send_native_histograms: true",
        "round_robin_dns: true",
        "queue_config: {max_shards: 5}",
        "protobuf_message: io.prometheus.write.v2.Request",
    ],
)
def test_what_is_not_served_is_warned_about_by_name(tmp_path: Path, key: str) -> None:
    """The file loads."""
    warnings = loaded(tmp_path, f"remote_write: [{{url: 'http://r', {key}}}]\n").warnings
    name = "max_shards" if "max_shards" in key else key.partition(":")[0]
    assert any(name in one.path and "not served yet" in one.problem for one in warnings)


def test_an_address_that_cannot_be_sent_to_is_doubted(tmp_path: Path) -> None:
    """Prometheus takes it."""
    configuration = loaded(tmp_path, "remote_write: [{url: 'localhost:9090'}]\n")
    assert configuration.remote_writes == ()
    assert any("is no URL to send to" in one.problem for one in configuration.warnings)


def test_rules_may_ask_another_engine(tmp_path: Path) -> None:
    """No early looks then, since it has not heard of a result at once."""
    text = "rules: {query_url: 'http://p:9090/', query_timeout: 5s, query_http_config: {basic_auth: {username: u, password: p}}}\n"
    configuration = loaded(tmp_path, text)
    engine = configuration.query_engine
    assert engine is not None
    assert (engine.url, engine.timeout) == ("http://p:9090", 5_000)
    assert engine.client.authorization is not None
    rules = [rule for group in configuration.groups for rule in group.rules]
    assert rules
    assert not any(getattr(rule, "early", False) for rule in rules)
    assert loaded(tmp_path, "checks: []\n").query_engine is None
    with pytest.raises(ConfigError, match="is no URL of a PromQL engine"):
        loaded(tmp_path, "rules: {query_url: 'p:9090'}\n")


def test_a_shown_configuration_hides_what_is_secret(tmp_path: Path) -> None:
    """By its key wherever it stands, and in addresses."""
    text = (
        "remote_write: [{url: 'http://u:word-a@r/', headers: {X: word-b}, basic_auth: {username: me, password: word-c}}]\n"
        "scrape_configs: [{job_name: '1.10', bearer_token: word-d, tls_config: {cert: c, key: word-e}}]\n"
    )
    shown = loaded(tmp_path, text).prometheus_yaml
    assert "word-" not in shown
    assert "http://<secret>@r/" in shown
    assert "username: me" in shown
    assert "job_name: '1.10'" in shown
