"""`watchkeeper alertmanager` as a process: what those who start Alertmanager rely on."""

from __future__ import annotations

import signal
from pathlib import Path

import aiohttp

from tests.support.alertmanagers import Ours
from tests.support.daemon_process import until

FILE = "route: {receiver: w, group_wait: 1s}\nreceivers: [{name: w, webhook_configs: [{url: 'http://127.0.0.1:1/'}]}]\n"


async def test_it_starts_answers_reloads_and_ends_as_alertmanager_does(tmp_path: Path) -> None:
    """The line that harnesses wait for; OK, 410, 500 with the reason; SIGHUP; exit 0; all of it below the prefix."""
    running = Ours(tmp_path, FILE, "--web.route-prefix=/am", "--web.external-url=http://am.example.com/x")
    await running.start()
    try:
        assert "Listening on" in running.log() and f"address={running.address}" in running.log()
        async with aiohttp.ClientSession(f"http://{running.address}") as client:

            async def ask(method: str, path: str) -> tuple[int, str]:
                async with client.request(method, path, allow_redirects=False) as answer:
                    return answer.status, await answer.text()

            for path in ("/am/-/healthy", "/am/-/ready"):
                assert await ask("GET", path) == (200, "OK")
            assert (await ask("GET", "/-/healthy"))[0] == 404
            assert (await ask("GET", "/"))[0] == 302
            for method in ("GET", "POST"):
                status, text = await ask(method, "/am/api/v1/alerts")
                assert status == 410 and '"status":"deprecated"' in text
            assert await ask("POST", "/am/-/reload") == (200, "")
            running.configure("route: {receiver: nobody}\n")
            status, text = await ask("POST", "/am/-/reload")
            assert status == 500
            assert text.startswith('failed to reload config: undefined receiver "nobody" used in route')
            running.configure(FILE + "templates: []\n")
            running.process.send_signal(signal.SIGHUP)
            await until(lambda: running.log().count("msg=reloaded") == 2, "SIGHUP reloads")
    finally:
        code = await running.stop()
    assert code == 0


async def test_everybody_may_ask_and_push_as_there(tmp_path: Path) -> None:
    """Also through a proxy and with credentials that nobody asked for, but no page of another site."""
    running = Ours(tmp_path, FILE)
    await running.start()
    alerts = [{"labels": {"alertname": "Down"}}]
    try:
        async with aiohttp.ClientSession(running.url) as client:
            for headers, status in (
                ({"X-Forwarded-For": "10.0.0.1"}, 200),
                ({"Authorization": "Basic YTpi"}, 200),
                ({"Origin": "https://evil.example.com"}, 403),
            ):
                async with client.post("/api/v2/alerts", json=alerts, headers=headers) as answer:
                    assert answer.status == status, headers
    finally:
        await running.stop()


async def test_what_is_not_done_there_is_said(tmp_path: Path) -> None:
    """Our own API stands beside Alertmanager's: no checks, no samples, no alerts of rules; why and health as ever."""
    running = Ours(tmp_path, FILE)
    await running.start()
    own = "/api/watchkeeper/v1"
    try:
        async with aiohttp.ClientSession(running.url) as client:
            async with client.post("/api/v2/alerts", json=[{"labels": {"alertname": "Down"}}]) as answer:
                assert answer.status == 200
            async with client.get(f"{own}/checks") as answer:
                assert (answer.status, await answer.json()) == (200, {"checks": []})
            for method, path in (("GET", f"{own}/checks/a"), ("POST", f"{own}/checks/a/probe"), ("POST", "/ping/a")):
                async with client.request(method, path) as answer:
                    assert answer.status == 404, path
                    assert "in Alertmanager's place nothing is checked" in await answer.text()
            async with client.get(f"{own}/status") as answer:
                status = await answer.json()
                assert (status["ready"], status["rule_groups"], status["storage"]["series"]) == (True, 0, 0)
            async with client.get(f"{own}/alerts") as answer:
                assert [one["labels"]["alertname"] for one in (await answer.json())["alerts"]] == ["Down"]
            async with client.get(f"{own}/alerts/why", params={"alert": "Down"}) as answer:
                assert answer.status == 200
            async with client.get("/health") as answer:
                assert (await answer.json())["status"] == "healthy"
    finally:
        await running.stop()
    assert not (tmp_path / "data" / "samples").exists()


async def test_limits_of_the_flags_hold_and_metrics_have_their_names(tmp_path: Path) -> None:
    """A second alert of the name is not taken in, and counted; silences beyond the limit are refused."""
    running = Ours(tmp_path, FILE, "--alerts.per-alertname-limit=1", "--silences.max-silences=1")
    await running.start()
    alerts = [{"labels": {"alertname": name[0], "instance": name[1]}} for name in ("Aa", "Ab", "Ba")]
    matcher = {"name": "alertname", "value": "A", "isRegex": False}
    silence = {"matchers": [matcher], "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2999-01-01T00:00:00Z"}
    silence |= {"createdBy": "ana", "comment": "known"}
    try:
        async with aiohttp.ClientSession(running.url) as client:
            async with client.post("/api/v2/alerts", json=alerts) as answer:
                assert answer.status == 200
            async with client.get("/api/v2/alerts") as answer:
                assert sorted(one["labels"]["instance"] for one in await answer.json()) == ["a", "a"]
            for status in (200, 400):
                async with client.post("/api/v2/silences", json=silence) as answer:
                    assert answer.status == status
            async with client.get("/metrics") as answer:
                text = await answer.text()
        assert 'alertmanager_alerts_limited_total{alertname="A"} 1.0' in text
        assert 'version="0.34.0+watchkeeper"} 1.0' in text
        assert "alertmanager_cluster_enabled 0.0" in text
        assert "alertmanager_config_last_reload_successful 1.0" in text
    finally:
        await running.stop()
