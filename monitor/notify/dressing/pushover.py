"""A message as the form that Pushover takes. Sources: pushover.net/api, Alertmanager notify/pushover."""

from __future__ import annotations

from monitor.model.notifications import Message, MessageKind
from monitor.model.times import SECOND, Millis
from monitor.notify.dressing.wording import REPEAT_MARK, cut, field, headline, plain_text

LONGEST_TITLE = 250
LONGEST_MESSAGE = 1024
LONGEST_URL = 512
_EMERGENCY = "2"
_NORMAL = "0"


def pushover_form(
    message: Message, *, retry: Millis, expire: Millis, ttl: Millis, html: bool, monospace: bool, repeat: bool = False
) -> dict[str, str]:
    """Everything but token and user. An empty text is refused by Pushover, so there is always one."""
    title = field(message, "title") or headline(message)
    form = {"title": cut(f"{REPEAT_MARK} {title}" if repeat else title, LONGEST_TITLE)}
    own = field(message, "message")
    if html and own:
        form["html"] = "1"
    elif monospace:
        form["monospace"] = "1"
    form["message"] = cut(own or plain_text(message), LONGEST_MESSAGE).strip() or "(no details)"
    form["url"] = cut(field(message, "url") or message.external_url, LONGEST_URL)
    form["url_title"] = field(message, "url_title")
    form["priority"] = field(message, "priority").strip() or _priority(message)
    form["retry"] = str(retry // SECOND)
    form["expire"] = str(expire // SECOND)
    form["device"] = field(message, "device")
    form["sound"] = field(message, "sound")
    if ttl >= SECOND:
        form["ttl"] = str(ttl // SECOND)
    return form


def _priority(message: Message) -> str:
    return _EMERGENCY if message.kind.wakes else _NORMAL if message.kind is not MessageKind.UPDATE else "-1"
