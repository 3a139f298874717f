"""A WeChat Work application. Its secret is changed for a token, which is kept until WeChat says that it is over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlencode

from monitor.model.errors import StoreError
from monitor.model.notifications import Delivered, DeliveryOutcome, Message, MessageKind, Rejected, RetryLater
from monitor.model.times import HOUR, SECOND, Millis, Timestamp
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.chats import wechat_body
from monitor.notify.kinds.answers import by_status
from monitor.notify.kinds.bodies import json_call
from monitor.notify.kinds.calling import Call, CallAnswer, NoAnswerError, answer_of
from monitor.notify.kinds.posting import hushed
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import WEBHOOK, Toll

_TOKEN_LASTS: Final[Millis] = 2 * HOUR
_TOKEN_IS_OVER: Final = frozenset({40014, 42001})
_BUSY: Final = frozenset({-1, 45009})


@dataclass(frozen=True, slots=True, kw_only=True)
class WeChatOptions:
    """A WeChat Work application, and whom it tells."""

    api_secret: SecretSource
    """The application's secret."""
    corp_id: str
    message_type: str = "text"
    """text or markdown."""
    api_url: str = "https://qyapi.weixin.qq.com/cgi-bin/"
    client: HttpClient = PLAIN


class _RefusedError(Exception):
    """WeChat did not do it."""

    def __init__(self, outcome: DeliveryOutcome) -> None:
        super().__init__(repr(outcome))
        self.outcome = outcome


class WeChat:
    """Implements `sending.Kind`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._asking = surroundings.asking
        self._tokens: dict[tuple[str, str], tuple[str, Timestamp]] = {}

    def __repr__(self) -> str:
        return f"WeChat({len(self._tokens)} tokens)"

    def takes(self, message: Message, options: object) -> str:
        if message.kind is MessageKind.ACKNOWLEDGE and message.incident is None:
            return "a plain notification cannot be acknowledged"
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.VISIBLE

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return (Toll(f"wechat {own_options(sending.options, WeChatOptions).api_secret.address}", WEBHOOK),)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        options = own_options(sending.options, WeChatOptions)
        secret = token = ""
        try:
            secret = options.api_secret.read()
            token = await self._token(options, secret, sending.now)
            body = wechat_body(sending.message, options.message_type, repeat=sending.uncertain)
            await self._ask(options, "message/send", {"access_token": token}, body, sending.now)
        except StoreError as error:
            return RetryLater(str(error))
        except NoAnswerError as error:
            return error.outcome
        except _RefusedError as error:
            return hushed(error.outcome, [secret, token])
        return Delivered()

    async def close(self) -> None:
        """The session is shared; it holds nothing of its own."""

    async def _token(self, options: WeChatOptions, secret: str, now: Timestamp) -> str:
        key = (options.corp_id, secret)
        token, until = self._tokens.get(key, ("", 0))
        if token and now < until <= now + _TOKEN_LASTS:
            return token
        try:
            document = await self._ask(
                options, "gettoken", {"corpid": options.corp_id, "corpsecret": secret}, None, now
            )
        except NoAnswerError as error:
            # nothing was posted yet, so nothing is unclear
            why = getattr(error.outcome, "why", "")
            raise _RefusedError(RetryLater(f"no token: {why}")) from None
        token = str(document.get("access_token", ""))
        if not token:
            raise _RefusedError(Rejected("WeChat gave no token: look at corp_id and api_secret"))
        lasts = document.get("expires_in")
        self._tokens = {k: kept for k, kept in self._tokens.items() if kept[1] > now}
        self._tokens[key] = token, now + min(lasts * SECOND if isinstance(lasts, int) else _TOKEN_LASTS, _TOKEN_LASTS)
        return token

    async def _ask(
        self, options: WeChatOptions, method: str, query: dict[str, str], body: object, now: Timestamp
    ) -> dict[str, Any]:
        """What WeChat answers to a call. Raises NoAnswerError or _RefusedError."""
        url = f"{options.api_url.rstrip('/')}/{method}?{urlencode(query)}"
        call = Call(url=url, method="GET") if body is None else json_call(url, body)
        answer = await answer_of(self._asking(), options.client, call)
        document = _document(answer)
        outcome = by_status(answer.status, answer.retry_after, now, body=answer.body)
        if not isinstance(outcome, Delivered):
            raise _RefusedError(outcome)
        if document is None:
            raise _RefusedError(Rejected("the answer is not one of WeChat's"))
        code = document.get("errcode", 0)
        if code in (0, None):
            return document
        why = f"WeChat refused it: {str(document.get('errmsg', ''))[:200]} ({code})"
        if code in _TOKEN_IS_OVER:
            self._tokens = {key: kept for key, kept in self._tokens.items() if kept[0] != query.get("access_token")}
            raise _RefusedError(RetryLater(why, 0))
        raise _RefusedError(RetryLater(why) if code in _BUSY else Rejected(why))


def _document(answer: CallAnswer) -> dict[str, Any] | None:
    try:
        found: object = json.loads(answer.body)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
