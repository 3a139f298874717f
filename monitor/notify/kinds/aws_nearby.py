"""Keys that Amazon gives to whatever runs in a container (ECS, EKS) or on a machine of its own (EC2).

Both are answered at an address that only this place has. A container names it in the environment; a machine is asked in two
steps, the first of which gets a token (IMDSv2), so that nobody who can only make us ask for an address learns its keys.
Sources: Amazon's documentation of the SDKs' container and IMDS credential providers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

from monitor.model.errors import StoreError
from monitor.model.surrogates import json_of
from monitor.model.times import Timestamp, parse_rfc3339
from monitor.net.sigv4 import Credentials
from monitor.notify.kinds.calling import Call, CallAnswer, NoAnswerError

Calling = Callable[[Call], Awaitable[CallAnswer]]

_CONTAINER: Final = "http://169.254.170.2"
_MACHINE: Final = "http://169.254.169.254"
_ROLES: Final = "/latest/meta-data/iam/security-credentials/"
_TOKEN_SECONDS: Final = "300"


async def keys_nearby(
    environment: Mapping[str, str], call: Calling, now: Timestamp
) -> tuple[Credentials, Timestamp] | None:
    """The keys and their end. None: nobody here gives any. Raises StoreError for an answer that is no such thing."""
    asked = _of_container(environment)
    try:
        if asked is not None:
            return _keys(await call(asked), now)
        if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            return None
        return await _of_machine(environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _MACHINE).rstrip("/"), call, now)
    except NoAnswerError:
        if asked is None:
            return None
        raise StoreError("the container's credentials are not answered") from None


def _of_container(environment: Mapping[str, str]) -> Call | None:
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
    url = f"{_CONTAINER}{relative}" if relative else environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if not url:
        return None
    token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if file := environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""):
        try:
            token = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"the secret file {file} cannot be read: {type(error).__name__}") from None
    return Call(method="GET", url=url, headers={"Authorization": token} if token else {})


async def _of_machine(base: str, call: Calling, now: Timestamp) -> tuple[Credentials, Timestamp] | None:
    wish = {"X-aws-ec2-metadata-token-ttl-seconds": _TOKEN_SECONDS}
    granted = await call(Call(method="PUT", url=f"{base}/latest/api/token", headers=wish))
    if granted.status != 200:
        return None
    token = {"X-aws-ec2-metadata-token": granted.body.decode("ascii", "ignore").strip()}
    roles = await call(Call(method="GET", url=base + _ROLES, headers=token))
    role = roles.body.decode("utf-8", "replace").partition("\n")[0].strip() if roles.status == 200 else ""
    if not role:
        return None
    return _keys(await call(Call(method="GET", url=f"{base}{_ROLES}{quote(role)}", headers=token)), now)


def _keys(answer: CallAnswer, now: Timestamp) -> tuple[Credentials, Timestamp]:
    """Without an end they are asked for at each use."""
    try:
        document = _mapping(json_of(answer.body))
        ends = document.get("Expiration")
        keys = Credentials(
            access_key=_text(document, "AccessKeyId"),
            secret_key=_text(document, "SecretAccessKey"),
            token=str(document.get("Token") or ""),
        )
        return keys, parse_rfc3339(ends) if isinstance(ends, str) else now
    except (ValueError, RecursionError):
        raise StoreError(f"no AWS credentials: where they are given the answer was {answer.status}") from None


def _mapping(found: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(key)
    return value
