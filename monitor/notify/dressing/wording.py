"""The plain text of a message, and the small pieces that all vendors' forms share."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.model.incidents import IncidentState, Severity
from monitor.model.notifications import RUNBOOK, AlertView, IncidentView, Message, MessageKind

_MARK = "…"
REPEAT_MARK = "[possible repeat]"
REPEAT_NOTE = "An earlier attempt to send this may have arrived."

_VERBS = {
    MessageKind.TRIGGER: "FIRING",
    MessageKind.ACKNOWLEDGE: "ACKNOWLEDGED",
    MessageKind.UNACKNOWLEDGE: "UNACKNOWLEDGED",
    MessageKind.UPDATE: "UPDATE",
    MessageKind.RESOLVE: "RESOLVED",
    MessageKind.REMINDER: "STILL OPEN",
    MessageKind.TEST: "TEST",
}


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; a text that was cut ends in `…`."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"[:limit]


def cut_runes(text: str, limit: int) -> str:
    """As Alertmanager cuts to `limit` code points."""
    if len(text) <= limit:
        return text
    return text[:limit] if limit <= len(_MARK) + 2 else text[: limit - 1] + _MARK


def cut_bytes(text: str, limit: int) -> str:
    """As Alertmanager cuts to `limit` bytes of UTF-8, between code points."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text
    room = limit - len(_MARK.encode())
    if room <= 0:
        return _MARK if room == 0 else "." * limit
    return raw[:room].decode("utf-8", "ignore") + _MARK


def title_of(message: Message) -> str:
    """The title, or words in its place: vendors refuse a message without one."""
    return message.title.strip() or "An alert without a title"


def headline(message: Message, *, repeat: bool = False) -> str:
    """`FIRING critical: shop-api is down`; a possible repeat says so first. An incident's title says all that itself."""
    if message.incident is not None:
        return f"{REPEAT_MARK} {title_of(message)}" if repeat else title_of(message)
    severity = f" {message.severity.value}" if message.kind is not MessageKind.RESOLVE else ""
    line = f"{_VERBS[message.kind]}{severity}: {title_of(message)}"
    return f"{REPEAT_MARK} {line}" if repeat else line


def plain_text(message: Message, *, repeat: bool = False) -> str:
    """The whole message as lines of text. `facts` are for forms with fields: the text has said them."""
    lines = [headline(message, repeat=repeat)]
    if repeat:
        lines.append(REPEAT_NOTE)
    if message.trouble:
        lines.append(f"(A template failed, so this is the plain form: {message.trouble})")
    lines.extend(message.text.splitlines())
    if message.incident is not None:
        lines.append(standing(message.incident))
    lines.extend(_acknowledging(message))
    lines.extend(f"{text}: {url}" for text, url in message.links if url not in message.text)
    return "\n".join(lines)


def text_with_remedies(message: Message) -> str:
    """The text, and below it what helps whoever is woken: the runbook, and how to take the incident over. For forms that
    show neither as a link or a button."""
    runbooks = [f"{text}: {url}" for text, url in message.links if text == RUNBOOK and url not in message.text]
    return "\n".join([message.text, *runbooks, *_acknowledging(message)])


def _acknowledging(message: Message) -> Iterable[str]:
    if message.incident is not None and message.incident.state == IncidentState.TRIGGERED.value:
        yield f"Acknowledge: watchkeeper incidents ack {message.incident.number}"


def standing(incident: IncidentView) -> str:
    """`Incident #12, triggered, policy payments, step 1 of 3`."""
    parts = [f"Incident #{incident.number}", incident.state, f"policy {incident.policy}"]
    if incident.step:
        parts.append(f"step {incident.step} of {incident.steps}" if incident.steps else f"step {incident.step}")
    if incident.loop:
        parts.append(f"round {incident.loop + 1}")
    if incident.acknowledged_by:
        parts.append(f"acknowledged by {incident.acknowledged_by}")
    return ", ".join(part for part in parts if part)


def links_of(message: Message) -> tuple[tuple[str, str], ...]:
    """(text, URL) of the links that lead somewhere a browser goes; annotations may hold anything."""
    return tuple((text, url) for text, url in message.links if url.startswith(("http://", "https://")))


def firing(message: Message) -> tuple[AlertView, ...]:
    """The alerts of the message that fire."""
    return tuple(alert for alert in message.alerts if alert.firing)


def resolved(message: Message) -> tuple[AlertView, ...]:
    """The alerts of the message that do not fire any more."""
    return tuple(alert for alert in message.alerts if not alert.firing)


def field(message: Message, name: str, default: str = "") -> str:
    """A templated option of the integration. When rendering went wrong there are none but those that address, and the plain
    form is used."""
    return next((value for key, value in message.fields if key == name), default)


def fields_below(message: Message, prefix: str) -> dict[str, str]:
    """The templated options named `<prefix>.<rest>`, by their rest."""
    start = prefix + "."
    return {key[len(start) :]: value for key, value in message.fields if key.startswith(start)}


def records(message: Message, prefix: str) -> list[dict[str, str]]:
    """Templated options in rows: `<prefix>.<n>.<name>` becomes the n-th record's `name`."""
    rows: dict[int, dict[str, str]] = {}
    for key, value in fields_below(message, prefix).items():
        number, _, name = key.partition(".")
        if number.isascii() and number.isdigit() and name:
            rows.setdefault(int(number), {})[name] = value
    return [rows[number] for number in sorted(rows)]


def colour(message: Message) -> str:
    """A colour by state and severity, as #rrggbb."""
    if message.kind is MessageKind.RESOLVE:
        return "#2e7d32"
    if message.kind is MessageKind.ACKNOWLEDGE:
        return "#1565c0"
    return _COLOURS[message.severity]


_COLOURS = {
    Severity.CRITICAL: "#d32f2f",
    Severity.ERROR: "#e65100",
    Severity.WARNING: "#f9a825",
    Severity.INFO: "#546e7a",
}
