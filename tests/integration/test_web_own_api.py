"""Our own API over real sockets, with the real on-call, rules, prober and database behind it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import pytest

from monitor.model.checks import Check, HealthState
from monitor.model.errors import Finding
from monitor.model.times import HOUR, MINUTE, rfc3339
from monitor.probe.kinds.heartbeat import HeartbeatOptions
from monitor.web.parts import Trial, up
from tests.support.incidents import alert, group
from tests.support.rule_worlds import groups_of
from tests.support.samples import metric
from tests.support.web_worlds import NOW, web_world

API = "/api/watchkeeper/v1"
HEARTBEAT = Check(
    name="backup", kind="heartbeat", target="backup", options=HeartbeatOptions(period=HOUR, grace=10 * MINUTE)
)
SITE = Check(name="site", kind="http", target="http://user:hunter2@127.0.0.1:1/health")


def inside(document: object, *path: str | int) -> object:
    """What lies at this path."""
    for part in path:
        document = (
            cast("list[object]", document)[part] if isinstance(part, int) else cast("dict[str, object]", document)[part]
        )
    return document


async def test_checks_are_listed_and_told(tmp_path: Path) -> None:
    """Before anything was seen: unknown, with the reason; a credential in an address is not shown."""
    async with web_world(str(tmp_path), checks=[SITE, HEARTBEAT]) as world:
        status, body = await world.json("GET", f"{API}/checks")
        assert status == 200
        found = cast("list[dict[str, object]]", body["checks"])
        assert [(one["name"], one["state"], one["text"]) for one in found] == [
            ("backup", "unknown", "not checked yet"),
            ("site", "unknown", "not checked yet"),
        ]
        assert found[1]["target"] == "http://<secret>@127.0.0.1:1/health"
        _, body = await world.json("GET", f"{API}/checks/site")
        assert inside(body, "check", "thresholds") == {"failures": 3, "successes": 2}
        assert inside(body, "check", "last") is None
        status, body = await world.json("GET", f"{API}/checks/nothing")
        assert (status, inside(body, "error", "code")) == (404, "not_found")


async def test_a_probe_can_be_asked_for(tmp_path: Path) -> None:
    """It starts at once, and its result is told: reason, phases, how far the failing has come."""
    async with web_world(str(tmp_path), checks=[SITE]) as world:
        status, _ = await world.json("POST", f"{API}/checks/site/probe")
        assert status == 202
        while up(world.parts.probing).outcome("site") is None:
            await world.get("/-/healthy")
        _, body = await world.json("GET", f"{API}/checks/site")
        assert inside(body, "check", "last", "reason") == "connection_refused"
        assert set(cast("dict[str, object]", inside(body, "check", "last", "phases"))) == {
            "resolve",
            "connect",
            "tls",
            "processing",
            "transfer",
        }
        assert inside(body, "check", "failing") == {"count": 1, "of": 3}
        assert "hunter2" not in str(body)


async def test_an_incident_is_taken_given_back_and_resolved(tmp_path: Path) -> None:
    """Each act is in its history, with who did it, and in the audit with the door."""
    async with web_world(str(tmp_path)) as world:
        await world.feed(group(alert("Down", instance="a")))
        _, body = await world.json("GET", f"{API}/incidents")
        assert inside(body, "incidents", 0, "state") == "triggered"
        assert inside(body, "incidents", 0, "next_step_at") == rfc3339(NOW + 5 * MINUTE)
        here = {"X-Watchkeeper-Person": "bo", "X-Watchkeeper-Door": "cli"}
        status, body = await world.json("POST", f"{API}/incidents/1/acknowledge", headers=here)
        assert (status, body["changed"]) == (200, True)
        assert inside(body, "incident", "acknowledged_by") == "bo"
        _, body = await world.json("POST", f"{API}/incidents/1/acknowledge", headers=here)
        assert body["changed"] is False
        _, body = await world.json("POST", f"{API}/incidents/1/unacknowledge")
        assert inside(body, "incident", "state") == "triggered"
        _, body = await world.json("POST", f"{API}/incidents/1/snooze", {"for": "1h"})
        assert inside(body, "incident", "snoozed_until") == rfc3339(NOW + HOUR)
        _, body = await world.json("POST", f"{API}/incidents/1/resolve", {})
        assert inside(body, "incident", "resolved_by") == "local"
        _, body = await world.json("GET", f"{API}/incidents/1")
        kinds = [one["kind"] for one in cast("list[dict[str, str]]", inside(body, "incident", "timeline"))]
        assert kinds[0] == "opened"
        assert {"acknowledged", "unacknowledged", "resolved"} <= set(kinds)
        sent = cast("list[dict[str, object]]", inside(body, "incident", "notifications"))
        assert sent[0]["destination"] == "user:ana/pagerduty[0]"
        steps = cast("list[dict[str, object]]", inside(body, "incident", "policy_steps"))
        assert [(one["notify"], one["after"]) for one in steps] == [
            (["user:ana"], 0),
            (["user:bo"], 300),
            (["user:cy"], 600),
        ]
        _, body = await world.json("GET", f"{API}/incidents")
        assert body["incidents"] == []
        _, body = await world.json("GET", f"{API}/incidents?state=all&limit=1")
        assert inside(body, "incidents", 0, "number") == 1
        _, body = await world.json("GET", f"{API}/audit")
        audit = cast("list[dict[str, object]]", body["audit"])
        assert ("bo", "cli", "acknowledge") in [(one["actor"], one["door"], one["action"]) for one in audit]


async def test_an_escalation_can_be_asked_for(tmp_path: Path) -> None:
    """The next step goes out now."""
    async with web_world(str(tmp_path)) as world:
        await world.feed(group(alert("Down")))
        status, _ = await world.json("POST", f"{API}/incidents/1/escalate")
        assert status == 200
        assert world.parts.escalating is not None
        await world.parts.escalating.advance()
        _, body = await world.json("GET", f"{API}/incidents/1")
        told = cast("list[dict[str, object]]", inside(body, "incident", "notified"))
        assert [one["who"] for one in told] == ["ana", "bo"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "words"),
    [
        ("POST", "incidents/9/acknowledge", None, 404, "not_found", 'no incident "9"'),
        ("POST", "incidents/1/snooze", {}, 400, "bad_request", '"for" must be a duration'),
        ("POST", "incidents/1/snooze", {"for": "1y"}, 400, "bad_request", "a week at most"),
        ("POST", "incidents/1/acknowledge", {"by": "bo"}, 400, "bad_request", 'unknown field "by"'),
        ("GET", "incidents?state=odd", None, 400, "bad_request", 'state "odd" is not known'),
        ("GET", "incidents?limit=0", None, 400, "bad_request", "limit"),
        ("GET", "audit?limit=ten", None, 400, "bad_request", "limit"),
        ("POST", "deployments", {"service": "a"}, 400, "bad_request", '"version" is missing'),
        ("POST", "deployments", {"version": 7}, 400, "bad_request", '"version" must be a text'),
        ("POST", "deployments", {"version": "1", "at": "soon"}, 400, "bad_request", '"at" must be an instant'),
        ("POST", "deployments", {"version": "1", "at": 1e15}, 400, "bad_request", '"at" is no time'),
        ("POST", "deployments", [1], 400, "bad_request", "not a JSON object"),
        ("POST", "receivers/nobody/test", None, 404, "not_found", "no receiver"),
        ("DELETE", "checks", None, 405, "method_not_allowed", "answers GET"),
        ("GET", "nothing", None, 404, "not_found", "there is nothing at"),
    ],
)
async def test_bad_calls_are_told_with_a_code_and_counted(
    tmp_path: Path, method: str, path: str, body: object, status: int, code: str, words: str
) -> None:
    """One shape for all; nothing else is disturbed."""
    async with web_world(str(tmp_path)) as world:
        await world.feed(group(alert("Down")))
        found, answer = await world.json(method, f"{API}/{path}", body)
        assert (found, inside(answer, "error", "code")) == (status, code)
        assert words in str(inside(answer, "error", "message"))
        assert set(cast("dict[str, object]", answer["error"])) == {"code", "message", "remedy"}
        assert world.refusals == ["api"]


async def test_what_the_state_forbids_is_a_conflict(tmp_path: Path) -> None:
    """A resolved incident is not snoozed."""
    async with web_world(str(tmp_path)) as world:
        await world.feed(group(alert("Down")))
        await world.json("POST", f"{API}/incidents/1/resolve")
        status, body = await world.json("POST", f"{API}/incidents/1/snooze", {"for": "1h"})
        assert (status, inside(body, "error", "code")) == (409, "conflict")


async def test_bodies_that_are_no_json_or_too_large_are_refused(tmp_path: Path) -> None:
    """Bounded at a megabyte, deep nesting included."""
    async with web_world(str(tmp_path)) as world:
        url = f"{world.url}{API}/deployments"
        for body, status in ((b"{", 400), (b"\xff", 400), (b"[" * 100_000, 400), (b" " * 1_100_000, 413)):
            async with world.client.post(url, data=io.BytesIO(body)) as response:
                assert response.status == status
                assert "error" in await response.json()


async def test_a_deployment_is_recorded_and_shown(tmp_path: Path) -> None:
    """By whom the token or the body says, in the environment of the daemon unless told otherwise."""
    async with web_world(str(tmp_path), text="environment: staging\nchecks: []\n") as world:
        status, body = await world.json(
            "POST",
            f"{API}/deployments",
            {"version": "2.0", "service": "shop", "previous": "1.9", "at": "2027-01-15T08:00:00Z"},
        )
        assert status == 201
        expected = {
            "at": "2027-01-15T08:00:00.000Z",
            "version": "2.0",
            "service": "shop",
            "by": "local",
            "environment": "staging",
            "previous": "1.9",
            "detail": "",
        }
        assert body["deployment"] == expected
        _, body = await world.json("GET", f"{API}/deployments")
        assert body["deployments"] == [expected]


async def test_alerts_are_told_with_value_and_since(tmp_path: Path) -> None:
    """Firing before pending."""
    groups = groups_of(
        {"alert": "Slow", "expr": "took > 1", "for": "5m", "annotations": {"summary": "slow"}},
        {"alert": "Down", "expr": "up == 0", "labels": {"severity": "critical"}},
    )
    async with web_world(str(tmp_path), groups=groups, text="environment: production\nchecks: []\n") as world:
        took, up = metric("took", job="a"), metric("up", job="a")
        world.samples.append(NOW, [(took, 1.5), (up, 0.0)])
        await world.evaluate([took])
        await world.evaluate([up])
        _, body = await world.json("GET", f"{API}/alerts")
        found = cast("list[dict[str, object]]", body["alerts"])
        assert [(one["name"], one["state"], one["value"]) for one in found] == [
            ("Down", "firing", 0.0),
            ("Slow", "pending", 1.5),
        ]
        assert found[0]["since"] == rfc3339(NOW)
        assert inside(found, 0, "labels", "environment") == "production"
        _, body = await world.json("GET", "/api/v1/rules?type=alert&rule_name[]=Down")
        rules = cast("list[dict[str, object]]", inside(body, "data", "groups", 0, "rules"))
        assert [(one["name"], one["state"], one["type"]) for one in rules] == [("Down", "firing", "alerting")]
        assert inside(rules, 0, "alerts", 0, "value") == "0e+00"
        _, body = await world.json("GET", "/api/v1/alerts")
        assert {one["state"] for one in cast("list[dict[str, str]]", inside(body, "data", "alerts"))} == {
            "firing",
            "pending",
        }
        status, _ = await world.json("GET", "/api/v1/rules?type=odd")
        assert status == 400


async def test_status_tells_who_we_are_and_how_it_goes(tmp_path: Path) -> None:
    """Counts, file, storage, and who asks."""
    async with web_world(str(tmp_path), checks=[SITE]) as world:
        world.report.status = HealthState.DEGRADED
        _, body = await world.json("GET", f"{API}/status")
        assert (body["version"], body["status"], body["up"]) == ("9.9", "degraded", 60)
        assert inside(body, "checks", "unknown") == 1
        assert inside(body, "caller") == {"name": "local", "role": "admin"}
        assert str(body["configuration_file"]).endswith("watchkeeper.yml")


async def test_a_test_message_tells_how_it_went(tmp_path: Path) -> None:
    """What became of each integration's; what is no object of texts is refused."""
    told = {"integration": "default/console[0]", "good": True, "detail": "delivered"}
    async with web_world(str(tmp_path)) as world:
        _, body = await world.json("POST", f"{API}/receivers/default/test")
        assert body == {"receiver": "default", "results": [told]}
        wish = {"labels": {"team": "shop"}, "templates": {"title": "{{ .Status }}"}}
        await world.json("POST", f"{API}/receivers/default/test", wish)
        assert world.trials == [Trial(), Trial(labels={"team": "shop"}, templates={"title": "{{ .Status }}"})]
        refused: list[dict[str, object]] = [
            {"labels": ["a"]},
            {"labels": {"a": 1}},
            {"labels": {"a": "x" * 5000}},
            {"label": {"a": "b"}},
        ]
        for bad in refused:
            assert (await world.json("POST", f"{API}/receivers/default/test", bad))[0] == 400


async def test_a_reload_tells_every_mistake(tmp_path: Path) -> None:
    """422 with all findings; the one who asked is known."""
    async with web_world(str(tmp_path)) as world:
        assert (await world.json("POST", "/-/reload"))[0] == 200
        world.reload_findings = [
            Finding(file="w.yml", line=3, path="checks[0].url", problem="is no URL", remedy="write https://..."),
            Finding(file="w.yml", line=9, path="web", problem="is odd"),
        ]
        status, body = await world.json("POST", "/-/reload")
        assert status == 422
        message = str(inside(body, "error", "message"))
        assert message.splitlines() == ["w.yml:3: checks[0].url: is no URL: write https://...", "w.yml:9: web: is odd"]
        assert [actor.name for actor in world.reloads] == ["local", "local"]


async def test_jobs_report_by_ping(tmp_path: Path) -> None:
    """Success, start with a run id, an exit code with its output: each counts, and the output is kept."""
    async with web_world(str(tmp_path), checks=[HEARTBEAT]) as world:
        assert await world.get("/ping/backup/start?rid=r1") == (200, "OK\n")
        assert up(world.parts.probing).heartbeat("backup").start_run_id == "r1"
        assert (await world.get("/ping/backup?rid=r1"))[0] == 200
        assert up(world.parts.probing).verdict("backup").state is HealthState.HEALTHY
        async with world.client.head(f"{world.url}/ping/backup") as response:
            assert response.status == 200
        body = b"disk full\n" + b"x" * 20_000
        async with world.client.post(f"{world.url}/ping/backup/3", data=body) as response:
            assert (response.status, await response.text()) == (200, "OK\n")
        verdict = up(world.parts.probing).verdict("backup")
        assert verdict.state is HealthState.UNHEALTHY
        assert "exit code 3: disk full" in verdict.text
        _, told = await world.json("GET", f"{API}/checks/backup")
        pings = cast("list[dict[str, object]]", inside(told, "check", "pings"))
        assert [(one["kind"], one["what"]) for one in pings] == [
            ("fail", "3"),
            ("success", ""),
            ("success", ""),
            ("start", "start"),
        ]
        assert len(str(pings[0]["log"])) == 10_000


@pytest.mark.parametrize(
    ("path", "status"),
    [("/ping/nobody", 404), ("/ping/site", 404), ("/ping/backup/odd", 404), ("/ping/backup/256", 400)],
)
async def test_pings_that_mean_nothing_are_refused(tmp_path: Path, path: str, status: int) -> None:
    """A job with a typing mistake in its URL learns of it."""
    async with web_world(str(tmp_path), checks=[HEARTBEAT, SITE]) as world:
        assert (await world.get(path))[0] == status
