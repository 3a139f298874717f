"""Email over SMTP: STARTTLS by default, TLS from the first byte on port 465, text and HTML, one thread per incident.

What may be repeated safely is decided by where the conversation broke off: before the body was handed over nothing has
arrived; after that nobody knows. A repetition has the same Message-ID, which most mail programs show once.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import getaddresses, parseaddr, quote
from typing import TYPE_CHECKING, Final

from monitor.model.errors import StoreError
from monitor.model.notifications import (
    Delivered,
    DeliveryFailure,
    DeliveryOutcome,
    Message,
    Rejected,
    RetryLater,
    Unknown,
)
from monitor.net.tls import SYSTEM_TRUST, Contexts, Trust, authorities_read
from monitor.notify.attempts import Repeats
from monitor.notify.dressing.wording import field as text_field
from monitor.notify.kinds.addressing import addressed
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import Sending, Surroundings, own_options
from monitor.notify.throttling import EMAIL, Toll

if TYPE_CHECKING:
    from email.message import EmailMessage
    from types import ModuleType

    from aiosmtplib import SMTP

_IMPLICIT_TLS_PORT = 465
_REPLY_SECONDS = 10.0
_ADDRESSING: Final = frozenset({"to", "from"})
_WHO_ARE_YOU: Final = frozenset({530, 534, 535, 538})
"""Source: RFC 4954 §6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailOptions:
    """A mail server and who gets mail."""

    to: tuple[str, ...]
    """Addresses; each mail names them all. A message that has an option `to` goes there instead."""
    sender: str
    """The From address; the option `from` of a message counts before it."""
    host: str
    port: int = 587
    username: str = ""
    """Without it there is no login."""
    password: SecretSource = field(default_factory=SecretSource)
    hello: str = ""
    """The name given in EHLO; empty: the machine's own."""
    require_tls: bool = True
    """Refuse a server without STARTTLS. False: use it when it is offered."""
    implicit_tls: bool | None = None
    """TLS from the first byte. None: on port 465."""
    trust: Trust = SYSTEM_TRUST
    """Whom to believe and how to present oneself; untouched: as all vendors' certificates are checked."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further headers. They win over ours, except Message-ID and those of the thread."""


class Email:
    """Sends mail."""

    def __init__(self, surroundings: Surroundings, *, reply_seconds: float = _REPLY_SECONDS) -> None:
        """`reply_seconds`: so long may a server take to answer each command."""
        self._reply_seconds = reply_seconds
        self._instance = surroundings.instance
        self._addresses = surroundings.addresses
        self._tls = surroundings.tls
        self._contexts = Contexts()

    def takes(self, message: Message, options: object) -> str:
        return ""

    def repeats(self, options: object) -> Repeats:
        return Repeats.VISIBLE

    def tolls(self, sending: Sending) -> Sequence[Toll]:
        options = own_options(sending.options, EmailOptions)
        return (Toll(f"email {options.host}:{options.port} {','.join(options.to)}", EMAIL),)

    async def deliver(self, sending: Sending) -> DeliveryOutcome:
        sending = addressed(sending, _ADDRESSING, self._addresses)
        options = _for_message(own_options(sending.options, EmailOptions), sending.message)
        # a tenth of a second at first use, which the loop must not feel
        await asyncio.to_thread(_libraries)
        from monitor.notify.dressing.email import Envelope, email_message

        envelope = Envelope(
            sender=options.sender,
            to=options.to,
            headers=options.headers,
            instance=self._instance,
            row_key=sending.row.dedupe_key,
        )
        try:
            mail = email_message(sending.message, envelope, repeat=sending.uncertain)
        except ValueError as error:
            return Rejected(f"the mail cannot be written: {error}", DeliveryFailure.CLIENT)
        try:
            password = options.password.read() if options.username else ""
            tls = self._tls() if options.trust == SYSTEM_TRUST else self._contexts.get(options.trust)
        except StoreError as error:
            return RetryLater(str(error))
        except (OSError, ValueError) as error:
            return RetryLater(f"the certificates of tls_config cannot be read: {error}")
        await authorities_read(tls)
        return await self._converse(options, password, mail, tls)

    async def close(self) -> None:
        """Each mail has its own connection."""

    async def _converse(
        self, options: EmailOptions, password: str, mail: EmailMessage, tls: ssl.SSLContext
    ) -> DeliveryOutcome:
        from email.policy import SMTP as SMTP_POLICY

        from aiosmtplib import SMTP, SMTPException

        implicit = options.port == _IMPLICIT_TLS_PORT if options.implicit_tls is None else options.implicit_tls
        client = SMTP(
            hostname=options.host,
            port=options.port,
            local_hostname=options.hello or None,
            use_tls=implicit,
            # None: when it is offered
            start_tls=False if implicit else (True if options.require_tls else None),
            tls_context=tls,
            timeout=self._reply_seconds,
        )
        try:
            try:
                await client.connect()
                if options.username:
                    await client.login(options.username, password)
                refused = await _address(client, options)
            except (SMTPException, OSError, ValueError) as error:
                return _before(error)
            if refused is not None:
                return refused
            try:
                await client.data(mail.as_bytes(policy=SMTP_POLICY))
            except (SMTPException, OSError) as error:
                return _during(error)
            return Delivered(str(mail["Message-ID"]))
        finally:
            # no goodbye: by now the mail has been taken or refused
            client.close()


def recipients(text: str) -> tuple[str, ...]:
    """Addresses as they are written in one text, separated by commas."""
    named = [(name, address) for name, address in getaddresses([text]) if address]
    return tuple(f'"{quote(name)}" <{address}>' if name else address for name, address in named)


def _for_message(options: EmailOptions, message: Message) -> EmailOptions:
    """With the addresses that were rendered for this message, where the configuration has templates of them."""
    return replace(
        options,
        to=recipients(text_field(message, "to")) or options.to,
        sender=text_field(message, "from").strip() or options.sender,
    )


async def _address(client: SMTP, options: EmailOptions) -> DeliveryOutcome | None:
    """Name sender and recipients. None: at least one was taken."""
    from aiosmtplib import SMTPRecipientRefused

    await client.mail(parseaddr(options.sender)[1])
    codes: list[int] = []
    for to in options.to:
        try:
            await client.rcpt(parseaddr(to)[1])
        except SMTPRecipientRefused as error:
            codes.append(error.code)
    if len(codes) < len(options.to):
        return None
    said = ", ".join(str(code) for code in sorted(set(codes)))
    failure = failure_of_reply(min(codes))
    if all(code >= 500 for code in codes):
        return Rejected(f"the mail server refused every recipient ({said})", failure)
    return RetryLater(f"the mail server refused every recipient for now ({said})", failure=failure)


def failure_of_reply(code: int) -> DeliveryFailure:
    """What a reply of refusal says alone. Other than in HTTP it is 4xx by which a server says that it cannot for now, and
    5xx that what it is asked will never do. Source: RFC 5321 §4.2.1."""
    if code in _WHO_ARE_YOU:
        return DeliveryFailure.AUTH
    if code >= 500:
        return DeliveryFailure.CLIENT
    return DeliveryFailure.SERVER if code >= 400 else DeliveryFailure.OTHER


def _before(error: Exception) -> DeliveryOutcome:
    """It broke off before the mail was handed over. Servers repeat names and parts of a login in their texts, so only the
    code is told."""
    from aiosmtplib import SMTPNotSupported, SMTPResponseException

    if isinstance(error, SMTPNotSupported):
        why = "the mail server offers neither the login nor the encryption that the options ask for"
        return Rejected(why, DeliveryFailure.CLIENT)
    if isinstance(error, SMTPResponseException):
        failure = failure_of_reply(error.code)
        if error.code >= 500:
            return Rejected(f"the mail server refused login, sender or greeting ({error.code})", failure)
        return RetryLater(f"the mail server answered {error.code}", failure=failure)
    if "STARTTLS" in str(error):
        return Rejected("the mail server offers no STARTTLS, and require_tls is set", DeliveryFailure.CLIENT)
    if isinstance(error, ValueError):
        return Rejected("the options cannot be used together", DeliveryFailure.CLIENT)
    return RetryLater(f"no connection to the mail server: {type(error).__name__}", failure=_failure_of_break(error))


def _during(error: Exception) -> DeliveryOutcome:
    from aiosmtplib import SMTPResponseException

    if isinstance(error, SMTPResponseException):
        failure = failure_of_reply(error.code)
        if error.code >= 500:
            return Rejected(f"the mail server refused the mail ({error.code})", failure)
        if error.code > 0:
            return RetryLater(f"the mail server answered {error.code}", failure=failure)
    why = f"the connection to the mail server broke: {type(error).__name__}"
    return Unknown(why, _failure_of_break(error))


def _failure_of_break(error: Exception) -> DeliveryFailure:
    """A server that is silent for too long is told apart; a connection that is refused or breaks has no reason of its own,
    as with Alertmanager."""
    return DeliveryFailure.DEADLINE if isinstance(error, TimeoutError) else DeliveryFailure.OTHER


def _libraries() -> tuple[ModuleType, ModuleType]:
    """What only a daemon that sends mail carries: a megabyte of the standard library's, and the client."""
    import aiosmtplib

    from monitor.notify.dressing import email

    return aiosmtplib, email
