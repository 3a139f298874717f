"""incident.io's HTTP source for Alertmanager: it groups by the group key, so a repetition joins what is there."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.model.notifications import DeliveryOutcome, Message, MessageKind, Rejected
from monitor.model.times import Millis
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.incidentio import incidentio_body
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.over_http import JSON, OverHttp
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentioOptions:
    """An alert source."""

    url: SecretSource
    token: SecretSource = field(default_factory=SecretSource)
    """Of the alert source; without one `http_config` says who we are."""
    max_alerts: int = 0
    timeout: Millis = 0
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.url.address


class Incidentio(OverHttp[IncidentioOptions]):
    """Posts to the source."""

    name = "incidentio"
    repeated = Repeats.HARMLESS
    wakes_people = True
    options = IncidentioOptions
    addressing = frozenset({"metadata"})

    def takes(self, message: Message, options: object) -> str:
        if message.kind in (MessageKind.ACKNOWLEDGE, MessageKind.UPDATE):
            return "incident.io is told that alerts fire and that they do not any more"
        return ""

    async def tell(self, options: IncidentioOptions, sending: Sending) -> DeliveryOutcome:
        try:
            body = incidentio_body(sending.message, max_alerts=options.max_alerts)
        except ValueError as error:
            return Rejected(str(error))
        headers = dict(JSON)
        if options.token:
            token = self.secret(options.token, sending.message, "alert source token")
            headers["Authorization"] = f"Bearer {token}"
        url = self.secret(options.url, sending.message, "address")
        call = Call(url=url, headers=headers, body=body)
        return self.judged(await self.call(options, call, within=options.timeout), sending)
