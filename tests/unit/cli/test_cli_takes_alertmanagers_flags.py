"""`watchkeeper alertmanager` understands what Alertmanager is started with, and says what has no effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.cli.alertmanager import flags_of
from monitor.config.configuration import CONSOLE, Configuration
from monitor.config.environment import Environment
from monitor.config.loading import load
from monitor.config.overrides import Overrides
from monitor.matching.parse import Syntax
from monitor.model.errors import ConfigError
from monitor.model.notifications import Destination
from monitor.model.times import HOUR, SECOND

FILE = """\
route: {receiver: hook}
receivers: [{name: hook, webhook_configs: [{url: "http://127.0.0.1:1/"}]}, {name: default, webhook_configs: [{url: "http://127.0.0.1:2/"}]}]
"""


def started(folder: Path, *flags: str, text: str = FILE) -> Configuration:
    """The configuration of a start with these flags."""
    file = folder / "alertmanager.yml"
    file.write_text(text, encoding="utf-8")
    given = flags_of([f"--config.file={file}", f"--storage.path={folder / 'data'}", *flags])
    return load(Overrides(alertmanager=given), Environment(), {})


def test_defaults_are_alertmanagers() -> None:
    """File, folder, port, retention, cluster."""
    flags = flags_of([])
    assert (flags.config_file, flags.storage, flags.listen) == ("alertmanager.yml", "data/", (("", 9093),))
    assert (flags.retention, flags.start_delay, flags.gossips) == (120 * HOUR, 0, True)


def test_less_than_a_millisecond_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Rather than taken for no limit."""
    with pytest.raises(SystemExit):
        flags_of(["--web.timeout=500us"])
    assert "500us is shorter than a millisecond" in capsys.readouterr().err


def test_flags_of_a_harness_are_taken(tmp_path: Path) -> None:
    """Those that Alertmanager's own acceptance tests start it with; nothing is doubted."""
    found = started(
        tmp_path,
        "--log.level=debug",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=127.0.0.1:0",
        "--cluster.settle-timeout=0s",
        "--enable-feature=classic-mode",
        "--web.route-prefix=/foo",
        "--dispatch.start-delay=5s",
    )
    assert found.log.level == "debug"
    assert (found.listen.host, found.listen.port, found.listen.prefix) == ("127.0.0.1", 0, "/foo")
    assert found.paging.alertmanager.syntax is Syntax.CLASSIC
    assert found.limits.start_delay == 5 * SECOND
    assert [one for one in found.warnings if one.file == "command line"] == []


def test_only_what_the_file_says_is_done(tmp_path: Path) -> None:
    """No checks, rules, policies or escalation; what cannot be delivered goes to nobody of the file."""
    found = started(tmp_path)
    assert (found.checks, found.jobs, found.groups, found.host.enabled) == ((), (), (), False)
    assert all(receiver.policy == "" for receiver in found.paging.receivers.values())
    assert found.paging.book.fallback(Destination("hook", "webhook")) == CONSOLE


def test_flags_become_limits(tmp_path: Path) -> None:
    """Of silences, alerts, requests, and how long things count."""
    found = started(
        tmp_path,
        "--data.retention=1.5h",
        "--silences.max-silences=7",
        "--silences.max-silence-size-bytes=900",
        "--alerts.per-alertname-limit=5",
        "--web.get-concurrency=3",
        "--web.timeout=1m30s",
        "--web.listen-address=127.0.0.1:1",
        "--web.listen-address=[::1]:2",
        "--cluster.listen-address=",
    )
    limits = found.limits
    assert (limits.silences.silences, limits.silences.size, limits.silences.retention) == (7, 900, 90 * 60 * SECOND)
    assert (limits.alerts_per_name, limits.retention) == (5, 90 * 60 * SECOND)
    listen = found.listen
    assert (listen.most_gets, listen.longest_get, listen.cluster) == (3, 90 * SECOND, False)
    assert ((listen.host, listen.port), *listen.also) == (("127.0.0.1", 1), ("[::1]", 2))


@pytest.mark.parametrize(
    ("flags", "url", "prefix"),
    [
        (["--web.external-url=https://alerts.example.com/am/"], "https://alerts.example.com/am", "/am"),
        (
            ["--web.external-url=https://alerts.example.com/am/", "--web.route-prefix=/"],
            "https://alerts.example.com/am",
            "",
        ),
        (["--web.external-url=https://alerts.example.com"], "https://alerts.example.com", ""),
        (
            ["--web.external-url=https://alerts.example.com", "--web.route-prefix=foo/"],
            "https://alerts.example.com",
            "/foo",
        ),
    ],
)
def test_the_prefix_is_the_path_of_the_external_url(tmp_path: Path, flags: list[str], url: str, prefix: str) -> None:
    """Unless one is given."""
    found = started(tmp_path, *flags)
    assert (found.external_url, found.listen.prefix) == (url, prefix)


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("--cluster.peer=10.0.0.1:9094", "do not gossip"),
        ("--enable-feature=alert-names-in-metrics", "not counted by name"),
        ("--enable-feature=event-recorder,auto-gomemlimit", "not recorded"),
        ("--web.systemd-socket", "not taken over"),
    ],
)
def test_what_has_no_effect_is_said(tmp_path: Path, flag: str, word: str) -> None:
    """As a warning, not as a failure."""
    assert any(word in one.problem for one in started(tmp_path, flag).warnings)


@pytest.mark.parametrize(
    "flag",
    ["--bogus", "--web.listen-address=nowhere", "--data.retention=soon", "--enable-feature=magic", "--log.level=loud"],
)
def test_flags_that_cannot_be_understood_end_with_2(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And say which."""
    with pytest.raises(SystemExit) as ended:
        flags_of([flag])
    assert ended.value.code == 2
    assert flag.partition("=")[0].lstrip("-") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no route provided in config"),
        ("route: {receiver: nobody}\n", 'undefined receiver "nobody" used in route'),
        ("receivers: []\n", "no routes provided"),
    ],
)
def test_a_bad_file_is_refused_with_what_alertmanager_says(tmp_path: Path, text: str, says: str) -> None:
    """In its words, since those who read the log know them."""
    with pytest.raises(ConfigError) as error:
        started(tmp_path, text=text)
    first = error.value.findings[0]
    assert (first.original or first.problem) == says
