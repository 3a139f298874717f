"""The part of the pagerduty package that is used."""

import ssl
from collections.abc import Mapping
from typing import Any

class Response:
    status_code: int
    headers: Mapping[str, str]

class Error(Exception):
    msg: str
    response: Response | None

class HttpError(Error): ...
class ServerHttpError(HttpError): ...
class UrlError(Exception): ...

class EventsApiV2Client:
    retry: dict[int, int]
    max_http_attempts: int
    max_network_attempts: int
    timeout: float

    def __init__(
        self, routing_key: str, debug: bool = ..., base_url: str | None = ..., *, verify: ssl.SSLContext | bool = ...
    ) -> None: ...
    def send_event(self, action: str, dedup_key: str | None = ..., **properties: Any) -> str: ...
    def close(self) -> None: ...
