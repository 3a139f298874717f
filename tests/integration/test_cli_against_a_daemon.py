"""The commands that ask a daemon, against a real one that watches a real service on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from monitor.cli.connection import Daemon
from monitor.cli.exits import CommandError, Exit
from monitor.cli.verbs import command_line

CONFIGURATION = """
environment: test
page_environments: [test]
checks: [{{name: shop, url: "http://127.0.0.1:{port}/health", interval: 1s, timeout: 500ms}}]
people: {{ana: {{console: true}}}}
host: {{enabled: false}}
log: {{level: error}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A daemon, what it watches, and its files."""

    url: str
    service: Daemon
    file: Path
    data: Path
    process: subprocess.Popen[str]


def start(*arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHKEEPER_")}
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(15)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Ready and watching."""
    folder = tmp_path_factory.mktemp("daemon")
    service = start("monitor.cli.demo_service", "0")
    port = int(first_line(service))
    file = folder / "watchkeeper.yml"
    file.write_text(CONFIGURATION.format(port=port))
    process = start("monitor", "run", "--config", str(file), "--listen", "127.0.0.1:0", "--data", str(folder / "data"))
    found = re.search(r"http://\S+", first_line(process))
    assert found is not None
    daemon = Daemon(found.group())
    until(lambda: daemon.ask("GET", "/-/ready").status == 200)
    yield Running(
        url=found.group(), service=Daemon(f"http://127.0.0.1:{port}"), file=file, data=folder / "data", process=process
    )
    end(service)
    assert end(process) == 0


@pytest.fixture
def ask(running: Running, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command against the daemon; its output. Exit code 0 is expected unless another is given."""

    def command(*arguments: str, code: int = Exit.OK) -> str:
        capsys.readouterr()
        assert command_line([*arguments, "--url", running.url]) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    return command


def until(holds: Callable[[], object], seconds: float = 15.0) -> None:
    due = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < due, "waited in vain"
        time.sleep(0.05)


def open_incidents(running: Running) -> list[Any]:
    try:
        return Daemon(running.url).get("/api/watchkeeper/v1/incidents", state="open")["incidents"]
    except CommandError:
        return []


def test_a_healthy_daemon_is_shown_on_one_screen(running: Running, ask: Callable[..., str]) -> None:
    """Status, health, checks and version in words and as JSON."""
    until(lambda: "healthy" in ask("checks"))
    screen = ask("status")
    assert "Watchkeeper" in screen
    assert re.search(r"shop +healthy", screen)
    assert "Incidents  none" in screen
    document = json.loads(ask("status", "--json"))
    assert document["checks"][0]["name"] == "shop"
    assert ask("health").startswith("healthy")
    assert json.loads(ask("health", "--json"))["database"] == "connected"
    ask("health", "--live")
    assert "shop is healthy since" in ask("checks", "shop")
    assert "there is no check" in ask("checks", "nope", code=Exit.NOT_FOUND)


def test_queries_are_answered_now_and_over_a_range(running: Running, ask: Callable[..., str]) -> None:
    """A vector as a table, a range as points, a wrong expression with its place."""
    until(lambda: "probe_success" in ask("query", "probe_success"))
    assert re.search(r'1 +probe_success\{.*check="shop"', ask("query", "probe_success"))
    assert ask("query", "1 + 1").strip() == "2"
    assert "no series" in ask("query", "nothing_like_this")
    ranged = ask("query", "probe_success", "--range", "1m", "--step", "1s")
    assert re.search(r"\d\d:\d\d:\d\dZ +1", ranged)
    assert json.loads(ask("query", "up or vector(1)", "--json"))["status"] == "success"
    assert "parse error" in ask("query", "sum(", code=Exit.USAGE)
    assert "--step belongs to a range" in ask("query", "up", "--step", "1s", code=Exit.USAGE)
    assert "--range" in ask("query", "up", "--range", "soon", code=Exit.USAGE)


def test_an_incident_is_shown_acknowledged_and_resolved(running: Running, ask: Callable[..., str]) -> None:
    """The whole life of one through the command line; what is refused says why."""
    assert "No incident is open" in ask("incidents", "list")
    running.service.post("/break")
    until(lambda: open_incidents(running))
    number = str(open_incidents(running)[0]["number"])
    assert re.search(rf"#{number} +triggered +critical", ask("incidents", "list"))
    assert re.search(r"ServiceDown +firing +critical", ask("alerts"))
    shown = ask("incidents", "show", f"#{number}")
    assert "ServiceDown" in shown
    assert "What happened" in shown
    until(lambda: re.search(r"user:ana/console\[0\] +trigger +delivered", ask("incidents", "show", number)))
    assert "acknowledged" in ask("incidents", "ack", number)
    assert "nobody is paged" in ask("incidents", "show", number)
    assert json.loads(ask("incidents", "ack", number, "--json"))["changed"] is False
    assert "triggered" in ask("incidents", "unack", number)
    assert "snoozed" in ask("incidents", "snooze", number, "--for", "30m")
    assert "duration" in ask("incidents", "snooze", number, "--for", "later", code=Exit.USAGE)
    assert "triggered" in ask("incidents", "escalate", number)
    running.service.post("/mend")
    until(lambda: not open_incidents(running))
    assert "Resolved because its alerts ended" in ask("incidents", "show", number)
    assert "resolved" in ask("incidents", "list", "--all")
    ask("incidents", "escalate", number, code=Exit.REFUSED)
    assert "there is no incident" in ask("incidents", "show", "4711", code=Exit.NOT_FOUND)
    audit = ask("audit")
    assert re.search(r"cli +acknowledge +incident:", audit)


def test_deployments_are_recorded_and_listed(running: Running, ask: Callable[..., str]) -> None:
    """What is reported is there, with who did it."""
    assert "Recorded shop 3.0.0 by ci" in ask("deployments", "record", "3.0.0", "--service", "shop", "--by", "ci")
    assert re.search(r"shop +3\.0\.0 .*ci", ask("deployments", "list"))
    assert json.loads(ask("deployments", "list", "--json"))["deployments"][0]["version"] == "3.0.0"


def test_a_test_message_goes_the_whole_way(running: Running, ask: Callable[..., str]) -> None:
    """A line for each integration; an unknown receiver is exit 5 and names those that there are."""
    assert "user:ana/console[0]: delivered" in ask("receivers", "test", "ana")
    assert "default" in ask("receivers", "test", "nobody", code=Exit.NOT_FOUND)
    assert "is no pair" in ask("receivers", "test", "ana", "--label", "team", code=Exit.USAGE)
    assert "go with --offline" in ask("receivers", "test", "ana", "--config", "x.yml", code=Exit.USAGE)
    unknown = ask("receivers", "test", "ana", "--template", "title={{ .Nothing }}", code=Exit.USAGE)
    assert 'no integration has an option "title"' in unknown


def test_a_reload_takes_good_files_and_refuses_bad_ones(running: Running, ask: Callable[..., str]) -> None:
    """Warnings are shown; a mistake changes nothing."""
    good = running.file.read_text()
    try:
        running.file.write_text(good + "blackbox_file: b.yml\n")
        assert "known but not served yet" in ask("reload")
        running.file.write_text(good + "environmnt: x\n")
        assert "is not a known key" in ask("reload", code=Exit.FINDINGS)
    finally:
        running.file.write_text(good)
    assert "Reloaded" in ask("reload")


def test_a_second_daemon_on_the_folder_is_refused_and_told_why(running: Running) -> None:
    """It names the process, and the first one goes on."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "monitor", "run", "--config", str(running.file)),
            *("--listen", "127.0.0.1:0", "--data", str(running.data)),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == Exit.REFUSED
    assert f"process {running.process.pid} " in ran.stderr
    assert Daemon(running.url).ask("GET", "/-/healthy").status == 200


@pytest.mark.parametrize("source", ["--url", "--data"])
def test_rules_are_replayed_over_what_the_daemon_has(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    """Through its API, and from its data folder while it writes there: the same rule has fired, the other one has not."""
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: g, interval: 1s, rules: "
        "[{alert: Known, expr: 'probe_success >= 0'}, {alert: Never, expr: 'probe_success > 7'}]}]\n"
    )
    where = running.url if source == "--url" else str(running.data)

    def fired() -> list[str]:
        assert command_line(["rules", "backtest", str(rules), "--since", "1m", source, where, "--json"]) == Exit.OK
        told = json.loads(capsys.readouterr().out)["rules"]
        return [f"{one['alert']} {alert['labels']['check']}" for one in told for alert in one["fired"]]

    until(lambda: fired() == ["Known shop"])


def test_silences_are_made_changed_and_ended(running: Running, ask: Callable[..., str]) -> None:
    """By the words of the command line; whoever did it is in the audit trail, and it is in Alertmanager's API."""
    assert "Nothing is silenced." in ask("silence", "query")
    made = ask("silence", "add", "DiskFull", 'instance=~"web-.*"', "-c", "disks are on their way", "--by", "ana")
    assert re.search(r'active .* in \d+m.*ana +alertname="DiskFull" instance=~"web-\.\*" +disks are on', made)
    (one,) = json.loads(ask("silence", "query", "--json"))
    assert (one["createdBy"], one["status"]) == ("ana", {"state": "active"})
    later = ask("silence", "update", one["id"], "--for", "3h", "-c", "still on their way", "--json")
    assert json.loads(later)[0]["id"] == one["id"]
    assert json.loads(later)[0]["comment"] == "still on their way"
    assert re.search(r"in 2h 59m|in 3h", ask("silence", "query", "alertname=DiskFull"))
    assert "Nothing is silenced." in ask("silence", "query", "alertname=Other")
    assert "Nothing is silenced." in ask("silence", "query", "--by", "bo")
    pending = json.loads(
        ask("silence", "add", "a=b", "-c", "x", "--start", "2035-01-01T00:00:00Z", "--for", "1d", "--json")
    )
    assert (pending[0]["status"]["state"], pending[0]["endsAt"]) == ("pending", "2035-01-02T00:00:00.000Z")
    moved = json.loads(ask("silence", "update", pending[0]["id"], "--end", "2036-01-01T00:00:00Z", "--json"))
    assert (moved[0]["id"], moved[0]["endsAt"]) == (pending[0]["id"], "2036-01-01T00:00:00.000Z")
    assert "expired" in ask("silence", "expire", one["id"], pending[0]["id"])
    assert one["id"] in ask("silence", "query", "--expired")
    assert "end silence" in ask("audit")


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("add", "a=~(", "-c", "x"), "missing closing )", Exit.USAGE),
        (("add", "a=b", "c", "-c", "x"), "bad matcher format: c", Exit.USAGE),
        (("add", "a=b", "-c", "x", "--for", "soon"), '--for "soon" is no duration', Exit.USAGE),
        (("add", "a=b", "-c", "x", "--end", "soon"), '--end "soon" is no instant', Exit.USAGE),
        (("add", "a=b", "-c", "x", "--end", "2020-01-01T00:00:00Z"), "start time must be before end time", Exit.USAGE),
        (("add", "a=~.*", "-c", "x"), "at least one matcher must not match the empty string", Exit.USAGE),
        (("expire", "nope"), "no silence nope: `watchkeeper silence query` lists", Exit.NOT_FOUND),
        (("update", "d1ba2b14-9e5f-4c3e-8b3a-3f5b1f4b0b6f", "--for", "1h"), "no silence d1ba2b14", Exit.NOT_FOUND),
    ],
)
def test_a_silence_that_cannot_be_is_refused(
    ask: Callable[..., str], words: tuple[str, ...], said: str, code: Exit
) -> None:
    """With what is wrong and what would be right."""
    assert said in ask("silence", *words, code=code)


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
def test_promtool_finds_nothing_wrong_with_our_own_metrics(running: Running) -> None:
    """`promtool check metrics` on what the daemon tells of itself."""
    assert PROMTOOL is not None
    with urlopen(f"{running.url}/metrics") as answer:
        told = answer.read()
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=told, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    assert b'watchkeeper_scrape_reader_info{reader="' in told
