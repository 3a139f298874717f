"""docker-compose.yml and what it mounts, without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.loading import Overrides, load
from monitor.config.prometheus.file import read_prometheus
from monitor.config.yamltree import read
from tests.unit.docs.compose_rules import problems_of_compose

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES = cast("dict[str, dict[str, Any]]", yaml.safe_load(TEXT)["services"])
EXAMPLE = ROOT / "docs/examples/sample-service"


def mounts(service: str) -> dict[str, str]:
    """Where each folder or file of the project appears."""
    pairs = (volume.split(":")[:2] for volume in SERVICES[service]["volumes"])
    return {target: source for source, target in pairs if source.startswith(".")}


def test_it_keeps_the_specification() -> None:
    """As our schema knows it."""
    assert problems_of_compose(TEXT) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("restart: unless-stopped", "restart: sometimes"),
        ("read_only: true", "readonly: true"),
        ('- "127.0.0.1:9797:9797"', "- 9797"),
        ("watchkeeper-data:/data", "other-data:/data"),
        ("watchkeeper: {condition", "watchtower: {condition"),
        ("condition: service_healthy", "condition: healthy"),
        ("${SHOP_VERSION:-1.0.0}", "$SHOP_VERSION"),
    ],
)
def test_the_schema_finds_slips(old: str, new: str) -> None:
    """Or the test above would prove nothing."""
    assert old in TEXT
    assert problems_of_compose(TEXT.replace(old, new)) != []


def test_a_service_watchkeeper_prometheus_and_grafana() -> None:
    """All are there, and each port is open on this machine only."""
    assert set(SERVICES) == {"shop", "watchkeeper", "prometheus", "grafana"}
    ports = [port for service in SERVICES.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", ["shop", "watchkeeper"])
def test_ours_can_write_nothing_but_their_data(name: str) -> None:
    """Read-only root, no capabilities, no way to gain any; what is mounted from the project is read-only."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume.endswith(":ro") for volume in service["volumes"] if volume.startswith("."))


def test_everything_that_is_mounted_exists() -> None:
    """An engine would make an empty folder of a missing file."""
    for name in SERVICES:
        for source in mounts(name).values():
            assert (ROOT / source).exists(), source


def test_the_daemon_loads_what_it_is_given_and_watches_the_shop() -> None:
    """By its health and by its metrics, at the addresses that the network has; its data go into the volume."""
    source = mounts("watchkeeper")["/etc/watchkeeper/watchkeeper.yml"]
    configuration = load(
        Overrides(config=str(ROOT / source)),
        Environment(_env_file=None),  # pyright: ignore[reportCallIssue]
        {},
    )
    assert configuration.warnings == ()
    assert [check.target for check in configuration.checks] == ["http://shop:8080/health"]
    assert [group.addresses for job in configuration.jobs for group in job.groups] == [("shop:8080",)]
    assert configuration.storage.folder == Path("/data")
    assert configuration.listen.port == 9797


def test_the_daemon_is_told_only_what_it_knows() -> None:
    """Every variable is one of its settings."""
    known = {f"WATCHKEEPER_{name.upper()}" for name in Environment.model_fields}
    assert set(SERVICES["watchkeeper"]["environment"]) <= known


def test_prometheus_scrapes_the_daemon() -> None:
    """With a file that our own reader finds good as well."""
    path = ROOT / mounts("prometheus")["/etc/prometheus/prometheus.yml"]
    document, findings = read(path.read_text(encoding="utf-8"), str(path)), Findings()
    parts = read_prometheus(document, document.tree, (), findings, str)
    assert findings.all == []
    assert parts is not None
    assert {address for job in parts.jobs for group in job.groups for address in group.addresses} == {
        "watchkeeper:9797",
        "shop:8080",
    }


def test_grafana_finds_the_daemon_and_the_dashboards() -> None:
    """The address and the folder are those that the provisioning names."""
    grafana = SERVICES["grafana"]
    assert grafana["environment"]["WATCHKEEPER_URL"] == "http://watchkeeper:9797"
    mounted = mounts("grafana")
    provisioning = ROOT / mounted["/etc/grafana/provisioning"]
    source = yaml.safe_load((provisioning / "datasources/watchkeeper.yml").read_text(encoding="utf-8"))
    assert source["datasources"][0]["url"] == "${WATCHKEEPER_URL}"
    provider = yaml.safe_load((provisioning / "dashboards/watchkeeper.yml").read_text(encoding="utf-8"))
    folder = ROOT / mounted[provider["providers"][0]["options"]["path"]]
    assert sorted(path.name for path in folder.glob("*.json")) == ["service.json", "watchkeeper.json"]


def test_the_health_of_the_daemon_decides_when_the_others_start() -> None:
    """It has a HEALTHCHECK in its image."""
    assert SERVICES["prometheus"]["depends_on"] == {"watchkeeper": {"condition": "service_healthy"}}
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert (EXAMPLE / "service.py").is_file()
