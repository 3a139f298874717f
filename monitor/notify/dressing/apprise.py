"""A message as apprise takes it for all its services alike: a title, a body, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.incidents import Severity
from monitor.model.notifications import Message, MessageKind
from monitor.notify.dressing.wording import REPEAT_MARK, field, headline, plain_text


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseNote:
    """What apprise is given."""

    title: str
    body: str
    type: str
    """info, success, warning or failure; many services choose a colour or a picture by it."""
    format: str
    """text, markdown or html."""


def apprise_note(message: Message, body_format: str, *, repeat: bool = False) -> AppriseNote:
    """`body_format` is that of the template; our own words are plain."""
    body = field(message, "body").strip()
    title = field(message, "title").strip() or headline(message)
    return AppriseNote(
        title=f"{REPEAT_MARK} {title}" if repeat else title,
        body=body or plain_text(message).partition("\n")[2] or title,
        type=_type(message),
        format=body_format if body else "text",
    )


def _type(message: Message) -> str:
    match message.kind:
        case MessageKind.RESOLVE:
            return "success"
        case MessageKind.ACKNOWLEDGE | MessageKind.UPDATE | MessageKind.TEST:
            return "info"
        case _:
            return _TYPES[message.severity]


_TYPES = {
    Severity.CRITICAL: "failure",
    Severity.ERROR: "failure",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}
