"""What a receiver may have that Alertmanager does not know: our own integrations, a policy, and who is told instead.

These keys stand in our own file only. In a file that Alertmanager and amtool are to read they are refused as there, with the
place where they belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from monitor.alerts.templating.options import FieldTemplate
from monitor.config.alertmanager.catalogue import INTEGRATIONS
from monitor.config.alertmanager.kinds import Template, exclusive, one_of
from monitor.config.alertmanager.making import template_keys
from monitor.config.golang.kinds import File, Flag, Kind, Reading, Secret, Span, Text
from monitor.config.golang.structs import ListOf, Struct, Values
from monitor.config.people import EscalateSection
from monitor.model.errors import StoreError
from monitor.model.notifications import Destination
from monitor.notify.kinds.apprise import INSTALL, PATIENCE, AppriseOptions, flaw_of, installed
from monitor.notify.kinds.console import ConsoleOptions
from monitor.notify.kinds.secret import SecretSource

_FORMATS: Final = ("text", "markdown", "html")
_TOLD: Final = Flag(default=True, about="Tell also when it is over.")


def _known_format(values: Values, reading: Reading) -> None:
    if values.text("format") not in _FORMATS:
        reading.refuse(values.at("format"), f'unknown format "{values.text("format")}"', "text, markdown or html")


def _some_time(values: Values, reading: Reading) -> None:
    if values.whole("timeout") <= 0:
        reading.refuse(values.at("timeout"), "timeout must be longer than nothing", "leave it out: it is 10s")


OURS: Final[Mapping[str, Kind]] = {
    "apprise_configs": ListOf(
        item=Struct(
            title="Apprise receiver",
            about="Watchkeeper's own: a service that the package apprise reaches.",
            keys={
                "send_resolved": _TOLD,
                "url": Secret(about="Apprise's URL of the service. It holds credentials, so it is a secret."),
                "url_file": File(about="A file that holds it; read at each send."),
                "title": Template(about="Template of the title; Watchkeeper's own words when absent."),
                "body": Template(about="Template of the body; Watchkeeper's own words when absent."),
                "format": Text(
                    default="text", allowed=_FORMATS, about="What the body is; it is rewritten as the service takes it."
                ),
                "timeout": Span(default=PATIENCE, about="For one attempt."),
            },
            rules=(
                exclusive("url", "url_file"),
                one_of("missing url in Apprise config", "url", "url_file"),
                _known_format,
                _some_time,
            ),
        ),
        about="Watchkeeper's own: services that the package apprise reaches.",
    ),
    "console_configs": ListOf(
        item=Struct(
            title="Console receiver",
            about="Watchkeeper's own: print on the daemon's output.",
            keys={"send_resolved": _TOLD},
        ),
        about="Watchkeeper's own.",
    ),
    "escalation_configs": ListOf(
        item=Struct(
            title="Escalation",
            about="Watchkeeper's own: a receiver that opens incidents, with the first alert of a group and without its `group_wait`.",
            keys={
                "policy": Text(about="The policy that is walked."),
                "keep_pagerduty": Flag(about="Also notify the receiver's own pagerduty_configs, as Alertmanager does."),
            },
        ),
        about="Watchkeeper's own: the policy that this receiver opens incidents for.",
    ),
    "fallback": Text(
        about="Watchkeeper's own: the receiver that is told instead when an integration of this one cannot be reached."
    ),
}
"""Keys of a receiver that Alertmanager does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIntegration:
    """One entry of a list of ours."""

    destination: Destination
    options: object
    send_resolved: bool
    templates: Mapping[str, FieldTemplate]


def own_integrations(
    receiver: str, values: Values, reading: Reading, *, apprise: bool | None = None
) -> Iterator[OwnIntegration]:
    """Those of a receiver. `apprise`: is the package installed? None: look."""
    for place, entry in enumerate(values.many("console_configs")):
        yield OwnIntegration(
            destination=Destination(receiver, "console", place),
            options=ConsoleOptions(),
            send_resolved=entry.flag("send_resolved"),
            templates={},
        )
    for place, entry in enumerate(values.many("apprise_configs")):
        if not (installed() if apprise is None else apprise):
            reading.refuse(entry.path, "needs the package apprise, which is not installed", INSTALL)
        elif not entry.broken:
            _check_url(entry, reading)
        if not entry.broken:
            yield OwnIntegration(
                destination=Destination(receiver, "apprise", place),
                options=AppriseOptions(
                    url=_url(entry, reading), format=entry.text("format"), timeout=entry.whole("timeout")
                ),
                send_resolved=entry.flag("send_resolved"),
                templates=_texts(entry),
            )


def template_names(integration: str) -> tuple[str, ...]:
    """The options of an integration (`slack`, `apprise`) that are templates, or hold some (`fields.0.title`)."""
    own = OURS.get(f"{integration}_configs")
    struct = own.item if isinstance(own, ListOf) else INTEGRATIONS.get(f"{integration}_configs")
    return template_keys(struct) if isinstance(struct, Struct) else ()


def own_escalation(values: Values, reading: Reading) -> EscalateSection | None:
    """The policy that a receiver opens incidents for."""
    found: EscalateSection | None = None
    for given in values.many("escalation_configs"):
        if found is not None:
            reading.refuse(given.path, "a receiver escalates to one policy", "keep one of them")
        elif given.text("policy"):
            found = EscalateSection(policy=given.text("policy"), keep_pagerduty=given.flag("keep_pagerduty"))
        else:
            reading.refuse(given.path, "names no policy", "set policy")
    return found


def _url(entry: Values, reading: Reading) -> SecretSource:
    file = entry.text("url_file")
    return SecretSource.file(reading.locate(file)) if file else SecretSource(entry.text("url"))


def _check_url(entry: Values, reading: Reading) -> None:
    """A URL that apprise refuses is a mistake. One in a file only warns: the file is read at each send."""
    file = entry.text("url_file")
    try:
        url = _url(entry, reading).read()
    except StoreError:
        return  # that it cannot be read is told of all files
    problem, remedy = flaw_of(url) if url else ("", "")
    if problem and file:
        reading.doubt(entry.at("url_file"), f"what {file} holds {problem}", remedy)
    elif problem:
        reading.refuse(entry.at("url"), problem, remedy)


def _texts(entry: Values) -> dict[str, FieldTemplate]:
    found: dict[str, FieldTemplate] = {}
    if entry.text("title"):
        found["title"] = FieldTemplate(entry.text("title"))
    if entry.text("body"):
        found["body"] = FieldTemplate(entry.text("body"), html=entry.text("format") == "html")
    return found
