"""The part of slack_sdk.web.async_client that is used."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp

class AsyncSlackResponse:
    status_code: int
    headers: Mapping[str, str]
    data: object

class AsyncWebClient:
    def __init__(
        self,
        token: str | None = ...,
        base_url: str = ...,
        *,
        session: aiohttp.ClientSession | None = ...,
        logger: logging.Logger | None = ...,
        retry_handlers: Sequence[object] | None = ...,
    ) -> None: ...
    async def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = ...,
        json: Mapping[str, Any] | None = ...,
        params: Mapping[str, Any] | None = ...,
    ) -> AsyncSlackResponse: ...
