"""From a complete integration to what delivers it: the options of its kind, and the templates of its texts.

A text that is a template is rendered when a notification is decided, and travels with the message; addresses and secrets
stay in the options and are read at the moment of sending. In an Alertmanager configuration a text that is not given is the
named default, as there; a receiver of our own file says it in Watchkeeper's own words then (decision 0026).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from monitor.alerts.templating.options import FieldTemplate
from monitor.config.alertmanager import paging_makers
from monitor.config.alertmanager.catalogue import INTEGRATIONS
from monitor.config.alertmanager.ingredients import Making, source
from monitor.config.alertmanager.inheritance import Plain, kind_struct
from monitor.config.alertmanager.kinds import Free, OptionalFlag, Template, UpdatedTemplate, split_host_port
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import Flag, Kind, Reading
from monitor.config.golang.structs import ListOf, MapOf, Struct
from monitor.config.yamltree import Path
from monitor.notify.dressing.slack import MARKED
from monitor.notify.kinds.discord import DiscordOptions
from monitor.notify.kinds.email import EmailOptions
from monitor.notify.kinds.mattermost import MattermostOptions
from monitor.notify.kinds.msteams import MsTeamsOptions
from monitor.notify.kinds.msteamsv2 import MsTeamsV2Options
from monitor.notify.kinds.pagerduty import PagerDutyOptions
from monitor.notify.kinds.rocketchat import RocketChatOptions
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.slack import WEB_API, SlackOptions
from monitor.notify.kinds.telegram import TelegramOptions
from monitor.notify.kinds.webex import WebexOptions
from monitor.notify.kinds.webhook import WebhookOptions
from monitor.notify.kinds.wechat import WeChatOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an integration amounts to."""

    options: object
    templates: Mapping[str, FieldTemplate] = field(default_factory=dict[str, FieldTemplate])
    """Of all its texts."""
    given: frozenset[str] = frozenset()
    """Those that the configuration itself gives."""

    def wanted(self, *, defaults: bool) -> dict[str, FieldTemplate]:
        """The templates to render: all, or those that are given."""
        return {name: template for name, template in self.templates.items() if defaults or name in self.given}


def made(key: str, values: Plain, given: frozenset[str], path: Path, reading: Reading) -> Made | None:
    """None: this kind cannot be told yet, or not so, which is then said as a warning."""
    make = _MAKERS.get(key)
    if make is None:
        reading.doubt(path, "is known but not served yet", "nobody is notified through it")
        return None
    options = make(Making(values=values, path=path, reading=reading))
    if options is None:
        return None
    templates = _all_texts(key, values)
    own = frozenset(name for name in templates if name.partition(".")[0] in given)
    return Made(options=options, templates=templates, given=own)


def written_texts(key: str, values: Plain, given: frozenset[str]) -> dict[str, FieldTemplate]:
    """The templates that an integration gives itself, whatever else is wrong with it."""
    return {name: one for name, one in _all_texts(key, values).items() if name.partition(".")[0] in given}


def _all_texts(key: str, values: Plain) -> dict[str, FieldTemplate]:
    templates = dict(_templates(INTEGRATIONS[key], values))
    # an address may hold a secret, and what is rendered now is stored with the message: it is rendered at the send
    templates.pop(_ADDRESSES.get(key, ""), None)
    for name in _html(key, values):
        if name in templates:
            templates[name] = FieldTemplate(templates[name].source, html=True)
    return templates


def template_keys(struct: Struct) -> tuple[str, ...]:
    """The options of an integration that are templates, or hold some. Those of addresses are rendered at the send."""
    return tuple(sorted(key for key, kind in struct.keys.items() if _holds_templates(kind)))


def _holds_templates(kind: Kind) -> bool:
    if isinstance(kind, ListOf | MapOf):
        return _holds_templates(kind.item)
    if isinstance(kind, Struct):
        return kind is not CLIENT and any(_holds_templates(inner) for inner in kind.keys.values())
    return isinstance(kind, Free | Template | UpdatedTemplate | OptionalFlag)


_ADDRESSES: Final = {"webhook_configs": "url", "sns_configs": "api_url"}


def _html(key: str, values: Plain) -> tuple[str, ...]:
    """Which texts are HTML."""
    if (key == "telegram_configs" and values["parse_mode"] == "HTML") or (
        key == "pushover_configs" and values["html"] is True
    ):
        return ("message",)
    return ("html",) if key == "email_configs" else ()


def _templates(struct: Struct, values: Plain) -> Iterator[tuple[str, FieldTemplate]]:
    for key, kind in struct.keys.items():
        yield from _flat(key, kind, values.get(key))


def _flat(name: str, kind: Kind, value: object) -> Iterator[tuple[str, FieldTemplate]]:
    if value is None or value in ("", [], {}):
        return
    if isinstance(kind, Free):
        # one of several is a text where it is written as one
        yield name, FieldTemplate(value, document=kind.parsed or not isinstance(value, str) or "." not in name)
    elif isinstance(kind, Template | UpdatedTemplate):
        yield name, FieldTemplate(value if isinstance(value, str) else cast("Plain", value).get("template", ""))
    elif isinstance(kind, OptionalFlag) or (isinstance(kind, Flag) and value is True and name != "send_resolved"):
        yield name, FieldTemplate("true" if value is True else "false")
    elif isinstance(kind, Struct) and isinstance(value, dict) and kind is not CLIENT:
        yield from _members(name, kind, cast("Plain", value))
    elif isinstance(kind, ListOf) and isinstance(value, list):
        for place, item in enumerate(cast("list[object]", value)):
            yield from _members(f"{name}.{place}", kind.item, item)
    elif isinstance(kind, MapOf) and isinstance(value, dict):
        for key, item in cast("Plain", value).items():
            yield from _members(f"{name}.{key}", kind.item, item)


def _members(name: str, kind: Kind, item: object) -> Iterator[tuple[str, FieldTemplate]]:
    struct = kind_struct(kind)
    if struct is None:
        yield from _flat(name, kind, item)
        return
    for key, inner in struct.keys.items():
        yield from _flat(f"{name}.{key}", inner, cast("Plain", item).get(key))


def _webhook(making: Making) -> object | None:
    return WebhookOptions(
        url=making.secret("url"),
        max_alerts=making.whole("max_alerts"),
        timeout=making.whole("timeout"),
        secret=making.secret("secret"),
        client=making.client(),
    )


def _slack(making: Making) -> object | None:
    client = cast("Plain", making.values["http_config"] or {})
    url = making.text("api_url")
    by_method = url.endswith("/chat.postMessage")
    token = making.secret("bot_token") or making.secret("app_token")
    if by_method and not token:
        # how bot tokens are given since before there was a key for them
        authorization = cast("Plain", client.get("authorization") or {})
        if authorization.get("type") == "Bearer":
            token = source(authorization, "credentials", making.reading)
    marked = tuple(cast("list[str]", making.values["mrkdwn_in"] or ())) or MARKED
    if token:
        return SlackOptions(
            token=token,
            channel=making.text("channel"),
            base_url=url.removesuffix("chat.postMessage") if by_method else WEB_API,
            update_message=making.flag("update_message"),
            mrkdwn_in=marked,
            timeout=making.whole("timeout"),
            # the token is all that is said of who we are
            client=replace(making.client(), authorization=None),
        )
    return SlackOptions(
        channel=making.text("channel"),
        webhook_url=making.secret("api_url"),
        mrkdwn_in=marked,
        timeout=making.whole("timeout"),
        client=making.client(),
    )


def _pagerduty(making: Making) -> object | None:
    return PagerDutyOptions(
        routing_key=making.secret("routing_key"),
        service_key=making.secret("service_key"),
        url=making.text("url"),
        timeout=making.whole("timeout"),
        client=making.client(),
    )


def _email(making: Making) -> object | None:
    host, port = split_host_port(making.text("smarthost"))
    if not port.isdecimal() or len(port) > 5:
        making.reading.refuse(
            (*making.path, "smarthost"), f"address {host}:{port}: port is no number", "write a number"
        )
        return None
    if making.secret("auth_secret"):
        making.reading.doubt((*making.path, "auth_secret"), "is known but not served yet", "use auth_password")
    implicit = making.values["force_implicit_tls"]
    return EmailOptions(
        to=tuple(address.strip() for address in making.text("to").split(",") if address.strip()),
        sender=making.text("from"),
        host=host,
        port=int(port),
        hello=making.text("hello"),
        username=making.text("auth_username"),
        password=making.secret("auth_password"),
        require_tls=making.flag("require_tls"),
        implicit_tls=True if implicit is True else None,
        trust=making.trust("tls_config"),
    )


def _telegram(making: Making) -> object | None:
    chat = making.whole("chat_id")
    return TelegramOptions(
        bot_token=making.secret("bot_token"),
        chat_id=SecretSource(str(chat)) if chat else making.secret("chat_id"),
        message_thread_id=making.whole("message_thread_id"),
        parse_mode=making.text("parse_mode"),
        disable_notifications=making.flag("disable_notifications"),
        api_url=making.text("api_url"),
        client=making.client(),
    )


def _rocketchat(making: Making) -> object | None:
    return RocketChatOptions(
        token=making.secret("token"),
        token_id=making.secret("token_id"),
        api_url=making.text("api_url"),
        link_names=making.flag("link_names"),
        client=making.client(),
    )


def _wechat(making: Making) -> object | None:
    return WeChatOptions(
        api_secret=making.secret("api_secret"),
        corp_id=making.text("corp_id"),
        message_type=making.text("message_type"),
        api_url=making.text("api_url"),
        client=making.client(),
    )


def _webex(making: Making) -> object | None:
    return WebexOptions(room_id=making.text("room_id"), api_url=making.text("api_url"), client=making.client())


def _by_webhook(options: Callable[..., object]) -> Callable[[Making], object | None]:
    """For chats that need nothing but an address."""
    return lambda making: options(webhook_url=making.secret("webhook_url"), client=making.client())


_MAKERS: Final[Mapping[str, Callable[[Making], object | None]]] = {
    "discord_configs": _by_webhook(DiscordOptions),
    "email_configs": _email,
    "mattermost_configs": _by_webhook(MattermostOptions),
    "msteams_configs": _by_webhook(MsTeamsOptions),
    "msteamsv2_configs": _by_webhook(MsTeamsV2Options),
    "pagerduty_configs": _pagerduty,
    "rocketchat_configs": _rocketchat,
    "slack_configs": _slack,
    "telegram_configs": _telegram,
    "webex_configs": _webex,
    "incidentio_configs": paging_makers.incidentio,
    "jira_configs": paging_makers.jira,
    "opsgenie_configs": paging_makers.opsgenie,
    "pushover_configs": paging_makers.pushover,
    "sns_configs": paging_makers.sns,
    "victorops_configs": paging_makers.victorops,
    "webhook_configs": _webhook,
    "wechat_configs": _wechat,
}
