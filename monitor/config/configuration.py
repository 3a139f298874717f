"""What a configuration amounts to: everything that the daemon needs, checked, in plain values.

The daemon itself never reads files or validates: that takes a validation library and three times the memory of what comes
out of it, so it is done by a process of its own (`reading`), which ends when it has passed this on. Everything here can be
pickled.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from monitor.alerts.breadth import Bounds
from monitor.alerts.flapping import FlapRule
from monitor.alerts.mending import AS_ALERTMANAGER, Repairs
from monitor.alerts.muting import MutingRules
from monitor.alerts.receivers import Receiver
from monitor.alerts.routes import Route
from monitor.alerts.silence_care import Reminders
from monitor.alerts.silences import NO_LIMITS, RETENTION, SilenceLimits
from monitor.alerts.templating.options import NotificationTemplates
from monitor.config.fallbacks import Fallbacks
from monitor.config.places import WrittenAt
from monitor.config.web_settings import WebFile
from monitor.matching.parse import Syntax
from monitor.model.checks import Check
from monitor.model.errors import Finding
from monitor.model.incidents import Actor, Door
from monitor.model.labels import Labels
from monitor.model.notifications import Destination
from monitor.model.times import MINUTE, Millis, Timestamp
from monitor.net.http_config import HttpClient
from monitor.notify.kinds.secret import SecretSource
from monitor.oncall.policies import Person, Policy, Target
from monitor.promql.features import STABLE, Features
from monitor.rules.leaving import Leaving

if TYPE_CHECKING:  # what of these a configuration has comes with its modules, and what it has not takes no memory
    from monitor.notify.kinds.email import EmailOptions
    from monitor.notify.kinds.slack import SlackOptions
    from monitor.remote.options import RemoteWrite
    from monitor.rules.groups import RuleGroup
    from monitor.scrape.jobs import ScrapeJob

CONSOLE = Destination("console:", "console")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret that opens the API."""

    name: str
    secret: SecretSource
    person: str
    role: str
    """viewer, responder or admin."""

    def actor(self, door: Door) -> Actor:
        return Actor(name=self.person, door=door)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where state lives."""

    folder: Path
    database: Path
    retention: Millis
    retention_size: int
    """Bytes; 0 is no limit."""
    out_of_order_time_window: Millis
    """How late a stamped sample may be; 0: not at all."""
    history: Millis
    remote_write_queue: int
    """Bytes that the queue of each receiver may fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReceiver:
    """Where samples go, and who we are there."""

    options: RemoteWrite
    client: HttpClient


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryEngine:
    """Another PromQL engine, and who we are there."""

    url: str = field(repr=False)
    """What comes before `/api/v1/query`."""
    timeout: Millis
    client: HttpClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where the server listens, and who may change state there."""

    host: str
    port: int
    tokens: tuple[Token, ...] = ()
    read_needs_token: bool = False
    trust_local: bool = True
    """A loopback listener takes callers on this machine for administrators."""
    web_file: WebFile | None = None
    """How the server is protected, as it was read at the start."""
    in_place: bool = False
    """Of Alertmanager: under its paths, and open to all unless `web_file` says otherwise."""
    also: tuple[tuple[str, int], ...] = ()
    """Further hosts and ports."""
    prefix: str = ""
    """What all paths begin with."""
    cluster: bool = True
    """Callers of Alertmanager's API are told of a cluster of one."""
    most_gets: int = 0
    """GET requests at once in Alertmanager's place; 0 is a number that fits the machine."""
    longest_get: Millis = 0
    """How long one may take there; 0 is no limit."""

    @property
    def url(self) -> str:
        """Where the server is, as far as it knows; what links begin with when no `external_url` is given."""
        host = socket.gethostname() if self.host in ("0.0.0.0", "::", "[::]") else self.host
        return f"http://{host}:{self.port}"

    @property
    def web_file_name(self) -> str:
        """Of the `web.yml`; what it says is followed without a reload."""
        return self.web_file.file if self.web_file is not None else ""

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "::1", "[::1]") or self.host.startswith("127.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The daemon's log on standard error."""

    form: Literal["console", "json", "logfmt"]
    level: Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """How PromQL is evaluated."""

    features: Features = STABLE
    delayed_names: bool = False
    start_timestamps: bool = False
    lookback: Millis = 5 * MINUTE
    subquery_step: Millis = MINUTE
    """The step of `[1h:]`: the global evaluation interval."""
    max_samples: int = 50_000_000
    timeout: Millis = 2 * MINUTE
    max_concurrency: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLimits:
    """Bounds of what alerts and silences take, and for how long they count."""

    silences: SilenceLimits = NO_LIMITS
    alerts_per_name: int = 0
    """Alerts with the same alertname that are taken in; 0 is no limit."""
    retention: Millis = RETENTION
    """Longest time for which it counts what somebody was told."""
    start_delay: Millis = 0
    """After the start nobody is told anything for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """The host and process collector."""

    enabled: bool
    interval: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendors:
    """What reaching somebody by a vendor needs beside the address."""

    slack_token: SecretSource
    slack_webhook: SecretSource
    slack_url: str = field(repr=False)
    pagerduty_url: str = field(repr=False)
    mail: EmailOptions | None


_OPENS_INCIDENTS: Final = frozenset({"pagerduty", "opsgenie", "victorops", "incidentio", "jira"})


class AddressBook:
    """What each destination means under this configuration; implements `monitor.notify.outbox.AddressBook`."""

    def __init__(self, options: Mapping[Destination, object], vendors: Vendors, fallbacks: Fallbacks) -> None:
        self._options = dict(options)
        self._vendors = vendors
        self._fallbacks = fallbacks

    def __repr__(self) -> str:
        return f"AddressBook({len(self._options)} destinations, fallback {self._fallbacks.house})"

    @property
    def destinations(self) -> Sequence[Destination]:
        """All that are configured by name."""
        return sorted(self._options)

    def listeners(self, receiver: str) -> tuple[Destination, ...]:
        """Who hears what is announced to a receiver, a person (`user:ana`) or a channel (`slack:#shop`): the integrations
        that carry words. Those that open incidents do not, since nothing is wrong."""
        found = [one for one in self.destinations if one.receiver == receiver]
        if not found and ":" in receiver:
            channel = Destination(receiver, receiver.partition(":")[0])
            found = [channel] if self.options(channel) is not None else []
        return tuple(one for one in found if one.integration not in _OPENS_INCIDENTS)

    def falling_back_to(self, fallback: Destination) -> AddressBook:
        """The same book with another last resort."""
        return AddressBook(self._options, self._vendors, replace(self._fallbacks, house=fallback))

    def options(self, destination: Destination) -> object | None:
        return self._options.get(destination) or self._of_target(destination)

    def fallback(
        self, destination: Destination, *, first: Destination | None = None, last: bool = False
    ) -> Destination | None:
        return self._fallbacks.of(destination, first=first, last=last)

    def _of_target(self, destination: Destination) -> object | None:
        """Channels that policy steps name directly."""
        kind, _, name = destination.receiver.partition(":")
        if kind == "console":
            from monitor.notify.kinds.console import ConsoleOptions

            return ConsoleOptions()
        if kind == "slack" and name:
            return slack_options(self._vendors, name)
        if kind == "email" and name:
            return email_options(self._vendors, name)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerFacts:
    """What callers of Alertmanager's API learn of the configuration, and how what they push is read."""

    original: str = ""
    """The routing as Alertmanager prints its file, with secrets covered."""
    receivers: Mapping[str, Labels] = field(default_factory=dict[str, Labels])
    """Their own labels by name, in the order of the file."""
    resolve_timeout: Millis = 5 * MINUTE
    """A pushed alert that names no end is over after this."""
    syntax: Syntax = Syntax.FALLBACK
    """Of matchers and label names."""
    route: WrittenAt | None = None
    """The root of the routes; None: the default tree, which stands nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencingSettings:
    """When somebody who silences is asked first, and who hears of ends."""

    bounds: Bounds = field(default_factory=Bounds)
    asks_in_api: bool = False
    """Alertmanager's API, too, refuses what is beyond the bounds."""
    reminders: Reminders = field(default_factory=Reminders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Who is told, complete."""

    root: Route
    receivers: Mapping[str, Receiver]
    people: tuple[Person, ...]
    on_call: Mapping[str, tuple[str, ...]]
    policies: Mapping[str, Policy]
    escalating: Mapping[str, tuple[Destination, ...]]
    """Receiver name to all of its destinations, for `receiver:` targets."""
    fallback: tuple[Target, ...]
    book: AddressBook
    templates: NotificationTemplates = field(default_factory=NotificationTemplates)
    muting: MutingRules = field(default_factory=MutingRules)
    as_alertmanager: bool = False
    """The routing is an Alertmanager configuration."""
    repairs: Repairs = AS_ALERTMANAGER
    flapping: tuple[FlapRule, ...] = ()
    alertmanager: AlertmanagerFacts = field(default_factory=AlertmanagerFacts)
    silencing: SilencingSettings = field(default_factory=SilencingSettings)

    def on_call_at(self, schedule: str, at: Timestamp) -> tuple[str, ...]:
        """Who is on call then; nobody for a schedule that is not configured."""
        return self.on_call.get(schedule, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything, checked and ready to be used."""

    file: str
    """The file that was read; empty for the embedded default."""
    environment: str
    external_url: str
    leaving: Leaving
    """What happens to the labels of alerts when they leave the rules."""
    external_labels: Labels
    """Of the whole daemon, as samples that leave carry them."""
    prometheus_yaml: str
    """The sections that Prometheus knows, as written, without secrets."""
    checks: tuple[Check, ...]
    jobs: tuple[ScrapeJob, ...]
    groups: tuple[RuleGroup, ...]
    query_engine: QueryEngine | None
    """Which rules ask instead of our own samples."""
    remote_writes: tuple[RemoteReceiver, ...]
    paging: Paging
    replica_labels: frozenset[str]
    storage: Storage
    listen: Listen
    log: LogSettings
    host: HostSettings
    queries: QuerySettings
    vendor_ca_file: str
    warnings: tuple[Finding, ...]
    limits: AlertLimits = field(default_factory=AlertLimits)

    def leaves_as(self, labels: Labels) -> Labels | None:
        """The labels under which an alert of a rule is routed, muted and told; None if relabelling drops it."""
        dressed = self.leaving.dressed(labels)
        return None if dressed is None else dressed.without(*self.replica_labels)


def slack_options(vendors: Vendors, channel: str) -> SlackOptions | None:
    """How this channel or person is reached; None if Slack is not configured."""
    from monitor.notify.kinds.slack import SlackOptions

    if vendors.slack_token:
        return SlackOptions(token=vendors.slack_token, channel=channel, base_url=vendors.slack_url)
    return SlackOptions(webhook_url=vendors.slack_webhook) if vendors.slack_webhook else None


def email_options(vendors: Vendors, address: str) -> EmailOptions | None:
    """How this address is reached; None if no mail server is configured."""
    from monitor.notify.kinds.email import EmailOptions

    mail = vendors.mail
    if mail is None:
        return None
    return EmailOptions(
        to=(address,),
        sender=mail.sender,
        host=mail.host,
        port=mail.port,
        username=mail.username,
        password=mail.password,
        require_tls=mail.require_tls,
    )
