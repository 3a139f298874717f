"""Who we are to Amazon: keys from the configuration, the environment, the credentials file, a pod's identity, or the container
or machine that we run on, in that order; and with them a role, if one is named.

Keys that end by themselves are kept until shortly before. Everything else is read at each use, so that rotated keys need no
reload.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from monitor.model.errors import StoreError
from monitor.model.times import HOUR, MINUTE, Timestamp
from monitor.net.sigv4 import Credentials, signed
from monitor.notify.kinds.aws_nearby import Calling, keys_nearby
from monitor.notify.kinds.calling import Call
from monitor.notify.kinds.secret import SecretSource

FORM: Final[Mapping[str, str]] = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_MARGIN: Final = 5 * MINUTE
_TAG: Final = re.compile(r"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]{1,4096})</")
_SESSION: Final = "watchkeeper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sigv4Options:
    """How requests are signed; whatever is empty is taken from the environment."""

    region: str = ""
    access_key: str = ""
    secret_key: SecretSource = field(default_factory=SecretSource)
    profile: str = ""
    role_arn: str = ""
    external_id: str = field(default="", repr=False)


class AwsKeys:
    """The keys of all receivers."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._roles: dict[Sigv4Options, tuple[Timestamp, Credentials]] = {}

    def __repr__(self) -> str:
        return f"AwsKeys({len(self._roles)} roles)"

    def region(self, options: Sigv4Options, arn: str) -> str:
        """Named, or the environment's, or that of the resource. Raises StoreError."""
        here = self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION", "")
        parts = arn.split(":")
        found = options.region or here or (parts[3] if len(parts) > 3 else "")
        if not found:
            raise StoreError("no AWS region is set: set sigv4.region or AWS_REGION")
        return found

    async def of(
        self, options: Sigv4Options, region: str, call: Calling, now: Timestamp, *, nearby: Calling | None = None
    ) -> Credentials:
        """Raises StoreError when there are none, and what `call` raises. `nearby` asks the container or the machine; it
        goes through no proxy, and does not wait long: elsewhere nobody is at that address."""
        token_file = self._environment.get("AWS_WEB_IDENTITY_TOKEN_FILE", "")
        own = self._own(options)
        if not options.role_arn and own is not None:
            return own
        kept = self._roles.get(options)
        if kept is not None and now < kept[0]:
            return kept[1]
        until = now + HOUR - _MARGIN
        if own is None and token_file:
            own = await self._by_web_identity(token_file, region, call)
        elif own is None:
            found = await keys_nearby(self._environment, nearby, now) if nearby is not None else None
            if found is None:
                raise StoreError(
                    "no AWS credentials: set sigv4.access_key, AWS_ACCESS_KEY_ID or a profile, or run where a role is given"
                )
            own, end = found
            until = max(end - _MARGIN, now)
        if options.role_arn:
            fields = {"Action": "AssumeRole", "RoleArn": options.role_arn}
            if options.external_id:
                fields["ExternalId"] = options.external_id
            own = await self._ask(fields, region, call, own, now)
            until = now + HOUR - _MARGIN
        self._roles[options] = (until, own)
        return own

    def refused(self, options: Sigv4Options) -> None:
        """Somebody took a role's keys for ended."""
        self._roles.pop(options, None)

    def _own(self, options: Sigv4Options) -> Credentials | None:
        if options.access_key:
            return Credentials(access_key=options.access_key, secret_key=options.secret_key.read())
        get = self._environment.get
        key, secret = get("AWS_ACCESS_KEY_ID", ""), get("AWS_SECRET_ACCESS_KEY", "")
        if key and secret and not options.profile:
            return Credentials(access_key=key, secret_key=secret, token=get("AWS_SESSION_TOKEN", ""))
        profile = options.profile or get("AWS_PROFILE", "")
        path = Path(get("AWS_SHARED_CREDENTIALS_FILE") or Path(get("HOME", "/"), ".aws", "credentials"))
        if not profile and not path.exists():
            return None
        return _from_file(path, profile or "default", needed=bool(profile))

    async def _by_web_identity(self, token_file: str, region: str, call: Calling) -> Credentials:
        fields = {
            "Action": "AssumeRoleWithWebIdentity",
            "RoleArn": self._environment.get("AWS_ROLE_ARN", ""),
            "WebIdentityToken": SecretSource.file(token_file).read(),
        }
        return await self._ask(fields, region, call, None, 0)

    async def _ask(
        self, fields: Mapping[str, str], region: str, call: Calling, own: Credentials | None, now: Timestamp
    ) -> Credentials:
        url = self._environment.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.{domain(region)}/"
        body = urlencode({"Version": "2011-06-15", "RoleSessionName": _SESSION, **fields}).encode()
        request = Call(url=url, headers=FORM, body=body)
        if own is not None:
            headers = signed("POST", url, FORM, body, credentials=own, region=region, service="sts", now=now)
            request = replace(request, headers=headers)
        answer = await call(request)
        found = dict(_TAG.findall(answer.body.decode("utf-8", "replace")))
        if answer.status != 200 or len(found) < 3:
            raise StoreError(f"the role cannot be taken: the token service answered {answer.status}")
        return Credentials(
            access_key=found["AccessKeyId"], secret_key=found["SecretAccessKey"], token=found["SessionToken"]
        )


def domain(region: str) -> str:
    """Where a region's services are."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _from_file(path: Path, profile: str, *, needed: bool) -> Credentials | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text("utf-8"))
        section = parser[profile]
        return Credentials(
            access_key=section["aws_access_key_id"],
            secret_key=section["aws_secret_access_key"],
            token=section.get("aws_session_token", ""),
        )
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        if needed:
            # a parser's text may show the line
            raise StoreError(f"the AWS profile {profile} cannot be read from {path}") from None
        return None
