"""What every command has in common: exit codes, errors in two forms, plain text off a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.cli.connection import Daemon, read_token
from monitor.cli.exits import TABLE, CommandError, Exit
from monitor.cli.query import series_text
from monitor.cli.run import run
from monitor.cli.showing import ago, clean, since
from monitor.cli.verbs import command_line
from monitor.model.times import rfc3339

NOW = 1_767_225_600_000
NOBODY = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["checks"],
        ["alerts"],
        ["incidents", "list"],
        ["incidents", "ack", "1"],
        ["query", "up"],
        ["deployments", "list"],
        ["audit"],
        ["receivers", "test", "default"],
        ["reload"],
        ["health"],
    ],
    ids=" ".join,
)
def test_a_daemon_that_does_not_answer_is_said_in_both_forms(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, with what to do; with --json the same as a document."""
    assert command_line([*command, "--url", NOBODY]) == Exit.UNREACHABLE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no daemon answers at http://127.0.0.1:1" in captured.err
    assert "watchkeeper run" in captured.err
    assert command_line([*command, "--url", NOBODY, "--json"]) == Exit.UNREACHABLE
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unreachable"


@pytest.mark.parametrize("command", [["bogus"], ["incidents", "ack"], ["query"], ["status", "--bogus"]], ids=" ".join)
def test_a_command_that_cannot_be_understood_is_exit_2(command: list[str]) -> None:
    """Unknown verbs, missing arguments, unknown options."""
    assert command_line(command) == Exit.USAGE


@pytest.mark.parametrize(
    "command",
    [["silence", "add", "a=b", "-c", "x"], ["silence", "update", "1"], ["maintenance", "add", "night", "a=b"]],
    ids=" ".join,
)
def test_two_ends_are_not_one_too_many_in_silence(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Neither is ignored: both are named, before the daemon is asked."""
    both = ["--for", "1h", "--end", "2030-01-01T00:00:00Z"]
    assert command_line([*command, *both, "--url", NOBODY]) == Exit.USAGE
    assert "--for and --end both say when it ends" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["watchkeeper.yml", "other.yaml", "there"])
def test_a_file_is_not_watched_as_if_it_were_a_service(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`run FILE` is meant as `run --config FILE`, and says so, whether there is such a file or not."""
    (tmp_path / "there").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        run([name])
    assert left.value.code == Exit.USAGE
    assert f"write --config {name}" in capsys.readouterr().err


def test_every_help_shows_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """The table is the same everywhere."""
    for command in (["--help"], ["status", "--help"], ["check-config", "--help"], ["incidents", "--help"]):
        assert command_line(command) == Exit.OK
        text = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert all(f"{code.value} {code.sentence}" in text for code in Exit), command
    assert TABLE.startswith("Exit codes: 0 ")


def test_an_address_that_is_none_is_a_usage_error() -> None:
    """Only http and https, with a host."""
    for url in ("", "127.0.0.1:9797", "ftp://a", "http://"):
        with pytest.raises(CommandError) as caught:
            Daemon(url)
        assert caught.value.code is Exit.USAGE


def test_a_token_comes_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file wins over the variable; one that is not there is said."""
    file = tmp_path / "token"
    file.write_text("abc\n")
    monkeypatch.setenv("WATCHKEEPER_TOKEN", " xyz ")
    assert read_token(str(file)) == "abc"
    assert read_token("") == "xyz"
    with pytest.raises(CommandError, match="cannot be read"):
        read_token(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("seconds", "text"), [(192, "3m 12s ago"), (0, "0s ago"), (-40, "in 40s"), (90_000, "1d 1h ago")]
)
def test_times_are_said_as_people_do(seconds: int, text: str) -> None:
    """Past and future, two units at most."""
    assert ago(rfc3339(NOW - seconds * 1000), NOW) == text


def test_since_is_relative_and_nothing_is_nothing() -> None:
    """What has no beginning has no `since`."""
    assert since(rfc3339(NOW - 192_000), NOW) == "since 3m 12s"
    assert since(None, NOW) == ""


def test_foreign_texts_neither_colour_nor_command_the_terminal() -> None:
    """Markup is shown, control characters are dropped."""
    assert clean("[red]x[/red]\x1b[31m\x07") == "\\[red]x\\[/red][31m"


def test_series_are_written_as_promql_does() -> None:
    """Name first, labels in order; without a name the braces stay."""
    assert series_text({"__name__": "up", "job": "a", "instance": "b"}) == 'up{instance="b", job="a"}'
    assert series_text({"__name__": "up"}) == "up"
    assert series_text({}) == "{}"
