"""Alertmanager's API over real sockets: what it answers, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from monitor.model.times import HOUR, MINUTE, rfc3339
from tests.support.alertmanager_calls import JSON, ROUTED, alert, ask, names, send, silence
from tests.support.web_worlds import BEARER, NOW, TOKENS, web_world


async def test_a_pushed_alert_is_told_in_full(tmp_path: Path) -> None:
    """With the receivers of every route that takes it, also when two have the same name."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        pushed = {
            **alert("Foo", severity="crit", team="a", empty=""),
            "annotations": {"summary": "s"},
            "startsAt": "2026-01-02T05:04:05.123456+02:00",
            "generatorURL": "http://prometheus/graph?g0",
        }
        assert await send(world, "alerts", [pushed]) == (200, None)
        assert await ask(world, "alerts") == (
            200,
            [
                {
                    "annotations": {"summary": "s"},
                    "endsAt": rfc3339(NOW + 5 * MINUTE),
                    "fingerprint": "982ec77cb0fd5183",
                    "receivers": [{"name": "a"}, {"name": "a"}],
                    "startsAt": "2026-01-02T03:04:05.123Z",
                    "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
                    "updatedAt": rfc3339(NOW),
                    "generatorURL": "http://prometheus/graph?g0",
                    "labels": {"alertname": "Foo", "severity": "crit", "team": "a"},
                }
            ],
        )
        assert world.pushed == [(1, 0, 0)]


async def test_bad_alerts_of_a_call_are_refused_alone(tmp_path: Path) -> None:
    """The others are taken, and the answer names all problems."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        backwards = {**alert("B"), "startsAt": rfc3339(NOW), "endsAt": rfc3339(NOW - 1)}
        calls: list[dict[str, object]] = [alert("A"), {"labels": {"": "x"}}, backwards, {"labels": {}}]
        assert await send(world, "alerts", calls) == (
            400,
            'invalid label set: invalid name ""; start time must be before end time; at least one label pair required',
        )
        assert await names(world) == ["A"]
        assert world.pushed == [(3, 1, 3)]


async def test_alerts_that_have_ended_are_not_told(tmp_path: Path) -> None:
    """In neither list."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        await send(world, "alerts", [alert("A"), alert("B")])
        await send(world, "alerts", [{**alert("A"), "endsAt": rfc3339(NOW)}])
        world.now += 1
        assert await names(world) == ["B"]
        _, groups = await ask(world, "alerts/groups")
        assert [group["labels"] for group in groups] == [{"alertname": "B"}]


async def test_alerts_are_chosen_by_labels_state_and_receiver(tmp_path: Path) -> None:
    """Flags are true unless they say something that is not; receivers are named in full."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        await send(world, "alerts", [alert("A"), alert("Low", severity="low"), alert("High", severity="high")])
        await send(world, "alerts", [alert("Team", team="core")])
        await send(world, "silences", silence())
        assert sorted(await names(world)) == ["A", "High", "Low", "Team"]
        assert sorted(await names(world, active="no")) == ["A", "Low"]
        assert sorted(await names(world, silenced="FALSE", active="")) == ["High", "Low", "Team"]
        assert sorted(await names(world, inhibited="maybe", unprocessed="false")) == ["A", "High", "Team"]
        assert await names(world, filter=['alertname=~"A|High"', "severity!=high"]) == ["A"]
        assert await names(world, receiver="cor.") == ["Team"]
        assert await names(world, receiver="or") == []
        assert await names(world, receiver_matchers="owner=ana") == ["Team"]
        _, found = await ask(world, "alerts", filter="alertname=Low")
        _, source = await ask(world, "alerts", filter="alertname=High")
        assert found[0]["status"]["inhibitedBy"] == [source[0]["fingerprint"]]
        assert found[0]["status"]["state"] == "suppressed"


async def test_groups_are_in_alertmanagers_order(tmp_path: Path) -> None:
    """Smaller label sets first, and alerts in them by job and instance, those without one last."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        calls = [alert("B", instance="2"), alert("B"), alert("B", job="z"), alert("A", team="core", instance="i")]
        await send(world, "alerts", calls)
        _, groups = await ask(world, "alerts/groups")
        assert [(one["receiver"]["name"], one["labels"]) for one in groups] == [
            ("core", {}),
            ("core", {"instance": "i"}),
            ("all", {"alertname": "B"}),
        ]
        assert [one["labels"] for one in groups[2]["alerts"]] == [
            {"alertname": "B", "job": "z"},
            {"alertname": "B", "instance": "2"},
            {"alertname": "B"},
        ]
        assert groups[0]["alerts"][0]["receivers"] == [{"name": "core"}, {"name": "core"}]


async def test_a_group_that_hours_mute_is_told_as_muted(tmp_path: Path) -> None:
    """The same alert is active in another group; `muted=no` leaves the group out."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        await send(world, "alerts", [alert("A", team="core", instance="i"), alert("N", team="night")])
        _, groups = await ask(world, "alerts/groups", receiver="core")
        assert [(one["labels"], one["alerts"][0]["status"]) for one in groups] == [
            ({}, {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"}),
            ({"instance": "i"}, {"inhibitedBy": [], "mutedBy": ["always"], "silencedBy": [], "state": "suppressed"}),
        ]
        _, unmuted = await ask(world, "alerts/groups", muted="false")
        assert [(one["labels"], one["routeLabels"]) for one in unmuted] == [
            ({}, {}),
            ({"alertname": "N"}, {"tier": "one"}),
        ]


async def test_a_silence_is_made_shown_edited_and_ended(tmp_path: Path) -> None:
    """An edit that falsifies nothing keeps the id; whoever did it is in the audit trail."""
    async with web_world(str(tmp_path), text=ROUTED + TOKENS) as world:
        headers = {**JSON, **BEARER["bo"]}
        url = f"{world.url}/api/v2"

        async def post(**changed: object) -> str:
            async with world.client.post(f"{url}/silences", json=silence(**changed), headers=headers) as answer:
                assert answer.status == 200
                return (await answer.json())["silenceID"]

        made = await post(annotations={"ticket": "7"})
        assert await ask(world, f"silence/{made}") == (
            200,
            {
                "id": made,
                "status": {"state": "active"},
                "updatedAt": rfc3339(NOW),
                "annotations": {"ticket": "7"},
                "comment": "known",
                "createdBy": "ana",
                "endsAt": rfc3339(NOW + HOUR),
                "matchers": [{"isEqual": True, "isRegex": False, "name": "alertname", "value": "A"}],
                "startsAt": rfc3339(NOW),
            },
        )
        assert await post(id=made, comment="longer", endsAt=rfc3339(NOW + 2 * HOUR)) == made
        other = await post(id=made, matchers=[{"name": "a", "value": ".+", "isRegex": True, "isEqual": False}])
        assert other != made
        async with world.client.delete(f"{url}/silence/{other}", headers=headers) as answer:
            assert (answer.status, await answer.text()) == (200, "")
        _, found = await ask(world, "silences")
        assert {one["id"]: one["status"]["state"] for one in found} == {made: "expired", other: "expired"}
        assert world.parts.audit is not None
        audited = [(one.actor.name, one.action) for one in await world.parts.audit.recent(10)]
        assert audited == [("bo", "end silence"), ("bo", "edit silence"), ("bo", "edit silence"), ("bo", "silence")]


async def test_silences_are_chosen_by_state_and_by_the_same_matcher(tmp_path: Path) -> None:
    """A filter is no pattern over silences: it names a matcher that they have."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        await send(world, "silences", silence(comment="active"))
        regex = [{"name": "alertname", "value": "A|B", "isRegex": True}]
        await send(world, "silences", silence(comment="pending", matchers=regex, startsAt=rfc3339(NOW + MINUTE)))

        async def comments(**given: str) -> list[str]:
            _, found = await ask(world, "silences", **given)
            return [one["comment"] for one in found]

        assert await comments() == ["active", "pending"]
        assert await comments(pending="false") == ["active"]
        assert await comments(active="false") == ["pending"]
        assert await comments(filter="alertname=A") == ["active"]
        assert await comments(filter='alertname=~"A|B"') == ["pending"]
        assert await comments(filter="alertname=~A") == []
        world.now += 2 * HOUR
        assert await comments(expired="false") == []


async def test_what_is_not_there_is_said_as_alertmanager_says_it(tmp_path: Path) -> None:
    """Nothing for a silence, JSON with its code for a path and a method."""
    async with web_world(str(tmp_path)) as world:
        unknown = "d1ba2b14-9e5f-4c3e-8b3a-3f5b1f4b0b6f"
        assert await ask(world, f"silence/{unknown}") == (404, None)
        assert await send(world, f"silence/{unknown}", "", "DELETE") == (404, None)
        assert await send(world, "silences", silence(id=unknown)) == (404, "silence not found")
        assert await ask(world, "nothing") == (404, {"code": 404, "message": "path /api/v2/nothing was not found"})
        async with world.client.put(f"{world.url}/api/v2/alerts") as answer:
            assert answer.headers["Allow"] == "POST,GET"
            assert await answer.json() == {"code": 405, "message": "method PUT is not allowed, but [POST,GET] are"}
        async with world.client.head(f"{world.url}/api/v2/alerts") as answer:
            assert answer.status == 405
        async with world.client.get(f"{world.url}/alertmanager/api/v2/status") as answer:
            assert answer.status == 404  # Grafana takes whoever answers this for Mimir


_ONE = '{"matchers": [{"name": "a", "value": "b", "isRegex": false}], '
_ENDS = f'"endsAt": "{rfc3339(NOW + HOUR)}", "createdBy": "", "comment": ""}}'
REFUSALS = (
    ("alerts", "", 422, {"code": 602, "message": "alerts in body is required"}),
    ("alerts", "[", 400, 'parsing alerts body from "" failed, because unexpected EOF'),
    ("alerts", "{}", 400, "json: cannot unmarshal object into Go value of type models.PostableAlerts"),
    ("alerts", "[1]", 400, "json: cannot unmarshal number into Go value of type models.PostableAlert"),
    ("alerts", '[{"labels": {"a": 1}}]', 400, "cannot unmarshal number into Go struct field Alert.labels of type string"),
    ("alerts", '[{"labels": []}]', 400, "cannot unmarshal array into Go struct field Alert.labels"),
    ("alerts", '[{"labels": {"a": "b"}, "startsAt": "x"}]', 400, 'because parsing time "x" as'),
    ("alerts", '[{"labels": {"a": "b"}, "endsAt": true}]', 400, "cannot unmarshal bool into Go struct field .endsAt"),
    ("alerts", '[{"labels": {"a": NaN}}]', 400, "invalid character 'N' looking for beginning of value"),
    ("alerts", '[{"labels": {"a": "b"}} {}]', 400, "invalid character '{' after array element"),
    ("alerts", "[" * 100_000, 400, "exceeded max depth"),
    ("alerts", "[null]", 422, {"code": 602, "message": "0.labels in body is required"}),
    ("alerts", "[{}, {}]", 422, {"code": 602, "message": "0.labels in body is required"}),
    (
        "alerts",
        '[{"labels": {"a": "b"}}, {"labels": {"a": "b"}, "generatorURL": "no url"}]',
        422,
        {"code": 601, "message": '1.generatorURL in body must be of type uri: "no url"'},
    ),
    *(
        (path, body.replace("AT", at), 400, f'parsing time "{at}": {why}')
        for at, why in (("2026-13-01T00:00:00Z", "month out of range"), ("2026-02-30", "day out of range"))
        for path, body in (
            ("alerts", '[{"labels": {"a": "b"}, "startsAt": "AT"}]'),
            ("alerts", '[{"labels": {"a": "b"}, "endsAt": "AT"}]'),
            ("silences", '{"startsAt": "AT"}'),
            ("silences", '{"endsAt": "AT"}'),
        )
    ),
    ("alerts", r'[{"labels": {"a": "b"}, "startsAt": "\ud800"}]', 400, r'parsing time "\xef\xbf\xbd" as'),
    ("silences", "[]", 400, 'parsing silence body from "" failed, because json: cannot unmarshal array'),
    ("silences", "null", 422, {"code": 602, "message": "comment in body is required"}),
    ("silences", '{"comment": ""}', 422, {"code": 602, "message": "createdBy in body is required"}),
    ("silences", _ONE + _ENDS, 422, {"code": 602, "message": "startsAt in body is required"}),
    ("silences", '{"matchers": [], ' + _ENDS, 422, {"code": 612, "message": "matchers in body should have at least 1 items"}),
    ("silences", '{"matchers": [{"name": "a"}], ' + _ENDS, 422, {"code": 602, "message": "matchers.0.isRegex in body is required"}),
    ("silences", '{"matchers": {}, ' + _ENDS, 400, "cannot unmarshal object into Go struct field Silence.matchers of type models.Matchers"),
    ("silences", '{"matchers": [{"isRegex": 1}], ' + _ENDS, 400, "cannot unmarshal number into Go struct field Matcher.isRegex of type bool"),
    ("silences", '{"id": 7}', 400, "cannot unmarshal number into Go struct field .id of type string"),
)  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "said"), REFUSALS, ids=lambda value: str(value)[:40])
async def test_what_breaks_the_schema_is_refused_with_its_code(
    tmp_path: Path, path: str, body: str, status: int, said: object
) -> None:
    """400 for what is no JSON of the right types, 422 with the rule's code for the rest; nothing is taken."""
    async with web_world(str(tmp_path)) as world:
        got, answer = await send(world, path, body)
        assert got == status
        if isinstance(said, str):
            assert answer["code"] == 400
            assert said in answer["message"]
        else:
            assert answer == said
        assert await names(world) == []


FORBIDDEN = (
    ({"startsAt": rfc3339(NOW + HOUR)}, "Failed to create silence: start time must be before end time"),
    ({"startsAt": "2016-01-01", "endsAt": "2016-01-02"}, "Failed to create silence: end time can't be in the past"),
    (
        {"matchers": [{"name": "a", "value": "", "isRegex": False}]},
        "invalid silence: matcher set 0: at least one matcher must not match the empty string",
    ),
    (
        {"matchers": [{"name": "", "value": "x", "isRegex": False}]},
        'invalid silence: invalid label matcher 0 in set 0: invalid label name ""',
    ),
    (
        {"matchers": [{"name": "", "value": "(", "isRegex": True}], "startsAt": rfc3339(NOW + HOUR)},
        "Failed to create silence: start time must be before end time",
    ),
)


@pytest.mark.parametrize(("changed", "said"), FORBIDDEN, ids=lambda value: str(value)[-30:])
async def test_a_silence_that_makes_no_sense_is_refused_in_words(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    """A bare JSON text."""
    async with web_world(str(tmp_path)) as world:
        assert await send(world, "silences", silence(**changed)) == (400, said)


async def test_a_broken_expression_is_refused_in_words(tmp_path: Path) -> None:
    """In each place where one can stand."""
    async with web_world(str(tmp_path)) as world:
        for path in ("alerts", "alerts/groups", "silences"):
            assert await ask(world, path, filter="x") == (400, "bad matcher format: x")
        for path in ("alerts", "alerts/groups"):
            said = "failed to parse receiver param: error parsing regexp: missing closing ): `^(?:()$`"
            assert await ask(world, path, receiver="(") == (400, said)
        assert await ask(world, "receivers", receiver_matchers="x") == (400, "bad matcher format: x")
        for method in ("GET", "DELETE"):
            assert await send(world, "silence/x", "", method) == (
                422,
                {"code": 601, "message": 'silenceID in path must be of type uuid: "x"'},
            )


async def test_other_kinds_of_content_are_refused(tmp_path: Path) -> None:
    """What comes must be JSON, and so must what is wanted."""
    async with web_world(str(tmp_path)) as world:
        for kind, said in (
            ("text/plain", "text/plain"),
            ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        ):
            async with world.client.post(
                f"{world.url}/api/v2/alerts", data=b"[]", headers={"Content-Type": kind}
            ) as answer:
                message = f'unsupported media type "{said}", only [application/json] are allowed'
                assert (answer.status, await answer.json()) == (415, {"code": 415, "message": message})
        async with world.client.get(f"{world.url}/api/v2/alerts", headers={"Accept": "text/html"}) as answer:
            message = "unsupported media type requested, only [application/json] are available"
            assert (answer.status, await answer.json()) == (406, {"code": 406, "message": message})
        async with world.client.get(
            f"{world.url}/api/v2/alerts", headers={"Accept": "text/html, application/*;q=0.5"}
        ) as answer:
            assert answer.status == 200


async def test_a_large_push_is_taken_whole(tmp_path: Path) -> None:
    """Prometheus sends 256 alerts at a time, whatever their annotations hold."""
    async with web_world(str(tmp_path)) as world:
        many = [{**alert(f"A{number:03}"), "annotations": {"text": "x" * 8_000}} for number in range(256)]
        assert await send(world, "alerts", many) == (200, None)
        assert len(await names(world)) == 256
        status, _ = await send(world, "alerts", json.dumps([{"labels": {"a": "x" * (17 << 20)}}]))
        assert status == 413


async def test_pages_of_other_sites_may_read_but_not_write(tmp_path: Path) -> None:
    """As with Alertmanager, unless reading needs a token: then nobody's place on this machine is lent to them."""
    foreign = {"Origin": "http://elsewhere.example"}
    async with web_world(str(tmp_path)) as world:
        async with world.client.get(f"{world.url}/api/v2/alerts", headers=foreign) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
            assert answer.headers["Cache-Control"] == "no-store"
        async with world.client.post(f"{world.url}/api/v2/alerts", json=[alert("A")], headers=foreign) as answer:
            assert answer.status == 403
            assert (await answer.json())["code"] == 403
    text = TOKENS.replace("web:", "web:\n  read_needs_token: true")
    headers = {**foreign, **BEARER["vi"]}
    async with (
        web_world(str(tmp_path), text=text) as world,
        world.client.get(f"{world.url}/api/v2/alerts", headers=headers) as answer,
    ):
        assert answer.status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_writing_from_elsewhere_needs_a_token(tmp_path: Path) -> None:
    """Of somebody who may respond; Prometheus and amtool send one when they are told to."""
    async with web_world(str(tmp_path), text=TOKENS, listen="0.0.0.0") as world:
        for headers, status in (({}, 401), (BEARER["vi"], 403), (BEARER["bo"], 200)):
            async with world.client.post(f"{world.url}/api/v2/alerts", json=[alert("A")], headers=headers) as answer:
                assert answer.status == status
                if status != 200:
                    assert (await answer.json())["code"] == status


async def test_status_and_receivers_tell_who_we_are(tmp_path: Path) -> None:
    """A cluster of one that is ready, a version that amtool can compare, the configuration without our own keys."""
    async with web_world(str(tmp_path), text=ROUTED) as world:
        code, status = await ask(world, "status")
        assert code == 200
        assert status["cluster"]["status"] == "ready"
        assert [peer["name"] for peer in status["cluster"]["peers"]] == ["world"]
        assert status["versionInfo"]["version"] == "0.34.0+watchkeeper"
        assert status["uptime"] == rfc3339(NOW - MINUTE)
        assert "receiver: all" in status["config"]["original"]
        world.parts.peer = None
        _, status = await ask(world, "status")
        assert status["cluster"] == {"peers": [], "status": "disabled"}
        _, receivers = await ask(world, "receivers", receiver_matchers="owner=ana")
        assert receivers == [{"labels": {"name": "core", "owner": "ana"}, "name": "core"}]


async def test_it_says_so_while_it_is_starting(tmp_path: Path) -> None:
    """503 in the form of this API."""
    async with web_world(str(tmp_path), starting=True) as world:
        assert await ask(world, "alerts") == (503, {"code": 503, "message": "still starting"})
        assert await ask(world, f"silence/{quote('d1ba2b14-9e5f-4c3e-8b3a-3f5b1f4b0b6f')}") == (
            503,
            {"code": 503, "message": "still starting"},
        )
