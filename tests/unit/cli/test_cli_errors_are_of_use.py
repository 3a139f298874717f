"""What a command says of input that it cannot use: which option or file it is, what is wrong, and what would be right."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from monitor.cli.alertmanager import flags_of
from monitor.cli.exits import Exit
from monitor.cli.option_words import spoken, spoken_remedy
from monitor.cli.run import run
from monitor.cli.verbs import command_line

OWN = "people: {ana: {console: true}}\n"
RULES = "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]\n"
TESTS = "rule_files: [rules.yml]\ntests: [{name: one, alert_rule_test: [{alertname: A, eval_time: 1m}]}]\n"
HISTORY = '{"at": "2026-11-01T00:00:00Z", "labels": {"alertname": "A"}}\n'
NO_FILE = "nope cannot be read: No such file or directory"
FOLDER = "cannot be read: Is a directory"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("watchkeeper.yml", OWN),
        ("rules.yml", RULES),
        ("tests.yml", TESTS),
        ("history.jsonl", HISTORY),
    ):
        (tmp_path / name).write_text(text)
    (tmp_path / "binary").write_bytes(b"checks: \xff\xfe")
    (tmp_path / "folder").mkdir()


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("check-config nope", Exit.FINDINGS, "nope: cannot be read: No such file or directory: correct the path"),
        ("check-config folder", Exit.FINDINGS, f"folder: {FOLDER}: correct the path"),
        ("check-config binary", Exit.FINDINGS, "binary: cannot be read: it is no text in UTF-8 (byte 0xff at 8)"),
        ("check-config --lookback-delta x", Exit.USAGE, '--lookback-delta: not a valid duration string: "x": write 5m'),
        ("alerts lint nope", Exit.FINDINGS, "nope: cannot be read: No such file or directory: correct the path"),
        (
            "alerts lint rules.yml",
            Exit.USAGE,
            "rules.yml is a rule file: it routes no alerts: name an alertmanager.yml",
        ),
        ("alerts history --since xx", Exit.USAGE, '--since: "xx" is no time: write 7d for so long ago, or 2026-01-02'),
        ("alerts history --until xx", Exit.USAGE, '--until: "xx" is no time: write 2026-01-02T03:04:05Z'),
        ("alerts replay nope", Exit.FINDINGS, "nope: cannot be read: No such file or directory: correct the path"),
        (
            "alerts replay history.jsonl",
            Exit.USAGE,
            "history.jsonl is a history of alerts, and no configuration: give it with --history",
        ),
        ("alerts replay watchkeeper.yml --history nope", Exit.USAGE, f"--history: {NO_FILE}: correct the path"),
        ("alerts replay watchkeeper.yml --history folder", Exit.USAGE, f"--history: folder {FOLDER}"),
        ("alerts replay watchkeeper.yml --history history.jsonl --since xx", Exit.USAGE, "--since: "),
        ("rules check nope", Exit.FINDINGS, "nope: cannot be read: No such file or directory: correct the path"),
        ("rules test folder", Exit.FINDINGS, f"folder: {FOLDER}"),
        (
            "rules test tests.yml --run nothing",
            Exit.USAGE,
            '--run "nothing" finds no test: it is held against the `name`',
        ),
        (
            "rules test tests.yml --config nope",
            Exit.FINDINGS,
            "nope: cannot be read: No such file or directory: correct",
        ),
        ("check-metrics nope", Exit.FINDINGS, f"{NO_FILE}: correct the path"),
        (
            "status --url http://[",
            Exit.USAGE,
            '"http://[" is no address of a daemon: write it as http://127.0.0.1:9797',
        ),
        ("status --url http://127.0.0.1:x", Exit.USAGE, "is no address of a daemon: write it as http://127.0.0.1:9797"),
        ("status --url http://127.0.0.1:1", Exit.UNREACHABLE, "start it with `watchkeeper run`, or say where it is"),
        ("status --token-file nope", Exit.USAGE, f"the token file {NO_FILE}: name a file that holds the token"),
        ("silence add A -c why --for 3", Exit.USAGE, '--for "3" is no duration: write it as 30m or 8h'),
        ("silence add A -c why --start xx", Exit.USAGE, '--start "xx" is no instant: write it as 2026-01-02T03:04:05Z'),
        (
            "silence add A -c why --for 1h --end x",
            Exit.USAGE,
            "--for and --end both say when it ends: give one of them",
        ),
        ("silence query a=~(", Exit.USAGE, "write conditions as team=core or instance=~web-.*"),
        ("maintenance edit m --for 1h --end x", Exit.USAGE, "--for and --end both say when it ends: give one of them"),
        ("silence update abc", Exit.USAGE, "nothing is to be changed: give an option such as --for 2h"),
        ("template render --text x --data nope", Exit.FINDINGS, f"--data: {NO_FILE}: correct the path"),
        ("template render --text x --data rules.yml", Exit.FINDINGS, "give JSON as a webhook gets it"),
        ("query up --range xx", Exit.USAGE, '--range: not a valid duration string: "xx": write it as 30s or 1h'),
        ("receivers test a --label x", Exit.USAGE, '--label "x" is no pair: write --label name=value'),
        (
            "receivers test ana --offline --template bogus=x",
            Exit.USAGE,
            'no integration has an option "bogus" that is a template: there are, of console: none',
        ),
        (
            "receivers test nobody --offline",
            Exit.NOT_FOUND,
            'no receiver is named "nobody"; there are: default, user:ana',
        ),
    ],
    ids=lambda given: given if isinstance(given, str) and " " in given else "",
)
def test_bad_input_is_named_with_its_remedy(
    command: str, code: Exit, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The option or the file, what is wrong with it, and what would be right."""
    ended = command_line(command.split())
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert ended == code


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("command", ["check-config", "alerts lint", "rules check"])
def test_a_file_that_may_not_be_read_is_said_as_that(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is there, so its path is right."""
    Path("watchkeeper.yml").chmod(0)
    assert command_line([*command.split(), "watchkeeper.yml"]) == Exit.FINDINGS
    assert "cannot be read: Permission denied" in capsys.readouterr().out


WORDS = {
    "matchers": "MATCHER...",
    "duration": "--for",
    "a duration": "--for",
    "starts_at": "--start",
    "ends_at": "--end",
    "location": "--zone",
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('the field "duration" must be a duration', "--for must be a duration"),
        ('invalid parameter "location": x', "--zone: x"),
        ("it needs starts_at and ends_at", "it needs --start and --end"),
        ('the field "odd" is missing', 'the field "odd" is missing'),
    ],
)
def test_fields_of_the_api_are_named_as_the_options_that_give_them(text: str, said: str) -> None:
    """What no option gives keeps the API's name."""
    assert spoken(text, WORDS) == said
    assert spoken(text, {}) == text


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        ('send {"duration": "1h"}', "give --for 1h"),
        (
            'send {"duration": "2h"} or {"ends_at": "2026-01-02T03:04:05Z"}',
            "give --for 2h or --end 2026-01-02T03:04:05Z",
        ),
        ('send {"matchers": ["team=core"]}', "give team=core"),
        ('send {"odd": "1h"}', 'send {"odd": "1h"}'),
        ("send state=open or state=all", "send state=open or state=all"),
        ("give starts_at with a duration", "give --start with --for"),
    ],
)
def test_what_would_be_sent_is_told_as_options(remedy: str, said: str) -> None:
    """Nobody at a command line sends JSON."""
    assert spoken_remedy(remedy, WORDS) == said


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("nope", 'there is no command "nope" in `watchkeeper`: `watchkeeper --help` tells what it takes'),
        (
            "silence ad",
            'there is no command "ad" in `watchkeeper silence`: did you mean add? `watchkeeper silence --help`',
        ),
        (
            "checks --nope",
            "--nope is no option of `watchkeeper checks`: `watchkeeper checks --help` tells what it takes",
        ),
        (
            "query up --stop 5",
            "--stop is no option of `watchkeeper query`: did you mean --step? `watchkeeper query --help`",
        ),
        ("silence add --for", "--for needs a value: `watchkeeper silence --help`"),
        ("status --json=1", "--json takes no value: `watchkeeper status --help`"),
        ("query", "EXPR is missing: `watchkeeper query --help` tells what it takes"),
        ("alerts replay", "CONFIG is missing: "),
        ("checks a b c", '"b c" is more than `watchkeeper checks` takes: '),
        ("samples stats --limit abc", '--limit: "abc" is no whole number: write a number such as 20'),
        ("audit --limit 0", '--limit: "0" is less than 1: write 1 or more'),
        ("audit --limit 1001", '--limit: "1001" is more than 1000: write 1000 or less'),
        ("check-metrics --lint x", '--lint: "x" is not known: one of all, none'),
    ],
)
def test_what_is_wrong_with_the_command_line_is_said_in_our_words(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The option or argument, what was given, and what would be right; as an error of the API's form where JSON is asked for."""
    assert command_line(command.split()) == Exit.USAGE
    assert capsys.readouterr().err.startswith(f"watchkeeper: {said}")
    if "--json" not in command:
        assert command_line([*command.split(), "--json"]) == Exit.USAGE


def test_a_misused_command_answers_in_json_where_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read it."""
    assert command_line(["status", "--json", "--nope"]) == Exit.USAGE
    assert json.loads(capsys.readouterr().out)["error"] == {
        "code": "usage",
        "message": "--nope is no option of `watchkeeper status`",
        "remedy": "`watchkeeper status --help` tells what it takes",
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run --confg x", "--confg is no option of `watchkeeper run`: did you mean --config? `watchkeeper run --help`"),
        ("run --listen", "--listen needs a value: `watchkeeper run --help` tells what it takes"),
        ("alertmanager --nope=1", "--nope is no option of `watchkeeper alertmanager`: "),
        ("alertmanager more", '"more" is more than `watchkeeper alertmanager` takes: '),
        ("alertmanager --log.format x", '--log.format: "x" is not known: one of logfmt, json'),
        ("alertmanager --log.level x", '--log.level: "x" is not known: one of debug, info, warn, error'),
        ("alertmanager --web.listen-address x", '"x" is no address to listen at: write host:port or :port'),
        ("alertmanager --data.retention x", '--data.retention: "x" is no duration: write 30s or 1h30m'),
        ("alertmanager --data.retention 1ns", "--data.retention: 1ns is shorter than a millisecond: write 1ms or more"),
        ("alertmanager --silences.max-silences x", '--silences.max-silences: "x" is no whole number: write a number'),
        ("alertmanager --enable-feature x", '--enable-feature: "x" is not known: one of alert-names-in-metrics, '),
    ],
)
def test_so_is_what_is_wrong_with_a_start(command: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Which typer never sees."""
    verb, *arguments = command.split()
    with pytest.raises(SystemExit) as caught:
        run(arguments) if verb == "run" else flags_of(arguments)
    assert caught.value.code == Exit.USAGE
    assert said in capsys.readouterr().err
