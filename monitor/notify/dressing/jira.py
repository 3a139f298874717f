"""Messages as issues of Jira: how they are found again, what they say, how they are moved. Source: Alertmanager notify/jira.

An issue carries `ALERT{<key>}` among its labels, by which a later notification of the same group finds it; nothing else is
remembered. Where the address is that of API version 3 a description is a document of Atlassian's own format; a template may
write one, and any other text is put into one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from monitor.model.labels import quote
from monitor.model.notifications import Message
from monitor.model.times import MINUTE, Millis
from monitor.notify.dressing.keys import dedup_key
from monitor.notify.dressing.wording import cut, field, fields_below, headline, plain_text

LONGEST_SUMMARY: Final = 255
LONGEST_DESCRIPTION: Final = 32_767
DONE: Final = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class JiraIssue:
    """An issue that was found."""

    key: str
    done: bool


def mark(message: Message, *, instance: str, row_key: str) -> str:
    """The label by which the issue is found again."""
    return f"ALERT{{{dedup_key(message, instance=instance, row_key=row_key)}}}"


def jira_query(label: str, *, project: str, firing: bool, reopens: bool, reopen_within: Millis, wont_fix: str) -> str:
    """JQL that finds the issue. A closed one is looked for only where it can be opened again."""
    parts: list[str] = []
    if wont_fix:
        parts.append(f"resolution != {quote(wont_fix)}")
    if not firing or not reopens:
        parts.append("statusCategory != Done")
    elif reopen_within >= MINUTE:
        parts.append(f"(resolutiondate is EMPTY OR resolutiondate >= -{reopen_within // MINUTE}m)")
    parts.append(f"project={quote(project)}")
    parts.append(f"labels={quote(label)}")
    return " and ".join(parts) + " order by status ASC,resolutiondate DESC"


def found_issue(document: object) -> JiraIssue | None:
    """The first issue of an answer to the search. Raises ValueError for what is no such answer."""
    issues = _mapping(document).get("issues")
    if not isinstance(issues, list):
        raise ValueError("no list of issues")
    if not issues:
        return None
    first = _mapping(cast("list[object]", issues)[0])
    category = _mapping(_mapping(_mapping(first.get("fields")).get("status")).get("statusCategory"))
    key = first.get("key")
    if not isinstance(key, str) or not key:
        raise ValueError("an issue without a key")
    return JiraIssue(key=key, done=category.get("key") == DONE)


def created_key(document: object) -> str:
    """Of the issue that an answer names, if it does."""
    key = _mapping(document).get("key")
    return key if isinstance(key, str) else ""


def transition_id(document: object, name: str) -> str:
    """Of the transition with this name; empty if the issue cannot take it now."""
    transitions = _mapping(document).get("transitions")
    for each in cast("list[object]", transitions) if isinstance(transitions, list) else []:
        one = _mapping(each)
        if one.get("name") == name:
            return str(one.get("id", ""))
    return ""


def jira_fields(
    message: Message,
    label: str,
    *,
    project: str,
    issue_type: str,
    version_3: bool,
    kept: Sequence[str] = (),
) -> dict[str, object]:
    """The issue's fields. `kept`: those that an issue that is there keeps as they are."""
    fields: dict[str, object] = {
        "project": {"key": project},
        "issuetype": {"name": issue_type},
        "summary": cut(" ".join((field(message, "summary") or headline(message)).split()), LONGEST_SUMMARY),
        "labels": sorted([*_labels(message), label]),
        "description": _description(message, version_3),
    }
    if priority := field(message, "priority"):
        fields["priority"] = {"name": priority}
    own = {name: json.loads(text) for name, text in fields_below(message, "fields").items()}
    return {name: value for name, value in {**fields, **own}.items() if name not in kept}


def _labels(message: Message) -> list[str]:
    found = fields_below(message, "labels")
    return [found[place] for place in sorted(found, key=int) if found[place]]


def _description(message: Message, version_3: bool) -> object:
    text = cut(field(message, "description") or plain_text(message), LONGEST_DESCRIPTION)
    if not version_3:
        return text
    return _mapping(_json(text)) or _as_document(text)


def _as_document(text: str) -> dict[str, object]:
    """A paragraph a line: an empty one separates nothing that a reader would miss."""
    lines = [line for line in text.splitlines() if line.strip()]
    content = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines]
    return {"version": 1, "type": "doc", "content": content}


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}
