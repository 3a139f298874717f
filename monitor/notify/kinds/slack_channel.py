"""One delivery to one channel of Slack by a bot: the incident's root message and its thread, or a message on its own.

An answer that got lost is cleared up by looking for our own metadata in the channel's history, so nothing is posted twice.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from monitor.model.notifications import MessageKind, NotifyReason, Rejected, RetryLater, Unknown
from monitor.model.times import MINUTE, SECOND
from monitor.notify.dressing.slack import EVENT_TYPE, group_post, reply, root
from monitor.notify.dressing.wording import field as text_field
from monitor.notify.kinds.sending import Sending
from monitor.notify.kinds.slack_api import FailedCallError, SlackApi, mapping

if TYPE_CHECKING:
    from monitor.notify.kinds.slack import SlackOptions

_ROOT_IS_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
_PAGES: Final = 5
_PAGE: Final = 100
_CHANNEL_ID: Final = re.compile(r"[CGD][A-Z0-9]{2,}", re.ASCII)
_PERSON_ID: Final = re.compile(r"[UW][A-Z0-9]{2,}", re.ASCII)


class Channel:
    """One delivery to one channel."""

    def __init__(self, api: SlackApi, options: SlackOptions, sending: Sending, ids: dict[tuple[str, str], str]) -> None:
        """`ids`: of channels by token and name, as far as they are known; others are added."""
        self._api = api
        self._options = options
        self._sending = sending
        self._message = sending.message
        self._where = text_field(sending.message, "channel") or options.channel
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
        except FailedCallError as failed:
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
        except FailedCallError as failed:
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
        except FailedCallError as failed:
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
        except FailedCallError as failed:
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
            found = str(mapping(answer.get("channel")).get("id", ""))
        else:
            found = ""
            listing = {"exclude_archived": "true", "types": "public_channel,private_channel"}
            async for row in self._rows("conversations.list", listing, key="channels"):
                if row.get("name") == name.removeprefix("#"):
                    found = str(row.get("id", ""))
                    break
        if not found:
            raise FailedCallError(Rejected(f"Slack lists no channel {name}"))
        self._ids[self._options.token.address, name] = found
        return found

    async def _post(self, body: Mapping[str, object]) -> str:
        answer = await self._call("chat.postMessage", {"channel": self._where, **body})
        channel, ts = answer.get("channel"), answer.get("ts")
        if not (isinstance(channel, str) and isinstance(ts, str)):
            raise FailedCallError(Unknown("Slack's answer names no message"))
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
                yield mapping(row)
            cursor = str(mapping(answer.get("response_metadata")).get("next_cursor", "") or "")
            if not cursor:
                return

    async def _read(self, method: str, args: Mapping[str, str]) -> Mapping[str, object]:
        """A call that changes nothing, so that a lost answer leaves nothing unclear."""
        try:
            return await self._call(method, args, reads=True)
        except FailedCallError as failed:
            if isinstance(failed.outcome, Unknown):
                raise FailedCallError(
                    RetryLater(failed.outcome.why, failure=failed.outcome.failure), failed.word
                ) from None
            raise

    async def _call(self, method: str, args: Mapping[str, object], *, reads: bool = False) -> Mapping[str, object]:
        """One call. Raises FailedCallError."""
        return await self._api.call(method, args, reads=reads, now=self._sending.now)


def _mark(row: Mapping[str, object]) -> Mapping[str, object]:
    metadata = mapping(row.get("metadata"))
    return mapping(metadata.get("event_payload")) if metadata.get("event_type") == EVENT_TYPE else {}
