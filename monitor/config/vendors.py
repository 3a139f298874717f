"""The vendors of the house (Slack's token, the mail server, PagerDuty's address), and who is reached through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from monitor.config.configuration import AddressBook, Vendors, email_options, slack_options
from monitor.config.document import ConfigurationSection
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.people import PersonSection
from monitor.config.receivers import Locate, read_secret
from monitor.config.yamltree import Document, Path
from monitor.model.notifications import Destination
from monitor.net.url import parse_host_port
from monitor.notify.kinds.console import ConsoleOptions
from monitor.notify.kinds.email import EmailOptions
from monitor.notify.kinds.pagerduty import PagerDutyOptions
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import WEB_API, SlackOptions
from monitor.notify.kinds.webhook import WebhookOptions
from monitor.oncall.policies import Person, Policy

_VENDORS: Final = {
    "slack": ("slack", "set slack.bot_token (or slack.bot_token_file, or slack.webhook_url)"),
    "email": ("smtp", "set smtp.smarthost and smtp.from"),
}
"""By kind: the section of the vendor, and what it lacks where somebody cannot be reached."""


def read_vendors(
    section: ConfigurationSection, environment: Environment, document: Document, findings: Findings, locate: Locate
) -> Vendors:
    """What the house has of each."""

    def secret(inline: str, file: str, name: str, path: Path) -> SecretSource:
        return read_secret(inline, file, name, document, path, findings, locate) or SecretSource()

    slack, smtp = section.slack, section.smtp
    mail: EmailOptions | None = None
    smarthost: tuple[str, int] | None = None
    if smtp.smarthost:
        smarthost = findings.attempt(document, ("smtp", "smarthost"), lambda: parse_host_port(smtp.smarthost))
    if smarthost is not None:
        mail = EmailOptions(
            to=(),
            sender=smtp.from_,
            host=smarthost[0],
            port=smarthost[1],
            username=smtp.username,
            password=secret(smtp.password, smtp.password_file, "password", ("smtp",)),
            require_tls=smtp.require_tls,
        )
        if not smtp.from_:
            findings.wrong(document, ("smtp",), "has no sender", "set from to an address")
    if not section.pagerduty.url.startswith("https://"):
        findings.wrong(document, ("pagerduty", "url"), "does not begin with https://", "routing keys are sent there")
    bot = environment.slack_bot_token.get_secret_value()
    return Vendors(
        slack_token=SecretSource(bot)
        if bot
        else secret(slack.bot_token, slack.bot_token_file, "bot_token", ("slack",)),
        slack_webhook=secret(slack.webhook_url, slack.webhook_url_file, "webhook_url", ("slack",)),
        slack_url=slack.api_url,
        pagerduty_url=section.pagerduty.url,
        mail=mail,
    )


def of_the_house(options: object, vendors: Vendors) -> object:
    """A token is used where the house says, unless the receiver or Alertmanager's global section says otherwise."""
    if isinstance(options, SlackOptions) and options.token and options.base_url == WEB_API:
        return replace(options, base_url=vendors.slack_url)
    return options


def read_person(
    name: str,
    section: PersonSection,
    vendors: Vendors,
    options: dict[Destination, object],
    document: Document,
    path: Path,
    findings: Findings,
    locate: Locate,
) -> Person:
    """A person with their contacts, whose options go into `options`."""
    contacts: list[Destination] = []

    reachable = True

    def add(kind: str, found: object | None) -> None:
        nonlocal reachable
        if found is None:
            reachable = False
            _unreachable(kind, f"{name} cannot be reached by {kind}", document, path, findings)
            return
        destination = Destination(f"user:{name}", kind)
        options[destination] = found
        contacts.append(destination)

    key = read_secret(
        section.pagerduty_routing_key,
        section.pagerduty_routing_key_file,
        "pagerduty_routing_key",
        document,
        path,
        findings,
        locate,
    )
    if key:
        add("pagerduty", PagerDutyOptions(routing_key=key, url=vendors.pagerduty_url))
    if section.slack:
        add("slack", slack_options(vendors, section.slack))
    if section.email:
        add("email", email_options(vendors, section.email))
    if section.webhook:
        add("webhook", WebhookOptions(url=SecretSource(section.webhook)))
    if section.console:
        add("console", ConsoleOptions())
    if not contacts and reachable and not findings.has_mistakes(document, path):
        findings.wrong(
            document,
            path,
            f"{name} has no contact",
            "give pagerduty_routing_key_file, slack, email, webhook or console",
        )
    return Person(name=name, contacts=tuple(contacts))


def check_vendors(policies: Mapping[str, Policy], book: AddressBook, document: Document, findings: Findings) -> None:
    """A channel that a step names needs its vendor."""
    for name, policy in policies.items():
        for target in {target for step in policy.steps for target in step.notify}:
            kind = target.kind.value
            if kind in _VENDORS and book.options(Destination(str(target), kind)) is None:
                _unreachable(kind, f"{target} cannot be reached", document, ("policies", name), findings)


def _unreachable(kind: str, problem: str, document: Document, path: Path, findings: Findings) -> None:
    """The vendor's section lacks something; if it is wrong, that is the mistake, and was told."""
    section, remedy = _VENDORS[kind]
    if not findings.has_mistakes(document, (section,)):
        findings.wrong(document, path, problem, remedy)
