"""Alertmanager's API with what lies at the ends of the calendar, and with text that is none: one sender harms nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from monitor.alerts.silences import SilenceDraft
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.incidents import Actor, Door
from monitor.model.labels import Labels
from monitor.model.times import FIRST_INSTANT, HOUR, LAST_INSTANT, MINUTE, rfc3339
from monitor.web.alertmanager.instants import NO_TIME
from tests.support.alertmanager_calls import ROUTED, alert, ask, names, send, silence
from tests.support.web_worlds import NOW, web_world


@pytest.mark.parametrize(("at", "told"), [("0001-01-01T00:00:00Z", NOW), ("0001-01-01T00:00:00.001Z", NO_TIME + 1)])
async def test_an_alert_may_begin_as_early_as_the_calendar(tmp_path: Path, at: str, told: int) -> None:
    """The very first instant is none."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        pushed = {**alert("A"), "startsAt": at, "endsAt": "9999-12-31T23:59:59.9999Z"}
        if told == NOW:
            pushed["endsAt"] = at
        assert await send(world, "alerts", [pushed]) == (200, None)
        _, (found,) = await ask(world, "alerts")
        assert found["startsAt"] == rfc3339(told)


async def test_stored_alerts_and_silences_of_no_year_are_told(tmp_path: Path) -> None:
    """An older daemon took them: they do not hide the others."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        begin, end = FIRST_INSTANT - 14 * HOUR, LAST_INSTANT + 14 * HOUR
        labels = Labels({"alertname": "Old"})
        old = Alert(labels=labels, annotations=Labels({}), starts_at=begin, ends_at=end, updated_at=NOW)
        assert world.parts.dispatcher is not None
        await world.parts.dispatcher.accept([old])
        assert await names(world) == ["Old"]
        draft = SilenceDraft(
            matcher_sets=(parse_matchers('alertname="A"'),), starts_at=NOW, ends_at=end, created_by="ana", comment="c"
        )
        assert world.parts.silencing is not None
        await world.parts.silencing.place(draft, Actor(name="ana", door=Door.API))
        status, (found,) = await ask(world, "silences")
        assert (status, found["endsAt"]) == (200, "9999-12-31T23:59:59.999Z")
        assert (await world.get("/"))[0] == 200


async def test_why_says_of_an_alert_that_is_over_that_it_is_resolved(tmp_path: Path) -> None:
    """Its group holds it until the next look."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        await send(world, "alerts", [{**alert("A"), "endsAt": rfc3339(NOW + MINUTE)}])
        for now, state in ((NOW, "firing"), (NOW + MINUTE - 1, "firing"), (NOW + MINUTE, "resolved")):
            world.now = now
            _, found = await world.json("GET", "/api/watchkeeper/v1/alerts/why?alert=A")
            (one,) = cast("list[dict[str, object]]", found["alerts"])
            assert one["state"] == state


async def test_halves_of_surrogate_pairs_are_replaced(tmp_path: Path) -> None:
    """As Go reads them: what is sent with them is taken, stored and told."""
    half, put = r"\ud800", "\ufffd"
    async with web_world(str(tmp_path), text=ROUTED) as world:
        text = '{"labels": {"alertname": "A", "b": "xH"}, "annotations": {"s": "H\\ud83d\\ude00"}, "generatorURL": "http://x/H"}'
        assert await send(world, "alerts", f"[{text.replace('H', half)}]") == (200, None)
        _, (found,) = await ask(world, "alerts")
        assert found["labels"] == {"alertname": "A", "b": f"x{put}"}
        assert found["annotations"] == {"s": f"{put}😀"}
        assert found["generatorURL"] == f"http://x/{put}"
        body = json.dumps(silence(comment="H", createdBy="H", annotations={"H": "H"})).replace('H"', f'{half}"')
        status, _ = await send(world, "silences", body)
        assert status == 200
        _, (kept,) = await ask(world, "silences")
        assert (kept["comment"], kept["createdBy"], kept["annotations"]) == (put, put, {put: put})
