"""Receivers of an Alertmanager file, told as the daemon tells them: texts rendered when decided, the rest read at the send."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from monitor.alerts.templating.fields import TemplatedFields
from monitor.alerts.templating.options import NotificationTemplates
from monitor.app.texts import parsed_document
from monitor.config.alertmanager_file import read_alertmanager
from monitor.config.findings import Findings
from monitor.config.yamltree import read
from monitor.model.errors import TemplateError
from monitor.model.notifications import DeliveryOutcome, Destination, Message, MessageKind, OutboxRow
from monitor.notify.kinds.making import make_kinds
from monitor.notify.kinds.sending import Sending
from tests.support.messages import T0, a_message
from tests.support.surroundings import Around


@dataclass(kw_only=True)
class Told:
    """One integration of a receiver, and the kinds that tell it."""

    destination: Destination
    options: object
    templates: NotificationTemplates
    around: Around

    async def row(self, message: Message, key: str = "r1") -> OutboxRow:
        """As it is stored."""
        try:
            fields = TemplatedFields(self.templates, parsed_document).render(self.destination, message)
            message = replace(message, fields=tuple(fields.items()))
        except TemplateError as error:
            message = replace(message, trouble=str(error))
        order = f"{message.group.key if message.group else ''}|{self.destination}"
        return OutboxRow(
            dedupe_key=key, order_key=order, destination=self.destination, message=message, due_at=message.at
        )

    async def send(
        self, message: Message | MessageKind = MessageKind.TRIGGER, *, key: str = "r1", uncertain: bool = False
    ) -> DeliveryOutcome:
        """One attempt of a plain notification, or of this message."""
        if isinstance(message, MessageKind):
            message = a_message(message, of_incident=False)
        return await self.carry(await self.row(message, key), uncertain=uncertain)

    async def carry(self, row: OutboxRow, *, uncertain: bool = False) -> DeliveryOutcome:
        """One attempt of a row that was decided, here or elsewhere."""
        kind = make_kinds(self.around.surroundings)[self.destination.integration]
        try:
            async with asyncio.timeout(8):
                return await kind.deliver(Sending(row=row, options=self.options, now=T0, uncertain=uncertain))
        finally:
            await kind.close()


def told(
    around: Around, key: str, options: Mapping[str, object], *, folder: Path = Path("/etc/am"), template: str = ""
) -> Told:
    """The receiver with one integration, listed by `key`. `template`: the text of a file with named templates."""
    document: dict[str, object] = {"route": {"receiver": "r"}, "receivers": [{"name": "r", key: [dict(options)]}]}
    if template:
        (folder / "own.tmpl").write_text(template, encoding="utf-8")
        document["templates"] = ["own.tmpl"]
    found = read(yaml.safe_dump(document), "am.yml")
    findings = Findings()
    parts = read_alertmanager(found, found.tree, (), findings, lambda name: str(folder / name))
    assert parts is not None, findings.errors
    receiver = parts.receivers["r"]
    ((destination, given),) = receiver.options.items()
    templates = NotificationTemplates(files=parts.template_files, fields=receiver.templates)
    around.given.append(templates)
    return Told(destination=destination, options=given, templates=templates, around=around)
