"""Jira: an issue is found, made, changed, resolved and opened again, against a server that keeps issues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from monitor.model.notifications import Delivered, MessageKind, Rejected, RetryLater, Unknown
from monitor.notify.dressing.jira import jira_query
from monitor.notify.kinds.jira import JiraOptions
from tests.support.messages import a_message
from tests.support.receivers import Told, told
from tests.support.surroundings import around

_KEY = '{}:{service="shop-api"}'
LABEL = f"ALERT{{{hashlib.sha256(_KEY.encode()).hexdigest()}}}"
SUBJECT = "[FIRING:1] shop-api (ServiceDown critical)"
RESOLVE = MessageKind.RESOLVE


@dataclass
class Tracker:
    """Issues by key; a query is answered with those that its parts allow."""

    url: str = ""
    issues: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    done: set[str] = field(default_factory=set[str])
    calls: list[str] = field(default_factory=list[str])
    queries: list[str] = field(default_factory=list[str])
    fail: dict[str, int] = field(default_factory=dict[str, int])
    """Status by the beginning of `METHOD path`, for one call."""

    async def handle(self, request: web.Request) -> web.Response:
        call = f"{request.method} {request.path}"
        body: Any = json.loads(await request.read() or b"null")
        self.calls.append(call)
        for start in list(self.fail):
            if call.startswith(start):
                return web.Response(status=self.fail.pop(start), text="hush")
        match request.path.removeprefix("/rest/api/2").removeprefix("/rest/api/3").split("/")[1:]:
            case ["search"] | ["search", "jql"]:
                self.queries.append(body["jql"])
                found = [key for key in self.issues if not ("!= Done" in body["jql"] and key in self.done)]
                return web.json_response({"issues": [self._shown(key) for key in found if self._marked(key, body)]})
            case ["issue"]:
                key = f"OPS-{len(self.issues) + 1}"
                self.issues[key] = body["fields"]
                return web.json_response({"id": "1", "key": key}, status=201)
            case ["issue", key]:
                self.issues[key].update(body["fields"])
                return web.Response(status=204)
            case ["issue", key, "transitions"] if request.method == "GET":
                names = ["Reopen"] if key in self.done else ["Close"]
                return web.json_response({"transitions": [{"id": f"t-{name}", "name": name} for name in names]})
            case ["issue", key, "transitions"]:
                (self.done.add if body["transition"]["id"] == "t-Close" else self.done.discard)(key)
                return web.Response(status=204)
            case _:
                return web.Response(status=404)

    def _marked(self, key: str, body: Any) -> bool:
        return any(f'"{label}"' in body["jql"] for label in self.issues[key]["labels"])

    def _shown(self, key: str) -> dict[str, Any]:
        category = "done" if key in self.done else "new"
        return {"key": key, "fields": {"status": {"name": "x", "statusCategory": {"key": category}}}}


@asynccontextmanager
async def tracking(**more: object) -> AsyncGenerator[tuple[Tracker, Told]]:
    tracker = Tracker()

    @web.middleware
    async def everything(request: web.Request, handler: object) -> web.StreamResponse:
        del handler
        return await tracker.handle(request)

    runner = web.AppRunner(web.Application(middlewares=[everything]), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tracker.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    given = {"api_url": f"{tracker.url}/rest/api/2", "project": "OPS", "issue_type": "Incident", **more}
    try:
        async with around() as place:
            yield tracker, told(place, "jira_configs", given)
    finally:
        await runner.cleanup()


async def test_an_issue_says_what_is_configured() -> None:
    """Own labels and fields beside ours; a field's text may render to something else than a text."""
    more = {
        "labels": ["{{ .CommonLabels.service }}", "alert"],
        "fields": {"customfield_1": "{{ len .Alerts }}", "customfield_2": {"value": "{{ .Status }}"}},
        "description": "down: {{ .CommonLabels.service }}",
    }
    async with tracking(**more) as (tracker, one):
        assert await one.send() == Delivered("OPS-1")
        assert tracker.calls == ["POST /rest/api/2/search", "POST /rest/api/2/issue"]
        assert tracker.issues["OPS-1"] == {
            "project": {"key": "OPS"},
            "issuetype": {"name": "Incident"},
            "summary": SUBJECT,
            "labels": [LABEL, "alert", "shop-api"],
            "description": "down: shop-api",
            "priority": {"name": "High"},
            "customfield_1": 1,
            "customfield_2": {"value": "firing"},
        }


async def test_a_second_notification_changes_the_issue_as_far_as_it_may() -> None:
    """A summary that is not to be updated keeps what people wrote into it."""
    more = {"summary": {"template": "s {{ .Status }}", "enable_update": False}, "description": "n {{ len .Alerts }}"}
    async with tracking(**more) as (tracker, one):
        await one.send()
        tracker.issues["OPS-1"].update(summary="what Ana wrote")
        message = a_message(of_incident=False)
        assert await one.send(replace(message, alerts=message.alerts * 2)) == Delivered("OPS-1")
        assert len(tracker.issues) == 1
        assert (tracker.issues["OPS-1"]["summary"], tracker.issues["OPS-1"]["description"]) == ("what Ana wrote", "n 2")


async def test_an_issue_is_resolved_and_opened_again_by_its_transitions() -> None:
    """The same issue, as long as it may be found."""
    more = {"resolve_transition": "Close", "reopen_transition": "Reopen", "reopen_duration": "1h"}
    async with tracking(**more) as (tracker, one):
        await one.send()
        assert await one.send(RESOLVE) == Delivered("OPS-1")
        assert tracker.done == {"OPS-1"}
        assert await one.send() == Delivered("OPS-1")
        assert tracker.done == set()
        assert len(tracker.issues) == 1
        assert tracker.queries[-1] == (
            "(resolutiondate is EMPTY OR resolutiondate >= -60m) and "
            f'project="OPS" and labels="{LABEL}" order by status ASC,resolutiondate DESC'
        )


async def test_without_a_way_back_a_closed_issue_stays_closed_and_another_is_made() -> None:
    """And what was never opened is not opened to be resolved."""
    async with tracking(resolve_transition="Close") as (tracker, one):
        assert await one.send(RESOLVE) == Delivered()
        assert tracker.issues == {}
        await one.send()
        await one.send(RESOLVE)
        assert await one.send() == Delivered("OPS-2")
        assert tracker.done == {"OPS-1"}


async def test_without_transitions_an_issue_is_changed_and_not_moved() -> None:
    """People close it."""
    async with tracking() as (tracker, one):
        await one.send()
        assert await one.send(RESOLVE) == Delivered("OPS-1")
        assert tracker.done == set()
        assert not any("transitions" in call for call in tracker.calls)


async def test_a_transition_that_the_issue_cannot_take_is_told() -> None:
    """With its name, so that the configuration can be mended."""
    async with tracking(resolve_transition="Finish") as (_, one):
        await one.send()
        assert await one.send(RESOLVE) == Rejected("issue OPS-1 has no transition Finish now")


async def test_a_lost_answer_makes_no_second_issue() -> None:
    """The next attempt finds what the first one made."""
    async with tracking() as (tracker, one):
        await one.send()
        assert await one.send(uncertain=True) == Delivered("OPS-1")
        assert len(tracker.issues) == 1


@pytest.mark.parametrize(
    ("call", "status", "expected"),
    [
        ("POST /rest/api/2/search", 500, RetryLater("unexpected status code 500: hush")),
        ("POST /rest/api/2/search", 401, Rejected("unexpected status code 401: hush")),
        ("POST /rest/api/2/search", 429, RetryLater("unexpected status code 429: hush")),
        ("POST /rest/api/2/search", 200, RetryLater("the answer was not one of Jira's")),
        ("POST /rest/api/2/issue", 400, Rejected("unexpected status code 400: hush")),
        ("POST /rest/api/2/issue", 502, Unknown("unexpected status code 502: hush")),
    ],
)
async def test_what_an_answer_means(call: str, status: int, expected: object) -> None:
    """A failed look leaves nothing unclear, a failed creation does; the server's own words are told."""
    async with tracking() as (tracker, one):
        tracker.fail[call] = status
        assert await one.send() == expected


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("one\n\ntwo", [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]),
        ('{"type": "doc", "version": 1, "content": []}', []),
    ],
    ids=["text", "document"],
)
async def test_version_3_gets_a_document(text: str, content: list[object]) -> None:
    """A template may write one itself; any other text is put into one."""
    async with tracking(description=text) as (tracker, one):
        options = one.options
        assert isinstance(options, JiraOptions)
        three = replace(one, options=replace(options, api_url=f"{tracker.url}/rest/api/3", api_type="cloud"))
        await three.send()
        assert tracker.calls[0] == "POST /rest/api/3/search/jql"
        document = tracker.issues["OPS-1"]["description"]
        assert document["type"] == "doc"
        assert [each for part in document["content"] for each in part["content"]] == content


async def test_long_texts_are_cut_at_jiras_limits() -> None:
    """A summary is one line."""
    async with tracking(summary="a\nb " + "ä" * 300, description="ä" * 40_000) as (tracker, one):
        await one.send()
        issue = tracker.issues["OPS-1"]
        assert (len(issue["summary"]), len(issue["description"])) == (255, 32_767)
        assert issue["summary"].startswith("a b ä")


@pytest.mark.parametrize(
    ("firing", "reopens", "wont_fix", "start"),
    [
        (True, False, "", "statusCategory != Done and "),
        (True, True, "", "project="),
        (False, True, "", "statusCategory != Done and "),
        (True, True, "Won't Do", 'resolution != "Won\'t Do" and '),
    ],
)
def test_closed_issues_are_looked_for_only_where_they_can_be_opened(
    firing: bool, reopens: bool, wont_fix: str, start: str
) -> None:
    """And never those that people closed for good."""
    query = jira_query("ALERT{1}", project="P", firing=firing, reopens=reopens, reopen_within=0, wont_fix=wont_fix)
    assert query.startswith(start)
