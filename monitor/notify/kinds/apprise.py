"""Whoever the package apprise can reach and no kind of ours does: some 130 services, each by a URL of its own scheme.

The package is an extra (`pip install 'watchkeeper[apprise]'`), blocking, and 37 MB when it is used: it is imported in the
first delivery's thread and works in threads of ours. It says only whether a service took a message. What it writes into its
own log tells a little more, so that is read for the status (`error=404`) and never passed on, for it may name the address.
Where even that is missing the message may have arrived.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from monitor.model.errors import StoreError
from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    Message,
    MessageKind,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.model.times import SECOND, Millis, format_duration
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.apprise import AppriseNote, apprise_note
from monitor.notify.kinds.answers import by_status
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import ONCALL, Toll

if TYPE_CHECKING:
    from types import ModuleType

    from apprise import AppriseResult

INSTALL: Final = "pip install 'watchkeeper[apprise]'"
PATIENCE: Final[Millis] = 10 * SECOND
"""Below the deadline of all deliveries, so that it is this kind that tells what became of one."""
_THREADS: Final = 4
_NOWHERE: Final = logging.NullHandler()
_STATUS: Final = re.compile(r"error=(\d{3})\b")
_BUSY: Final = frozenset({408, 425, 429})
"""Tried again although the caller seems to be at fault: apprise does not hand on when it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseOptions:
    """A service that apprise reaches."""

    url: SecretSource
    """Apprise's URL of it, which holds its credentials."""
    format: str = "text"
    """What the body is: text, markdown or html. Apprise rewrites it as the service takes it."""
    timeout: Millis = PATIENCE
    """For one attempt, all that the URL names together."""


def installed() -> bool:
    """Is the package there?"""
    return find_spec("apprise") is not None


def flaw_of(url: str, package: Callable[[], ModuleType] | None = None) -> tuple[str, str]:
    """What is wrong with a URL and what would be right, without the secrets in it; both empty if apprise takes it. Imports the
    package."""
    scheme, colon, _ = url.partition("://")
    if not colon:
        return "is no URL of apprise", "write SERVICE://..., as apprise's documentation of the service says"
    apprise = (package or _package)()
    if apprise.Apprise.instantiate(url, asset=apprise.AppriseAsset(secure_logging=True)) is not None:
        return "", ""
    services = apprise.NotificationManager()
    if scheme.lower() not in services.schemas():
        return (
            f"names a service that apprise does not know: {scheme}",
            "see https://github.com/caronc/apprise/wiki for those that it knows",
        )
    form = str(services[scheme.lower()].templates[0]).replace("{schema}", scheme.lower())
    return f"is not complete, or is no URL of {scheme}", f"the shortest form is {form}"


class Apprise:
    """Hands messages to the package."""

    def __init__(self, surroundings: Surroundings, package: Callable[[], ModuleType] | None = None) -> None:
        """`package` imports it; it raises ImportError when it is not installed."""
        del surroundings  # the package brings its own HTTP client
        self._package = package if package is not None else _package
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="apprise")

    def takes(self, message: Message, options: object) -> str:
        if message.kind is MessageKind.ACKNOWLEDGE and message.incident is None:
            return "a plain notification cannot be acknowledged"
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.VISIBLE

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        return (Toll(f"apprise {own_options(sending.options, AppriseOptions).url.address}", ONCALL),)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        options = own_options(sending.options, AppriseOptions)
        try:
            url = options.url.read()
        except StoreError as error:
            return RetryLater(str(error))
        if not url:
            return Rejected("the URL is empty")
        note = apprise_note(sending.message, options.format, repeat=sending.uncertain)
        call = _Call(url, note, options.timeout)
        try:
            async with asyncio.timeout(options.timeout / 1000):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call.make, self._package)
        except TimeoutError:
            if not call.begun:
                return RetryLater("earlier messages still keep all of apprise's threads busy")
            return Unknown(f"no answer within {format_duration(options.timeout)}", DeliveryFailure.DEADLINE)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Call:
    """One message for one URL, sent in a thread."""

    url: str = field(repr=False)
    note: AppriseNote
    timeout: Millis
    begun: bool = False

    def make(self, package: Callable[[], ModuleType]) -> DeliveryOutcome:
        self.begun = True
        try:
            apprise = package()
        except ImportError:
            return RetryLater(f"the package apprise is not installed: {INSTALL}")
        asset = apprise.AppriseAsset(
            app_id="Watchkeeper", async_mode=False, secure_logging=True, pgp_autogen=False, pem_autogen=False
        )
        # made anew each time: the URL may be another one by now, and a kept one would pause between messages
        service = apprise.Apprise.instantiate(self.url, asset=asset)
        if service is None:
            return Rejected("apprise knows no service of such a URL")
        sender = apprise.Apprise(asset=asset)
        sender.add(service)
        result = sender.notify(
            body=self.note.body,
            title=self.note.title,
            notify_type=self.note.type,
            body_format=self.note.format,
            timeout=self.timeout / 1000,
        )
        return _judged(apprise, result, self.timeout, addressees=len(service))


def _judged(apprise: ModuleType, result: AppriseResult, timeout: Millis, *, addressees: int) -> DeliveryOutcome:
    if result.status == apprise.AppriseResultStatus.SUCCESS:
        return Delivered()
    if result.status == apprise.AppriseResultStatus.TIMEOUT:
        return Unknown(f"no answer within {format_duration(timeout)}", DeliveryFailure.DEADLINE)
    found = [int(status) for entry in result.logs() for status in _STATUS.findall(entry.message)]
    if not found:
        return Unknown("apprise could not send it, and does not tell whether the service has it")
    outcomes = [by_status(status, "", 0, again=_BUSY) for status in found]
    worst = next((one for one in outcomes if not isinstance(one, Rejected)), outcomes[0])
    if addressees > 1 and isinstance(worst, RetryLater):
        # some of them may have it
        return Unknown(worst.why, worst.failure)
    return worst


def _package() -> ModuleType:
    import apprise

    for name, level in (("apprise", logging.WARNING), ("urllib3", logging.CRITICAL)):
        # their words may hold the address; what apprise warns of while it sends comes with its result all the same
        log = logging.getLogger(name)
        log.setLevel(level)
        log.propagate = False
        log.addHandler(_NOWHERE)
    return apprise
