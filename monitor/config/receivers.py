"""Receivers: who is told by which integration, in Alertmanager's words.

Served kinds are read strictly; the other kinds of Alertmanager are known by name and warn. Each integration becomes a
`Destination` (a reference) and the options that the address book hands out at the moment of sending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, Field

from monitor.alerts.receivers import Integration
from monitor.config.fields import AsList, AsMapping, Flag, Section, Span, Text, Whole
from monitor.config.findings import Findings
from monitor.config.http_client import HttpClientSection
from monitor.config.people import EscalateSection
from monitor.config.yamltree import Document, Path, Scalar, Tree
from monitor.model.notifications import Destination
from monitor.model.times import MINUTE
from monitor.notify.kinds.console import ConsoleOptions
from monitor.notify.kinds.email import EmailOptions
from monitor.notify.kinds.pagerduty import PagerDutyOptions
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import SlackOptions
from monitor.notify.kinds.webhook import WebhookOptions

S = TypeVar("S", bound=BaseModel)

Locate = Callable[[str], str]
"""Makes a path that the configuration names absolute."""

UNSERVED: Final = (
    "discord_configs",
    "incidentio_configs",
    "jira_configs",
    "mattermost_configs",
    "msteams_configs",
    "msteamsv2_configs",
    "opsgenie_configs",
    "pushover_configs",
    "rocketchat_configs",
    "sns_configs",
    "telegram_configs",
    "victorops_configs",
    "webex_configs",
    "wechat_configs",
)


class GlobalSection(Section):
    """Defaults for receivers. Settings of integrations that are not served are accepted and ignored."""

    model_config = {**Section.model_config, "extra": "allow"}

    resolve_timeout: Span = 5 * MINUTE
    """Not used until alerts can be pushed: when a pushed alert that names no end is taken as resolved."""
    slack_api_url: Text = ""
    """Incoming webhook for slack_configs without their own."""
    slack_api_url_file: Text = ""
    """A file that holds it."""
    pagerduty_url: Text = "https://events.pagerduty.com/v2/enqueue"
    """Where PagerDuty's Events API is."""
    smtp_from: Text = ""
    """Sender of mails."""
    smtp_smarthost: Text = ""
    """Mail server as host:port."""
    smtp_hello: Text = "localhost"
    """Name in EHLO."""
    smtp_auth_username: Text = ""
    """For authentication at the mail server."""
    smtp_auth_password: Text = ""
    """For authentication at the mail server."""
    smtp_auth_password_file: Text = ""
    """A file that holds it; read at each mail."""
    smtp_require_tls: Flag = True
    """Refuse to send without encryption."""


class _Integration(Section):
    """Keys that are templates or belong to later features are accepted and ignored, each with a warning."""

    model_config = {**Section.model_config, "extra": "allow"}


class WebhookSection(_Integration):
    """A webhook with Alertmanager's JSON."""

    send_resolved: Flag = True
    """Tell also when it is over."""
    url: Text = ""
    """Where to post."""
    url_file: Text = ""
    """A file that holds the URL; read at each send."""
    max_alerts: Whole = 0
    """At most so many alerts in one message; 0 for all."""
    secret: Text = ""
    """Watchkeeper's own: signs each body (X-Watchkeeper-Signature)."""
    secret_file: Text = ""
    """A file that holds it."""
    http_config: Annotated[HttpClientSection, AsMapping] = Field(default_factory=HttpClientSection)
    """basic_auth and authorization are served, the rest is not yet."""


class SlackSection(_Integration):
    """A Slack message."""

    send_resolved: Flag = False
    """Tell also when it is over."""
    api_url: Text = ""
    """Incoming webhook."""
    api_url_file: Text = ""
    """A file that holds it."""
    bot_token: Text = ""
    """Watchkeeper's own: a bot token instead of a webhook."""
    bot_token_file: Text = ""
    """A file that holds it."""
    channel: Text = ""
    """Where to post (with a token)."""


class PagerDutySection(_Integration):
    """A PagerDuty service (Events API v2)."""

    send_resolved: Flag = True
    """Resolve the alert when it is over."""
    routing_key: Text = ""
    """Integration key."""
    routing_key_file: Text = ""
    """A file that holds it; read at each send."""
    url: Text = ""
    """Where the API is."""


class EmailSection(_Integration):
    """A mail."""

    send_resolved: Flag = False
    """Tell also when it is over."""
    to: Text = Field(min_length=1)
    """Addresses, separated by commas."""
    from_: Text = Field(default="", alias="from")
    """Sender."""
    smarthost: Text = ""
    """Mail server as host:port."""
    hello: Text = ""
    """Name in EHLO."""
    auth_username: Text = ""
    """For authentication."""
    auth_password: Text = ""
    """For authentication."""
    auth_password_file: Text = ""
    """A file that holds it; read at each mail."""
    require_tls: Flag | None = None
    """Refuse to send without encryption."""


class ConsoleSection(Section):
    """Watchkeeper's own: print on the daemon's output."""

    send_resolved: Flag = True
    """Tell also when it is over."""


class ReceiverSection(Section):
    """A named receiver with its integrations."""

    model_config = {**Section.model_config, "extra": "allow"}

    name: Text = Field(min_length=1)
    """Unique."""
    webhook_configs: Annotated[list[WebhookSection], AsList] = []
    slack_configs: Annotated[list[SlackSection], AsList] = []
    pagerduty_configs: Annotated[list[PagerDutySection], AsList] = []
    email_configs: Annotated[list[EmailSection], AsList] = []
    console_configs: Annotated[list[ConsoleSection], AsList] = []
    escalation_configs: Annotated[list[EscalateSection], AsList] = Field(default=[], max_length=1)
    """Watchkeeper's own: the policy that this receiver opens incidents for."""
    labels: Annotated[dict[str, Text], AsMapping] = {}
    """Known, not served yet."""


KNOWN_INTEGRATIONS: Final = (
    "console_configs",
    "email_configs",
    "escalation_configs",
    "pagerduty_configs",
    "slack_configs",
    "webhook_configs",
    *UNSERVED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverParts:
    """A receiver as the alert side sees it, and what its destinations mean."""

    name: str
    integrations: tuple[Integration, ...]
    options: Mapping[Destination, object]
    escalate: EscalateSection | None = None


def read_receiver(
    document: Document, tree: Tree, path: Path, defaults: GlobalSection, findings: Findings, locate: Locate
) -> ReceiverParts | None:
    """One entry of `receivers`; None if something is wrong with it."""
    before = len(findings.errors)
    section = findings.validate(ReceiverSection, document, tree, path)
    if section is None:
        return None
    _unknown_keys(section, document, path, findings)
    reader = _Reader(document, path, section.name, defaults, findings, locate)
    reader.each("webhook", section.webhook_configs, reader.webhook)
    reader.each("slack", section.slack_configs, reader.slack)
    reader.each("pagerduty", section.pagerduty_configs, reader.pagerduty)
    reader.each("email", section.email_configs, reader.email)
    reader.each("console", section.console_configs, lambda _section, _path: ConsoleOptions())
    if len(findings.errors) > before:
        return None
    return ReceiverParts(
        name=section.name,
        integrations=tuple(reader.integrations),
        options=reader.options,
        escalate=section.escalation_configs[0] if section.escalation_configs else None,
    )


class _Reader:
    """Reads the integrations of one receiver."""

    def __init__(
        self, document: Document, path: Path, name: str, defaults: GlobalSection, findings: Findings, locate: Locate
    ) -> None:
        self._document = document
        self._path = path
        self._name = name
        self._defaults = defaults
        self._findings = findings
        self._locate = locate
        self.integrations: list[Integration] = []
        self.options: dict[Destination, object] = {}

    def each(self, kind: str, sections: list[S], read: Callable[[S, Path], object | None]) -> None:
        """Read all of one kind; one that is wrong leaves a finding."""
        for place, section in enumerate(sections):
            here = (*self._path, f"{kind}_configs", place)
            options = read(section, here)
            if options is None:
                continue
            destination = Destination(self._name, kind, place)
            self.options[destination] = options
            self.integrations.append(
                Integration(destination=destination, send_resolved=bool(getattr(section, "send_resolved", True)))
            )

    def webhook(self, section: WebhookSection, path: Path) -> object | None:
        url = self._secret(section.url, section.url_file, "url", path)
        if url is None:
            return None
        if not url:
            self._findings.wrong(self._document, path, "one of url or url_file must be configured")
            return None
        http = section.http_config
        self._warn_extra(section, path)
        here_unserved = [key for key in ("proxy_url", "tls_config") if key in http.model_fields_set]
        for key in (*http.unserved(), *here_unserved):
            self._findings.doubt(self._document, (*path, "http_config", key), "is known but not served yet")
        password = self._secret(http.basic_auth.password, http.basic_auth.password_file, "password", path)
        bearer = self._secret(
            http.authorization.credentials or http.bearer_token,
            http.authorization.credentials_file or http.bearer_token_file,
            "credentials",
            path,
        )
        secret = self._secret(section.secret, section.secret_file, "secret", path)
        if password is None or bearer is None or secret is None:
            return None
        return WebhookOptions(
            url=url,
            max_alerts=section.max_alerts,
            secret=secret,
            bearer_token=bearer,
            username=http.basic_auth.username,
            password=password,
        )

    def slack(self, section: SlackSection, path: Path) -> object | None:
        token = self._secret(section.bot_token, section.bot_token_file, "bot_token", path)
        url = self._secret(section.api_url, section.api_url_file, "api_url", path)
        if token is None or url is None:
            return None
        if not url:
            url = self._secret(
                self._defaults.slack_api_url, self._defaults.slack_api_url_file, "slack_api_url", ("global",)
            )
        if not url and not token:
            self._findings.wrong(
                self._document,
                path,
                "no global Slack API URL set either inline or in a file",
                "set api_url or bot_token",
            )
            return None
        self._warn_extra(section, path)
        return SlackOptions(token=token, channel=section.channel, webhook_url=url or SecretSource())

    def pagerduty(self, section: PagerDutySection, path: Path) -> object | None:
        key = self._secret(section.routing_key, section.routing_key_file, "routing_key", path)
        if key is None:
            return None
        older = {"service_key", "service_key_file"} & set(section.model_extra or {})
        if not key and older:
            self._findings.doubt(
                self._document, (*path, *older), "PagerDuty's Events API v1 is not served", "nobody is paged through it"
            )
            return None
        if not key:
            self._findings.wrong(
                self._document,
                path,
                "missing service or routing key in PagerDuty config",
                "set routing_key or routing_key_file (service_key, the API v1, is not served)",
            )
            return None
        self._warn_extra(section, path)
        return PagerDutyOptions(routing_key=key, url=section.url or self._defaults.pagerduty_url)

    def email(self, section: EmailSection, path: Path) -> object | None:
        password = self._secret(section.auth_password, section.auth_password_file, "auth_password", path)
        if password is None:
            return None
        if not password:
            password = self._secret(
                self._defaults.smtp_auth_password,
                self._defaults.smtp_auth_password_file,
                "smtp_auth_password",
                ("global",),
            )
        smarthost = section.smarthost or self._defaults.smtp_smarthost
        sender = section.from_ or self._defaults.smtp_from
        if not smarthost:
            self._findings.wrong(self._document, path, "no global SMTP smarthost set", "set smarthost to host:port")
        if not sender:
            self._findings.wrong(self._document, path, "no global SMTP from set", "set from to an address")
        if not smarthost or not sender:
            return None
        host, colon, port = smarthost.rpartition(":")
        if not colon or not port.isdigit():
            self._findings.wrong(
                self._document,
                path,
                f"address {smarthost}: missing port in address",
                "write the mail server as host:port",
            )
            return None
        self._warn_extra(section, path)
        return EmailOptions(
            to=tuple(address.strip() for address in section.to.split(",") if address.strip()),
            sender=sender,
            host=host,
            port=int(port),
            hello=section.hello or self._defaults.smtp_hello,
            username=section.auth_username or self._defaults.smtp_auth_username,
            password=password or SecretSource(),
            require_tls=self._defaults.smtp_require_tls if section.require_tls is None else section.require_tls,
        )

    def _secret(self, inline: str, file: str, name: str, path: Path) -> SecretSource | None:
        return read_secret(inline, file, name, self._document, path, self._findings, self._locate)

    def _warn_extra(self, section: _Integration, path: Path) -> None:
        for key in section.model_extra or {}:
            self._findings.doubt(
                self._document, (*path, key), "is not served yet", "the message is written in Watchkeeper's own layout"
            )


def read_secret(
    inline: str, file: str, name: str, document: Document, path: Path, findings: Findings, locate: Locate
) -> SecretSource | None:
    """A secret that is given inline or by file; None if both are. An empty source if neither is."""
    if inline and file:
        findings.wrong(document, path, f"at most one of {name} & {name}_file must be configured")
        return None
    return SecretSource.file(locate(file)) if file else SecretSource(inline)


def _unknown_keys(section: ReceiverSection, document: Document, path: Path, findings: Findings) -> None:
    for key, value in (section.model_extra or {}).items():
        if key not in UNSERVED:
            findings.wrong(
                document,
                (*path, key),
                f'"{key}" is not a known key here',
                f"known keys: name, {', '.join(KNOWN_INTEGRATIONS)}",
                original=f"field {key} not found in type config.plain",
            )
        elif not (isinstance(value, Scalar) and value.is_null):
            findings.doubt(document, (*path, key), "is known but not served yet", "nobody is notified through it")
