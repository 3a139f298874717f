"""VictorOps, by now Splunk On-Call: one incident for a group, recovered when it is over."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import quote

from monitor.model.notifications import DeliveryOutcome
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.victorops import victorops_event
from monitor.notify.dressing.wording import field as text_field
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.over_http import JSON, OverHttp
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending


@dataclass(frozen=True, slots=True, kw_only=True)
class VictorOpsOptions:
    """A REST endpoint with its routing key."""

    api_key: SecretSource
    routing_key: str
    """For messages whose own could not be rendered."""
    api_url: str = field(default="https://alert.victorops.com/integrations/generic/20131114/alert/", repr=False)
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.api_key.address


class VictorOps(OverHttp[VictorOpsOptions]):
    """Sends events."""

    name = "victorops"
    repeated = Repeats.HARMLESS
    wakes_people = True
    options = VictorOpsOptions
    addressing = frozenset({"routing_key", "custom_fields"})

    async def tell(self, options: VictorOpsOptions, sending: Sending) -> DeliveryOutcome:
        message = sending.message
        key = self.secret(options.api_key, message, "API key")
        route = text_field(message, "routing_key") or self.secret(
            SecretSource(options.routing_key), message, "routing key"
        )
        event = victorops_event(message, instance=self.instance, row_key=sending.row.dedupe_key)
        call = Call(
            url=f"{options.api_url}{quote(key, safe='')}/{quote(route, safe='')}",
            headers=JSON,
            body=json.dumps(event, ensure_ascii=False).encode(),
        )
        return self.judged(await self.call(options, call), sending)
