"""Slack. With a bot token: one root message per incident, edited in place, and its timeline as a thread. With an incoming
webhook: every message on its own, because a webhook's answer names no message.

An answer that got lost is cleared up by looking for our own metadata in the channel's history, so nothing is posted twice.
Each call is made once; the package's own retries are switched off, for it would post again after a broken connection.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from monitor.model.errors import StoreError
from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    Message,
    MessageKind,
    NotifyReason,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.surrogates import json_of
from monitor.model.times import MINUTE, SECOND, Millis, Timestamp, format_duration
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.slack import EVENT_TYPE, MARKED, group_post, reply, root
from monitor.notify.dressing.wording import field as text_field
from monitor.notify.kinds.answers import by_failure, by_status, wish
from monitor.notify.kinds.calling import CallAnswer, NoAnswerError, answer_of
from monitor.notify.kinds.over_http import json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import SLACK_CHANNEL, SLACK_EDIT, Toll

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

WEB_API: Final = "https://slack.com/api/"
_SERVER_ERRORS = frozenset(range(500, 600))
_BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_UNCLEAR = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
"""Slack's words for its own failures: the call may have been carried out. Source: docs.slack.dev/reference/methods."""
_WHO_ARE_YOU = frozenset(
    {
        "invalid_auth",
        "invalid_token",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
    }
)
_ROOT_IS_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
_PAGES = 5
_PAGE = 100
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{2,}", re.ASCII)
_PERSON_ID = re.compile(r"[UW][A-Z0-9]{2,}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackOptions:
    """A channel, a person, or an incoming webhook."""

    token: SecretSource = field(default_factory=SecretSource)
    """A bot token (xoxb-…) with chat:write and, to clear up lost answers, channels:history or groups:history."""
    channel: str = ""
    """Name (#payments) or id of the channel, or a person's id. With a token only."""
    webhook_url: SecretSource = field(default_factory=SecretSource)
    """An incoming webhook; used when there is no token."""
    base_url: str = field(default=WEB_API, repr=False)
    """Where the Web API is."""
    update_message: bool = False
    """Later notifications about a group change its first message instead of posting another. With a token only."""
    mrkdwn_in: tuple[str, ...] = MARKED
    """The parts of an attachment that are markup."""
    timeout: Millis = 0
    """For one attempt; 0: as for all."""
    client: HttpClient = PLAIN
    """For the incoming webhook."""
    broadcast: bool = True
    """Show a page for an incident that already has its thread in the channel too."""


class _FailedCall(Exception):  # noqa: N818 - an answer on its way, not an error
    """A call that did not succeed, as an outcome."""

    def __init__(self, outcome: DeliveryOutcome, word: str = "") -> None:
        self.outcome = outcome
        self.word = word
        super().__init__(word)


class Slack:
    """Posts and edits."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._session = surroundings.session
        self._asking = surroundings.asking
        self._log = logging.getLogger("watchkeeper.slack")
        self._ids: dict[tuple[str, str], str] = {}
        # the package logs bodies and addresses while it debugs
        self._log.setLevel(logging.WARNING)

    def takes(self, message: Message, options: object) -> str:
        if message.kind is MessageKind.ACKNOWLEDGE and message.incident is None:
            return "a plain notification cannot be acknowledged"
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.ASKED if own_options(options, SlackOptions).token else Repeats.VISIBLE

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        options = own_options(sending.options, SlackOptions)
        if not options.token:
            return (Toll(f"slack {options.webhook_url.address}", SLACK_CHANNEL),)
        post = Toll(f"slack {options.token.address} {options.channel}", SLACK_CHANNEL)
        # a page does not wait for its edit
        if sending.handle and not sending.followed and not sending.message.kind.wakes:
            return (post, Toll(f"slack edit {sending.handle}", SLACK_EDIT))
        return (post,)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        options = own_options(sending.options, SlackOptions)
        try:
            if not options.token:
                return await self._by_webhook(options, sending)
            channel = _Channel(await self._client(options), options, sending, self._ids)
        except StoreError as error:
            return RetryLater(str(error))
        try:
            async with asyncio.timeout(options.timeout / 1000 if options.timeout else None):
                if sending.message.incident is None:
                    return Delivered(await channel.say_once())
                return Delivered(await channel.tell())
        except TimeoutError:
            return Unknown(f"no answer within {format_duration(options.timeout)}", DeliveryFailure.DEADLINE)
        except _FailedCall as failed:
            return failed.outcome

    async def close(self) -> None:
        """The session is shared; it holds nothing of its own."""

    async def _client(self, options: SlackOptions) -> AsyncWebClient:
        # a tenth of a second at first use, which the loop must not feel
        make = await asyncio.to_thread(_client_class)
        return make(
            options.token.read(),
            options.base_url,
            session=self._session(),
            logger=self._log,
            retry_handlers=[],
        )

    async def _by_webhook(self, options: SlackOptions, sending: Sending) -> DeliveryOutcome:
        url = options.webhook_url.read()
        message, key, repeat = sending.message, sending.row.dedupe_key, sending.uncertain
        if message.incident is None:
            body = group_post(message, row_key=key, repeat=repeat, marked=options.mrkdwn_in)
        else:
            body = root(message, row_key=key, repeat=repeat)
        del body["metadata"]
        if message.incident is None and (channel := text_field(message, "channel")):
            body["channel"] = channel
        if not url:
            return Rejected("neither a token nor a webhook address is set")
        try:
            call = json_call(url, body)
            answer = await answer_of(self._asking(), options.client, call, within=options.timeout)
        except NoAnswerError as error:
            return error.outcome
        return _webhook_verdict(answer, sending.now)


def _webhook_verdict(answer: CallAnswer, now: Timestamp) -> DeliveryOutcome:
    """A webhook says `ok`; anything else with status 200 is a refusal."""
    outcome = by_status(answer.status, answer.retry_after, now, lost=_SERVER_ERRORS, body=answer.words())
    if not isinstance(outcome, Delivered):
        return outcome
    said = answer.body.decode("utf-8", "replace").strip()
    if answer.content_type == "application/json":
        try:
            document: object = json_of(said)
        except ValueError:
            return Unknown("the answer was not one of Slack's")
        refused = _mapping(document).get("ok") is False
        word = answer.clean(str(_mapping(document).get("error", "")))
        return Rejected(f"Slack refused it: {word[:200]}", _failure_of(word)) if refused else outcome
    if said == "ok":
        return outcome
    return Rejected(f"Slack refused it: {answer.words().strip()[:200]}", _failure_of(said))


class _Channel:
    """One delivery to one channel."""

    def __init__(
        self, client: AsyncWebClient, options: SlackOptions, sending: Sending, ids: dict[tuple[str, str], str]
    ) -> None:
        self._client = client
        self._options = options
        self._sending = sending
        self._message = sending.message
        self._where = (
            (text_field(sending.message, "channel") or options.channel)
            if sending.message.incident is None
            else options.channel
        )
        self._key = sending.row.dedupe_key
        self._ids = ids
        self._repeat = False
        self._found_own = False

    async def say_once(self) -> str:
        """A message on its own. Returns its handle."""
        found = await self._find_own("group") if self._sending.uncertain else ""
        if found:
            return found
        first = self._message.reason is NotifyReason.FIRST
        if self._options.update_message and self._sending.handle and not first and await self._edit_group():
            return self._sending.handle
        return await self._post(self._group_post(repeat=self._repeat))

    async def tell(self) -> str:
        """Bring the incident's root message to the present state and add to its thread. Returns the root's handle."""
        handle = self._sending.handle or await self._find_root()
        if not handle:
            # nothing was ever said here, so there is nothing to end either
            return "" if self._message.kind is MessageKind.RESOLVE else await self._new_root()
        if self._found_own:
            # the lost answer was that of the root itself: this row has said all it has to say
            return handle
        if not self._sending.followed and not await self._edit(handle):
            return await self._new_root()
        return await self._reply(handle)

    async def _edit_group(self) -> bool:
        """False: the message is gone."""
        channel, _, ts = self._sending.handle.partition("/")
        body = self._group_post()
        try:
            await self._call("chat.update", {"channel": channel, "ts": ts, **body})
        except _FailedCall as failed:
            if failed.word in _ROOT_IS_GONE:
                return False
            raise
        return True

    def _group_post(self, *, repeat: bool = False) -> dict[str, object]:
        return group_post(self._message, row_key=self._key, repeat=repeat, marked=self._options.mrkdwn_in)

    async def _new_root(self) -> str:
        return await self._post(root(self._message, row_key=self._key, repeat=self._repeat))

    async def _edit(self, handle: str) -> bool:
        """False: the message is gone. A page is not held up by an edit that may not be made now."""
        channel, _, ts = handle.partition("/")
        try:
            await self._call("chat.update", {"channel": channel, "ts": ts, **root(self._message)})
        except _FailedCall as failed:
            if failed.word in _ROOT_IS_GONE:
                return False
            if not (self._message.kind.wakes and isinstance(failed.outcome, RetryLater | Unknown)):
                raise
        return True

    async def _reply(self, handle: str) -> str:
        channel, _, ts = handle.partition("/")
        if self._sending.uncertain and await self._find_reply(channel, ts):
            return handle
        body = reply(self._message, row_key=self._key, repeat=self._repeat)
        body["reply_broadcast"] = self._options.broadcast and self._message.kind.wakes
        try:
            await self._call("chat.postMessage", {"channel": channel, "thread_ts": ts, **body})
        except _FailedCall as failed:
            if failed.word not in _ROOT_IS_GONE:
                raise
            return await self._new_root()
        return handle

    async def _find_root(self) -> str:
        """The incident's root, if a former message of it may be there although no answer told us."""
        incident = self._message.incident
        if incident is None:
            return ""
        first = incident.step <= 1 and incident.loop == 0 and incident.epoch <= 1
        if self._message.kind is MessageKind.TRIGGER and first and not self._sending.uncertain:
            return ""
        return await self._find_own("root", incident.id)

    async def _find_own(self, role: str, incident: str = "") -> str:
        """A message of ours in the channel, by incident or else by outbox key. Where Slack does not let us look, what
        follows is marked as a possible repeat."""
        since = min(self._message.since, self._message.at) - 5 * MINUTE
        try:
            channel = await self._channel_id()
            async for row in self._rows("conversations.history", {"channel": channel, "oldest": str(since // SECOND)}):
                mark = _mark(row)
                same = mark.get("incident") == incident if incident else mark.get("outbox") == self._key
                if mark.get("role") == role and same:
                    self._found_own = mark.get("outbox") == self._key
                    return f"{channel}/{row.get('ts')}"
        except _FailedCall as failed:
            if not isinstance(failed.outcome, Rejected):
                raise
            self._repeat = self._sending.uncertain
        return ""

    async def _find_reply(self, channel: str, ts: str) -> bool:
        async for row in self._rows("conversations.replies", {"channel": channel, "ts": ts}):
            mark = _mark(row)
            if mark.get("role") == "reply" and mark.get("outbox") == self._key:
                return True
        return False

    async def _channel_id(self) -> str:
        """Slack lets one post to a name but look only into an id."""
        name = self._where
        if _CHANNEL_ID.fullmatch(name):
            return name
        known = self._ids.get((self._options.token.address, name))
        if known:
            return known
        if _PERSON_ID.fullmatch(name):
            answer = await self._read("conversations.open", {"users": name})
            found = str(_mapping(answer.get("channel")).get("id", ""))
        else:
            found = ""
            listing = {"exclude_archived": "true", "types": "public_channel,private_channel"}
            async for row in self._rows("conversations.list", listing, key="channels"):
                if row.get("name") == name.removeprefix("#"):
                    found = str(row.get("id", ""))
                    break
        if not found:
            raise _FailedCall(Rejected(f"Slack lists no channel {name}"))
        self._ids[self._options.token.address, name] = found
        return found

    async def _post(self, body: Mapping[str, object]) -> str:
        answer = await self._call("chat.postMessage", {"channel": self._where, **body})
        channel, ts = answer.get("channel"), answer.get("ts")
        if not (isinstance(channel, str) and isinstance(ts, str)):
            raise _FailedCall(Unknown("Slack's answer names no message"))
        self._ids[self._options.token.address, self._where] = channel
        return f"{channel}/{ts}"

    async def _rows(
        self, method: str, args: Mapping[str, str], key: str = "messages"
    ) -> AsyncIterator[Mapping[str, object]]:
        """The rows of a listing, a bounded number of pages of it."""
        cursor = ""
        for _ in range(_PAGES):
            page = {**args, "limit": str(_PAGE), "include_all_metadata": "true", "cursor": cursor}
            answer = await self._read(method, page)
            rows = answer.get(key)
            for row in cast("list[object]", rows) if isinstance(rows, list) else []:
                yield _mapping(row)
            cursor = str(_mapping(answer.get("response_metadata")).get("next_cursor", "") or "")
            if not cursor:
                return

    async def _read(self, method: str, args: Mapping[str, str]) -> Mapping[str, object]:
        """A call that changes nothing, so that a lost answer leaves nothing unclear."""
        try:
            return await self._call(method, args, reads=True)
        except _FailedCall as failed:
            if isinstance(failed.outcome, Unknown):
                raise _FailedCall(RetryLater(failed.outcome.why, failure=failed.outcome.failure), failed.word) from None
            raise

    async def _call(self, method: str, args: Mapping[str, object], *, reads: bool = False) -> Mapping[str, object]:
        """One call. Raises _FailedCall."""
        import aiohttp
        from slack_sdk.errors import SlackApiError

        try:
            if reads:
                answer = await self._client.api_call(method, http_verb="GET", params=args)
            else:
                answer = await self._client.api_call(method, json=args)
        except SlackApiError as error:
            raise _refused(method, error.response, self._sending.now) from None
        except (aiohttp.ClientError, OSError) as error:
            raise _FailedCall(by_failure(error)) from None
        except (AttributeError, ValueError):
            # the package stumbles over an answer of plain text
            raise _FailedCall(Unknown(f"{method}: the answer was not one of Slack's")) from None
        return _mapping(answer.data)


def _refused(method: str, response: object, now: Timestamp) -> _FailedCall:
    """What an answer other than ok means. The package hands over its own answer, or aiohttp's when that held no JSON."""
    import aiohttp

    if isinstance(response, aiohttp.ClientResponse):
        status, headers, data = response.status, cast("Mapping[str, str]", response.headers), None
    else:
        status = cast("int", getattr(response, "status_code", 0))
        headers = cast("Mapping[str, str]", getattr(response, "headers", {}))
        data = getattr(response, "data", None)
    after = headers.get("Retry-After", "")
    word = str(_mapping(data).get("error", "") or "")
    if word in _BUSY or status == 429:
        return _FailedCall(
            RetryLater(f"{method}: {word or 'rate limit'}", wish(after, now), DeliveryFailure.RATE_LIMITED), word
        )
    if word in _UNCLEAR:
        return _FailedCall(Unknown(f"{method}: {word}", DeliveryFailure.SERVER), word)
    if word:
        return _FailedCall(Rejected(f"{method}: {word}", _failure_of(word)), word)
    if 200 <= status < 300:
        return _FailedCall(Unknown(f"{method}: the answer was not one of Slack's"))
    outcome = by_status(status, after, now, lost=_SERVER_ERRORS)
    return _FailedCall(outcome)


def _failure_of(word: str) -> DeliveryFailure:
    return DeliveryFailure.AUTH if word in _WHO_ARE_YOU else DeliveryFailure.CLIENT


def _mark(row: Mapping[str, object]) -> Mapping[str, object]:
    metadata = _mapping(row.get("metadata"))
    return _mapping(metadata.get("event_payload")) if metadata.get("event_type") == EVENT_TYPE else {}


def _mapping(found: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _client_class() -> type[AsyncWebClient]:
    from slack_sdk.web.async_client import AsyncWebClient

    return AsyncWebClient
