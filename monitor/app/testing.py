"""A test notification for every integration of a receiver: what becomes of it, and why.

A running daemon sends it the whole way of a page: outbox, limits, kind, vendor. Without one the same kinds are called once
each. The message is about an alert that is made up for it, with the labels that are asked for, and says what the receiver's own
templates make of that, so a template that fails is found here and not at night.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.alerts.templating.options import FieldTemplate, NotificationTemplates
from monitor.app.rooms import Rooms
from monitor.app.sessions import Sessions
from monitor.app.texts import LateTexts, templated_fields
from monitor.chance import Chance
from monitor.clock import Clock
from monitor.config.configuration import Configuration
from monitor.model.changes import AuditEntry
from monitor.model.errors import NotFoundError, TemplateError
from monitor.model.incidents import Actor, Severity
from monitor.model.labels import ALERT_NAME, Labels, quote
from monitor.model.notifications import (
    AlertView,
    Delivered,
    Destination,
    GroupView,
    Message,
    MessageKind,
    NotifyReason,
    OutboxRow,
    OutboxState,
)
from monitor.model.times import SECOND, Millis, Timestamp
from monitor.net.asking import Asking
from monitor.notify.kinds.making import make_kinds
from monitor.notify.kinds.sending import Kind, Sending, Surroundings
from monitor.web.answers import BadCallError
from monitor.web.parts import Trial, Tried

_PATIENCE: Millis = 20 * SECOND
_ATTEMPT_SECONDS = 15.0
_CHANCES = 2
"""Attempts that are waited for: a first failure may be mended by the second."""
_LOOK_EVERY: Millis = 100
_NAME = "WatchkeeperTest"


async def try_receiver(rooms: Rooms, receiver: str, wish: Trial, actor: Actor) -> Sequence[Tried]:
    """Through the daemon: what became of it within twenty seconds, or after two attempts that failed, for each integration
    of the receiver or person (`user:ana`). Raises NotFoundError, and BadCallError for an option that none of them has."""
    configuration = rooms.configuration
    found = _integrations(configuration, receiver)
    _check_templates(found, wish)
    clock, outbox = rooms.drivers.clock, rooms.stores.outbox
    now = clock.now()
    making = _Making(configuration, wish, actor, rooms.drivers.chance.ulid(now), rooms.instance, now)
    rows = [making.row(one) for one in found]
    await outbox.add(*rows)
    await rooms.stores.audit.add(
        AuditEntry(at=now, actor=actor, action="receiver-test", subject=f"receiver:{receiver}")
    )
    rooms.delivery.wake()
    return [_judged(row, *await _outcome(rooms, row, now + _PATIENCE)) for row in rows]


async def try_alone(
    configuration: Configuration, receiver: str, wish: Trial, actor: Actor, print_line: Callable[[str], None]
) -> Sequence[Tried]:
    """Without a daemon: one attempt for each integration. Raises as `try_receiver` does."""
    found = _integrations(configuration, receiver)
    _check_templates(found, wish)
    clock, chance = Clock(), Chance()
    now = clock.now()
    making = _Making(configuration, wish, actor, chance.ulid(now), f"test-{chance.secret()[:8]}", now)
    sessions = Sessions(asyncio.get_running_loop(), lambda: configuration)
    asking = Asking(sessions.shared, sessions.trust)
    texts = LateTexts(lambda: configuration.paging.templates)
    kinds = make_kinds(
        Surroundings(
            instance=making.instance,
            session=sessions.shared,
            tls=sessions.trust,
            print_line=print_line,
            asking=lambda: asking,
            rendered=texts,
            addresses=texts.addresses,
        )
    )
    try:
        results = await asyncio.gather(*(_attempt(kinds, making.row(one), configuration, now) for one in found))
    finally:
        for kind in kinds.values():
            await kind.close()
        await asking.close()
        await sessions.close()
    return results


def _integrations(configuration: Configuration, receiver: str) -> list[Destination]:
    book = configuration.paging.book
    known = book.destinations
    found = [one for one in known if one.receiver in (receiver, f"user:{receiver}")]
    if not found and ":" in receiver:
        one = Destination(receiver, receiver.partition(":")[0])
        found = [one] if book.options(one) is not None else []
    if not found:
        have = ", ".join(sorted({one.receiver for one in known})) or "none"
        raise NotFoundError(f'no receiver is named "{receiver}"; there are: {have}')
    return found


def _check_templates(destinations: Sequence[Destination], wish: Trial) -> None:
    """Every option that is to be said otherwise must be one of some integration. Raises BadCallError."""
    if not wish.templates:
        return
    # With all that reads a configuration, which a daemon otherwise leaves to a child process.
    from monitor.config.own_kinds import template_names

    options = {one.integration: template_names(one.integration) for one in destinations}
    for name in wish.templates:
        if not any(name.partition(".")[0] in names for names in options.values()):
            have = "; ".join(f"{kind}: {', '.join(names) or 'none'}" for kind, names in sorted(options.items()))
            raise BadCallError(f'no integration has an option "{name}" that is a template', f"there are, of {have}")


@dataclass(frozen=True, slots=True)
class _Making:
    """Makes the messages of one trial."""

    configuration: Configuration
    wish: Trial
    actor: Actor
    serial: str
    instance: str
    now: Timestamp

    def row(self, destination: Destination) -> OutboxRow:
        message = self._rendered(self._message(destination), destination)
        key = f"test|{self.serial}|{destination}"
        return OutboxRow(dedupe_key=key, order_key=key, destination=destination, message=message, due_at=self.now)

    def _message(self, destination: Destination) -> Message:
        environment = self.configuration.environment
        title = f"Test message from Watchkeeper{f' ({environment})' if environment else ''}"
        text = f"{self.actor.name} asked for it. Nothing is wrong; if you can read this, {destination} works."
        labels = Labels({ALERT_NAME: _NAME, "severity": "info", **self.wish.labels})
        annotations = Labels({"summary": title, "description": text, **self.wish.annotations})
        url = self.configuration.external_url
        alert = AlertView(
            labels=labels,
            annotations=annotations,
            starts_at=self.now,
            ends_at=None,
            fingerprint=labels.fingerprint,
            generator_url=url,
        )
        group = GroupView(
            key=f"{{}}:{{test={quote(self.serial)}}}",
            receiver=destination.receiver,
            labels=Labels({ALERT_NAME: labels[ALERT_NAME]}),
            common_labels=labels,
            common_annotations=annotations,
        )
        return Message(
            kind=MessageKind.TEST,
            reason=NotifyReason.MANUAL,
            at=self.now,
            title=annotations["summary"],
            text=annotations["description"],
            severity=Severity.of(labels["severity"]),
            since=self.now,
            source=self.instance,
            alerts=(alert,),
            group=group,
            external_url=url,
        )

    def _rendered(self, message: Message, destination: Destination) -> Message:
        given = self.configuration.paging.templates
        own = {name: FieldTemplate(text) for name, text in self.wish.templates.items()}
        texts = {**given.fields.get(destination, {}), **own}
        if not texts:
            return message
        templates = NotificationTemplates(files=given.files, fields={destination: texts})
        try:
            fields = templated_fields(templates).render(destination, message)
        except TemplateError as error:
            return replace(message, trouble=str(error))
        return replace(message, fields=tuple(fields.items()))


def _judged(row: OutboxRow, good: bool, detail: str) -> Tried:
    trouble = row.message.trouble
    if good and trouble:
        detail = f"delivered in its plain form, for a template failed: {trouble}"
    return Tried(destination=row.destination, good=good and not trouble, detail=detail)


async def _outcome(rooms: Rooms, row: OutboxRow, until: int) -> tuple[bool, str]:
    clock, outbox = rooms.drivers.clock, rooms.stores.outbox
    while True:
        sent = await outbox.find(row.dedupe_key)
        if sent is not None and sent.state is OutboxState.SENT:
            return True, "delivered"
        if sent is not None and sent.state in (OutboxState.FAILED, OutboxState.CANCELLED):
            return False, f"failed: {sent.error}"
        if sent is not None and sent.error and sent.attempts >= _CHANCES:
            return False, f"not delivered: {sent.error} ({sent.attempts} attempts; it is tried again)"
        if clock.now() >= until:
            return False, f"not delivered yet: {sent.error if sent is not None and sent.error else 'no answer'}"
        await clock.sleep(_LOOK_EVERY)


async def _attempt(kinds: Mapping[str, Kind], row: OutboxRow, configuration: Configuration, now: Timestamp) -> Tried:
    kind, options = kinds[row.destination.integration], configuration.paging.book.options(row.destination)
    if useless := kind.takes(row.message, options):
        return _judged(row, False, f"failed: {useless}")
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            outcome = await kind.deliver(Sending(row=row, options=options, now=now))
    except TimeoutError:
        return _judged(row, False, f"failed: no answer within {_ATTEMPT_SECONDS:g} s")
    if isinstance(outcome, Delivered):
        return _judged(row, True, "delivered")
    return _judged(row, False, f"failed: {outcome.why}")
