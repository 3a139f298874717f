"""PagerDuty, through its own Events API v2 client; by a call of our own where that client cannot do what is asked.

The package is synchronous and patient: left alone, one call can hold its thread for many minutes (a 429 is repeated for
ever). So every client is set to surface each failure after exactly one call, runs in four threads of our own, and all
retries are the outbox's. A client for a routing key costs 30 ms and a megabyte unless it is given the shared TLS context.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.model.notifications import Delivered, DeliveryOutcome, Message, MessageKind, Rejected, RetryLater, Unknown
from monitor.model.times import Millis, Timestamp
from monitor.net.http_config import PLAIN, HttpClient
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.pagerduty import PagerDutyEvent, pagerduty_event, service_event
from monitor.notify.kinds.answers import RETRIED, by_status, failure_of, unexpected, wish
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.over_http import JSON, SERVER_ERRORS, OverHttp
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings
from monitor.notify.throttling import PAGERDUTY

if TYPE_CHECKING:
    from pagerduty import EventsApiV2Client

_THREADS = 4
_CALL_SECONDS = 5.0
_CLIENTS_KEPT = 64
_ENQUEUE = "/v2/enqueue"
_NEVER_CONNECTED = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
"""Names of the package's transport errors before a byte was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyOptions:
    """An integration of a PagerDuty service."""

    routing_key: SecretSource = field(default_factory=SecretSource)
    """The integration key (Events API v2)."""
    service_key: SecretSource = field(default_factory=SecretSource)
    """The key of the older Events API v1, instead."""
    url: str = field(default="https://events.pagerduty.com", repr=False)
    """Where events go: the EU service region has its own host. A host alone stands for its `/v2/enqueue`; any other path
    (of a relay) is called as it is written, as Alertmanager does."""
    url_v1: str = field(default="https://events.pagerduty.com/generic/2010-04-15/create_event.json", repr=False)
    """Where the older one is."""
    timeout: Millis = 0
    """For one attempt; 0: as for all."""
    client: HttpClient = PLAIN

    @property
    def address(self) -> str:
        return (self.service_key or self.routing_key).address


class PagerDuty(OverHttp[PagerDutyOptions]):
    """Triggers, acknowledges and resolves alerts."""

    name = "pagerduty"
    repeated = Repeats.HARMLESS
    wakes_people = True
    limit = PAGERDUTY
    options = PagerDutyOptions

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._tls = surroundings.tls
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pagerduty")
        self._clients: OrderedDict[tuple[str, str], EventsApiV2Client] = OrderedDict()
        self._lock = threading.Lock()

    def takes(self, message: Message, options: object) -> str:
        if message.kind is MessageKind.UPDATE and message.incident is not None:
            return "PagerDuty has no notes without a page: nothing to send"
        return super().takes(message, options)

    async def tell(self, options: PagerDutyOptions, sending: Sending) -> DeliveryOutcome:
        message = sending.message
        event = pagerduty_event(message, instance=self.instance, row_key=sending.row.dedupe_key)
        if options.service_key:
            key = self.secret(options.service_key, message, "service key")
            return await self._post(options, options.url_v1, service_event(message, event, key), sending)
        key = self.secret(options.routing_key, message, "routing key")
        base, enqueue = _base(options.url)
        if options.client != PLAIN or options.timeout or not enqueue or not base.startswith("https://"):
            body = {
                "routing_key": key,
                "event_action": event.action,
                "dedup_key": event.dedup_key,
                **event.properties,
            }
            return await self._post(options, base + _ENQUEUE if enqueue else options.url, body, sending)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, key, base, event, self._tls(), sending.now)

    async def _post(
        self, options: PagerDutyOptions, url: str, body: Mapping[str, object], sending: Sending
    ) -> DeliveryOutcome:
        """By a call of our own: the package knows neither the older API nor what an `http_config` may ask for."""
        call = Call(url=url, headers=JSON, body=json.dumps(body, ensure_ascii=False).encode())
        answer = await self.call(options, call, within=options.timeout)
        if options.service_key and answer.status in RETRIED["pagerduty v1"]:
            return RetryLater(
                unexpected(answer.status), wish(answer.retry_after, sending.now), failure_of(answer.status)
            )
        outcome = self.judged(answer, sending)
        return (
            Delivered(str(body.get("dedup_key") or body.get("incident_key")))
            if isinstance(outcome, Delivered)
            else outcome
        )

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _call(self, key: str, base: str, event: PagerDutyEvent, tls: ssl.SSLContext, now: Timestamp) -> DeliveryOutcome:
        """One call, in a thread. The texts of the package's errors may show parts of the key, so none is passed on."""
        from pagerduty import Error, HttpError, UrlError

        try:
            client = self._client(key, base, tls)
            return Delivered(client.send_event(event.action, event.dedup_key, **event.properties))
        except HttpError as error:
            answer = error.response
            if answer is None or 200 <= answer.status_code < 300:
                return Unknown("the answer was not one of PagerDuty's")
            wish = answer.headers.get("Retry-After", "")
            # whether a failed server took the event in is open; the key makes a repetition harmless
            return by_status(answer.status_code, wish, now, lost=SERVER_ERRORS, again=RETRIED["pagerduty"])
        except UrlError:
            return Rejected("the address of PagerDuty's API is not valid")
        except Error as error:
            name = type(error.__cause__).__name__
            if name in _NEVER_CONNECTED:
                return RetryLater(f"no connection: {name}")
            return Unknown(f"the connection broke before the answer: {name}")

    def _client(self, key: str, base: str, tls: ssl.SSLContext) -> EventsApiV2Client:
        from pagerduty import EventsApiV2Client

        with self._lock:
            client = self._clients.get((key, base))
            if client is None:
                # it logs each 429 as an error of its own; ours are counted and told elsewhere
                logging.getLogger("pagerduty").setLevel(logging.CRITICAL)
                client = EventsApiV2Client(key, base_url=base, verify=tls)
                client.retry = {429: 1}
                client.max_http_attempts = -1
                client.max_network_attempts = 0
                client.timeout = _CALL_SECONDS
                self._clients[key, base] = client
                if len(self._clients) > _CLIENTS_KEPT:
                    # not closed here: another thread may be using it; it is freed with its last reference
                    self._clients.popitem(last=False)
            self._clients.move_to_end((key, base))
            return client


def _base(url: str) -> tuple[str, bool]:
    """What the package calls the base of an API, and whether the address is that of its `/v2/enqueue`."""
    base = url.removesuffix("/").removesuffix(_ENQUEUE)
    return base, base != url.removesuffix("/") or urlsplit(url).path in ("", "/")
