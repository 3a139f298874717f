"""A message for VictorOps (Splunk On-Call). Sources: its REST endpoint's documentation, Alertmanager notify/victorops."""

from __future__ import annotations

from monitor.model.notifications import Message, MessageKind
from monitor.notify.dressing.keys import page_key
from monitor.notify.dressing.wording import cut, field, fields_below, headline, plain_text

LONGEST_STATE = 20_480
_FIRING = frozenset({"INFO", "WARNING", "CRITICAL"})


def victorops_event(message: Message, *, instance: str, row_key: str) -> dict[str, str]:
    """The body. Fields that the user adds come last, under names of their own."""
    return {
        "message_type": _type(message),
        "entity_id": page_key(message, instance=instance, row_key=row_key),
        "entity_display_name": field(message, "entity_display_name") or headline(message),
        "state_message": cut(field(message, "state_message") or plain_text(message), LONGEST_STATE),
        "monitoring_tool": field(message, "monitoring_tool") or "Watchkeeper",
        **fields_below(message, "custom_fields"),
    }


def _type(message: Message) -> str:
    match message.kind:
        case MessageKind.RESOLVE:
            return "RECOVERY"
        case MessageKind.ACKNOWLEDGE:
            return "ACKNOWLEDGEMENT"
        case MessageKind.UPDATE | MessageKind.TEST:
            return "INFO"
        case _:
            wanted = field(message, "message_type")
            return wanted if wanted in _FIRING else "CRITICAL"
