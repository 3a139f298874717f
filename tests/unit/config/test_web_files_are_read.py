"""`web.yml`: strict keys, the refusals of Prometheus's programs, and what becomes of a good file."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config.findings import Findings
from monitor.config.web_file import read_web_file
from monitor.config.web_settings import RateLimit
from monitor.model.errors import Finding
from tests.support.certificates import Authority
from tests.support.web_worlds import configuration, web_file_of

HASH = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"


def mistakes(folder: Path, text: str) -> list[Finding]:
    """What is wrong with such a file."""
    path = folder / "web.yml"
    path.write_text(text, encoding="utf-8")
    findings = Findings()
    assert read_web_file(str(path), findings) is None
    return findings.errors


@pytest.mark.parametrize(
    ("text", "original"),
    [
        ("foo: 1", "yaml: unmarshal errors:\n  line 1: field foo not found in type web.Config"),
        ("tls_server_config: {cert_file: a}", "missing one of key or key_file"),
        ("tls_server_config: {key_file: a}", "missing one of cert or cert_file"),
        ("tls_server_config: {client_ca_file: a, client_auth_type: RequireAndVerifyClientCert}", "missing one of cert"),
        ("tls_server_config: {cert_file: nope, key_file: nope}", "failed to load X509KeyPair: "),
        ("tls_server_config: {cert_file: a, cert: b, key_file: a}", "cannot specify both cert and cert_file"),
        ("tls_server_config: {cert_file: a, key_file: b, client_auth_type: Bad}", "Invalid ClientAuth: Bad"),
        (
            "tls_server_config: {cert_file: a, key_file: b, client_ca_file: c}",
            "Client CA's have been configured without a Client Auth Policy",
        ),
        ("tls_server_config: {min_version: TLS14}", "unknown TLS version: TLS14"),
        ("tls_server_config: {cipher_suites: [TLS_FOO]}", "unknown cipher: TLS_FOO"),
        ("tls_server_config: {curve_preferences: [Foo]}", "unknown curve: Foo"),
        ("http_server_config: {headers: {X-Foo: a}}", 'HTTP header "X-Foo" can not be configured'),
        (
            "http_server_config: {headers: {X-Frame-Options: DENY}}",
            'invalid value for X-Frame-Options. Expected one of: ["deny" "sameorigin"], but got: "DENY"',
        ),
        ("basic_auth_users: {ana: plain}", "crypto/bcrypt: hashedSecret too short to be a bcrypted password"),
        (
            f"basic_auth_users: {{ana: {HASH.replace('$10$', '$99$')}}}",
            "crypto/bcrypt: cost 99 is outside allowed range (4,31)",
        ),
    ],
    ids=lambda text: text[:50],
)
def test_what_prometheus_programs_refuse_is_refused_in_their_words(tmp_path: Path, text: str, original: str) -> None:
    """The first mistake as `promtool check web-config` tells it (of the newest exporter-toolkit), with file and line."""
    found = mistakes(tmp_path, text)
    assert found[0].original.startswith(original)
    assert found[0].file == str(tmp_path / "web.yml")
    assert found[0].line == 1


@pytest.mark.parametrize(
    "text",
    [
        "tls_server_config: {cert_file: a, key_file: b, client_auth_type: RequireAnyClientCert}",
        "tls_server_config: {client_allowed_sans: [ana], client_auth_type: VerifyClientCertIfGiven, cert_file: a, key_file: b}",
        "rate_limit: {interval: 1s}",
        "rate_limit: {interval: 1 second, burst: 3}",
        "rate_limit: {interval: 500us, burst: 3}",
    ],
)
def test_what_could_only_be_served_weaker_is_refused(tmp_path: Path, text: str) -> None:
    """Rather than served otherwise than it reads."""
    assert mistakes(tmp_path, text)


def test_a_whole_file_becomes_settings(tmp_path: Path) -> None:
    """Names of files are relative to it; nothing that is secret is printed."""
    authority = Authority(tmp_path)
    chain, key = authority.pair("localhost")
    path = tmp_path / "web.yml"
    path.write_text(
        f"tls_server_config: {{cert_file: {chain.name}, key_file: {key.name}, client_ca_file: ca.pem, "
        "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [ana], min_version: TLS13, "
        "cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}\n"
        "http_server_config: {http2: false, headers: {X-Frame-Options: sameorigin}}\n"
        f"basic_auth_users: {{ana: {HASH}}}\nrate_limit: {{interval: 500ms, burst: 20}}\n",
        encoding="utf-8",
    )
    found = web_file_of(path)
    assert found.tls is not None
    assert found.tls.files == (str(chain), str(key), authority.file)
    assert (found.tls.client_certificate, found.tls.client_names, found.tls.min_version) == (
        "required",
        ("ana",),
        "TLS13",
    )
    assert found.tls.ciphers == ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",)
    assert found.headers == {"X-Frame-Options": "sameorigin"}
    assert found.rate_limit == RateLimit(interval=500, burst=20)
    assert HASH not in repr(found)


def test_certificates_may_stand_in_the_file(tmp_path: Path) -> None:
    """As text, instead of names of files."""
    chain, key = Authority(tmp_path).pair("localhost")
    path = tmp_path / "web.yml"
    indented = {name: file.read_text().replace("\n", "\n    ") for name, file in (("cert", chain), ("key", key))}
    text = "".join(f"  {name}: |\n    {value}\n" for name, value in indented.items())
    path.write_text(f"tls_server_config:\n{text}", encoding="utf-8")
    found = web_file_of(path)
    assert found.tls is not None
    assert found.tls.files == ()


def test_intervals_are_never_shorter_than_written(tmp_path: Path) -> None:
    """A part of a millisecond is a whole one."""
    path = tmp_path / "web.yml"
    path.write_text("rate_limit: {interval: 1500us, burst: 3}\n", encoding="utf-8")
    assert web_file_of(path).rate_limit == RateLimit(interval=2, burst=3)


def test_our_own_file_names_it(tmp_path: Path) -> None:
    """`web.config_file`, relative to the file that names it."""
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{ana: {HASH}}}\n", encoding="utf-8")
    found = configuration("web: {config_file: web.yml}\n", str(tmp_path)).listen.web_file
    assert found is not None
    assert set(found.users) == {"ana"}
