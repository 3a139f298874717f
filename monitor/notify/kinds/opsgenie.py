"""Opsgenie: one alert for a group or an incident, closed when it is over."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from monitor.model.notifications import Delivered, DeliveryOutcome
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.opsgenie import opsgenie_requests
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.over_http import JSON, OverHttp
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending


@dataclass(frozen=True, slots=True, kw_only=True)
class OpsgenieOptions:
    """An API integration."""

    api_key: SecretSource
    api_url: str = field(default="https://api.opsgenie.com/", repr=False)
    """The EU region has its own."""
    update_alerts: bool = False
    """Change message and description of an alert that is open already."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return self.api_key.address


class Opsgenie(OverHttp[OpsgenieOptions]):
    """Creates, acknowledges and closes alerts."""

    name = "opsgenie"
    repeated = Repeats.HARMLESS
    wakes_people = True
    options = OpsgenieOptions
    addressing = frozenset({"responders", "tags", "priority", "entity", "details", "actions"})

    async def tell(self, options: OpsgenieOptions, sending: Sending) -> DeliveryOutcome:
        message = sending.message
        key = self.secret(options.api_key, message, "API key")
        headers = {**JSON, "Authorization": f"GenieKey {key}"}
        for request in opsgenie_requests(
            message,
            instance=self.instance,
            row_key=sending.row.dedupe_key,
            update_alerts=options.update_alerts,
        ):
            call = Call(
                method=request.method,
                url=options.api_url + request.path,
                headers=headers,
                body=json.dumps(request.body, ensure_ascii=False).encode(),
            )
            await self.must(options, call, sending)
        return Delivered()
