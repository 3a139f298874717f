"""What an Alertmanager file confides beside its plain keys: printed, in reprs and in errors it is covered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
import yaml

from monitor.cli.verbs import command_line
from monitor.config.alertmanager_file import read_alertmanager
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.golang.kinds import url_mistake
from monitor.config.loading import Overrides, load
from monitor.config.yamltree import read
from monitor.model.errors import ConfigError, PeerError
from monitor.net.asking import Asking
from monitor.net.http_config import HttpClient, OAuth2
from monitor.net.oauth2 import Tokens
from monitor.net.url import redacted, redacted_address

NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]
FILE = """
alertmanager:
  tracing:
    endpoint: "https://ana:s3cret@collector.example:4317"
    client_type: grpc
    insecure: true
    timeout: 5s
    http_headers: {Authorization: "Bearer s3cret"}
    tls_config: {ca_file: ca.pem, key: s3cret, server_name: collector}
  event_recorder:
    outputs:
      - {type: webhook, url: "https://events.example/s3cret?token=s3cret", http_config: {bearer_token: s3cret}}
      - {type: kafka, brokers: ["k:9092"], topic: alerts, password: s3cret}
  global:
    jira_api_url: "https://ana:s3cret@jira.example/"
    pagerduty_url: "https://ana:s3cret@pager.example/"
    http_config:
      proxy_url: "http://ana:s3cret@proxy.example:3128"
      proxy_connect_header: {X-Proxy: [s3cret]}
      http_headers: {X-Key: {values: [open], secrets: [s3cret]}}
  route: {receiver: r}
  receivers:
    - name: r
      opsgenie_configs: [{api_key: s3cret, api_url: "https://ana:s3cret@ops.example/"}]
      jira_configs: [{project: P, issue_type: T}]
      incidentio_configs:
        - {url: "https://s3cret@incident.example/in", alert_source_token: s3cret}
        - {url: "https://incident.example/in?team=s3cret&token=s3cret"}
      pagerduty_configs: [{routing_key: s3cret, details: {link: "https://ana:s3cret@wiki.example/"}}]
      sns_configs:
        - topic_arn: "arn:aws:sns:eu-west-1:1:t"
          api_url: "https://ana:s3cret@sns.example"
          sigv4: {region: eu-west-1, access_key: a, secret_key: s3cret, external_id: s3cret}
      webhook_configs:
        - url: "http://x/"
          http_config:
            oauth2:
              client_id: me
              client_secret: s3cret
              token_url: "https://ana:s3cret@idp.example/token"
              endpoint_params: {assertion: s3cret}
              proxy_url: "http://ana:s3cret@proxy.example:3128"
              proxy_connect_header: {X-Proxy: [s3cret]}
"""


def test_the_configuration_is_printed_and_represented_without_them(tmp_path: Path) -> None:
    """Every place that holds one; what is none stays as it was written, and amtool can still read the addresses."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text(FILE, encoding="utf-8")
    configuration = load(Overrides(config=str(path)), NOTHING_SET, {})
    original = configuration.paging.alertmanager.original
    assert "s3cret" not in original
    book = configuration.paging.book
    assert "s3cret" not in repr((configuration, [book.options(one) for one in book.destinations]))
    printed = yaml.safe_load(original)
    shared, receiver = printed["global"], printed["receivers"][0]
    assert receiver["incidentio_configs"][1]["url"] == "https://incident.example/in?team=<secret>&token=<secret>"
    assert printed["tracing"] == {
        "endpoint": "https://ana:xxxxx@collector.example:4317",
        "client_type": "grpc",
        "insecure": True,
        "timeout": "5s",
        "http_headers": {"Authorization": "<secret>"},
        "tls_config": {"ca_file": "ca.pem", "key": "<secret>", "server_name": "collector"},
    }
    assert printed["event_recorder"]["outputs"] == [
        {"type": "webhook", "url": "https://events.example/<secret>", "http_config": {"bearer_token": "<secret>"}},
        {"type": "kafka", "brokers": ["k:9092"], "topic": "alerts", "password": "<secret>"},
    ]
    client = shared["http_config"]
    assert shared["jira_api_url"] == "https://ana:xxxxx@jira.example/"
    assert client["proxy_url"] == "http://ana:xxxxx@proxy.example:3128"
    assert client["proxy_connect_header"] == {"X-Proxy": ["<secret>"]}
    assert client["http_headers"] == {"X-Key": {"values": ["open"], "secrets": ["<secret>"]}}
    assert receiver["incidentio_configs"][0]["url"] == "https://xxxxx@incident.example/in"
    assert receiver["sns_configs"][0]["sigv4"]["external_id"] == "<secret>"
    oauth2 = receiver["webhook_configs"][0]["http_config"]["oauth2"]
    assert oauth2["token_url"] == "https://ana:xxxxx@idp.example/token"
    assert oauth2["endpoint_params"] == {"assertion": "<secret>"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://u:p@h/a", "http://u:xxxxx@h/a"),
        ("http://u:p@q:r@h/a", "http://u:xxxxx@h/a"),
        ("http://token@h", "http://xxxxx@h"),
        ("POST http://u:p@h: no, see https://h/@x?a@b", "POST http://u:xxxxx@h: no, see https://h/@x?a@b"),
        ("ana@example.com", "ana@example.com"),
    ],
)
def test_addresses_lose_their_password(text: str, shown: str) -> None:
    """Wherever they stand in a text; an @ elsewhere means nothing."""
    assert redacted(text) == shown


async def test_errors_of_asking_name_addresses_without_them() -> None:
    """Whether the token's server is unreachable, or the address is none."""
    at, bad = "http://ana:s3cret@127.0.0.1:1/token", "http://ana:s3cret@127.0.0.1:x/"
    async with aiohttp.ClientSession() as session:
        asking = Asking(lambda: session)
        for url, client in (
            ("http://127.0.0.1:1/", HttpClient(oauth2=OAuth2(client_id="me", token_url=at, secret="x"))),
            ("http://127.0.0.1:1/", HttpClient(oauth2=OAuth2(client_id="me", token_url=bad, secret="x"))),
            (at, HttpClient()),
            (bad, HttpClient()),
        ):
            with pytest.raises(PeerError) as caught:
                async with asking.get(url, client, {}, 5_000):
                    pass
            assert "xxxxx@127.0.0.1" in str(caught.value)
            assert "s3cret" not in str(caught.value)


async def test_a_refused_token_is_told_without_them() -> None:
    """As the answer of the token's server is judged."""

    async def refusing(options: OAuth2, headers: Mapping[str, str], form: str) -> tuple[int, str, bytes]:
        assert "s3cret" not in form
        return 403, "application/json", b"{}"

    tokens = Tokens(refusing, lambda file: file)
    with pytest.raises(PeerError, match=r"from http://ana:xxxxx@idp\.example/: HTTP status 403"):
        await tokens.authorization(OAuth2(client_id="me", token_url="http://ana:s3cret@idp.example/", secret="x"))


SECRET_ADDRESSES = (
    "global: {{slack_api_url: {0}}}",
    "global: {{mattermost_webhook_url: {0}}}",
    "receivers: [{{name: r, slack_configs: [{{channel: c, api_url: {0}}}]}}]",
    "receivers: [{{name: r, discord_configs: [{{webhook_url: {0}}}]}}]",
    "receivers: [{{name: r, mattermost_configs: [{{webhook_url: {0}}}]}}]",
    "receivers: [{{name: r, msteams_configs: [{{webhook_url: {0}}}]}}]",
    "receivers: [{{name: r, webhook_configs: [{{url: {0}}}]}}]",
)
BAD_ADDRESSES = (
    ("http://h/s3cret%zz", 'parse "<secret>": invalid URL escape "%zz"'),
    ("http://h/s3cret\x01", 'parse "<secret>": net/url: invalid control character in URL'),
    (" http://h/s3cret", 'parse "<secret>": first path segment in URL cannot contain colon'),
    ("http://u:s3cret/w@h/", 'parse "<secret>": invalid port <secret> after host'),
    ("ftp://h/s3cret", 'unsupported scheme "ftp" for URL'),
    ("s3cret:token", 'unsupported scheme "<secret>" for URL'),
    ("s3cret/?next=http://h", 'unsupported scheme "" for URL'),
)


@pytest.mark.parametrize("file", SECRET_ADDRESSES)
@pytest.mark.parametrize(("address", "message"), BAD_ADDRESSES)
def test_what_is_wrong_with_an_address_is_said_without_it(
    file: str, address: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the address is the secret; on paper and as JSON."""
    path = tmp_path / "alertmanager.yml"
    path.write_text(f"route: {{receiver: r}}\n{file.format(json.dumps(address))}\n", encoding="utf-8")
    for form in ([], ["--json"]):
        assert command_line(["check-config", str(path), *form]) == 1
        said = "".join(capsys.readouterr())
        assert (json.dumps(message)[1:-1] if form else message) in said
        assert "s3cret" not in said


def test_an_address_that_is_no_secret_is_named_in_what_is_wrong_with_it() -> None:
    """It helps to find it; its password is covered."""
    assert url_mistake("http://ana:s3cret@h/%zz") == 'parse "http://<secret>@h/%zz": invalid URL escape "%zz"'


def test_a_secret_in_place_of_a_files_name_is_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was written under the wrong key."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text(
        "alertmanager: {route: {receiver: r}, receivers: [{name: r, webhook_configs: [{url_file: 'https://h/s3cret'}, {url_file: absent}]}]}\n",
        encoding="utf-8",
    )
    command_line(["check-config", str(path)])
    said = "".join(capsys.readouterr())
    assert "url_file: this looks like the secret itself" in said
    assert "absent cannot be read" in said
    assert "s3cret" not in said


def _told(folder: Path, text: str) -> str:
    (folder / "watchkeeper.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Overrides(config=str(folder / "watchkeeper.yml")), NOTHING_SET, {})
    return "\n".join(f"{one} {one.original}" for one in caught.value.findings)


@pytest.mark.parametrize(
    "entry",
    [
        "s3cret: ana",
        "s3cret: {role: admin}",
        "s3cret: {role: king}",
        "s3cret: [ana]",
        '"${s3cret}": {person: ana}',
        "ana: {s3cret: }",
        "ana: {token: short, s3cret: responder}",
        "s3cret: {person: a}, s3cret: {person: b}",
        'ana: {token: "a${s3cret}b"}',
    ],
)
def test_a_token_that_stands_where_its_name_belongs_is_not_told(entry: str, tmp_path: Path) -> None:
    """Line and column tell where it is."""
    told = _told(tmp_path, f"web:\n  tokens: {{{entry}}}\n")
    assert "web.tokens.<secret>" in told or "web.tokens.ana." in told
    assert "s3cret" not in told


def test_what_is_wrong_with_a_named_token_is_told_by_its_name(tmp_path: Path) -> None:
    """And a key that is nearly known is told as well; so is a variable that is all there is."""
    told = _told(tmp_path, 'web: {tokens: {ana: {token: "${ops_token}", rol: admin}, bo: {token: "${OPS}"}}}\n')
    assert 'web.tokens.ana.rol: "rol" is not a known key here: did you mean "role"?' in told
    assert "web.tokens.ana.token: the environment variable ops_token is not set" in told
    assert "web.tokens.bo.token: the environment variable OPS is not set" in told


@pytest.mark.parametrize(
    "text",
    [
        'external_url: "ftp://u:s3cret@h"\n',
        'rules: {query_url: "ftp://u:s3cret@h"}\n',
        'remote_write: [{url: "http://u:s3cret@h"}, {url: "http://u:s3cret@h"}]\n',
        'scrape_configs: [{job_name: a, static_configs: [{targets: ["http://u:s3cret@h"]}]}]\n',
        'web: {listen: "u:s3cret@h"}\n',
        'checks: [{name: a, url: "http://u:a${s3cret}@h"}]\n',
    ],
)
def test_passwords_in_addresses_are_not_told(text: str, tmp_path: Path) -> None:
    """Neither in what is wrong nor in what would be right."""
    assert "s3cret" not in _told(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "receivers: [{name: r, webhook_configs: [{url: 'http://x/', http_config: {basic_auth: hunter2}}]}]",
        "receivers: [{name: r, webhook_configs: [{url: 'http://x/', http_config: {authorization: hunter2}}]}]",
        "receivers: [{name: r, webhook_configs: [{url: 'http://x/', http_config: {oauth2: hunter2}}]}]",
        "receivers: [{name: r, webhook_configs: [{url: 'http://x/', http_config: hunter2}]}]",
        "receivers: [{name: r, webhook_configs: [hunter2]}]",
        "receivers: [{name: r, slack_configs: hunter2}]",
        "receivers: [{name: r}]\nglobal: {http_config: {proxy_connect_header: {a: hunter2}}}",
        "receivers: [{name: r}]\nglobal: {smtp_smarthost: 'u:hunter2@h:25'}",
    ],
)
def test_what_stands_where_credentials_belong_is_not_told(text: str) -> None:
    """The place is, and of which kind it is; of anything else the beginning is told as go-yaml tells it."""
    findings = told(f"route: {{receiver: r}}\n{text}\n")
    assert findings.errors
    assert "hunter2" not in repr(findings.all)
    plain = told("route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url: 'http://x/', max_alerts: few}]}]")
    assert "cannot unmarshal !!str `few` into uint64" in plain.errors[0].original


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("u:hunter2@h", "u:xxxxx@h"),
        ("u:p@ss:w@h:25", "u:xxxxx@h:25"),
        ("hunter2@h", "xxxxx@h"),
        ("http://u:hunter2@h/", "http://u:xxxxx@h/"),
        ("h:25", "h:25"),
    ],
)
def test_an_address_without_a_scheme_loses_its_password_too(text: str, shown: str) -> None:
    """Whoever forgot the scheme wrote the password all the same."""
    assert redacted_address(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "external_url: u:hunter2@h",
        "smtp: {smarthost: 'u:hunter2@h:25', from: a@example.com}\npeople: {a: {email: a@example.com}}",
        "checks: [{name: a, tcp: 'u:hunter2@h:25'}]",
        "checks: [{name: a, tls: 'u:hunter2@h:25'}]",
    ],
)
def test_passwords_in_addresses_without_a_scheme_are_not_told(text: str, tmp_path: Path) -> None:
    """What is wrong with such an address is said of what is left of it."""
    said = errors_of(text, tmp_path)
    assert "xxxxx@h" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("name", ["a", "''"])
def test_only_the_name_itself_is_hidden_in_what_is_said(name: str, tmp_path: Path) -> None:
    """The same letters within words stay as they are, and nothing stands between them for an empty name."""
    assert "is not a mapping" in errors_of(f"web: {{tokens: {{{name}: 5}}}}", tmp_path)


def told(text: str) -> Findings:
    """What is said of an Alertmanager file."""
    document, findings = read(text, "am.yml"), Findings()
    read_alertmanager(document, document.tree, (), findings, lambda name: name)
    return findings


def errors_of(text: str, folder: Path) -> str:
    """All that is said of a file of our own."""
    path = folder / "watchkeeper.yml"
    path.write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Overrides(config=str(path)), NOTHING_SET, {})
    return repr(caught.value.findings)
