"""Makers of the integrations that wake people or open tickets, PagerDuty apart."""

from __future__ import annotations

from typing import Final, Literal, cast

from monitor.config.alertmanager.ingredients import Making, source
from monitor.config.alertmanager.inheritance import Plain
from monitor.notify.kinds.aws import Sigv4Options
from monitor.notify.kinds.incidentio import IncidentioOptions
from monitor.notify.kinds.jira import JiraOptions
from monitor.notify.kinds.opsgenie import OpsgenieOptions
from monitor.notify.kinds.pushover import PushoverOptions
from monitor.notify.kinds.sns import SnsOptions
from monitor.notify.kinds.victorops import VictorOpsOptions

_API_TYPES: Final[dict[str, Literal["auto", "cloud", "datacenter"]]] = {
    "auto": "auto",
    "cloud": "cloud",
    "datacenter": "datacenter",
}


def opsgenie(making: Making) -> OpsgenieOptions:
    return OpsgenieOptions(
        api_key=making.secret("api_key"),
        api_url=making.text("api_url"),
        update_alerts=making.flag("update_alerts"),
        client=making.client(),
    )


def victorops(making: Making) -> VictorOpsOptions:
    return VictorOpsOptions(
        api_key=making.secret("api_key"),
        routing_key=making.text("routing_key"),
        api_url=making.text("api_url"),
        client=making.client(),
    )


def pushover(making: Making) -> PushoverOptions:
    return PushoverOptions(
        user_key=making.secret("user_key"),
        token=making.secret("token"),
        retry=making.whole("retry"),
        expire=making.whole("expire"),
        ttl=making.whole("ttl"),
        html=making.flag("html"),
        monospace=making.flag("monospace"),
        client=making.client(),
    )


def sns(making: Making) -> SnsOptions:
    given = cast("Plain", making.values["sigv4"] or {})

    def text(key: str) -> str:
        return str(given.get(key) or "")

    return SnsOptions(
        topic_arn=making.text("topic_arn"),
        target_arn=making.text("target_arn"),
        phone_number=making.text("phone_number"),
        api_url=making.text("api_url"),
        sigv4=Sigv4Options(
            region=text("region"),
            access_key=text("access_key"),
            secret_key=source(given, "secret_key", making.reading),
            profile=text("profile"),
            role_arn=text("role_arn"),
            external_id=text("external_id"),
        ),
        client=making.client(),
    )


def incidentio(making: Making) -> IncidentioOptions:
    return IncidentioOptions(
        url=making.secret("url"),
        token=making.secret("alert_source_token"),
        max_alerts=making.whole("max_alerts"),
        timeout=making.whole("timeout"),
        client=making.client(),
    )


def jira(making: Making) -> JiraOptions:
    return JiraOptions(
        api_url=making.text("api_url"),
        api_type=_API_TYPES.get(making.text("api_type"), "auto"),
        project=making.text("project"),
        issue_type=making.text("issue_type"),
        reopen_transition=making.text("reopen_transition"),
        resolve_transition=making.text("resolve_transition"),
        wont_fix_resolution=making.text("wont_fix_resolution"),
        reopen_within=making.whole("reopen_duration"),
        update_summary=_updates(making, "summary"),
        update_description=_updates(making, "description"),
        client=making.client(),
    )


def _updates(making: Making, key: str) -> bool:
    """As Alertmanager: unless it is said otherwise, an issue follows its alerts."""
    given = making.values[key]
    return not isinstance(given, dict) or cast("Plain", given).get("enable_update") is not False
