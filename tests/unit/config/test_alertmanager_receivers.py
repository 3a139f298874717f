"""Receivers of an Alertmanager file: what they inherit, what is wrong with them, how they print, what they render."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from monitor.alerts.templating.fields import TemplatedFields
from monitor.alerts.templating.options import NotificationTemplates
from monitor.config.alertmanager_file import AlertmanagerParts, read_alertmanager
from monitor.config.findings import Findings
from monitor.config.yamltree import read
from monitor.model.errors import TemplateError
from monitor.model.notifications import Destination
from monitor.notify.dressing.webhook import webhook_body
from monitor.notify.kinds.email import EmailOptions
from monitor.notify.kinds.slack import SlackOptions
from tests.support.messages import a_message

ROUTE = "route: {receiver: r}\n"


def loaded(
    text: str, folder: Path = Path("/etc/am"), *, ours: bool = False
) -> tuple[AlertmanagerParts | None, list[str]]:
    """The parts, and what is wrong in Alertmanager's words."""
    document = read(text, "am.yml")
    findings = Findings()
    parts = read_alertmanager(document, document.tree, (), findings, lambda name: str(folder / name), ours=ours)
    return parts, [one.original or one.problem for one in findings.errors]


def one_receiver(integration: str, *, shared: str = "") -> str:
    """A file with one receiver `r`."""
    return f"global: {{{shared}}}\n{ROUTE}receivers: [{{name: r, {integration}}}]\n"


@pytest.mark.parametrize(
    ("integration", "shared", "message"),
    [
        ("slack_configs: [{channel: c}]", "", "no Slack API URL nor App token set either inline or in a file"),
        ("opsgenie_configs: [{}]", "", "no global OpsGenie API Key set either inline or in a file"),
        ("victorops_configs: [{routing_key: a}]", "", "no global VictorOps API Key set"),
        ("wechat_configs: [{api_secret: a}]", "", "no global Wechat CorpID set"),
        ("email_configs: [{to: a@b}]", "", "no global SMTP smarthost set"),
        ("email_configs: [{to: a@b}]", "smtp_smarthost: 'h:25'", "no global SMTP from set"),
        ("email_configs: [{to: a@b, smarthost: 'h'}]", "", "address h: missing port in address"),
        ("email_configs: [{to: a@b, headers: {a-b: x, A-B: y}}]", "", 'duplicate header "A-B" in email config'),
        ("telegram_configs: [{chat_id: 1}]", "", "missing bot_token or bot_token_file on telegram_config"),
        ("webex_configs: [{room_id: r}]", "", "missing webex_configs.http_config.authorization"),
        ("discord_configs: [{}]", "", "one of webhook_url or webhook_url_file must be configured"),
        ("jira_configs: [{project: P}]", "", "missing issue_type in jira_config"),
        ("jira_configs: [{project: P, issue_type: T}]", "", "no global Jira Cloud URL set"),
        ("sns_configs: [{topic_arn: a, phone_number: b}]", "", "must provide either a Target ARN"),
        (
            "pushover_configs: [{user_key: a, token: b, html: true, monospace: true}]",
            "",
            "at most one of monospace & html",
        ),
        ("msteams_configs: [null]", "", "missing msteams config"),
        ("webhook_configs: [{url: 'ftp://x'}]", "", 'unsupported scheme "ftp" for URL'),
        ("webhook_configs: [{url: 'http://x/{{ .A'}]", "", "invalid template syntax"),
        (
            "webhook_configs: [{url: 'http://x', http_config: {basic_auth: {}, oauth2: {}}}]",
            "",
            "at most one of basic_auth",
        ),
        ("webhook_configs: [{url: 'http://x', nosuch: 1}]", "", "field nosuch not found in type webhook.plain"),
        ("labels: {name: other}", "", 'receiver label "name" must match receiver name "r", got "other"'),
        (
            "",
            "telegram_bot_token: a, telegram_bot_token_file: b",
            "at most one of telegram_bot_token & telegram_bot_token_file",
        ),
        ("", "slack_app_token: a, slack_api_url: 'http://x/'", "at most one of slack_app_token/slack_app_token_file &"),
    ],
)
def test_what_is_wrong_is_told_in_alertmanagers_words(integration: str, shared: str, message: str) -> None:
    """Whoever searches for the text finds the same help."""
    _, said = loaded(one_receiver(integration, shared=shared))
    assert any(message in one for one in said), said


@pytest.mark.parametrize(
    "integration",
    [
        "discord_configs: [{webhook_url: 'http://x/y'}]",
        "incidentio_configs: [{url: 'http://x/y', alert_source_token: t}]",
        "jira_configs: [{api_url: 'http://x', project: P, issue_type: T, summary: {template: s, enable_update: true}}]",
        "mattermost_configs: [{webhook_url: 'http://x/y', attachments: [{text: t}]}]",
        "msteams_configs: [{webhook_url: 'http://x/y'}]",
        "msteamsv2_configs: [{webhook_url_file: x}]",
        "opsgenie_configs: [{api_key: k, responders: [{name: a, type: Team}]}]",
        "pushover_configs: [{user_key: a, token: b}]",
        "rocketchat_configs: [{token: a, token_id: b, actions: [{type: button, text: t, url: u}]}]",
        "sns_configs: [{topic_arn: a, sigv4: {access_key: a, secret_key: b}}]",
        "telegram_configs: [{bot_token: a, chat_id: -100123}]",
        "victorops_configs: [{api_key: a, routing_key: b, custom_fields: {team: x}}]",
        "webex_configs: [{room_id: r, http_config: {authorization: {credentials: c}}}]",
        "wechat_configs: [{api_secret: a, corp_id: b}]",
        "webhook_configs: [{url: 'http://x', payload: {a: ['{{ .Status }}']}}]",
    ],
)
def test_every_kind_of_integration_is_read(integration: str) -> None:
    """Also those that cannot be told yet: the file loads, and says so."""
    parts, said = loaded(one_receiver(integration))
    assert said == []
    assert parts is not None


def test_integrations_inherit_what_they_do_not_say() -> None:
    """Either of inline secret and file hides both of the global section."""
    text = """
global: {smtp_smarthost: "mail:587", smtp_from: a@b, smtp_auth_password_file: pw, smtp_require_tls: false,
         slack_api_url_file: hook}
route: {receiver: r}
receivers:
  - name: r
    email_configs: [{to: "x@y, z@y"}, {to: w@y, from: c@d, auth_password: own, require_tls: true}]
    slack_configs: [{channel: "#a"}, {api_url: "https://hooks.example.com/own"}, {app_token: t, channel: "#b"}]
"""
    parts, said = loaded(text)
    assert parts is not None, said
    options = parts.receivers["r"].options
    mail, other = options[Destination("r", "email")], options[Destination("r", "email", 1)]
    assert isinstance(mail, EmailOptions)
    assert isinstance(other, EmailOptions)
    assert (mail.to, mail.sender, mail.host, mail.port) == (("x@y", "z@y"), "a@b", "mail", 587)
    assert (mail.password.path, mail.require_tls) == ("/etc/am/pw", False)
    assert (other.sender, other.password.read(), other.require_tls) == ("c@d", "own", True)
    slack = [options[Destination("r", "slack", number)] for number in range(3)]
    assert all(isinstance(one, SlackOptions) for one in slack)
    first, second, third = (one for one in slack if isinstance(one, SlackOptions))
    assert first.webhook_url.path == "/etc/am/hook"
    assert second.webhook_url.read() == "https://hooks.example.com/own"
    assert (third.token.read(), third.base_url, bool(third.webhook_url)) == ("t", "https://slack.com/api/", False)


def test_a_bearer_for_slacks_method_is_a_bot_token() -> None:
    """The older way to give one; messages can be changed then as well."""
    text = """
route: {receiver: r}
receivers:
  - name: r
    slack_configs:
    - api_url: https://slack.com/api/chat.postMessage
      channel: "#a"
      update_message: true
      mrkdwn_in: [text]
      http_config: {authorization: {credentials_file: slack.token}}
    - {api_url: "https://hooks.example.com/own", http_config: {authorization: {credentials: s3cret}}}
    - {app_token: t, channel: "#b", http_config: {proxy_url: "http://proxy:3128", tls_config: {server_name: slack}}}
"""
    parts, said = loaded(text)
    assert parts is not None, said
    behind = parts.receivers["r"].options[Destination("r", "slack", 2)]
    assert isinstance(behind, SlackOptions)
    assert (behind.client.proxy_url, behind.client.trust.server_name) == ("http://proxy:3128", "slack")
    found = parts.receivers["r"].options
    bot, hook = found[Destination("r", "slack")], found[Destination("r", "slack", 1)]
    assert isinstance(bot, SlackOptions) and isinstance(hook, SlackOptions)
    assert (bot.token.path, bot.update_message, bot.mrkdwn_in) == ("/etc/am/slack.token", True, ("text",))
    assert not bot.webhook_url
    assert (bool(hook.token), hook.webhook_url.read()) == (False, "https://hooks.example.com/own")


def test_the_printed_file_covers_secrets_and_has_no_key_of_ours() -> None:
    """amtool reads it strictly, and strangers may see it. The keys of ours stand in our own file."""
    text = """
global: {slack_api_url: "https://hooks.example.com/s3cret"}
route: {receiver: r, page_first: true, routes: [{matchers: [a=b], page_first: true}]}
receivers:
  - name: r
    slack_configs: [{channel: "#a", bot_token: s3cret}]
    webhook_configs: [{url: "http://user:s3cret@x/", secret: s3cret, http_config: {bearer_token: s3cret}}]
    sns_configs: [{topic_arn: t, api_url: "https://sns.example.com/?token=s3cret", sigv4: {}}]
    incidentio_configs: [{url: "https://api.incident.io/v2/?token=s3cret", alert_source_token: s3cret}]
tracing: {endpoint: "otel:4317", headers: {authorization: s3cret}}
event_recorder: {outputs: [{type: webhook, url: "https://x/s3cret", token: s3cret}]}
"""
    parts, said = loaded(text, ours=True)
    assert parts is not None, said
    assert "s3cret" not in parts.printed
    printed = yaml.safe_load(parts.printed)
    assert printed["receivers"][0]["webhook_configs"][0]["url"] == "<secret>"
    for ours in ("page_first", "bot_token", "secret:"):
        assert ours not in parts.printed


def test_the_printed_file_means_what_was_written() -> None:
    """Settings that differ from their defaults by being off are there, and so are keys of one integration that only in
    another are ours; a bearer's token is told in the newer form, durations of Go in Go's, and a section of nothing is none."""
    integrations = """\
    telegram_configs: [{chat_id: 1, bot_token: hidden}],
    email_configs: [{to: a@b, from: c@d, smarthost: 'h:25', require_tls: false}],
    pushover_configs: [{user_key: a, token: b, retry: 90s}],
    webhook_configs: [{url: 'http://h/', http_config: {bearer_token: hidden}},
                      {url: 'http://h/', http_config: {bearer_token_file: t, tls_config: {ca_file: /ca}}}]"""
    text = (
        one_receiver(integrations, shared="smtp_require_tls: false, resolve_timeout: 0s")
        + "templates:\ninhibit_rules:\n"
    )
    parts, _ = loaded(text)
    assert parts is not None
    printed = yaml.safe_load(parts.printed)
    (receiver,) = printed["receivers"]
    assert printed["global"]["smtp_require_tls"] is False
    assert printed["global"]["resolve_timeout"] == "0s"
    assert printed["templates"] == []
    assert "inhibit_rules" not in printed
    assert receiver["telegram_configs"][0]["bot_token"] == "<secret>"
    assert receiver["email_configs"][0]["require_tls"] is False
    assert receiver["pushover_configs"][0]["retry"] == "1m30s"
    assert receiver["pushover_configs"][0]["expire"] == "1h0m0s"
    client = receiver["webhook_configs"][0]["http_config"]
    assert client["authorization"] == {"type": "Bearer", "credentials": "<secret>"}
    assert "bearer_token" not in client
    other = receiver["webhook_configs"][1]["http_config"]
    assert other["authorization"] == {"type": "Bearer", "credentials_file": "/etc/am/t"}
    assert other["tls_config"]["ca_file"] == "/ca"


def test_template_files_are_found_by_pattern_and_change_what_is_said(tmp_path: Path) -> None:
    """A redefined default changes the title although no receiver names it."""
    (tmp_path / "own.tmpl").write_text('{{ define "slack.default.title" }}own {{ .Status }}{{ end }}', encoding="utf-8")
    text = (
        one_receiver("slack_configs: [{api_url: 'http://x/y', text: '{{ len .Alerts }}'}]") + "templates: ['*.tmpl']\n"
    )
    parts, said = loaded(text, tmp_path)
    assert parts is not None, said
    templates = NotificationTemplates(files=parts.template_files, fields=parts.receivers["r"].templates)
    fields = TemplatedFields(templates, str).render(Destination("r", "slack"), a_message(of_incident=False))
    assert (fields["title"], fields["text"], fields["color"]) == ("own firing", "1", "danger")


def test_texts_that_are_not_given_are_alertmanagers_defaults() -> None:
    """Of every kind alike, as the same file says them there."""
    lists = "slack_configs: [{api_url: 'http://x/y', title: own}], sns_configs: [{topic_arn: 'arn:aws:sns:eu-1:1:t'}]"
    parts, said = loaded(one_receiver(lists))
    assert parts is not None, said
    templates = NotificationTemplates(files=parts.template_files, fields=parts.receivers["r"].templates)
    fields, message = TemplatedFields(templates, str), a_message(of_incident=False)
    slack, sns = (fields.render(Destination("r", name), message) for name in ("slack", "sns"))
    assert (slack["title"], slack["color"], slack["text"]) == ("own", "danger", "")
    assert sns["subject"] == "[FIRING:1] shop-api (ServiceDown critical)"


def test_a_template_that_fails_is_named() -> None:
    """Whoever sends it says so, and sends the plain form."""
    parts, said = loaded(one_receiver("slack_configs: [{api_url: 'http://x/y', title: '{{ .Nothing }}'}]"))
    assert parts is not None, said
    templates = NotificationTemplates(files=parts.template_files, fields=parts.receivers["r"].templates)
    with pytest.raises(TemplateError, match="title"):
        TemplatedFields(templates, str).render(Destination("r", "slack"), a_message(of_incident=False))


def test_keys_of_ours_are_refused_where_alertmanager_reads_too() -> None:
    """In its words, and with the place where they belong; amtool would refuse the file as well."""
    for own in ("console_configs: [{}]", "apprise_configs: [{url: 'json://x'}]", "fallback: other"):
        key = own.partition(":")[0]
        _, said = loaded(one_receiver(own))
        assert said == [f"yaml: unmarshal errors:\n  line 3: field {key} not found in type config.plain"], said
    for own in (
        "slack_configs: [{bot_token: t, channel: c}]",
        "slack_configs: [{bot_token_file: t, channel: c}]",
        "webhook_configs: [{url: 'http://x/', secret: s}]",
        "webhook_configs: [{url: 'http://x/', secret_file: s}]",
    ):
        _, said = loaded(one_receiver(own))
        assert re.search(r"field (bot_token|secret)(_file)? not found in type", said[0]), said
    _, said = loaded("route: {receiver: r, routes: [{page_first: true}]}\nreceivers: [{name: r}]\n")
    assert said == ["yaml: unmarshal errors:\n  line 1: field page_first not found in type config.plain"], said


def test_payloads_and_details_are_filled_in() -> None:
    """A payload is what the webhook posts; PagerDuty's details are texts beside the four that are always there."""
    receivers = (
        "webhook_configs: [{url: 'http://x', payload: {state: '{{ .Status }}', n: '{{ len .Alerts }}'}}], "
        "pagerduty_configs: [{routing_key: k, details: {team: '{{ .Status }}!'}}]"
    )
    parts, said = loaded(one_receiver(receivers))
    assert parts is not None, said
    templates = NotificationTemplates(files=parts.template_files, fields=parts.receivers["r"].templates)
    fields, message = TemplatedFields(templates, lambda text: yaml.safe_load(text)), a_message(of_incident=False)
    payload = fields.render(Destination("r", "webhook"), message)
    assert payload == {"payload": '{"n":1,"state":"firing"}'}
    assert webhook_body(replace(message, fields=tuple(payload.items()))) == b'{"n":1,"state":"firing"}'
    details = fields.render(Destination("r", "pagerduty"), message)
    assert (details["details.team"], details["details.num_firing"]) == ("firing!", "1")


def test_a_template_file_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    """Before the reload, not when the page is due."""
    (tmp_path / "bad.tmpl").write_text('{{ define "a" }}\n{{ .X }', encoding="utf-8")
    _, said = loaded(one_receiver("") + "templates: [bad.tmpl]\n", tmp_path)
    assert said == ['template: bad.tmpl:2: unexpected "}" in operand']
