"""Whom a message is for, where the receiver's configuration says so in templates.

What a notification of a group says is rendered when it is decided, addresses among it. A message that was not decided for
the integration that carries it (it comes to a fallback, it is an incident's, or a template of its text failed) has no such
texts, and must not have them: they are another vendor's, or broken. But it must reach somebody there. So the options that
address (Opsgenie's responders, WeChat's parties, a channel) are rendered over it at the moment of sending, and only those.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.notify.kinds.sending import Addresses, Sending


def addressed(sending: Sending, names: frozenset[str], addresses: Addresses) -> Sending:
    """The same with the options of these names, unless the message has options of its own."""
    message = sending.message
    if message.fields or not names:
        return sending
    found = addresses(sending.row.destination, message, names)
    if not found:
        return sending
    return replace(sending, row=replace(sending.row, message=replace(message, fields=tuple(found.items()))))
