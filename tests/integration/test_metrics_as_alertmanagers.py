"""What Alertmanager tells on /metrics, ours tells under the same names and labels, or leaves out for a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.alertmanagers import ALERTMANAGER, Alertmanager, Debians, Ours
from tests.support.collector import collecting
from tests.support.daemon_process import until

pytestmark = pytest.mark.skipif(ALERTMANAGER is None, reason="prometheus-alertmanager is not installed")

_ROUTE = "route: {receiver: w, group_wait: 1ms}\n"
_ROWS = "rows of a database, written with each decision: no snapshots, sweeps, gossip, nor queries of their own"
_LEFT_OUT: Final = {
    "alertmanager_dispatcher_alert_processing_duration_seconds": "alerts are taken in by pushes, not one by one",
    "alertmanager_http_response_size_bytes": "bodies are not measured",
    "alertmanager_marked_alerts": "entries of a cache that outlive their alerts: there is no such cache",
    "alertmanager_nflog_gc_duration_seconds": _ROWS,
    "alertmanager_nflog_gossip_messages_propagated": _ROWS,
    "alertmanager_nflog_queries": _ROWS,
    "alertmanager_nflog_query_duration_seconds": _ROWS,
    "alertmanager_nflog_query_errors": _ROWS,
    "alertmanager_nflog_snapshot_duration_seconds": _ROWS,
    "alertmanager_nflog_snapshot_size_bytes": _ROWS,
    "alertmanager_silences_gc_duration_seconds": _ROWS,
    "alertmanager_silences_gossip_messages_propagated": _ROWS,
    "alertmanager_silences_queries": _ROWS,
    "alertmanager_silences_query_duration_seconds": _ROWS,
    "alertmanager_silences_query_errors": _ROWS,
    "alertmanager_silences_snapshot_duration_seconds": _ROWS,
    "alertmanager_silences_snapshot_size_bytes": _ROWS,
}
_FEWER_LABELS: Final = {"alertmanager_build_info": {"goarch", "goos"}}
"""Of a program that is not compiled."""


async def _told(running: Alertmanager) -> dict[str, set[str]]:
    """Its families by name with the names of their labels, when it has answered a request of each method."""
    await running.start()
    try:
        async with aiohttp.ClientSession(running.url) as client:
            async with client.post("/api/v2/alerts", json=[{"labels": {"alertname": "Down"}}]) as answer:
                assert answer.status == 200
            for method, path in (("GET", "/-/healthy"), ("POST", "/-/reload")):
                async with client.request(method, path) as answer:
                    assert answer.status == 200

            async def families() -> dict[str, set[str]]:
                async with client.get("/metrics") as answer:
                    found = text_string_to_metric_families(await answer.text())
                told = {
                    family.name: {label for sample in family.samples for label in sample.labels} - {"le", "quantile"}
                    for family in found
                    if family.name.startswith("alertmanager_") and family.samples
                }
                return told if told.keys() >= _LATEST else {}

            return await until(families, f"{running.name} tells everything")
    finally:
        await running.stop()


_LATEST: Final = {"alertmanager_notification_latency_seconds", "alertmanager_alerts"}


async def test_every_family_of_alertmanager_is_told_or_left_out_for_a_reason(tmp_path: Path) -> None:
    """With its labels; ours may have more of them, of later versions. And nothing that is called left out is told."""
    async with collecting() as vendor:
        file = f"{_ROUTE}receivers: [{{name: w, webhook_configs: [{{url: '{vendor.url}/'}}]}}]\n"
        theirs = await _told(Debians(tmp_path / "theirs", file))
        ours = await _told(Ours(tmp_path / "ours", file))
    assert theirs.keys() - ours.keys() == _LEFT_OUT.keys()
    fewer = {name: labels - ours[name] for name, labels in theirs.items() if name in ours and labels - ours[name]}
    assert fewer == _FEWER_LABELS
    assert ours["alertmanager_http_request_duration_seconds"] == {"handler", "method", "code"}
    assert ours["alertmanager_notifications_failed"] == {"integration", "reason"}
