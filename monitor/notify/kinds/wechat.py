"""A WeChat Work application. Its secret is changed for a token, which is kept until WeChat says that it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode

from monitor.model.notifications import Delivered, DeliveryFailure, DeliveryOutcome, Rejected, RetryLater
from monitor.model.surrogates import json_of
from monitor.model.times import HOUR, SECOND, Millis, Timestamp
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.dressing.chats import wechat_body
from monitor.notify.kinds.calling import Call, CallAnswer, NoAnswerError
from monitor.notify.kinds.over_http import OverHttp, Stop, json_call
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings
from monitor.notify.throttling import WEBHOOK

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
    api_url: str = field(default="https://qyapi.weixin.qq.com/cgi-bin/", repr=False)
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.api_secret.address


class WeChat(OverHttp[WeChatOptions]):
    """Posts as the application."""

    name = "wechat"
    limit = WEBHOOK
    options = WeChatOptions
    addressing = frozenset({"to_user", "to_party", "to_tag", "agent_id"})

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._tokens: dict[tuple[str, str], tuple[str, Timestamp]] = {}

    def __repr__(self) -> str:
        return f"WeChat({len(self._tokens)} tokens)"

    async def tell(self, options: WeChatOptions, sending: Sending) -> DeliveryOutcome:
        token = await self._token(options, sending)
        body = wechat_body(sending.message, options.message_type, repeat=sending.uncertain)
        await self._ask(options, "message/send", {"access_token": token}, body, sending)
        return Delivered()

    async def _token(self, options: WeChatOptions, sending: Sending) -> str:
        """Raises Stop and StoreError."""
        secret, now = self.secret(options.api_secret, sending.message, "secret"), sending.now
        key = (options.corp_id, secret)
        token, until = self._tokens.get(key, ("", 0))
        if token and now < until <= now + _TOKEN_LASTS:
            return token
        query = {"corpid": options.corp_id, "corpsecret": secret}
        try:
            document = await self._ask(options, "gettoken", query, None, sending)
        except NoAnswerError as error:
            # nothing was posted yet, so nothing is unclear
            failed = error.outcome
            raise Stop(RetryLater(f"no token: {failed.why}", failure=failed.failure)) from None
        token = str(document.get("access_token", ""))
        if not token:
            raise Stop(Rejected("WeChat gave no token: look at corp_id and api_secret"))
        lasts = document.get("expires_in")
        self._tokens = {k: kept for k, kept in self._tokens.items() if kept[1] > now}
        self._tokens[key] = token, now + min(lasts * SECOND if isinstance(lasts, int) else _TOKEN_LASTS, _TOKEN_LASTS)
        return token

    async def _ask(
        self, options: WeChatOptions, method: str, query: dict[str, str], body: object, sending: Sending
    ) -> dict[str, Any]:
        """What WeChat answers to a call. Raises NoAnswerError and Stop."""
        url = f"{options.api_url.rstrip('/')}/{method}?{urlencode(query)}"
        call = json_call(url, body) if body is not None else Call(url=url, method="GET")
        answer = await self.must(options, call, sending)
        document = _document(answer)
        if document is None:
            raise Stop(Rejected("the answer is not one of WeChat's"))
        code = document.get("errcode", 0)
        if code in (0, None):
            return document
        why = f"WeChat refused it: {self.quoted(answer, str(document.get('errmsg', '')))} ({code})"
        if code in _TOKEN_IS_OVER:
            self._tokens = {key: kept for key, kept in self._tokens.items() if kept[0] != query.get("access_token")}
            raise Stop(RetryLater(why, 0, DeliveryFailure.AUTH))
        raise Stop(
            RetryLater(why, failure=DeliveryFailure.RATE_LIMITED)
            if code in _BUSY
            else Rejected(why, DeliveryFailure.CLIENT)
        )


def _document(answer: CallAnswer) -> dict[str, Any] | None:
    try:
        found: object = json_of(answer.body)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
