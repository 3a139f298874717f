"""Calls of Slack's Web API, each made once, and what an answer other than `ok` means.

They go through Slack's own package, whose retries are switched off, for it would post again after a broken connection. Where an
`http_config` asks for what the package cannot do (a proxy with exceptions, certificates, OAuth2, headers from files) the call
is our own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlencode

from monitor.model.notifications import DeliveryFailure, Rejected, RetryLater, Undelivered, Unknown
from monitor.model.surrogates import json_of
from monitor.model.times import Timestamp
from monitor.net.http_config import HttpClient
from monitor.notify.kinds.answers import by_failure, by_status, wish
from monitor.notify.kinds.calling import Call, NoAnswerError, answer_of

if TYPE_CHECKING:
    import aiohttp
    from slack_sdk.web.async_client import AsyncWebClient

    from monitor.net.asking import Asking

SERVER_ERRORS: Final = frozenset(range(500, 600))
_BUSY: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_UNCLEAR: Final = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
"""Slack's words for its own failures: the call may have been carried out. Source: docs.slack.dev/reference/methods."""
_WHO_ARE_YOU: Final = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "invalid_token",
        "missing_scope",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
_LONGEST_WORD: Final = 200


class FailedCallError(Exception):
    """A call that did not succeed, as an outcome. `word`: Slack's own for it, if it gave one."""

    def __init__(self, outcome: Undelivered, word: str = "") -> None:
        self.outcome = outcome
        self.word = word
        super().__init__(word)


class SlackApi(Protocol):
    """Makes calls as one bot."""

    async def call(
        self, method: str, args: Mapping[str, object], *, reads: bool, now: Timestamp
    ) -> Mapping[str, object]:
        """Slack's answer. `reads`: it changes nothing. Raises FailedCallError."""
        ...


class ByPackage:
    """Through Slack's own package."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    @classmethod
    async def made(
        cls, token: str, base_url: str, session: Callable[[], aiohttp.ClientSession], log: logging.Logger
    ) -> ByPackage:
        # a tenth of a second at first use, which the loop must not feel
        make = await asyncio.to_thread(_client_class)
        return cls(make(token, base_url, session=session(), logger=log, retry_handlers=[]))

    async def call(
        self, method: str, args: Mapping[str, object], *, reads: bool, now: Timestamp
    ) -> Mapping[str, object]:
        import aiohttp
        from slack_sdk.errors import SlackApiError

        try:
            if reads:
                texts = cast("Mapping[str, str]", args)
                answer = await self._client.api_call(method, http_verb="GET", params=texts)
            else:
                answer = await self._client.api_call(method, json=args)
        except SlackApiError as error:
            raise _refused_to_package(method, error.response, now) from None
        except (aiohttp.ClientError, OSError) as error:
            raise FailedCallError(by_failure(error)) from None
        except (AttributeError, ValueError):
            # the package stumbles over an answer of plain text
            raise FailedCallError(Unknown(f"{method}: the answer was not one of Slack's")) from None
        return mapping(answer.data)


class ByOwnCalls:
    """As an `http_config` says. The token goes before whatever that holds for the header of the same name."""

    def __init__(self, token: str, base_url: str, asking: Asking, client: HttpClient) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        self._base = base_url if base_url.endswith("/") else f"{base_url}/"
        self._asking = asking
        self._client = client

    async def call(
        self, method: str, args: Mapping[str, object], *, reads: bool, now: Timestamp
    ) -> Mapping[str, object]:
        url = self._base + method
        if reads:
            call = Call(url=f"{url}?{urlencode(args)}", headers=self._headers, method="GET")
        else:
            call = Call(url=url, headers=self._headers, body=json.dumps(args, ensure_ascii=False).encode())
        try:
            answer = await answer_of(self._asking, self._client, call)
        except NoAnswerError as error:
            raise FailedCallError(error.outcome) from None
        try:
            data: object = json_of(answer.body)
        except (ValueError, RecursionError):
            data = None
        found = mapping(data)
        if answer.status == 200 and found.get("ok") is True:
            return found
        word = answer.clean(str(found.get("error", "") or ""))
        raise refusal(method, answer.status, answer.retry_after, word, now)


def refusal(method: str, status: int, after: str, word: str, now: Timestamp) -> FailedCallError:
    """What an answer other than ok means. `word`: Slack's error, if the answer was one of Slack's."""
    word = word[:_LONGEST_WORD]
    if word in _BUSY or status == 429:
        why = f"{method}: {word or 'rate limit'}"
        return FailedCallError(RetryLater(why, wish(after, now), DeliveryFailure.RATE_LIMITED), word)
    if word in _UNCLEAR:
        return FailedCallError(Unknown(f"{method}: {word}", DeliveryFailure.SERVER), word)
    if word:
        return FailedCallError(Rejected(f"{method}: {word}", failure_of_word(word)), word)
    outcome = by_status(status, after, now, lost=SERVER_ERRORS)
    if isinstance(outcome, RetryLater | Rejected | Unknown):
        return FailedCallError(outcome)
    return FailedCallError(Unknown(f"{method}: the answer was not one of Slack's"))


def failure_of_word(word: str) -> DeliveryFailure:
    """For counting."""
    return DeliveryFailure.AUTH if word in _WHO_ARE_YOU else DeliveryFailure.CLIENT


def mapping(found: object) -> Mapping[str, object]:
    """A JSON object; anything else is an empty one."""
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _refused_to_package(method: str, response: object, now: Timestamp) -> FailedCallError:
    """The package hands over its own answer, or aiohttp's when that held no JSON."""
    import aiohttp

    if isinstance(response, aiohttp.ClientResponse):
        status, headers, data = response.status, cast("Mapping[str, str]", response.headers), None
    else:
        status = cast("int", getattr(response, "status_code", 0))
        headers = cast("Mapping[str, str]", getattr(response, "headers", {}))
        data = getattr(response, "data", None)
    word = str(mapping(data).get("error", "") or "")
    return refusal(method, status, headers.get("Retry-After", ""), word, now)


def _client_class() -> type[AsyncWebClient]:
    from slack_sdk.web.async_client import AsyncWebClient

    return AsyncWebClient
