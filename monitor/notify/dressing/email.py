"""A message as a mail: plain text and HTML beside each other, in one thread per incident or group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape

from monitor.model.notifications import Message
from monitor.model.times import rfc3339, to_datetime
from monitor.notify.dressing.wording import (
    REPEAT_MARK,
    REPEAT_NOTE,
    colour,
    cut,
    field,
    fields_below,
    headline,
    links_of,
    plain_text,
    standing,
    text_with_remedies,
)

_SUBJECT = 300
_CTE = "quoted-printable"
_FIXED = frozenset({"message-id", "references", "in-reply-to", "content-type", "mime-version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a mail needs beside its message."""

    sender: str
    to: tuple[str, ...]
    headers: Mapping[str, str]
    instance: str
    row_key: str


def email_message(message: Message, envelope: Envelope, *, repeat: bool = False) -> EmailMessage:
    """The mail. The same row gives the same Message-ID at every attempt. Raises ValueError for an address or a header
    that cannot be written."""
    mail = EmailMessage()
    mail["From"] = _address(envelope.sender)
    mail["To"] = [_address(to) for to in envelope.to]
    subject = _header(message, "subject") or headline(message)
    mail["Subject"] = _one_line(f"{REPEAT_MARK} {subject}" if repeat else subject)
    mail["Date"] = format_datetime(to_datetime(message.at))
    domain = _domain(envelope.sender)
    mail["Message-ID"] = f"<{_digest(envelope.row_key)}@{domain}>"
    thread = f"<thread-{_digest(_topic(message, envelope))}@{domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in {**envelope.headers, **fields_below(message, "headers")}.items():
        if name.lower() in _FIXED:
            continue
        if name.lower() == "subject":
            value = f"{REPEAT_MARK} {value}" if repeat else value
        del mail[name]
        mail[name] = _one_line(value)
    text = field(message, "text")
    html = field(message, "html")
    mail.set_content(_noted(text, repeat) if text else plain_text(message, repeat=repeat), cte=_CTE)
    if html or not text:
        mail.add_alternative(html or page(message, repeat=repeat), subtype="html", cte=_CTE)
    return mail


def page(message: Message, *, repeat: bool = False) -> str:
    """The HTML form: a coloured title, the text, a table of facts, links. Everything from outside is escaped."""
    rows = [*message.facts, ("since", rfc3339(message.since))]
    if message.incident is not None:
        rows.append(("incident", standing(message.incident)))
    cells = "".join(
        f'<tr><td style="padding:2px 12px 2px 0;color:#666">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    links = " · ".join(f'<a href="{escape(url)}">{escape(text)}</a>' for text, url in links_of(message))
    notes = [REPEAT_NOTE] if repeat else []
    if message.trouble:
        notes.append(f"A template failed, so this is the plain form: {message.trouble}")
    return (
        '<!doctype html><html><body style="font-family:sans-serif">'
        f'<h2 style="border-left:6px solid {colour(message)};padding-left:10px">'
        f"{escape(headline(message, repeat=repeat))}</h2>"
        + "".join(f"<p><em>{escape(note)}</em></p>" for note in notes)
        + "".join(f"<p>{escape(line)}</p>" for line in text_with_remedies(message).splitlines())
        + f"<table>{cells}</table><p>{links}</p></body></html>"
    )


def _noted(text: str, repeat: bool) -> str:
    return f"{REPEAT_NOTE}\n\n{text}" if repeat else text


def _header(message: Message, name: str) -> str:
    return next((v for k, v in fields_below(message, "headers").items() if k.lower() == name), field(message, name))


def _topic(message: Message, envelope: Envelope) -> str:
    if message.incident is not None:
        return f"{envelope.instance}/{message.incident.id}"
    return message.group.key if message.group is not None else envelope.row_key


def _address(text: str) -> Address:
    name, spec = parseaddr(text)
    if not spec:
        raise ValueError(f"{text!r} is no mail address")
    if not spec.isascii():
        raise ValueError(f"{text!r} has letters outside ASCII in its address")
    return Address(display_name=name, addr_spec=spec)


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def _one_line(text: str) -> str:
    """A header holds no line ends: a label must not be able to add headers."""
    return cut(" ".join(text.split()), _SUBJECT)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
