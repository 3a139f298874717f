"""Our own file: every key with its unit, default and reason. The reference documentation is made from this."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from monitor.config.alertmanager_file import AlertmanagerSection
from monitor.config.checks import CheckSection
from monitor.config.fields import (
    AsList,
    AsMapping,
    AsOptional,
    Flag,
    Free,
    LastingSpan,
    Section,
    Size,
    Span,
    Text,
    Whole,
)
from monitor.config.flapping import FlapSection
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import Kind
from monitor.config.maintenance import MaintenanceSection
from monitor.config.muting import MutingSection
from monitor.config.people import Escalate, People, Policies, Schedules
from monitor.config.prometheus.file import SCRAPES
from monitor.config.prometheus.remote import WRITES
from monitor.config.prometheus.scrape import GLOBAL
from monitor.config.rule_options import RuleOptionsList
from monitor.config.silencing import SilencesSection
from monitor.config.yamltree import Scalar
from monitor.model.times import DAY, MINUTE, SECOND


def _word(value: object) -> object:
    return value.text.lower() if isinstance(value, Scalar) else value


Word = BeforeValidator(_word)


class Foreign:
    """Marks a key that is read by a format of another program's, whose keys stand in its own data."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def __get_pydantic_json_schema__(self, _core: object, _handler: object) -> dict[str, object]:
        return self.kind.schema()


class SlackSettings(Section):
    """How Slack is reached by policy steps and people."""

    bot_token: Text = ""
    """A bot token with chat:write (and channels:history, to clear up lost answers)."""
    bot_token_file: Text = ""
    """A file that holds it; read at each message."""
    webhook_url: Text = ""
    """An incoming webhook, as the lesser mode: no edits, no threads."""
    webhook_url_file: Text = ""
    """A file that holds it."""
    api_url: Text = "https://slack.com/api/"
    """Where the Web API is."""


class PagerDutySettings(Section):
    """How PagerDuty is reached by people's contacts."""

    url: Text = "https://events.pagerduty.com"
    """Where the Events API is; https only. The EU region has its own."""
    ca_file: Text = ""
    """Certificates to trust for vendors beside the system's (a proxy, a test double)."""


class SmtpSettings(Section):
    """How mail to people is sent."""

    smarthost: Text = ""
    """Mail server as host:port."""
    from_: Text = Field(default="", alias="from")
    """Sender."""
    username: Text = ""
    """For authentication."""
    password: Text = ""
    """For authentication."""
    password_file: Text = ""
    """A file that holds it; read at each mail."""
    require_tls: Flag = True
    """Refuse to send without encryption."""


class StorageSection(Section):
    """Where state lives."""

    path: Text = "data"
    """The data folder, relative to the configuration file. One daemon at a time."""
    database: Text = ""
    """SQLite file as sqlite:///PATH; data/state.db when absent."""
    retention: LastingSpan = 15 * DAY
    """How long samples are kept: the last hours in memory, the rest in compressed blocks in the data folder. Below three
    hours all of them are kept in memory."""
    retention_size: Size = 0
    """What samples may take on disk, log and blocks together, as `10GB`; the oldest blocks go first. 0 is no limit."""
    out_of_order_time_window: Annotated[Span | None, AsOptional] = None
    """How much older than the newest sample of all one may be that is older than the newest of its own series: by remote write,
    or scraped with a timestamp. So much longer do samples stay in memory and in the log. When not set, what
    `prometheus_file` says (storage.tsdb.out_of_order_time_window); otherwise 0: such samples are dropped."""
    remote_write_queue: Size = 512 << 20
    """How much of the disk the queue of each `remote_write` may fill while its receiver is away; then the oldest is lost."""
    history: LastingSpan = 90 * DAY
    """How long resolved incidents, the audit trail and deployments are kept."""


class TokenSection(Section):
    """Who may do what through the API."""

    token: Text = ""
    """The secret; at least 16 characters."""
    token_file: Text = ""
    """A file that holds it; read at each use."""
    person: Text = ""
    """Whose it is, for audit and timeline; the key when absent."""
    role: Annotated[Literal["viewer", "responder", "admin"], Word] = "viewer"
    """viewer reads; responder also acts on incidents, probes and records deployments; admin also reloads and sends tests."""


class WebSection(Section):
    """The daemon's own server."""

    listen: Text = "127.0.0.1:9797"
    """host:port. Off loopback everything that changes state needs a token."""
    tokens: Annotated[dict[str, TokenSection], AsMapping] = {}
    """Name to token."""
    config_file: Text = ""
    """A `web.yml` as Prometheus's programs take it: TLS, users, headers, a rate limit. It is read again when it changes."""
    read_needs_token: Flag = False
    """Ask for a token for reading too (all but health)."""
    trust_local: Annotated[Flag | None, AsOptional] = None
    """Whoever is on this machine and talks to a loopback listener is an administrator without a token. When not set: true,
    unless there are tokens, or `external_url` names another host (a reverse proxy on this machine is local, too)."""


class LogSection(Section):
    """The daemon's log on standard error."""

    form: Annotated[Literal["console", "json", "logfmt"], Word] = "console"
    """For people or for machines; logfmt is `key=value`, as Prometheus's programs log."""
    level: Annotated[Literal["debug", "info", "warning", "error"], Word] = "info"
    """What is worth a line."""


class QueriesSection(Section):
    """How PromQL is evaluated, in the API and in rules."""

    enable_features: Annotated[list[Text], AsList] = []
    """Prometheus's names of what it keeps behind `--enable-feature`: `promql-experimental-functions`,
    `promql-extended-range-selectors`, `promql-binop-fill-modifiers`, `promql-delayed-name-removal`,
    `use-start-timestamps` (a counter's restarts and its first increment are known by its `_created` series)."""
    lookback_delta: LastingSpan = 5 * MINUTE
    """How old the newest sample of a selector may be."""
    max_samples: Annotated[Whole, Field(ge=1)] = 50_000_000
    """How many samples a query may hold in memory. Prometheus's `--query.max-samples`."""
    timeout: LastingSpan = 2 * MINUTE
    """How long a query may take, waiting included; a call's `timeout` may only be shorter. Prometheus's `--query.timeout`."""
    max_concurrency: Annotated[Whole, Field(ge=1, le=1000)] = 20
    """How many queries of the API are evaluated at the same time; the others wait. Rules do not wait for them.
    Prometheus's `--query.max-concurrency`."""


class RulesSection(Section):
    """Rules beyond `rule_files`."""

    shipped: Annotated[Flag | None, AsOptional] = None
    """Evaluate the rules that come with Watchkeeper. When not set: true, with a warning where `prometheus_file` brings rules of
    its own."""
    query_url: Text = ""
    """A PromQL engine (Prometheus, VictoriaMetrics, Mimir, Thanos) that rules ask instead of the samples here; what comes
    before `/api/v1/query`. Recorded samples are still stored here, and sent on by `remote_write`."""
    query_timeout: LastingSpan = 30 * SECOND
    """How long that engine may take for a query."""
    query_http_config: Annotated[Free, Foreign(CLIENT)] = None
    """Who we are to that engine."""
    early_evaluation: Flag = True
    """Evaluate alerts at once when a result arrives that they select, not only at their interval."""
    concurrency: Annotated[Whole, Field(ge=1, le=64)] = 1
    """So many rules of a group are evaluated at once, where none of them reads what another writes. 1 is one after the other,
    as in Prometheus without `concurrent-rule-eval`; more helps where each answer is slow."""
    min_requests: Annotated[Whole | None, AsOptional] = None
    """Requests in five minutes below which error ratios and latencies are not judged. Default 20."""


class HostSection(Section):
    """The host and process collector."""

    enabled: Flag = True
    """Collect CPU, memory, disk and network of this host (or container)."""
    interval: LastingSpan = 15 * SECOND
    """How often."""


class ConfigurationSection(Section):
    """The whole file."""

    environment: Text = ""
    """Added to alerts as the label `environment` when they leave the rules."""
    external_url: Text = ""
    """Where people reach this daemon; links in messages begin with it. Default: the address it listens at."""
    checks: Annotated[list[CheckSection], AsList] = []
    """What to watch."""
    prometheus_file: Text = ""
    """A Prometheus configuration to take global, scrape_configs and rule_files from."""
    global_: Annotated[Free, Foreign(GLOBAL)] = Field(default=None, alias="global")
    """As in Prometheus."""
    scrape_configs: Annotated[Free, Foreign(SCRAPES)] = None
    """As in Prometheus."""
    rule_files: Annotated[list[Text], AsList] = []
    """As in Prometheus; relative to this file."""
    remote_write: Annotated[Free, Foreign(WRITES)] = None
    """As in Prometheus: where samples are sent on to."""
    rules: Annotated[RulesSection, AsMapping] = Field(default_factory=RulesSection)
    """Shipped rules and early evaluation."""
    queries: Annotated[QueriesSection, AsMapping] = Field(default_factory=QueriesSection)
    """Parts of PromQL behind flags, and limits."""
    rule_options: RuleOptionsList = []
    """What Prometheus's rule files have no keys for: hysteresis, missing data, hours."""
    alertmanager_file: Text = ""
    """An Alertmanager configuration to route alerts by."""
    alertmanager: AlertmanagerSection | None = None
    """The same inline."""
    blackbox_file: Text = ""
    """Known, not served yet."""
    receivers: Annotated[list[Free], AsList] = []
    """Receivers for the default routing, as in Alertmanager: one named `default` gets what is not paged. Beside an Alertmanager
    configuration: what its receivers get that it has no key for, by name, and further ones."""
    escalate: Annotated[dict[str, Escalate], AsMapping] = {}
    """Receiver name to the policy that it opens incidents for."""
    people: People = {}
    """Who can be told, and how."""
    schedules: Schedules = {}
    """Who is on call."""
    policies: Policies = {}
    """Escalation policies; `default` is used by the default routing."""
    page_environments: Annotated[list[Text], AsList] = ["production", "prod", ""]
    """The default routing pages only in these environments."""
    replica_labels: Annotated[list[Text], AsList] = []
    """Labels that only tell replicas apart; dropped from alerts."""
    muting: Annotated[MutingSection, AsMapping] = Field(default_factory=MutingSection)
    """What Alertmanager's muting loses."""
    silences: Annotated[SilencesSection, AsMapping] = Field(default_factory=SilencesSection)
    """When whoever silences alerts is asked first, and who hears that a silence is about to end."""
    maintenance: Annotated[list[MaintenanceSection], AsList] = []
    """Times for which it is known that some alerts mean nothing."""
    flapping: Annotated[list[FlapSection], AsList] = []
    """Which alerts are damped when they come and go; none unless named."""
    slack: Annotated[SlackSettings, AsMapping] = Field(default_factory=SlackSettings)
    """How Slack is reached."""
    pagerduty: Annotated[PagerDutySettings, AsMapping] = Field(default_factory=PagerDutySettings)
    """How PagerDuty is reached."""
    smtp: Annotated[SmtpSettings, AsMapping] = Field(default_factory=SmtpSettings)
    """How mail is sent."""
    storage: Annotated[StorageSection, AsMapping] = Field(default_factory=StorageSection)
    """Where state lives."""
    web: Annotated[WebSection, AsMapping] = Field(default_factory=WebSection)
    """The daemon's own server."""
    log: Annotated[LogSection, AsMapping] = Field(default_factory=LogSection)
    """The daemon's log."""
    host: Annotated[HostSection, AsMapping] = Field(default_factory=HostSection)
    """The host and process collector."""
