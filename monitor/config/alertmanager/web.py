"""Integrations that send documents, mails and queue messages."""

from __future__ import annotations

from typing import Final

from monitor.config.alertmanager.kinds import (
    AddressTemplate,
    Free,
    OptionalFlag,
    SmartHost,
    Template,
    TemplateUrl,
    WebUrl,
    exclusive,
    one_of,
    struct,
    template_of,
    templates_by_name,
)
from monitor.config.alertmanager.shapes import integration
from monitor.config.golang.http_client import CLIENT, TLS, canonical
from monitor.config.golang.kinds import File, Flag, Reading, Secret, Text, Whole
from monitor.config.golang.spans import GoSpan
from monitor.config.golang.structs import Values

WEBHOOK: Final = integration(
    "Webhook",
    "webhook",
    {
        "url": TemplateUrl(about="Where to post; may be a template."),
        "url_file": File(about="A file that holds the URL; read at each send."),
        "max_alerts": Whole(unsigned=True, go="uint64", about="At most so many alerts in one message; 0 for all."),
        "timeout": GoSpan(about="For one attempt."),
        "payload": Free(about="What to post instead of Alertmanager's document; texts in it are templates."),
        "secret": Secret(about="Watchkeeper's own: signs each body (X-Watchkeeper-Signature)."),
        "secret_file": File(about="A file that holds it."),
        "http_config": CLIENT,
    },
    one_of("one of url or url_file must be configured", "url", "url_file"),
    exclusive("url", "url_file"),
    about="A webhook with Alertmanager's JSON.",
)

INCIDENTIO: Final = integration(
    "Incidentio",
    "config",
    {
        "url": WebUrl(),
        "url_file": File(),
        "alert_source_token": Secret(),
        "alert_source_token_file": File(),
        "max_alerts": Whole(unsigned=True, go="uint64"),
        "timeout": GoSpan(),
        "metadata": templates_by_name(),
        "http_config": CLIENT,
    },
    one_of("one of url or url_file must be configured", "url", "url_file"),
    exclusive("url", "url_file"),
    exclusive("alert_source_token", "alert_source_token_file"),
    about="An incident.io alert.",
)


def _email(values: Values, reading: Reading) -> None:
    if not values.text("to"):
        reading.refuse(values.path, "missing to address in email config", "set to")
        return
    seen: set[str] = set()
    for name in values.mapping("headers"):
        header = canonical(name)
        if header in seen:
            text = f'duplicate header "{header}" in email config'
            reading.refuse(values.at("headers", name), text, "keep one of them")
            return
        seen.add(header)


EMAIL: Final = integration(
    "Email",
    "config",
    {
        "to": Template(about="Addresses, separated by commas."),
        "from": Template(about="Sender."),
        "hello": Text(about="Name in EHLO."),
        "smarthost": SmartHost(about="Mail server as host:port."),
        "auth_username": Text(),
        "auth_password": Secret(),
        "auth_password_file": File(about="A file that holds it; read at each mail."),
        "auth_secret": Secret(about="For CRAM-MD5."),
        "auth_secret_file": File(),
        "auth_identity": Text(),
        "headers": templates_by_name(),
        "html": template_of("email.default.html"),
        "text": Template(),
        "require_tls": OptionalFlag(about="Refuse to send without encryption."),
        "force_implicit_tls": OptionalFlag(about="Begin with TLS, whatever the port."),
        "tls_config": TLS,
        "threading": struct(
            "config",
            {
                "enabled": Flag(),
                "thread_by_date": Text(default="daily", allowed=("none", "daily")),
            },
            go="config.ThreadingConfig",
        ),
    },
    _email,
    resolved=False,
    about="A mail.",
)


def _sns(values: Values, reading: Reading) -> None:
    given = values.set("target_arn", "topic_arn", "phone_number")
    if len(given) != 1:
        text = "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"
        reading.refuse(values.path, text, "set one of target_arn, topic_arn, phone_number")


def _sigv4(values: Values, reading: Reading) -> None:
    if bool(values.text("access_key")) != bool(values.text("secret_key")):
        text = "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SNS config"
        reading.refuse(values.path, text, "set both, or neither")


SNS: Final = integration(
    "SNS",
    "sns",
    {
        "api_url": AddressTemplate(),
        "sigv4": struct(
            "sigv4",
            {
                "region": Text(),
                "access_key": Text(),
                "secret_key": Secret(),
                "profile": Text(),
                "role_arn": Text(),
                "external_id": Secret(),
                "service_name": Text(),
                "use_fips_sts_endpoint": Flag(),
            },
            _sigv4,
        ),
        "topic_arn": Template(),
        "phone_number": Template(),
        "target_arn": Template(),
        "subject": template_of("sns.default.subject"),
        "message": template_of("sns.default.message"),
        "attributes": templates_by_name(),
        "http_config": CLIENT,
    },
    _sns,
    about="An Amazon SNS message.",
)
