"""Slack. With a bot token: one root message per incident, edited in place, and its timeline as a thread. With an incoming
webhook: every message on its own, because a webhook's answer names no message.

What a bot does in a channel is `slack_channel`; how its calls are made is `slack_api`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from monitor.model.errors import StoreError
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
from monitor.model.times import Millis, Timestamp, format_duration
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.slack import MARKED, group_post, root
from monitor.notify.dressing.wording import field as text_field
from monitor.notify.kinds.addressing import addressed
from monitor.notify.kinds.answers import by_status
from monitor.notify.kinds.calling import CallAnswer, NoAnswerError, answer_of
from monitor.notify.kinds.over_http import json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.kinds.slack_api import (
    SERVER_ERRORS,
    ByOwnCalls,
    ByPackage,
    FailedCallError,
    SlackApi,
    failure_of_word,
    mapping,
)
from monitor.notify.kinds.slack_channel import Channel
from monitor.notify.throttling import SLACK_CHANNEL, SLACK_EDIT, Toll

WEB_API: Final = "https://slack.com/api/"
_ADDRESSING: Final = frozenset({"channel"})


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
    """How Slack is asked; whom it says that we are counts for the incoming webhook only."""
    broadcast: bool = True
    """Show a page for an incident that already has its thread in the channel too."""


class Slack:
    """Posts and edits."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._session = surroundings.session
        self._asking = surroundings.asking
        self._addresses = surroundings.addresses
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
        # the channel that the message goes to, which a template may name
        message = addressed(sending, _ADDRESSING, self._addresses).message
        channel = text_field(message, "channel") or options.channel
        post = Toll(f"slack {options.token.address} {channel}", SLACK_CHANNEL)
        # a page does not wait for its edit
        if sending.handle and not sending.followed and not sending.message.kind.wakes:
            return (post, Toll(f"slack edit {sending.handle}", SLACK_EDIT))
        return (post,)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        options = own_options(sending.options, SlackOptions)
        sending = addressed(sending, _ADDRESSING, self._addresses)
        try:
            if not options.token:
                return await self._by_webhook(options, sending)
            channel = Channel(await self._api(options), options, sending, self._ids)
        except StoreError as error:
            return RetryLater(str(error))
        try:
            async with asyncio.timeout(options.timeout / 1000 if options.timeout else None):
                if sending.message.incident is None:
                    return Delivered(await channel.say_once())
                return Delivered(await channel.tell())
        except TimeoutError:
            return Unknown(f"no answer within {format_duration(options.timeout)}", DeliveryFailure.DEADLINE)
        except FailedCallError as failed:
            return failed.outcome

    async def close(self) -> None:
        """The session is shared; it holds nothing of its own."""

    async def _api(self, options: SlackOptions) -> SlackApi:
        """Raises StoreError."""
        token = options.token.read()
        if options.client == PLAIN:
            return await ByPackage.made(token, options.base_url, self._session, self._log)
        return ByOwnCalls(token, options.base_url, self._asking(), replace(options.client, authorization=None))

    async def _by_webhook(self, options: SlackOptions, sending: Sending) -> DeliveryOutcome:
        url = options.webhook_url.read()
        message, key, repeat = sending.message, sending.row.dedupe_key, sending.uncertain
        if message.incident is None:
            body = group_post(message, row_key=key, repeat=repeat, marked=options.mrkdwn_in)
        else:
            body = root(message, row_key=key, repeat=repeat)
        del body["metadata"]
        if channel := text_field(message, "channel"):
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
    outcome = by_status(answer.status, answer.retry_after, now, lost=SERVER_ERRORS, body=answer.words())
    if not isinstance(outcome, Delivered):
        return outcome
    said = answer.body.decode("utf-8", "replace").strip()
    if answer.content_type == "application/json":
        try:
            document: object = json_of(said)
        except ValueError:
            return Unknown("the answer was not one of Slack's")
        refused = mapping(document).get("ok") is False
        word = answer.clean(str(mapping(document).get("error", "")))
        return Rejected(f"Slack refused it: {word[:200]}", failure_of_word(word)) if refused else outcome
    if said == "ok":
        return outcome
    if not said:
        return Rejected("Slack answered '' instead of ok", failure_of_word(said))
    return Rejected(f"Slack refused it: {answer.words().strip()[:200]}", failure_of_word(said))
