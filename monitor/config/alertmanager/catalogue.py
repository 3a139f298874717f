"""Alertmanager's kinds of integrations, by the key of a receiver that lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monitor.config.alertmanager import chat, paging, web
from monitor.config.golang.structs import Struct

INTEGRATIONS: Final[Mapping[str, Struct]] = {
    "discord_configs": chat.DISCORD,
    "email_configs": web.EMAIL,
    "incidentio_configs": web.INCIDENTIO,
    "pagerduty_configs": paging.PAGERDUTY,
    "slack_configs": chat.SLACK,
    "webhook_configs": web.WEBHOOK,
    "opsgenie_configs": paging.OPSGENIE,
    "wechat_configs": chat.WECHAT,
    "pushover_configs": paging.PUSHOVER,
    "victorops_configs": paging.VICTOROPS,
    "sns_configs": web.SNS,
    "telegram_configs": chat.TELEGRAM,
    "webex_configs": chat.WEBEX,
    "msteams_configs": chat.MSTEAMS,
    "msteamsv2_configs": chat.MSTEAMSV2,
    "jira_configs": paging.JIRA,
    "rocketchat_configs": chat.ROCKETCHAT,
    "mattermost_configs": chat.MATTERMOST,
}

OURS: Final[Mapping[str, Mapping[str, str]]] = {
    "slack_configs": dict.fromkeys(("bot_token", "bot_token_file"), "app_token (or app_token_file) does the same"),
    "webhook_configs": dict.fromkeys(("secret", "secret_file"), ""),
}
"""Keys of integrations that Alertmanager does not have, each with its own that does the same."""

TAKES_DEFAULTS: Final = frozenset({"slack_configs", "opsgenie_configs", "wechat_configs", "rocketchat_configs"})
"""An empty entry of these is one with all defaults; of the others it is a mistake."""
