"""PagerDuty, through its own Events API v2 client.

The package is synchronous and patient: left alone, one call can hold its thread for many minutes (a 429 is repeated for
ever). So every client is set to surface each failure after exactly one call, runs in four threads of our own, and all
retries are the outbox's. A client for a routing key costs 30 ms and a megabyte unless it is given the shared TLS context.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.model.errors import StoreError
from monitor.model.notifications import Delivered, DeliveryOutcome, Message, MessageKind, Rejected, RetryLater, Unknown
from monitor.model.times import Timestamp
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.pagerduty import PagerDutyEvent, pagerduty_event
from monitor.notify.kinds.answers import RETRIED, by_status
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import PAGERDUTY, Toll

if TYPE_CHECKING:
    from pagerduty import EventsApiV2Client

_THREADS = 4
_CALL_SECONDS = 5.0
_CLIENTS_KEPT = 64
_ENQUEUE = "/v2/enqueue"
_SERVER_ERRORS = frozenset(range(500, 600))
_NEVER_CONNECTED = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
"""Names of the package's transport errors before a byte was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDutyOptions:
    """An integration of a PagerDuty service."""

    routing_key: SecretSource
    """The integration key (Events API v2)."""
    url: str = "https://events.pagerduty.com"
    """Where the API is: the EU service region has its own host. `https` only. A trailing `/v2/enqueue` is understood."""


class PagerDuty:
    """Triggers, acknowledges and resolves alerts."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._instance = surroundings.instance
        self._tls = surroundings.tls
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pagerduty")
        self._clients: OrderedDict[tuple[str, str], EventsApiV2Client] = OrderedDict()
        self._lock = threading.Lock()

    def takes(self, message: Message, options: object) -> str:
        if message.kind is MessageKind.UPDATE and message.incident is not None:
            return "PagerDuty has no notes without a page: nothing to send"
        if message.kind is MessageKind.ACKNOWLEDGE and message.incident is None:
            return "a plain notification cannot be acknowledged"
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.HARMLESS

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        options = own_options(sending.options, PagerDutyOptions)
        return (Toll(f"pagerduty {options.routing_key.address}", PAGERDUTY),)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        options = own_options(sending.options, PagerDutyOptions)
        event = pagerduty_event(sending.message, instance=self._instance, row_key=sending.row.dedupe_key)
        try:
            key = options.routing_key.read()
        except StoreError as error:
            return RetryLater(str(error))
        if not key:
            return Rejected("the routing key is empty")
        if not options.url.startswith("https://"):
            return Rejected("the address of PagerDuty's API must begin with https://")
        base = options.url.removesuffix("/").removesuffix(_ENQUEUE)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, key, base, event, self._tls(), sending.now)

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
            return by_status(answer.status_code, wish, now, lost=_SERVER_ERRORS, again=RETRIED["pagerduty"])
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
