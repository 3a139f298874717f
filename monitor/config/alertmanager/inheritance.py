"""What an integration takes from `global`, and Alertmanager's words where neither of them has it.

An `http_config` of its own replaces the global one as a whole; msteamsv2 alone keeps the global proxy. Where both an inline
secret and a file are possible, either of them in the integration hides both of the global section.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from monitor.config.alertmanager.catalogue import INTEGRATIONS
from monitor.config.alertmanager.kinds import UPDATED, UpdatedTemplate
from monitor.config.alertmanager.paging import DETAILS
from monitor.config.golang.kinds import Kind, Reading
from monitor.config.golang.structs import ListOf, MapOf, Struct, Values
from monitor.config.yamltree import Path

CLIENT_DEFAULTS: Final = {"follow_redirects": True, "enable_http2": True}
"""An `http_config` that nobody gave."""

Plain = dict[str, object]
"""An integration with everything that it inherits: keys to values; structures are such mappings too."""

_SLACK_API: Final = "https://slack.com/api/chat.postMessage"
_UNSURE: Final = "unsure"
"""Stands for what is written wrongly, and is not missing."""
_PROXY: Final = ("proxy_url", "no_proxy", "proxy_from_environment", "proxy_connect_header")


class MissingError(Exception):
    """Neither the integration nor the global section has it."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


def inherited(key: str, own: Values, shared: Values, reading: Reading) -> Plain | None:
    """One integration of the list `key`, complete; None if something is wrong with it. What is missing is told."""
    if not own.unsure <= INTEGRATIONS[key].keys.keys():
        return None  # a key that nobody knows may be meant for one that is missing
    try:
        found = _complete(key, own.presumed(_UNSURE), shared.presumed(_UNSURE))
    except MissingError as error:
        reading.refuse(own.path, str(error), error.remedy)
        return None
    if own.broken or not shared.unsure:
        return None if own.broken else found
    try:
        return _complete(key, own, shared)
    except MissingError:
        return None  # what it would take is written wrongly in the global section, which is told there


def _complete(key: str, own: Values, shared: Values) -> Plain:
    """Raises MissingError."""
    found = plain(INTEGRATIONS[key], own)
    if "http_config" in found:
        found["http_config"] = _client(key, own, shared)
    step = _STEPS.get(key)
    if step is not None:
        step(found, shared)
    return found


def plain(struct: Struct, values: Values) -> Plain:
    """A structure as mappings, lists and values; structures that are not given are None."""
    return {
        key: _plain(UPDATED if isinstance(kind, UpdatedTemplate) else kind_struct(kind), values.get(key))
        for key, kind in struct.keys.items()
    }


def complete_values(struct: Struct, given: Plain, path: Path) -> Values:
    """The way back: these mappings as what was read at a place; keys that are not there have their defaults."""
    values = {
        key: _back(kind, given[key], (*path, key)) if key in given else kind.empty for key, kind in struct.keys.items()
    }
    return Values(values, frozenset(given), path, broken=False)


def _back(kind: Kind, value: object, path: Path) -> object:
    if isinstance(kind, Struct) and isinstance(value, dict):
        return complete_values(kind, cast("Plain", value), path)
    if isinstance(kind, ListOf) and isinstance(value, list):
        return [_back(kind.item, each, (*path, place)) for place, each in enumerate(cast("list[object]", value))]
    if isinstance(kind, MapOf) and isinstance(value, dict):
        return {key: _back(kind.item, each, (*path, key)) for key, each in cast("Plain", value).items()}
    return value


def kind_struct(kind: object) -> Struct | None:
    """The structure that stands in a kind, below lists and mappings."""
    while not isinstance(kind, Struct):
        kind = getattr(kind, "item", None)
        if kind is None:
            return None
    return kind


def _plain(struct: Struct | None, value: object) -> object:
    if isinstance(value, Values):
        return plain(struct, value) if struct is not None else {}
    if isinstance(value, list):
        return [_plain(struct, each) for each in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {key: _plain(struct, each) for key, each in members.items()}
    return value


def _client(key: str, own: Values, shared: Values) -> object:
    struct = kind_struct(INTEGRATIONS[key].keys["http_config"])
    mine, theirs = own.one("http_config"), shared.one("http_config")
    if struct is None or (mine is None and theirs is None):
        return dict(CLIENT_DEFAULTS)
    if mine is None:
        return plain(struct, cast("Values", theirs))
    client = plain(struct, mine)
    if key == "msteamsv2_configs" and theirs is not None and not mine.set(*_PROXY):
        client.update({name: theirs.get(name) for name in _PROXY})
    return client


def _take(found: Plain, shared: Values, pairs: Mapping[str, str]) -> None:
    """Fill each key that is empty from the global one."""
    for own, other in pairs.items():
        if found[own] in (None, ""):
            found[own] = shared.get(other)


def _secret(found: Plain, shared: Values, own: str, other: str, text: str, *, needed: bool = True) -> None:
    """A secret that stands inline or in a file."""
    if found[own] or found[f"{own}_file"]:
        return
    found[own], found[f"{own}_file"] = shared.get(other), shared.get(f"{other}_file")
    if needed and not found[own] and not found[f"{own}_file"]:
        raise MissingError(text, f"set {own}_file here, or {other}_file in global")


def _address(found: Plain, shared: Values, other: str, text: str, *, own: str = "api_url", slash: bool = False) -> None:
    if not found[own]:
        found[own] = shared.get(other)
    if not found[own]:
        raise MissingError(text, f"set {own} here, or {other} in global")
    if slash and not str(found[own]).endswith("/"):
        found[own] = f"{found[own]}/"


def _email(found: Plain, shared: Values) -> None:
    _address(found, shared, "smtp_smarthost", "no global SMTP smarthost set", own="smarthost")
    _address(found, shared, "smtp_from", "no global SMTP from set", own="from")
    _take(
        found,
        shared,
        {
            "hello": "smtp_hello",
            "auth_username": "smtp_auth_username",
            "auth_identity": "smtp_auth_identity",
            "require_tls": "smtp_require_tls",
            "force_implicit_tls": "smtp_force_implicit_tls",
        },
    )
    _secret(found, shared, "auth_password", "smtp_auth_password", "", needed=False)
    _secret(found, shared, "auth_secret", "smtp_auth_secret", "", needed=False)
    tls = shared.one("smtp_tls_config")
    struct = kind_struct(INTEGRATIONS["email_configs"].keys["tls_config"])
    if found["tls_config"] is None and struct is not None:
        found["tls_config"] = plain(struct, tls) if tls is not None else {"insecure_skip_verify": False}


def _slack(found: Plain, shared: Values) -> None:
    ours = found["bot_token"] or found["bot_token_file"]
    client = cast("Plain", found["http_config"])
    url = found["api_url"] or found["api_url_file"]
    if not url and not ours and not found["app_token"] and not found["app_token_file"]:
        found["api_url"], found["api_url_file"] = shared.get("slack_api_url"), shared.get("slack_api_url_file")
        if not client.get("authorization"):
            found["app_token"], found["app_token_file"] = (
                shared.get("slack_app_token"),
                shared.get("slack_app_token_file"),
            )
    token = found["app_token"] or found["app_token_file"]
    if not token and not ours and not found["api_url"] and not found["api_url_file"]:
        text = "no Slack API URL nor App token set either inline or in a file"
        raise MissingError(text, "set app_token_file or api_url_file here, or slack_app_token_file in global")
    if token:
        # a token is sent as a bearer's credentials
        found["api_url"], found["api_url_file"] = found["app_url"] or shared.get("slack_app_url"), ""
        authorization = {
            "type": "Bearer",
            "credentials": found["app_token"],
            "credentials_file": found["app_token_file"],
        }
        found["http_config"] = {**client, "authorization": authorization}
    if found["update_message"] is True and found["api_url"] not in (_SLACK_API, _UNSURE) and not ours:
        text = f"update_message can only be used with bot tokens. api_url must be set to {_SLACK_API}"
        raise MissingError(text, f"set api_url: {_SLACK_API} and an app_token_file")


def _pagerduty(found: Plain, shared: Values) -> None:
    _address(found, shared, "pagerduty_url", "no global PagerDuty URL set", own="url")
    details = found["details"]
    given = cast("Plain", details) if isinstance(details, dict) else {}
    found["details"] = {**DETAILS, **given}
    if not found["source"]:
        found["source"] = found["client"]


def _opsgenie(found: Plain, shared: Values) -> None:
    _address(found, shared, "opsgenie_api_url", "no global OpsGenie URL set", slash=True)
    text = "no global OpsGenie API Key set either inline or in a file"
    _secret(found, shared, "api_key", "opsgenie_api_key", text)


def _wechat(found: Plain, shared: Values) -> None:
    _address(found, shared, "wechat_api_url", "no global Wechat URL set", slash=True)
    text = "no global Wechat Api Secret set either inline or in a file"
    _secret(found, shared, "api_secret", "wechat_api_secret", text)
    _take(found, shared, {"corp_id": "wechat_api_corp_id"})
    found["message_type"] = found["message_type"] or "text"
    if not found["corp_id"]:
        raise MissingError("no global Wechat CorpID set", "set corp_id here, or wechat_api_corp_id in global")


def _victorops(found: Plain, shared: Values) -> None:
    _address(found, shared, "victorops_api_url", "no global VictorOps URL set", slash=True)
    _secret(found, shared, "api_key", "victorops_api_key", "no global VictorOps API Key set")


def _telegram(found: Plain, shared: Values) -> None:
    _address(found, shared, "telegram_api_url", "no global Telegram URL set")
    text = "missing bot_token or bot_token_file on telegram_config"
    _secret(found, shared, "bot_token", "telegram_bot_token", text)


def _webex(found: Plain, shared: Values) -> None:
    _address(found, shared, "webex_api_url", "no global Webex URL set")


def _jira(found: Plain, shared: Values) -> None:
    _address(found, shared, "jira_api_url", "no global Jira Cloud URL set")


def _rocketchat(found: Plain, shared: Values) -> None:
    _address(found, shared, "rocketchat_api_url", "no global Rocketchat URL set", slash=True)
    text = "no global Rocketchat {} set either inline or in a file"
    _secret(found, shared, "token_id", "rocketchat_token_id", text.format("TokenID"))
    _secret(found, shared, "token", "rocketchat_token", text.format("Token"))


def _mattermost(found: Plain, shared: Values) -> None:
    text = "missing webhook_url or webhook_url_file on mattermost_config"
    _secret(found, shared, "webhook_url", "mattermost_webhook_url", text)


_STEPS: Final[Mapping[str, Callable[[Plain, Values], None]]] = {
    "email_configs": _email,
    "jira_configs": _jira,
    "mattermost_configs": _mattermost,
    "opsgenie_configs": _opsgenie,
    "pagerduty_configs": _pagerduty,
    "rocketchat_configs": _rocketchat,
    "slack_configs": _slack,
    "telegram_configs": _telegram,
    "victorops_configs": _victorops,
    "webex_configs": _webex,
    "wechat_configs": _wechat,
}
