"""Jira: an issue for a group or an incident, changed while it lasts, resolved and opened again by transitions.

Each attempt asks first whether there is an issue, so that a repetition after a lost answer makes no second one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    Message,
    MessageKind,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.surrogates import json_of
from monitor.model.times import Millis
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.jira import (
    JiraIssue,
    created_key,
    found_issue,
    jira_fields,
    jira_query,
    mark,
    transition_id,
)
from monitor.notify.dressing.wording import field as text_field
from monitor.notify.kinds.calling import Call, CallAnswer, NoAnswerError
from monitor.notify.kinds.over_http import JSON, OverHttp, Stop
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending

_HEADERS = {**JSON, "Accept-Language": "en", "X-Force-Accept-Language": "true"}
_CLOUD = "atlassian.net"


@dataclass(frozen=True, slots=True, kw_only=True)
class JiraOptions:
    """A project and how its issues move. Texts may be templates."""

    api_url: str = field(repr=False)
    """With the API's version: https://example.atlassian.net/rest/api/2."""
    api_type: Literal["auto", "cloud", "datacenter"] = "auto"
    project: str
    issue_type: str
    reopen_transition: str = ""
    resolve_transition: str = ""
    wont_fix_resolution: str = ""
    """Issues closed so are left alone."""
    reopen_within: Millis = 0
    """Issues closed longer ago are left alone; 0: none is too old."""
    update_summary: bool = False
    update_description: bool = False
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return f"{self.api_url} {self.project}"


class Jira(OverHttp[JiraOptions]):
    """Opens, changes and moves issues."""

    name = "jira"
    repeated = Repeats.ASKED
    options = JiraOptions
    addressing = frozenset({"priority", "labels", "fields"})

    def takes(self, message: Message, options: object) -> str:
        if message.kind in (MessageKind.ACKNOWLEDGE, MessageKind.UPDATE):
            return "Jira is told that alerts fire and that they do not any more"
        return ""

    async def tell(self, options: JiraOptions, sending: Sending) -> DeliveryOutcome:
        issue = _Issue(self, options, sending)
        found = await issue.find()
        if found is None:
            # nothing was ever opened here, so there is nothing to end either
            return Delivered() if not issue.firing else await issue.create()
        await issue.change(found)
        await issue.move(found)
        return Delivered(found.key)

    async def ask(self, options: JiraOptions, sending: Sending, method: str, url: str, body: object) -> CallAnswer:
        """One call that must succeed."""
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return await self.must(options, Call(method=method, url=url, headers=_HEADERS, body=data), sending)

    def text(self, options_text: str, name: str, message: Message) -> str:
        """An option as it was rendered with the message, or as it stands."""
        if not options_text:
            return ""
        return text_field(message, name) or self.secret(SecretSource(options_text), message, name)


class _Issue:
    """One delivery."""

    def __init__(self, kind: Jira, options: JiraOptions, sending: Sending) -> None:
        self._kind = kind
        self._options = options
        self._sending = sending
        self._message = sending.message
        self._base = options.api_url.rstrip("/")
        self._label = mark(self._message, instance=kind.instance, row_key=sending.row.dedupe_key)
        self._project = kind.text(options.project, "project", self._message)
        self.firing = self._message.kind is not MessageKind.RESOLVE

    async def find(self) -> JiraIssue | None:
        options = self._options
        query = jira_query(
            self._label,
            project=self._project,
            firing=self.firing,
            reopens=bool(options.reopen_transition),
            reopen_within=options.reopen_within,
            wont_fix=self._text(options.wont_fix_resolution, "wont_fix_resolution"),
        )
        body = {"jql": query, "maxResults": 2, "fields": ["status"]}
        try:
            answer = await self._ask("POST", self._search(), body)
            return found_issue(_document(answer))
        except ValueError:
            raise Stop(RetryLater("the answer was not one of Jira's")) from None
        except (Stop, NoAnswerError) as ended:
            if isinstance(ended.outcome, Unknown):
                # a look changes nothing
                raise Stop(RetryLater(ended.outcome.why, failure=ended.outcome.failure)) from None
            raise

    async def create(self) -> DeliveryOutcome:
        answer = await self._ask("POST", f"{self._base}/issue", {"fields": self._fields(())})
        try:
            return Delivered(created_key(_document(answer)))
        except ValueError:
            return Delivered()

    async def change(self, issue: JiraIssue) -> None:
        kept: list[str] = []
        if not self._options.update_summary:
            kept.append("summary")
        if not self._options.update_description:
            kept.append("description")
        await self._ask("PUT", self._at(issue), {"fields": self._fields(kept)})

    async def move(self, issue: JiraIssue) -> None:
        """By the transition to where it belongs, if it is not there and one is named."""
        if self.firing is not issue.done:
            return
        options = self._options
        wanted = (
            self._text(options.reopen_transition, "reopen_transition")
            if self.firing
            else self._text(options.resolve_transition, "resolve_transition")
        )
        if not wanted:
            return
        place = f"{self._at(issue)}/transitions"
        try:
            found = transition_id(_document(await self._ask("GET", place, None)), wanted)
        except ValueError:
            raise Stop(RetryLater("the answer was not one of Jira's")) from None
        if not found:
            raise Stop(Rejected(f"issue {issue.key} has no transition {wanted} now", DeliveryFailure.CLIENT))
        await self._ask("POST", place, {"transition": {"id": found}})

    def _fields(self, kept: list[str] | tuple[str, ...]) -> dict[str, object]:
        return jira_fields(
            self._message,
            self._label,
            project=self._project,
            issue_type=self._text(self._options.issue_type, "issue_type"),
            version_3=self._base.endswith("/3"),
            kept=kept,
        )

    def _search(self) -> str:
        host = urlsplit(self._base).hostname or ""
        kind = self._options.api_type
        if kind == "cloud" or (kind == "auto" and host.endswith(_CLOUD)):
            # the cloud has no other search any more, and this one only in version 3
            return f"{self._base.replace('/rest/api/2', '/rest/api/3')}/search/jql"
        return f"{self._base}/search"

    def _at(self, issue: JiraIssue) -> str:
        return f"{self._base}/issue/{quote(issue.key, safe='')}"

    def _text(self, text: str, name: str) -> str:
        return self._kind.text(text, name, self._message)

    async def _ask(self, method: str, url: str, body: object) -> CallAnswer:
        return await self._kind.ask(self._options, self._sending, method, url, body)


def _document(answer: CallAnswer) -> object:
    return json_of(answer.body)
