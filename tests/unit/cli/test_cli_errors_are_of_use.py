"""What a command says of input that it cannot use: which option or file it is, what is wrong, and what would be right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitor.cli.exits import Exit
from monitor.cli.option_words import spoken, spoken_remedy
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
