"""Who may do what, over real sockets: tokens, roles, loopback, other sites, headers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from monitor.model.checks import Check
from monitor.model.times import HOUR, MINUTE
from monitor.probe.kinds.heartbeat import HeartbeatOptions
from monitor.web.table import ROUTES
from tests.support.incidents import alert, group
from tests.support.web_worlds import BEARER, NOW, TOKENS, web_world

API = "/api/watchkeeper/v1"


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        ("", "GET", f"{API}/checks", 200),
        ("", "GET", "/metrics", 200),
        ("", "POST", f"{API}/incidents/1/acknowledge", 401),
        ("", "GET", "/ping/backup", 401),
        ("vi", "GET", f"{API}/checks", 200),
        ("vi", "POST", f"{API}/incidents/1/acknowledge", 403),
        ("bo", "POST", f"{API}/incidents/1/acknowledge", 200),
        ("bo", "POST", "/-/reload", 403),
        ("bo", "POST", f"{API}/receivers/default/test", 403),
        ("ana", "POST", "/-/reload", 200),
        ("ana", "POST", f"{API}/receivers/default/test", 200),
    ],
)
async def test_roles_decide_beyond_loopback(tmp_path: Path, who: str, method: str, path: str, status: int) -> None:
    """Anybody looks; what changes something needs a token of the right role."""
    async with web_world(str(tmp_path), text=TOKENS, listen="0.0.0.0") as world:
        await world.feed(group(alert("Down")))
        async with world.client.request(method, world.url + path, headers=BEARER.get(who, {})) as response:
            assert response.status == status
            assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def test_reading_can_need_a_token_too(tmp_path: Path) -> None:
    """All but what orchestrators and Prometheus ask."""
    text = TOKENS + "  read_needs_token: true\n"
    async with web_world(str(tmp_path), text=text, listen="0.0.0.0") as world:
        for path in (f"{API}/checks", "/api/v1/query?query=1", "/"):
            assert (await world.get(path))[0] == 401
            assert (await world.get(path, **BEARER["vi"]))[0] == 200
        for path in ("/health", "/metrics", "/-/healthy", "/-/ready"):
            assert (await world.get(path))[0] == 200
        async with world.client.get(world.url + "/") as response:
            assert response.headers["WWW-Authenticate"] == 'Basic realm="watchkeeper"'


async def test_the_person_of_the_token_is_the_one_who_acted(tmp_path: Path) -> None:
    """Not the name that the caller would like to have."""
    async with web_world(str(tmp_path), text=TOKENS, listen="0.0.0.0") as world:
        await world.feed(group(alert("Down")))
        headers = {**BEARER["bo"], "X-Watchkeeper-Person": "ana"}
        _, body = await world.json("POST", f"{API}/incidents/1/acknowledge", headers=headers)
        incident = body["incident"]
        assert isinstance(incident, dict)
        assert incident["acknowledged_by"] == "bo"


@pytest.mark.parametrize("path", ["/-/reload", f"{API}/incidents/1/resolve", "/incidents/1/resolve"])
async def test_pages_of_other_sites_change_nothing(tmp_path: Path, path: str) -> None:
    """A browser on this machine is local, the page that it shows is not."""
    async with web_world(str(tmp_path)) as world:
        await world.feed(group(alert("Down")))
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            async with world.client.post(world.url + path, headers=headers) as response:
                assert response.status == 403
        assert world.reloads == []
        _, body = await world.json("GET", f"{API}/incidents/1")
        incident = body["incident"]
        assert isinstance(incident, dict)
        assert incident["state"] == "triggered"


async def test_foreign_names_get_nothing_from_a_loopback_listener(tmp_path: Path) -> None:
    """DNS rebinding."""
    async with web_world(str(tmp_path)) as world:
        for path in ("/", "/health", f"{API}/checks", "/api/v1/query?query=1"):
            assert (await world.get(path, Host="evil.example:9797"))[0] == 403
        assert (await world.get("/health", Host="localhost:9797"))[0] == 200


async def test_headers_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """Before anybody is known, and whatever bytes they hold."""
    async with web_world(str(tmp_path), text=TOKENS) as world:
        host = world.url.removeprefix("http://")
        for header, status in (
            (b"Authorization: Basic \xc3\xa9", 401),
            (b"Authorization: Basic \xff", 401),
            (b"Authorization: Bearer \xff", 401),
            (b"Authorization: Bearer ana-secret-0123456789\r\nOrigin: http://[", 403),
            (b"Authorization: Bearer ana-secret-0123456789\r\nOrigin: http://\xff", 403),
        ):
            reader, writer = await asyncio.open_connection(*host.split(":"))
            writer.write(
                b"POST /-/reload HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n%s\r\n\r\n" % (host.encode(), header)
            )
            assert int((await reader.readline()).split()[1]) == status, header
            writer.close()
            await writer.wait_closed()


async def test_every_answer_has_the_security_headers(tmp_path: Path) -> None:
    """Also errors and what is not there."""
    async with web_world(str(tmp_path)) as world:
        for path in ("/", "/health", "/nothing", "/api/v1/query?query=(", "/metrics"):
            async with world.client.get(world.url + path) as response:
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["X-Frame-Options"] == "DENY"
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                assert response.headers["Cache-Control"] == "no-store"
                assert response.headers["Server"] == "watchkeeper"


async def test_each_answer_is_observed_by_its_route(tmp_path: Path) -> None:
    """Never by the path as it was sent, which anybody could make up."""
    async with web_world(str(tmp_path)) as world:
        await world.get(f"/api/v1/label/job/values?start={NOW // 1000}")
        await world.get(f"{API}/checks/unknown")
        await world.get("/made/up")
        async with world.client.request("PROPFIND", f"{world.url}/made/up") as answer:
            assert answer.status == 404
        assert world.observed == [
            ("/api/v1/label/{name}/values", "get", "200"),
            (f"{API}/checks/{{name}}", "get", "404"),
            ("other", "get", "404"),
            ("other", "unknown", "404"),
        ]


async def test_an_unexpected_error_is_logged_and_told_without_its_insides(tmp_path: Path) -> None:
    """One call's trouble is not the server's."""
    async with web_world(str(tmp_path)) as world:

        def broken() -> bytes:
            raise RuntimeError("internal detail")

        world.parts.exposition = broken
        status, text = await world.get("/metrics")
        assert status == 500
        assert "internal detail" not in text
        assert [line[:2] for line in world.log.lines] == [("error", "request failed")]
        assert (await world.get("/health"))[0] == 200


@pytest.mark.parametrize("path", ["/api/v1/query", f"{API}/deployments", "/ping/backup"])
async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path, path: str) -> None:
    """The call ends, and nobody else is kept waiting."""
    async with web_world(str(tmp_path), patience=0.05) as world:
        host, _, port = world.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        writer.write(f"{head}Content-Length: 10\r\n\r\nabc".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()
        assert (await world.get("/health"))[0] == 200


async def test_strangers_do_not_learn_from_health_what_errors_say(tmp_path: Path) -> None:
    """Nor who is told by which channel; whether it is well, they do."""
    parts: dict[str, object] = {"channel user:ana/slack[0]": "refused", "oncall": "OSError: /var/lib"}
    async with web_world(str(tmp_path), text=TOKENS, listen="0.0.0.0") as world:
        world.report.database = "error: /var/lib/state.db: full"
        world.report.parts = parts
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            _, body = await world.json("GET", "/health", headers=headers)
            assert body == {"status": "healthy", "version": "9.9", "database": "error", "cache": "connected"}
        _, body = await world.json("GET", "/health", headers=BEARER["vi"])
        assert body["parts"] == parts
        assert body["database"] == "error: /var/lib/state.db: full"
    async with web_world(str(tmp_path)) as world:
        world.report.parts = parts
        assert (await world.json("GET", "/health"))[1]["parts"] == parts


async def test_foreign_names_get_nothing_from_a_listener_in_a_network(tmp_path: Path) -> None:
    """Health and metrics are asked by whatever name an orchestrator has for us."""
    async with web_world(str(tmp_path), listen="0.0.0.0") as world:
        for path in ("/", f"{API}/checks", "/api/v1/query?query=1"):
            assert (await world.get(path, Host="evil.example:9797"))[0] == 403
            assert (await world.get(path, Host="watchkeeper:9797"))[0] == 200
        for path in ("/health", "/-/healthy", "/ready", "/metrics"):
            assert (await world.get(path, Host="watchkeeper.monitoring.svc:9797"))[0] == 200


async def test_head_changes_nothing_but_heartbeats(tmp_path: Path) -> None:
    """A look ahead by a browser or a scanner must not act; jobs do ping by HEAD."""
    heads = {route.path for route in ROUTES if route.method == "GET" and route.changes}
    assert heads == {"/ping/{name}", "/ping/{name}/{what}"}
    check = Check(name="backup", kind="heartbeat", target="backup", options=HeartbeatOptions(period=HOUR, grace=MINUTE))
    async with web_world(str(tmp_path), checks=(check,)) as world:
        await world.feed(group(alert("Down")))
        for path in ("/-/reload", f"{API}/incidents/1/acknowledge", "/incidents/1/resolve"):
            async with world.client.head(world.url + path) as response:
                assert response.status == 405
        assert world.reloads == []
        async with world.client.head(world.url + "/ping/backup") as response:
            assert response.status == 200
        assert [one.kind for one in world.parts.pings["backup"]] == ["success"]
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Referer": "https://evil.example/"}):
            async with world.client.head(world.url + "/ping/backup", headers=headers) as response:
                assert response.status == 403
        assert len(world.parts.pings["backup"]) == 1


@pytest.mark.parametrize("digits", [19, 20, 5_000])
async def test_an_incident_of_a_very_long_number_is_not_there(tmp_path: Path, digits: int) -> None:
    """It is no error of ours."""
    async with web_world(str(tmp_path)) as world:
        assert (await world.get(f"{API}/incidents/{'9' * digits}"))[0] == 404
