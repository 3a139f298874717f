"""Where the server listens, who may do what there, and how others reach it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

from monitor.config.configuration import Listen, Token
from monitor.config.document import ConfigurationSection, TokenSection
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.web_file import read_web_file
from monitor.config.yamltree import Document
from monitor.model.errors import Finding
from monitor.net.url import redacted_address
from monitor.notify.kinds.secret import SecretSource

Locate: TypeAlias = Callable[[str], str]
"""From a file's name in a document to where it is."""


def read_listen(
    address: str,
    section: ConfigurationSection,
    environment: Environment,
    document: Document,
    findings: Findings,
    locate: Locate,
) -> Listen | None:
    """`address`: what the command line says, or nothing."""
    text = address or environment.listen or section.web.listen
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isdecimal() and port.isascii() and len(port) <= 5) or int(port) > 65535:
        shown = text.rpartition("@")[2]  # who writes a whole address here may write a password too
        problem, remedy = f'"{shown}" is not an address to listen at', "write host:port or :port"
        if address or environment.listen:
            where, name = ("command line", "--listen") if address else ("environment", "WATCHKEEPER_LISTEN")
            findings.all.append(Finding(file=where, line=0, path=name, problem=problem, remedy=remedy))
        else:
            findings.wrong(document, ("web", "listen"), problem, remedy)
        return None
    tokens = [_token(name, token, document, findings, locate) for name, token in section.web.tokens.items()]
    if environment.admin_token.get_secret_value():
        secret = SecretSource(environment.admin_token.get_secret_value())
        tokens.append(Token(name="environment", secret=secret, person="admin", role="admin"))
    web_file = section.web.config_file
    return Listen(
        host=host or "0.0.0.0",
        port=int(port),
        tokens=tuple(tokens),
        read_needs_token=section.web.read_needs_token,
        trust_local=_trust_local(section, environment, tokens),
        web_file=read_web_file(locate(web_file), findings) if web_file else None,
    )


def judge_external_url(
    section: ConfigurationSection, environment: Environment, document: Document, findings: Findings
) -> None:
    """Could links begin with it?"""
    given, file = environment.external_url, "environment"
    if not given:
        given, file = section.external_url, document.file
    if not given or _is_web_address(given):
        return
    problem, remedy = (
        f'"{redacted_address(given)}" is not an address that a link can begin with',
        "write http://host or https://host/path",
    )
    if file == "environment":
        name = "WATCHKEEPER_EXTERNAL_URL"
        findings.all.append(Finding(file=file, line=0, path=name, problem=problem, remedy=remedy))
    else:
        findings.wrong(document, ("external_url",), problem, remedy)


def _trust_local(section: ConfigurationSection, environment: Environment, tokens: Sequence[Token]) -> bool:
    given = section.web.trust_local
    external_url = environment.external_url or section.external_url
    return not tokens and (not external_url or _is_here(external_url)) if given is None else given


def _token(name: str, section: TokenSection, document: Document, findings: Findings, locate: Locate) -> Token:
    path = ("web", "tokens", name)
    if section.token and section.token_file:
        findings.wrong(document, path, "at most one of token & token_file must be configured")
    elif not section.token and not section.token_file:
        findings.wrong(document, path, "has no token", "set token_file (or token)")
    elif section.token and len(section.token) < 16:
        findings.wrong(document, (*path, "token"), "is too short to be a secret", "16 characters or more")
    secret = SecretSource.file(locate(section.token_file)) if section.token_file else SecretSource(section.token)
    return Token(name=name, secret=secret, person=section.person or name, role=section.role)


def _is_web_address(url: str) -> bool:
    """Could links begin with it?"""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and port != 0 and not parts.query and not parts.fragment


def _is_here(url: str) -> bool:
    """Does this address lead to the machine itself, and nobody from elsewhere by it?"""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in ("localhost", "::1") or host.startswith("127.")
