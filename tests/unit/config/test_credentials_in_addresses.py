"""User and password in a check's address are sent, and shown nowhere."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from monitor.config.checks import check_of_url
from monitor.config.environment import Environment
from monitor.config.loading import Configuration, Overrides, load
from monitor.config.starter import starter
from monitor.model.errors import ConfigError
from monitor.probe.kinds import CATALOGUE
from monitor.probe.kinds.http import HttpOptions
from monitor.probe.kinds.http_target import compile_http
from monitor.probe.series import PLAIN, labels_of

NOTHING_SET = Environment(_env_file=None)  # pyright: ignore[reportCallIssue]


def read(folder: Path, checks: str, **variables: str) -> Configuration:
    path = folder / "watchkeeper.yml"
    path.write_text(f"checks: {checks}\n", encoding="utf-8")
    return load(Overrides(config=str(path)), NOTHING_SET, variables)


def test_labels_and_texts_have_the_address_without_them(tmp_path: Path) -> None:
    """The request has them, unescaped."""
    configuration = read(tmp_path, '[{name: shop, url: "https://ana:s3cret%2Fpw@shop.example/health?deep=1"}]')
    check = configuration.checks[0]
    assert check.target == "https://shop.example/health?deep=1"
    target = compile_http(check, "test")
    for shown in (check, target, labels_of(check, CATALOGUE["http"].layout, PLAIN)[0], configuration):
        assert "s3cret" not in repr(shown)
    pair = base64.b64encode(b"ana:s3cret/pw").decode()
    assert f"Authorization: Basic {pair}\r\n".encode() in target.request
    assert pair not in repr(target)


def test_credentials_beside_the_address_win(tmp_path: Path) -> None:
    """Whoever wrote them there meant them."""
    text = '[{name: a, url: "http://old:one@host/", http_config: {basic_auth: {username: new, password: two}}}]'
    options = read(tmp_path, text).checks[0].options
    assert isinstance(options, HttpOptions)
    assert (options.username, options.password) == ("new", "two")


def test_the_command_line_names_checks_without_them() -> None:
    """The name becomes a label, the prefix of alerts, a line in the database."""
    check = check_of_url("https://user:s3cret@shop.example/health?token=abc")
    assert (check.name, check.target) == ("shop.example/health", "https://shop.example/health?token=abc")
    assert "s3cret" not in repr(check)
    assert isinstance(check.options, HttpOptions)
    assert (check.options.username, check.options.password) == ("user", "s3cret")


def test_the_file_that_init_writes_still_sends_them(tmp_path: Path) -> None:
    """As settings of their own."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text(starter('https://ana:s3"cret@shop.example/health'), encoding="utf-8")
    options = load(Overrides(config=str(path)), NOTHING_SET, {}).checks[0].options
    assert isinstance(options, HttpOptions)
    assert (options.username, options.password) == ("ana", 's3"cret')


@pytest.mark.parametrize(
    "url",
    [
        "https://u:${PW}@host:bad/x",
        "https://u:${PW}@host/a b\\n?token=${PW}",
        "https://host:bad/x?token=${PW}",
        "ftp://u:${PW}@host",
        "https://u:x/${PW}@host/",
        "https://u:x?${PW}@host/",
        "https://u:${PW}@[host/",
        "u:${PW}@host",
        "https://u:${PW}@",
    ],
)
def test_mistakes_are_told_without_them(tmp_path: Path, url: str) -> None:
    """Findings go to logs, to terminals and to whoever reloads."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f'[{{name: a, url: "{url}"}}]', PW="s3cretvalue")
    assert "checks[0].url" in str(caught.value)
    assert "s3cretvalue" not in str(caught.value)
