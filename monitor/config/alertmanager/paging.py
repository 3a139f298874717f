"""Integrations that wake people or open tickets."""

from __future__ import annotations

from typing import Final

from monitor.config.alertmanager.kinds import (
    Free,
    Template,
    UpdatedTemplate,
    WebUrl,
    exclusive,
    one_of,
    struct,
    template_mistake,
    template_of,
    templates_by_name,
)
from monitor.config.alertmanager.shapes import integration
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import File, Flag, Reading, Secret, Span, Text
from monitor.config.golang.spans import GoSpan
from monitor.config.golang.structs import ListOf, MapOf, Values

DETAILS: Final = {
    "firing": '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
    "resolved": '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
    "num_firing": "{{ .Alerts.Firing | len }}",
    "num_resolved": "{{ .Alerts.Resolved | len }}",
}
"""PagerDuty's details unless the configuration gives others of these names."""


def _pagerduty(values: Values, reading: Reading) -> None:
    if not values.set("routing_key", "routing_key_file", "service_key", "service_key_file"):
        text = "missing service or routing key in PagerDuty config"
        reading.refuse(values.path, text, "set routing_key or routing_key_file")


PAGERDUTY: Final = integration(
    "PagerDuty",
    "pagerduty",
    {
        "service_key": Secret(about="Of the older Events API v1."),
        "service_key_file": File(),
        "routing_key": Secret(about="Integration key."),
        "routing_key_file": File(about="A file that holds it; read at each send."),
        "url": WebUrl(),
        "client": template_of("pagerduty.default.client"),
        "client_url": template_of("pagerduty.default.clientURL"),
        "description": template_of("pagerduty.default.description"),
        "details": MapOf(item=Free(), about="Texts in it are templates."),
        "images": ListOf(
            item=struct(
                "pagerduty",
                {"href": Template(), "src": Template(), "source": Template(), "alt": Template(), "text": Template()},
                go="pagerduty.PagerdutyImage",
            )
        ),
        "links": ListOf(
            item=struct("pagerduty", {"href": Template(), "text": Template()}, go="pagerduty.PagerdutyLink")
        ),
        "source": Template(about="Like client if not given."),
        "severity": Template(default="error"),
        "class": Template(),
        "component": Template(),
        "group": Template(),
        "timeout": GoSpan(),
        "http_config": CLIENT,
    },
    _pagerduty,
    exclusive("routing_key", "routing_key_file"),
    exclusive("service_key", "service_key_file"),
    about="A PagerDuty service.",
)

_RESPONDERS: Final = ("team", "teams", "user", "escalation", "schedule")


def _responder(values: Values, reading: Reading) -> None:
    if not values.set("id", "username", "name"):
        text = "opsGenieConfig responder has to have at least one of id, username or name specified"
        reading.refuse(values.path, text, "set name")
        return
    kind = values.text("type")
    if "{{" in kind:
        wrong = template_mistake(kind)
        if wrong:
            text = f"opsGenieConfig responder type is not a valid template: {wrong}"
            reading.refuse(values.at("type"), text, "mend the template")
    elif kind.lower() not in _RESPONDERS:
        text = (
            f"opsGenieConfig responder type is not a valid: "
            f"responder type {kind} does not match valid options {'|'.join(_RESPONDERS)}"
        )
        reading.refuse(values.at("type"), text, f"one of: {', '.join(_RESPONDERS)}")


OPSGENIE: Final = integration(
    "Opsgenie",
    "opsgenie",
    {
        "api_key": Secret(),
        "api_key_file": File(),
        "api_url": WebUrl(),
        "message": template_of("opsgenie.default.message"),
        "description": template_of("opsgenie.default.description"),
        "source": template_of("opsgenie.default.source"),
        "details": templates_by_name(),
        "entity": Template(),
        "responders": ListOf(
            item=struct(
                "opsgenie",
                {"id": Template(), "name": Template(), "username": Template(), "type": Template()},
                _responder,
                go="opsgenie.OpsGenieConfigResponder",
            )
        ),
        "actions": Template(),
        "tags": Template(),
        "note": Template(),
        "priority": Template(),
        "update_alerts": Flag(),
        "http_config": CLIENT,
    },
    exclusive("api_key", "api_key_file"),
    about="An Opsgenie alert.",
)

_FIXED: Final = (
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
)


def _victorops(values: Values, reading: Reading) -> None:
    if not values.text("routing_key"):
        reading.refuse(values.path, "missing Routing key in VictorOps config", "set routing_key")
        return
    if len(values.set("api_key", "api_key_file")) > 1:
        text = "at most one of api_key & api_key_file must be configured"
        reading.refuse(values.at("api_key_file"), text, "keep one of the two")
        return
    for name in values.mapping("custom_fields"):
        if name in _FIXED:
            text = (
                f"victorOps config contains custom field {name} "
                "which cannot be used as it conflicts with the fixed/static fields"
            )
            reading.refuse(values.at("custom_fields", name), text, "give it another name")
            return


VICTOROPS: Final = integration(
    "VictorOps",
    "config",
    {
        "api_key": Secret(),
        "api_key_file": File(),
        "api_url": WebUrl(),
        "routing_key": Template(),
        "message_type": Template(default="CRITICAL"),
        "state_message": template_of("victorops.default.state_message"),
        "entity_display_name": template_of("victorops.default.entity_display_name"),
        "monitoring_tool": template_of("victorops.default.monitoring_tool"),
        "custom_fields": templates_by_name(),
        "http_config": CLIENT,
    },
    _victorops,
    about="A VictorOps incident.",
)

PUSHOVER: Final = integration(
    "Pushover",
    "pushover",
    {
        "user_key": Secret(),
        "user_key_file": File(),
        "token": Secret(),
        "token_file": File(),
        "title": template_of("pushover.default.title"),
        "message": template_of("pushover.default.message"),
        "url": template_of("pushover.default.url"),
        "url_title": Template(),
        "device": Template(),
        "sound": Template(),
        "priority": Template(default='{{ if eq .Status "firing" }}2{{ else }}0{{ end }}'),
        "retry": GoSpan(default=60_000, go="pushover.duration"),
        "expire": GoSpan(default=3_600_000, go="pushover.duration"),
        "ttl": GoSpan(go="pushover.duration"),
        "html": Flag(),
        "monospace": Flag(),
        "http_config": CLIENT,
    },
    one_of("one of user_key or user_key_file must be configured", "user_key", "user_key_file"),
    exclusive("user_key", "user_key_file"),
    one_of("one of token or token_file must be configured", "token", "token_file"),
    exclusive("token", "token_file"),
    exclusive("monospace", "html"),
    about="A Pushover notification.",
)


def _jira(values: Values, reading: Reading) -> None:
    if not values.text("project"):
        reading.refuse(values.path, "missing project in jira_config", "set project")
    elif not values.text("issue_type"):
        reading.refuse(values.path, "missing issue_type in jira_config", "set issue_type")
    elif values.text("api_type") not in ("auto", "cloud", "datacenter"):
        text = "unknown api_type on jira_config, must be auto, cloud or datacenter"
        reading.refuse(values.at("api_type"), text, "write one of them")


JIRA: Final = integration(
    "Jira",
    "jira",
    {
        "api_url": WebUrl(),
        "api_type": Text(default="auto", allowed=("auto", "cloud", "datacenter")),
        "project": Template(),
        "summary": UpdatedTemplate(default='{{ template "jira.default.summary" . }}'),
        "description": UpdatedTemplate(default='{{ template "jira.default.description" . }}'),
        "labels": ListOf(item=Template()),
        "priority": template_of("jira.default.priority"),
        "issue_type": Template(),
        "reopen_transition": Template(),
        "resolve_transition": Template(),
        "wont_fix_resolution": Template(),
        "reopen_duration": Span(),
        "fields": MapOf(item=Free(parsed=True), about="Texts in it are templates."),
        "http_config": CLIENT,
    },
    _jira,
    about="A Jira issue.",
)
