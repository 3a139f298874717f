"""A message as requests to Opsgenie's alert API. Sources: docs.opsgenie.com/docs/alert-api, Alertmanager notify/opsgenie.

The alias is the group's or the incident's own key, so that a repetition joins the alert and a move from Alertmanager
leaves open alerts closable.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.model.notifications import Message, MessageKind
from monitor.notify.dressing.keys import page_key
from monitor.notify.dressing.wording import cut, fields_below, headline, plain_text, records
from monitor.notify.dressing.wording import field as field_of

LONGEST_MESSAGE = 130
LONGEST_DESCRIPTION = 15_000
_CLIENT = "Watchkeeper"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpsgenieRequest:
    """One call, below the API's address."""

    method: str
    path: str
    body: dict[str, object] = field(default_factory=dict[str, object])


def opsgenie_requests(
    message: Message, *, instance: str, row_key: str, update_alerts: bool = False
) -> tuple[OpsgenieRequest, ...]:
    """In their order; each makes sense only once those before it were taken."""
    alias = page_key(message, instance=instance, row_key=row_key)
    source = field_of(message, "source") or message.external_url or _CLIENT
    one = f"v2/alerts/{alias}"
    by_alias = "?identifierType=alias"
    if message.kind is MessageKind.RESOLVE:
        return (OpsgenieRequest(method="POST", path=f"{one}/close{by_alias}", body={"source": source}),)
    if message.kind is MessageKind.ACKNOWLEDGE:
        note: dict[str, object] = {"source": source, "note": cut(headline(message), LONGEST_DESCRIPTION)}
        return (OpsgenieRequest(method="POST", path=f"{one}/acknowledge{by_alias}", body=note),)
    text = cut(field_of(message, "message") or headline(message), LONGEST_MESSAGE)
    description = cut(field_of(message, "description") or plain_text(message), LONGEST_DESCRIPTION)
    created = OpsgenieRequest(method="POST", path="v2/alerts", body=_alert(message, alias, text, description, source))
    if not update_alerts:
        return (created,)
    return (
        created,
        OpsgenieRequest(method="PUT", path=f"{one}/message{by_alias}", body={"message": text}),
        OpsgenieRequest(method="PUT", path=f"{one}/description{by_alias}", body={"description": description}),
    )


def _alert(message: Message, alias: str, text: str, description: str, source: str) -> dict[str, object]:
    common = dict(message.group.common_labels.pairs) if message.group is not None else {}
    body: dict[str, object] = {
        "alias": alias,
        "message": text,
        "description": description,
        "details": {**common, **fields_below(message, "details")},
        "source": source,
    }
    optional: dict[str, object] = {
        "responders": _responders(message),
        "tags": _split(field_of(message, "tags")),
        "note": field_of(message, "note"),
        "priority": field_of(message, "priority"),
        "entity": field_of(message, "entity"),
        "actions": _split(field_of(message, "actions")),
    }
    return {**body, **{name: value for name, value in optional.items() if value}}


def _responders(message: Message) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for row in records(message, "responders"):
        one = {name: row[name] for name in ("id", "name", "username", "type") if row.get(name)}
        if not one:
            continue
        if one.get("type") == "teams":
            found += [{"name": team, "type": "team"} for team in _split(one.get("name", ""))]
        else:
            found.append(one)
    return found


def _split(text: str) -> list[str]:
    return [part for part in text.strip().split(",") if part]
