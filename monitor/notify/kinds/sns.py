"""Amazon SNS: a topic, an endpoint or a phone number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlencode

from monitor.model.notifications import Delivered, DeliveryFailure, DeliveryOutcome, Rejected, RetryLater
from monitor.model.times import SECOND
from monitor.net.http_config import PLAIN, HttpClient
from monitor.net.sigv4 import signed
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.sns import SnsTarget, sns_form
from monitor.notify.dressing.wording import field as text_field
from monitor.notify.kinds.answers import by_status, unexpected, wish
from monitor.notify.kinds.aws import FORM, AwsKeys, Sigv4Options, domain
from monitor.notify.kinds.calling import Call, CallAnswer
from monitor.notify.kinds.over_http import OverHttp
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options

_CODE: Final = re.compile(r"<Code>([A-Za-z.]{1,80})</Code>")
_THROTTLED: Final = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "Throttled", "RequestThrottled"}
)
_NEARBY: Final = HttpClient(follow_redirects=False)
_NEARBY_PATIENCE: Final = 2 * SECOND
_ENDED: Final = frozenset({"ExpiredToken", "ExpiredTokenException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsOptions:
    """Whom to publish to. Exactly one of the three is set; each may be a template."""

    topic_arn: str = ""
    target_arn: str = ""
    phone_number: str = ""
    api_url: str = field(default="", repr=False)
    """Another endpoint than the region's."""
    sigv4: Sigv4Options
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.topic_arn or self.target_arn or self.phone_number


class Sns(OverHttp[SnsOptions]):
    """Publishes."""

    name = "sns"
    options = SnsOptions
    addressing = frozenset({"topic_arn", "target_arn", "phone_number", "attributes"})

    def __init__(self, surroundings: Surroundings, keys: AwsKeys | None = None) -> None:
        super().__init__(surroundings)
        self._keys = keys if keys is not None else AwsKeys()

    def repeats(self, options: object) -> Repeats:
        ordered = SnsTarget(topic_arn=own_options(options, SnsOptions).topic_arn).ordered
        return Repeats.HARMLESS if ordered else Repeats.VISIBLE

    async def tell(self, options: SnsOptions, sending: Sending) -> DeliveryOutcome:
        message = sending.message

        def text(name: str, template: str) -> str:
            own = text_field(message, name)
            return own or (self.secret(SecretSource(template), message, name) if template else "")

        target = SnsTarget(
            topic_arn=text("topic_arn", options.topic_arn),
            target_arn=text("target_arn", options.target_arn),
            phone_number=text("phone_number", options.phone_number),
        )
        form = sns_form(
            message, target, instance=self.instance, row_key=sending.row.dedupe_key, repeat=sending.uncertain
        )

        async def call(one: Call) -> CallAnswer:
            return await self.call(options, one)

        async def nearby(one: Call) -> CallAnswer:
            return await self.call(replace(options, client=_NEARBY), one, within=_NEARBY_PATIENCE)

        region = self._keys.region(options.sigv4, target.topic_arn or target.target_arn)
        credentials = await self._keys.of(options.sigv4, region, call, sending.now, nearby=nearby)
        own = self.secret(SecretSource(options.api_url), message, "api_url") if options.api_url else ""
        url = own or f"https://sns.{region}.{domain(region)}/"
        body = urlencode(form).encode()
        headers = signed(
            "POST", url, FORM, body, credentials=credentials, region=region, service="sns", now=sending.now
        )
        answer = await call(Call(url=url, headers=headers, body=body))
        outcome = _judged(answer, sending)
        if isinstance(outcome, RetryLater) and _code(answer) in _ENDED:
            self._keys.refused(options.sigv4)
        return outcome


def _judged(answer: CallAnswer, sending: Sending) -> DeliveryOutcome:
    code = _code(answer)
    outcome = by_status(answer.status, answer.retry_after, sending.now)
    if isinstance(outcome, Delivered) or not code:
        return outcome
    why = unexpected(answer.status, code)
    if code in _THROTTLED or code in _ENDED:
        failure = DeliveryFailure.RATE_LIMITED if code in _THROTTLED else DeliveryFailure.AUTH
        return RetryLater(why, wish(answer.retry_after, sending.now), failure)
    return Rejected(why, outcome.failure) if isinstance(outcome, Rejected) else outcome


def _code(answer: CallAnswer) -> str:
    found = _CODE.search(answer.body.decode("utf-8", "replace"))
    return found[1] if found else ""
