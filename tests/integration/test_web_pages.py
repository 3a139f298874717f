"""The pages over real sockets: what they say, what they never load, and that their buttons work."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.silences import SilenceDraft
from monitor.alerts.spans import Once
from monitor.matching.parse import parse_matchers
from monitor.model.changes import Deployment
from monitor.model.checks import Check, HealthState
from monitor.model.incidents import Actor, Door
from monitor.model.times import DAY, HOUR, MINUTE
from tests.support.incidents import alert, group
from tests.support.rule_worlds import groups_of
from tests.support.samples import metric
from tests.support.web_worlds import NOW, web_world

EVIL = "<script>alert('x')</script>\"&"


async def test_all_is_well_when_it_is(tmp_path: Path) -> None:
    """The first line answers the first question."""
    checks = [Check(name="backup", kind="heartbeat", target="backup")]
    async with web_world(str(tmp_path), checks=checks) as world:
        await world.get("/ping/backup")
        status, page = await world.get("/")
        assert status == 200
        assert "<h1>All is well</h1>" in page
        assert "1 of 1 check healthy" in page


async def test_an_open_incident_stands_on_top_with_its_buttons(tmp_path: Path) -> None:
    """And the button does what it says, without a script, and leads back."""
    async with web_world(str(tmp_path)) as world:
        await world.feed(group(alert("Down", instance="shop-1")))
        _, page = await world.get("/")
        assert "<h1>1 incident waits for somebody</h1>" in page
        assert 'action="/incidents/1/acknowledge"' in page
        assert "step 2 of 3 (bo) in 5m" in page
        url = f"{world.url}/incidents/1/acknowledge"
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": world.url}
        async with world.client.post(url, data={"back": "/"}, headers=headers, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/")
        _, page = await world.get("/")
        assert "acknowledged by local" in page
        assert "incident in hand" in page
        _, page = await world.get("/incidents/1")
        assert "user:bo" in page
        assert "acknowledged" in page


async def test_a_button_leads_nowhere_else(tmp_path: Path) -> None:
    """`back` is a place of ours or the front page."""
    async with web_world(str(tmp_path)) as world:
        for back in ("https://evil.example", "//evil.example", "/\\evil.example", "/x\r\nSet-Cookie: a=b"):
            await world.feed(group(alert("Down"), key=back))
            number = len(await world.parts.escalating.incidents()) if world.parts.escalating else 0
            url = f"{world.url}/incidents/{number}/resolve"
            async with world.client.post(url, data={"back": back}, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (303, "/")


async def test_whatever_others_wrote_is_escaped(tmp_path: Path) -> None:
    """Names, labels, annotations, versions: none becomes markup."""
    groups = groups_of(
        {"alert": "Odd", "expr": "odd", "annotations": {"summary": EVIL, "runbook_url": "javascript:alert(1)"}}
    )
    checks = [Check(name=EVIL, kind="http", target=f"http://127.0.0.1/{EVIL}")]
    async with web_world(str(tmp_path), checks=checks, groups=groups) as world:
        odd = metric("odd", text=EVIL)
        world.samples.append(NOW, [(odd, 1.0)])
        await world.evaluate([odd])
        await world.feed(group(alert("Down", instance=EVIL, summary=EVIL)))
        actor = Actor(name="ci", door=Door.API)
        await world.record(Deployment(at=NOW - MINUTE, version=EVIL, service=EVIL, by=EVIL), actor)
        for path in ("/", "/incidents/1", "/incidents/%3Cscript%3E"):
            _, page = await world.get(path)
            assert "<script>alert" not in page
            assert "javascript:" not in page
            assert "&lt;script&gt;" in page


async def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    """Style and script are in the page and pinned; the policy forbids all others."""
    async with web_world(str(tmp_path)) as world:
        async with world.client.get(world.url + "/") as response:
            page, policy = await response.text(), response.headers["Content-Security-Policy"]
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
        assert "style=" not in page.replace("http-equiv", "")
        assert policy.count("'sha256-") == 2
        assert "unsafe" not in policy


async def test_trouble_of_our_own_is_shown(tmp_path: Path) -> None:
    """A pager that cannot commit says so before all else."""
    async with web_world(str(tmp_path)) as world:
        world.report.status = HealthState.UNHEALTHY
        _, page = await world.get("/")
        assert "<h1>Watchkeeper itself is unhealthy</h1>" in page


async def test_what_is_silenced_now_is_shown(tmp_path: Path) -> None:
    """With why, by whom and until when; what begins later or has ended is not."""
    async with web_world(str(tmp_path)) as world:
        assert "Silenced" not in (await world.get("/"))[1]
        assert world.parts.silencing is not None
        for name, begins in (("Now", NOW), ("Later", NOW + 2 * MINUTE)):
            draft = SilenceDraft(
                matcher_sets=(parse_matchers(f"alertname={name}"),),
                starts_at=begins,
                ends_at=begins + MINUTE,
                created_by="ana",
                comment=f"because of {EVIL}",
            )
            await world.parts.silencing.place(draft, Actor(name="ana", door=Door.API))
        _, page = await world.get("/")
        assert "{alertname=&quot;Now&quot;}" in page
        assert "because of &lt;script&gt;" in page
        assert "Later" not in page
        world.now += MINUTE
        assert "Silenced" not in (await world.get("/"))[1]


async def test_maintenance_that_runs_or_is_near_is_shown(tmp_path: Path) -> None:
    """With what it concerns and until when; what comes after a day is not."""
    async with web_world(str(tmp_path)) as world:
        assert "Maintenance" not in (await world.get("/"))[1]
        assert world.parts.maintaining is not None
        for name, begins in (("running", NOW), ("near", NOW + HOUR), ("far", NOW + 2 * DAY)):
            window = MaintenanceWindow(
                name=name, matchers=parse_matchers("host=x"), once=(Once(begins, begins + HOUR),), comment=EVIL
            )
            await world.parts.maintaining.add(window, Actor(name="ana", door=Door.API))
        _, page = await world.get("/")
        assert "{host=&quot;x&quot;}" in page
        assert page.count("&lt;script&gt;") == 2
        assert "running" in page
        assert "near" in page
        assert "far<" not in page


async def test_the_page_is_there_while_the_rest_is_starting(tmp_path: Path) -> None:
    """Checks already, the rest as it comes up."""
    checks = [Check(name="site", kind="http", target="http://127.0.0.1:1/")]
    async with web_world(str(tmp_path), checks=checks, starting=True) as world:
        status, page = await world.get("/")
        assert status == 200
        assert "<h1>Starting</h1>" in page
        assert "site" in page


async def test_a_check_has_a_page_of_its_own(tmp_path: Path) -> None:
    """With the strip of its last hour."""
    checks = [Check(name="site", kind="http", target="http://127.0.0.1:1/")]
    async with web_world(str(tmp_path), checks=checks) as world:
        writer = world.samples.open([metric("watchkeeper_check_status", check="site")])
        for minute in range(30):
            writer.append(NOW - (30 - minute) * MINUTE, [1.0 if minute < 21 else 0.0])
        _, page = await world.get("/checks/site")
        assert "site is unknown" in page
        assert "unhealthy for about 10 of the last 60 minutes" in page
        assert (await world.get("/checks/none"))[0] == 404


async def test_the_runbook_of_every_shipped_alert_is_a_page(tmp_path: Path) -> None:
    """The link in the page leads to help; what does not ship, and what tries to climb out, is not there."""
    async with web_world(str(tmp_path)) as world:
        status, page = await world.get("/runbooks/ServiceDown.md")
        assert status == 200
        assert "<h1>ServiceDown</h1>" in page
        assert "<pre>watchkeeper checks NAME" in page
        for name in ("Nothing.md", "..%2F..%2Fpyproject.toml", "%2e%2e%2fcritical.yml"):
            assert (await world.get(f"/runbooks/{name}"))[0] == 404


async def test_the_expression_behind_an_alert_is_a_page(tmp_path: Path) -> None:
    """Now and over the last hour; a mistake is told in place of a result."""
    async with web_world(str(tmp_path)) as world:
        for minute in range(10, 0, -1):
            world.samples.append(NOW - minute * MINUTE, [(metric("up", job="shop"), float(minute % 2))])
        status, page = await world.get("/graph?g0.expr=up%20%3C%202&g0.tab=1")
        assert status == 200
        assert "job=shop" in page
        assert "<polyline" in page
        assert "no series satisfies it" in (await world.get("/graph?g0.expr=nothing"))[1]
        assert "state bad" in (await world.get("/graph?g0.expr=sum("))[1]
        assert EVIL not in (await world.get(f"/graph?g0.expr={EVIL}"))[1]
