"""Every integration: its name in the configuration, its options and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from monitor.notify.kinds.apprise import Apprise, AppriseOptions
from monitor.notify.kinds.console import Console, ConsoleOptions
from monitor.notify.kinds.discord import Discord, DiscordOptions
from monitor.notify.kinds.email import Email, EmailOptions
from monitor.notify.kinds.incidentio import Incidentio, IncidentioOptions
from monitor.notify.kinds.jira import Jira, JiraOptions
from monitor.notify.kinds.mattermost import Mattermost, MattermostOptions
from monitor.notify.kinds.msteams import MsTeams, MsTeamsOptions
from monitor.notify.kinds.msteamsv2 import MsTeamsV2, MsTeamsV2Options
from monitor.notify.kinds.opsgenie import Opsgenie, OpsgenieOptions
from monitor.notify.kinds.pagerduty import PagerDuty, PagerDutyOptions
from monitor.notify.kinds.pushover import Pushover, PushoverOptions
from monitor.notify.kinds.rocketchat import RocketChat, RocketChatOptions
from monitor.notify.kinds.sending import Kind, Surroundings
from monitor.notify.kinds.slack import Slack, SlackOptions
from monitor.notify.kinds.sns import Sns, SnsOptions
from monitor.notify.kinds.telegram import Telegram, TelegramOptions
from monitor.notify.kinds.victorops import VictorOps, VictorOpsOptions
from monitor.notify.kinds.webex import Webex, WebexOptions
from monitor.notify.kinds.webhook import Webhook, WebhookOptions
from monitor.notify.kinds.wechat import WeChat, WeChatOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One integration."""

    options: type[object]
    """Its options: a frozen dataclass with a sentence under each field."""
    make: Callable[[Surroundings], Kind]


CATALOGUE: Mapping[str, Entry] = MappingProxyType(
    {
        "pagerduty": Entry(options=PagerDutyOptions, make=PagerDuty),
        "slack": Entry(options=SlackOptions, make=Slack),
        "email": Entry(options=EmailOptions, make=Email),
        "webhook": Entry(options=WebhookOptions, make=Webhook),
        "discord": Entry(options=DiscordOptions, make=Discord),
        "mattermost": Entry(options=MattermostOptions, make=Mattermost),
        "msteams": Entry(options=MsTeamsOptions, make=MsTeams),
        "msteamsv2": Entry(options=MsTeamsV2Options, make=MsTeamsV2),
        "rocketchat": Entry(options=RocketChatOptions, make=RocketChat),
        "telegram": Entry(options=TelegramOptions, make=Telegram),
        "webex": Entry(options=WebexOptions, make=Webex),
        "wechat": Entry(options=WeChatOptions, make=WeChat),
        "opsgenie": Entry(options=OpsgenieOptions, make=Opsgenie),
        "victorops": Entry(options=VictorOpsOptions, make=VictorOps),
        "pushover": Entry(options=PushoverOptions, make=Pushover),
        "sns": Entry(options=SnsOptions, make=Sns),
        "jira": Entry(options=JiraOptions, make=Jira),
        "incidentio": Entry(options=IncidentioOptions, make=Incidentio),
        "apprise": Entry(options=AppriseOptions, make=Apprise),
        "console": Entry(options=ConsoleOptions, make=Console),
    }
)
