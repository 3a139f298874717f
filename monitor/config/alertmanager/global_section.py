"""Alertmanager's `global`: what receivers inherit."""

from __future__ import annotations

from typing import Final

from monitor.config.alertmanager.kinds import SmartHost, WebUrl, exclusive
from monitor.config.golang.http_client import CLIENT, TLS
from monitor.config.golang.kinds import File, Flag, Reading, Secret, Span, Text
from monitor.config.golang.structs import Struct, Values
from monitor.model.times import MINUTE


def _token_or_webhook(values: Values, reading: Reading) -> None:
    token = values.set("slack_app_token", "slack_app_token_file")
    url = values.set("slack_api_url", "slack_api_url_file")
    # the two may stand together where the one is the other's address
    if token and url and values.text("slack_api_url") != values.text("slack_app_url"):
        text = (
            "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured"
        )
        reading.refuse(values.path, text, "keep one way to reach Slack")


GLOBAL: Final = Struct(
    title="Alertmanager global",
    about="Defaults for receivers.",
    keys={
        "resolve_timeout": Span(default=5 * MINUTE, about="A pushed alert that names no end is over after this."),
        "http_config": CLIENT,
        "smtp_from": Text(about="Sender of mails."),
        "smtp_hello": Text(default="localhost", about="Name in EHLO."),
        "smtp_smarthost": SmartHost(about="Mail server as host:port."),
        "smtp_auth_username": Text(),
        "smtp_auth_password": Secret(),
        "smtp_auth_password_file": File(about="A file that holds it; read at each mail."),
        "smtp_auth_secret": Secret(),
        "smtp_auth_secret_file": File(),
        "smtp_auth_identity": Text(),
        "smtp_require_tls": Flag(default=True, about="Refuse to send without encryption."),
        "smtp_tls_config": TLS,
        "smtp_force_implicit_tls": Flag(about="Begin with TLS, whatever the port."),
        "slack_api_url": WebUrl(secret=True, about="Incoming webhook for slack_configs without their own."),
        "slack_api_url_file": File(),
        "slack_app_token": Secret(),
        "slack_app_token_file": File(),
        "slack_app_url": WebUrl(default="https://slack.com/api/chat.postMessage"),
        "pagerduty_url": WebUrl(default="https://events.pagerduty.com/v2/enqueue"),
        "opsgenie_api_url": WebUrl(default="https://api.opsgenie.com/"),
        "opsgenie_api_key": Secret(),
        "opsgenie_api_key_file": File(),
        "wechat_api_url": WebUrl(default="https://qyapi.weixin.qq.com/cgi-bin/"),
        "wechat_api_secret": Secret(),
        "wechat_api_secret_file": File(),
        "wechat_api_corp_id": Text(),
        "victorops_api_url": WebUrl(default="https://alert.victorops.com/integrations/generic/20131114/alert/"),
        "victorops_api_key": Secret(),
        "victorops_api_key_file": File(),
        "telegram_api_url": WebUrl(default="https://api.telegram.org"),
        "telegram_bot_token": Secret(),
        "telegram_bot_token_file": File(),
        "webex_api_url": WebUrl(default="https://webexapis.com/v1/messages"),
        "rocketchat_api_url": WebUrl(default="https://open.rocket.chat/"),
        "rocketchat_token": Secret(),
        "rocketchat_token_file": File(),
        "rocketchat_token_id": Secret(),
        "rocketchat_token_id_file": File(),
        "mattermost_webhook_url": WebUrl(secret=True),
        "mattermost_webhook_url_file": File(),
        "jira_api_url": WebUrl(),
    },
    rules=(
        exclusive("smtp_auth_password", "smtp_auth_password_file"),
        exclusive("smtp_auth_secret", "smtp_auth_secret_file"),
        exclusive("slack_app_token", "slack_app_token_file"),
        exclusive("slack_api_url", "slack_api_url_file"),
        _token_or_webhook,
        exclusive("opsgenie_api_key", "opsgenie_api_key_file"),
        exclusive("victorops_api_key", "victorops_api_key_file"),
        exclusive("telegram_bot_token", "telegram_bot_token_file"),
        exclusive("rocketchat_token", "rocketchat_token_file"),
        exclusive("rocketchat_token_id", "rocketchat_token_id_file"),
        exclusive("wechat_api_secret", "wechat_api_secret_file"),
        exclusive("mattermost_webhook_url", "mattermost_webhook_url_file"),
    ),
)
