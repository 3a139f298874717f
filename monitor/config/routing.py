"""From receivers, people and policies to who is told: the alert side's routing, the playbook, the address book.

Where no Alertmanager configuration is given the default tree applies: critical alerts open incidents of the policy
`default` at once, everything else goes to the receiver `default` after half a minute, and what another alert of the same
service explains is told with it and not beside it (`default_tree`). Whoever configures nobody gets both
on the console, so that nothing is ever said into the void.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from monitor.alerts.mending import Repairs
from monitor.alerts.muting import MutingRules
from monitor.alerts.receivers import Integration, Receiver
from monitor.alerts.routes import Route
from monitor.alerts.templating.options import NotificationTemplates
from monitor.config.alertmanager_file import AlertmanagerParts
from monitor.config.configuration import CONSOLE, AddressBook, AlertmanagerFacts, Paging
from monitor.config.default_tree import DEFAULT, PAGE, default_inhibit_rules, default_tree, printed_tree
from monitor.config.document import ConfigurationSection
from monitor.config.environment import Environment
from monitor.config.fallbacks import read_fallbacks
from monitor.config.findings import Findings
from monitor.config.flapping import read_flapping
from monitor.config.maintenance import check_listeners, read_maintenance
from monitor.config.people import EscalateSection, Known, read_policies
from monitor.config.receivers import Locate, ReceiverParts, joined
from monitor.config.silencing import read_silencing
from monitor.config.template_files import check_fields, read_template_files
from monitor.config.vendors import check_vendors, of_the_house, read_person, read_vendors
from monitor.config.written import NOTHING, Written
from monitor.config.yamltree import Document, Path
from monitor.model.notifications import Destination
from monitor.model.times import MINUTE
from monitor.notify.kinds.console import ConsoleOptions
from monitor.notify.kinds.pagerduty import PagerDutyOptions
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import SlackOptions
from monitor.oncall.policies import Person, Policy, PolicyStep, Target, TargetKind


def read_paging(
    section: ConfigurationSection,
    given: AlertmanagerParts | None,
    receivers: Mapping[str, ReceiverParts],
    environment: Environment,
    environment_name: str,
    document: Document,
    findings: Findings,
    locate: Locate,
    written: Written = NOTHING,
) -> Paging | None:
    """`given`: what an Alertmanager configuration amounts to; without one the default tree. `receivers`: of our own file.
    `written`: what the files name, be it good or not. None if something is wrong; then the findings tell."""
    before = len(findings.errors)
    vendors = read_vendors(section, environment, document, findings, locate)
    parts = joined(given.receivers if given is not None else {}, receivers, document, findings)
    options = {
        destination: of_the_house(one, vendors) for part in parts.values() for destination, one in part.options.items()
    }
    people = [
        read_person(name, person, vendors, options, document, ("people", name), findings, locate)
        for name, person in section.people.items()
    ]
    if environment.slack_webhook_url.get_secret_value() and DEFAULT not in parts:
        destination = Destination(DEFAULT, "slack")
        hook = SlackOptions(webhook_url=SecretSource(environment.slack_webhook_url.get_secret_value()))
        options[destination] = hook
        parts[DEFAULT] = ReceiverParts(
            name=DEFAULT, integrations=(Integration(destination=destination),), options={destination: hook}
        )
    known = Known(
        people=frozenset(section.people) | written.people,
        schedules=frozenset(section.schedules) | written.schedules,
        receivers=None if written.receivers is None else frozenset(parts) | written.receivers,
    )
    for name, schedule in section.schedules.items():
        for place, person in enumerate(schedule.people):
            if person not in known.people:
                findings.wrong(
                    document,
                    ("schedules", name, "people", place),
                    f'"{person}" is not defined',
                    "add them under people:",
                )
    policies = read_policies(section.policies, known, document, ("policies",), findings)
    escalate: dict[str, EscalateSection] = {name: part.escalate for name, part in parts.items() if part.escalate}
    escalate.update(section.escalate)
    if given is None:
        policies.setdefault(DEFAULT, _default_policy(people, environment, options))
        root = default_tree(environment_name in section.page_environments)
        muting = MutingRules(inhibit_rules=default_inhibit_rules())
        parts.setdefault(DEFAULT, _console_receiver(DEFAULT))
        keyed = {destination: one for destination, one in options.items() if destination.receiver == PAGE}
        parts.setdefault(PAGE, ReceiverParts(name=PAGE, integrations=(), options=keyed))
        escalate.setdefault(PAGE, EscalateSection(policy=DEFAULT))
        options.update(parts[DEFAULT].options)
    else:
        root, muting = given.root, given.muting
    unsure = written.unsure(
        frozenset(name for name, place in _listeners(section, receivers) if findings.has_mistakes(document, place))
    )
    # while Alertmanager's file has mistakes, `parts` has the receivers of the built-in tree instead of its own
    offered = frozenset(parts) if written.routing else known.receivers
    _check_escalation(escalate, parts, offered, policies, written, document, findings)
    if written.routing:
        _doubt_unpaged(section, given is None, environment_name, document, findings)
        _doubt_unused(section, root, parts, receivers, escalate, document, findings)
    book = AddressBook(options, vendors, read_fallbacks(parts, _fallback(parts), unsure, document, findings))
    check_vendors(policies, book, document, findings)
    maintenance = read_maintenance(section.maintenance, document, ("maintenance",), findings)
    check_listeners(maintenance, book, unsure, document, ("maintenance",), findings)
    silencing = read_silencing(section.silences, book, unsure, document, findings)
    files = given.template_files if given is not None else read_template_files((), document, (), findings)
    if written.routing:
        check_fields(receivers.values(), files, document, findings, ours=True)
    flapping = read_flapping(section.flapping, known.receivers, document, ("flapping",), findings)
    if len(findings.errors) > before:
        return None
    return Paging(
        root=root,
        receivers={name: _receiver(part, escalate.get(name)) for name, part in parts.items()},
        people=tuple(people),
        on_call={name: tuple(schedule.people) for name, schedule in section.schedules.items()},
        policies=policies,
        escalating={name: tuple(part.options) for name, part in parts.items()},
        fallback=(Target(TargetKind.CONSOLE, ""),),
        book=book,
        templates=_templates(parts, files, given is not None),
        muting=replace(muting, maintenance=maintenance),
        repairs=_repairs(section, given is not None),
        flapping=flapping,
        as_alertmanager=given is not None,
        alertmanager=_facts(root, muting, parts, given),
        silencing=silencing,
    )


def _listeners(section: ConfigurationSection, receivers: Mapping[str, ReceiverParts]) -> Iterator[tuple[str, Path]]:
    """Whoever can be told something, as announcements name them, and where it stands in our own file."""
    for name in section.people:
        yield f"user:{name}", ("people", name)
    for name, part in receivers.items():
        yield name, part.place


def _repairs(section: ConfigurationSection, as_alertmanager: bool) -> Repairs:
    muting = section.muting
    refire = muting.notify_on_refire
    return Repairs(
        notify_on_unmute=muting.notify_on_unmute,
        resolve_when_muted=muting.resolve_when_muted,
        notify_on_refire=not as_alertmanager if refire is None else refire,
    )


def _facts(
    root: Route, muting: MutingRules, parts: Mapping[str, ReceiverParts], given: AlertmanagerParts | None
) -> AlertmanagerFacts:
    receivers = {name: part.labels.merged({"name": name}) for name, part in parts.items()}
    if given is None:
        return AlertmanagerFacts(original=printed_tree(root, receivers, muting.inhibit_rules), receivers=receivers)
    return AlertmanagerFacts(
        original=given.printed,
        receivers=receivers,
        resolve_timeout=given.resolve_timeout,
        syntax=given.syntax,
        route=given.route,
    )


def _templates(
    parts: Mapping[str, ReceiverParts], files: tuple[tuple[str, str], ...], as_alertmanager: bool
) -> NotificationTemplates:
    fields = {destination: texts for part in parts.values() for destination, texts in part.templates.items()}
    return NotificationTemplates(files=files, fields=fields) if fields or as_alertmanager else NotificationTemplates()


def _default_policy(people: Sequence[Person], environment: Environment, options: dict[Destination, object]) -> Policy:
    """Without policies: the first person, five minutes later everybody; without people: PagerDuty if the environment has a
    key, or the console."""
    if people:
        steps = [PolicyStep(notify=(Target(TargetKind.USER, people[0].name),))]
        if len(people) > 1:
            everybody = tuple(Target(TargetKind.USER, person.name) for person in people)
            steps.append(PolicyStep(after=5 * MINUTE, notify=everybody))
        return Policy(name=DEFAULT, steps=tuple(steps), repeat=3)
    key = environment.pagerduty_routing_key.get_secret_value()
    if key:
        options[Destination(PAGE, "pagerduty")] = PagerDutyOptions(routing_key=SecretSource(key))
        return Policy(name=DEFAULT, steps=(PolicyStep(notify=(Target(TargetKind.RECEIVER, PAGE),)),))
    return Policy(name=DEFAULT, steps=(PolicyStep(notify=(Target(TargetKind.CONSOLE, ""),)),))


def _console_receiver(name: str) -> ReceiverParts:
    destination = Destination(name, "console")
    return ReceiverParts(
        name=name, integrations=(Integration(destination=destination),), options={destination: ConsoleOptions()}
    )


def _receiver(part: ReceiverParts, escalate: EscalateSection | None) -> Receiver:
    kept = part.integrations
    if escalate is not None and not escalate.keep_pagerduty:
        kept = tuple(one for one in kept if one.destination.integration != "pagerduty")
    return Receiver(name=part.name, integrations=kept, policy=escalate.policy if escalate is not None else "")


def _check_escalation(
    escalate: Mapping[str, EscalateSection],
    parts: Mapping[str, ReceiverParts],
    offered: Collection[str] | None,
    policies: Mapping[str, Policy],
    written: Written,
    document: Document,
    findings: Findings,
) -> None:
    """`offered`: the receivers that stand in the files; None if nobody knows which there are."""
    for receiver, section in escalate.items():
        if offered is not None and receiver not in offered and receiver not in parts:
            have = ", ".join(sorted(offered)) or "none"
            findings.wrong(document, ("escalate", receiver), "no such receiver", f"defined receivers: {have}")
        if section.policy not in policies and section.policy not in written.policies:
            findings.wrong(
                document,
                ("escalate", receiver),
                f'no policy is named "{section.policy}"',
                f"defined policies: {', '.join(sorted(policies)) or 'none'}",
            )


def _doubt_unpaged(
    section: ConfigurationSection, default_tree: bool, environment: str, document: Document, findings: Findings
) -> None:
    if default_tree and environment not in section.page_environments and (section.people or section.policies):
        findings.doubt(
            document,
            ("environment",),
            f'"{environment}" is not one of page_environments: nobody is paged, alerts go to the receiver default',
            f"page_environments are {', '.join(name or '(none)' for name in section.page_environments)}",
        )


_NOT_IN_FILE: Final = "is it spelt right? A maintenance window that was added at run time may still be announced to it"


def _doubt_unused(
    section: ConfigurationSection,
    root: Route,
    parts: Mapping[str, ReceiverParts],
    own: Mapping[str, ReceiverParts],
    escalate: Mapping[str, EscalateSection],
    document: Document,
    findings: Findings,
) -> None:
    used = {route.receiver for route in root.walk()}
    named = {
        target.partition(":")[2]
        for policy in section.policies.values()
        for step in policy.steps
        for target in step.notify
        if target.startswith("receiver:")
    }
    hearing = {section.silences.remind_to, *(window.announce_to for window in section.maintenance)}
    instead = {part.fallback for part in parts.values()}
    for name in parts:
        if name not in used | named | hearing | instead | {DEFAULT, PAGE}:
            place = own[name].place if name in own else ("receivers",)
            problem = f'no route and no policy in this file uses the receiver "{name}"'
            findings.doubt(document, place, problem, _NOT_IN_FILE)
    for number, flap in enumerate(section.flapping):
        for place, name in enumerate(flap.receivers):
            if name in parts and name not in used:
                findings.doubt(
                    document,
                    ("flapping", number, "receivers", place),
                    f'no route leads to "{name}": nothing is damped there',
                    "name a receiver of a route, or leave it out",
                )
    walked = {one.policy for name, one in escalate.items() if name in used}
    for name in section.policies:
        if name not in walked:
            findings.doubt(
                document, ("policies", name), "no receiver that a route uses escalates to it", "name it under escalate:"
            )


def _fallback(parts: Mapping[str, ReceiverParts]) -> Destination:
    """Whom to tell instead when a destination cannot be reached: the first integration of the receiver `default`, else the
    console."""
    part = parts.get(DEFAULT)
    return part.integrations[0].destination if part is not None and part.integrations else CONSOLE
