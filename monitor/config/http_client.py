"""`http_config` as Prometheus and Alertmanager share it: who we are to the other side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from monitor.config.fields import AsMapping, Flag, Free, Section, Text, text_of
from monitor.net.tls import Trust

TlsVersion = Annotated[Literal["", "TLS10", "TLS11", "TLS12", "TLS13"], BeforeValidator(text_of)]


class BasicAuthSection(Section):
    """User and password."""

    username: Text = ""
    username_file: Text = ""
    """Known, not served yet."""
    password: Text = ""
    password_file: Text = ""
    """A file that holds it; read at each use."""


class AuthorizationSection(Section):
    """The Authorization header."""

    type: Text = "Bearer"
    """The word before the credentials."""
    credentials: Text = ""
    credentials_file: Text = ""
    """A file that holds them; read at each use."""


class TlsSection(Section):
    """Whom to believe, and who we are."""

    ca_file: Text = ""
    """Certificates to trust instead of the system's."""
    cert_file: Text = ""
    """Our certificate."""
    key_file: Text = ""
    """Its key."""
    server_name: Text = ""
    """The name that the certificate must be for."""
    insecure_skip_verify: Flag = False
    """Believe any certificate."""
    ca: Text = ""
    """The same in place of a file."""
    cert: Free = None
    """Known, not served yet."""
    key: Free = None
    """Known, not served yet."""
    min_version: TlsVersion = ""
    """TLS10 to TLS13; TLS12 if not given."""
    max_version: TlsVersion = ""
    """TLS10 to TLS13; the newest if not given."""


def trust_of(section: TlsSection, locate: Callable[[str], str]) -> Trust:
    """The section as the room of connections wants it."""
    return Trust(
        verify=not section.insecure_skip_verify,
        ca_file=locate(section.ca_file) if section.ca_file else "",
        cert_file=locate(section.cert_file) if section.cert_file else "",
        key_file=locate(section.key_file) if section.key_file else "",
        server_name=section.server_name,
        ca=section.ca,
        min_version=section.min_version,
        max_version=section.max_version,
    )


class HttpClientSection(Section):
    """Settings of an HTTP client. The ones without a word about it are served."""

    basic_auth: Annotated[BasicAuthSection, AsMapping] = Field(default_factory=BasicAuthSection)
    authorization: Annotated[AuthorizationSection, AsMapping] = Field(default_factory=AuthorizationSection)
    bearer_token: Text = ""
    """Older form of authorization."""
    bearer_token_file: Text = ""
    """Older form of authorization."""
    tls_config: Annotated[TlsSection, AsMapping] = Field(default_factory=TlsSection)
    follow_redirects: Flag = True
    enable_http2: Free = None
    """Accepted; HTTP/1.1 is spoken."""
    proxy_url: Text = ""
    """An HTTP proxy to go through."""
    no_proxy: Text = ""
    """Known, not served yet."""
    proxy_from_environment: Free = None
    """Known, not served yet."""
    proxy_connect_header: Free = None
    """Known, not served yet."""
    oauth2: Free = None
    """Known, not served yet."""
    http_headers: Free = None
    """Known, not served yet."""

    def unserved(self) -> list[str]:
        """Keys that were given and do nothing yet."""
        names = ("no_proxy", "proxy_from_environment", "proxy_connect_header", "oauth2", "http_headers")
        parts = [f"tls_config.{name}" for name in ("cert", "key") if getattr(self.tls_config, name)]
        parts += ["basic_auth.username_file"] if self.basic_auth.username_file else []
        return [*(name for name in names if getattr(self, name)), *parts]
