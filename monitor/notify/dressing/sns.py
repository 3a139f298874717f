"""A message as the form of Amazon SNS's Publish. Sources: the API's reference, Alertmanager notify/sns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from monitor.model.notifications import Message
from monitor.notify.dressing.keys import dedup_key
from monitor.notify.dressing.wording import REPEAT_MARK, cut, field, fields_below, headline, plain_text

LARGEST_MESSAGE = 256 * 1024
"""Bytes."""
LONGEST_SMS = 1600
LONGEST_SUBJECT = 100
_FIFO = ".fifo"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsTarget:
    """Exactly one of them holds something."""

    topic_arn: str = ""
    target_arn: str = ""
    phone_number: str = ""

    @property
    def ordered(self) -> bool:
        """A FIFO topic, which drops what it has had."""
        return self.topic_arn.endswith(_FIFO)


def sns_form(
    message: Message, target: SnsTarget, *, instance: str, row_key: str, repeat: bool = False
) -> dict[str, str]:
    """All parameters, the attributes numbered. What a FIFO topic recognises a repetition by is the notification and not its
    group, for otherwise a resolve within five minutes of its page would be dropped."""
    form = {"Action": "Publish", "Version": "2010-03-31"}
    if target.topic_arn:
        form["TopicArn"] = target.topic_arn
        if target.ordered:
            form["MessageDeduplicationId"] = hashlib.sha256(row_key.encode()).hexdigest()
            form["MessageGroupId"] = dedup_key(message, instance=instance, row_key=row_key)
    elif target.target_arn:
        form["TargetArn"] = target.target_arn
    else:
        form["PhoneNumber"] = target.phone_number
    text = field(message, "message").strip() or plain_text(message, repeat=repeat and not target.ordered)
    shown = cut(text, LONGEST_SMS) if target.phone_number else _within(text, LARGEST_MESSAGE)
    form["Message"] = shown
    subject = field(message, "subject") or headline(message)
    if repeat and not target.ordered:
        subject = f"{REPEAT_MARK} {subject}"
    if not target.phone_number:
        form["Subject"] = _subject(subject)
    attributes = fields_below(message, "attributes")
    if shown != text:
        attributes["truncated"] = "true"
    for number, (name, value) in enumerate(attributes.items(), 1):
        entry = f"MessageAttributes.entry.{number}"
        form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    return form


def _subject(text: str) -> str:
    """One line of less than a hundred printable ASCII characters, or SNS refuses all of it."""
    line = " ".join(text.replace("…", "...").split()).encode("ascii", "replace").decode()
    return line if len(line) < LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 4] + "..."


def _within(text: str, most: int) -> str:
    """At most so many bytes of UTF-8."""
    return text.encode()[:most].decode("utf-8", "ignore")
