"""`watchkeeper alerts replay` and `alerts history`: a changed configuration over alerts that there were."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from monitor.alerts.maintaining import MaintenanceStep
from monitor.alerts.maintenance import MaintenanceWindow
from monitor.alerts.maintenance_book import Entry, own_key
from monitor.alerts.pipeline import ingest
from monitor.alerts.placement import Routing, placements
from monitor.alerts.receivers import Receiver
from monitor.alerts.routes import Route
from monitor.alerts.silences import Silence, SilenceStep
from monitor.alerts.spans import Once
from monitor.cli.exits import Exit
from monitor.cli.verbs import command_line
from monitor.matching.parse import parse_matchers
from monitor.model.alerts import Alert
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import DAY, HOUR, MINUTE, Timestamp
from monitor.state.alert_store import SqlAlertStore
from monitor.state.database import Database, Inline
from monitor.state.maintenance_store import SqlMaintenanceStore
from monitor.state.silence_store import SqlSilenceStore

NOW: Timestamp = 1_767_225_600_000
"""2026-01-01."""
_ROUTING = """
route:
  receiver: team
  group_by: [alertname]
  routes: [{{matchers: [{matcher}], receiver: pager}}]
receivers:
  - {{name: team, webhook_configs: [{{url: "http://team.test/"}}]}}
  - {{name: pager, webhook_configs: [{{url: "http://pager.test/"}}]}}
  - {{name: nobody}}
"""
_LINES = """
{"at": "2026-01-01T00:00:00Z", "labels": {"alertname": "Down", "severity": "page"}}
{"at": "2026-01-01T00:10:00Z", "labels": {"alertname": "Down", "severity": "page"}, "endsAt": "2026-01-01T00:09:30Z"}
{"at": "2026-01-01T00:20:00Z", "labels": {"alertname": "Slow"}, "endsAt": "2026-01-01T00:22:00Z"}
"""
Out = pytest.CaptureFixture[str]


def routing(folder: Path, name: str, matcher: str) -> str:
    (folder / name).write_text(_ROUTING.format(matcher=matcher))
    return str(folder / name)


def lines(folder: Path, text: str = _LINES) -> str:
    (folder / "history.jsonl").write_text(text)
    return str(folder / "history.jsonl")


def test_what_a_change_does_is_told(tmp_path: Path, capsys: Out) -> None:
    """To whom each message goes instead; exit code 1, as something is different."""
    old, new = routing(tmp_path, "old.yml", 'severity="page"'), routing(tmp_path, "new.yml", 'alertname="Slow"')
    past = ["--history", lines(tmp_path), "--until", "2026-01-01T01:00:00Z"]
    assert command_line(["alerts", "replay", new, "--against", old, *past]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "2026-01-01 00:00:30Z  pager/webhook → team/webhook  first" in told
    assert "2026-01-01 00:10:30Z  pager/webhook → team/webhook  resolved" in told
    assert "2026-01-01 00:20:30Z  team/webhook → pager/webhook  first" in told
    assert "0 the same, 4 sent elsewhere" in told
    assert command_line(["alerts", "replay", new, "--against", old, *past, "--json"]) == Exit.FINDINGS
    document = json.loads(capsys.readouterr().out)
    assert document["since"] == "2026-01-01T00:00:00.000Z"
    assert [pair["after"]["to"] for pair in document["elsewhere"]] == ["team", "team", "pager", "pager"]
    assert document["elsewhere"][0]["before"]["firing"] == [{"alertname": "Down", "severity": "page"}]


def test_no_difference_is_said_as_that(tmp_path: Path, capsys: Out) -> None:
    """Exit code 0."""
    old, new = routing(tmp_path, "old.yml", 'severity="page"'), routing(tmp_path, "new.yml", 'severity=~"page|urgent"')
    past = ["--history", lines(tmp_path), "--until", "2026-01-01T01:00:00Z"]
    assert command_line(["alerts", "replay", new, "--against", old, *past]) == Exit.OK
    assert "4 the same" in capsys.readouterr().out


def test_what_nobody_hears_any_more_stands_out(tmp_path: Path, capsys: Out) -> None:
    """Also where it is muted, and by what."""
    old, new = routing(tmp_path, "old.yml", 'severity="page"'), routing(tmp_path, "new.yml", 'severity="page"')
    text = Path(new).read_text().replace("receiver: pager}]", "receiver: nobody}]")
    inhibit = "inhibit_rules: [{source_matchers: [severity=page], target_matchers: [alertname=Slow]}]\n"
    Path(new).write_text(text + inhibit)
    history = lines(
        tmp_path, _LINES.replace("00:10:00Z", "00:50:00Z").replace("00:20:00Z", "00:50:30Z").replace("00:22", "00:55")
    )
    past = ["--history", history, "--until", "2026-01-01T01:30:00Z"]
    assert command_line(["alerts", "replay", new, "--against", old, *past]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "now heard by nobody" in told
    assert '{alertname="Down", severity="page"}' in told
    early = lines(tmp_path, _LINES.replace("00:10:00Z", "00:15:00Z").replace("00:09:30Z", "00:50:00Z"))
    assert command_line(["alerts", "replay", new, "--against", old, "--history", early]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "newly muted" in told
    assert "another alert that fires explains it" in told


def test_alone_it_tells_what_would_be_sent(tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no present configuration."""
    monkeypatch.chdir(tmp_path)
    new = routing(tmp_path, "new.yml", 'severity="page"')
    past = ["--history", lines(tmp_path), "--until", "2026-01-01T01:00:00Z"]
    assert command_line(["alerts", "replay", new, *past]) == Exit.OK
    told = capsys.readouterr().out
    assert 'pager/webhook  first  {}/{severity="page"}:{alertname="Down"}' in told
    assert "4 messages" in told
    assert command_line(["alerts", "replay", new, *past, "--json"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert [(one["to"], one["reason"]) for one in document["told"]] == [
        ("pager", "first notification"),
        ("pager", "all alerts resolved"),
        ("team", "first notification"),
        ("team", "all alerts resolved"),
    ]


@pytest.mark.parametrize("reached", [True, False])
def test_an_alertmanager_file_takes_the_place_of_the_present_ones(reached: bool, tmp_path: Path, capsys: Out) -> None:
    """Who escalates, and to whom, stays as our file says."""
    old, new = routing(tmp_path, "old.yml", 'severity="page"'), routing(tmp_path, "new.yml", 'alertname="Slow"')
    own = tmp_path / "watchkeeper.yml"
    own.write_text(
        f"alertmanager_file: {old if reached else 'old.yml'}\npeople: {{ana: {{console: true}}}}\n"
        "policies: {p: {steps: [{notify: ['user:ana']}]}}\nescalate: {pager: p}\n"
    )
    past = ["--history", lines(tmp_path), "--until", "2026-01-01T01:00:00Z"]
    assert command_line(["alerts", "replay", new, "--against", str(own), *past]) == Exit.FINDINGS
    told = capsys.readouterr().out
    assert "ana/console" in told
    assert "gone" in told


def recorded(folder: Path) -> None:
    """A data folder in which one alert has fired and is silenced, and later under maintenance."""

    async def story() -> None:
        database = Database.open(folder / "state.db", Inline())
        store = await SqlAlertStore.load(database)
        labels = Labels({"alertname": "Down", "severity": "page"})
        alert = Alert(labels=labels, annotations=EMPTY, starts_at=NOW, ends_at=NOW + DAY, updated_at=NOW)
        plain = Routing(root=Route(receiver="r"), receivers={"r": Receiver(name="r")})
        await store.transact([], lambda groups: ingest(groups, [(alert, placements(alert.labels, plain))], plain, NOW))
        silence = Silence(
            id="s",
            matcher_sets=(parse_matchers("alertname=Down"),),
            starts_at=NOW + 10 * MINUTE,
            ends_at=NOW + HOUR,
            updated_at=NOW,
            expires_at=NOW + DAY,
        )
        silences = await SqlSilenceStore.load(database)
        await silences.transact(lambda _: SilenceStep(put=(silence,)), lambda _: None)
        window = MaintenanceWindow(
            name="move",
            matchers=parse_matchers("alertname=Down"),
            once=(Once(starts_at=NOW + 70 * MINUTE, ends_at=NOW + 125 * MINUTE),),
        )
        maintenance = await SqlMaintenanceStore.load(database)
        entry = Entry(key=own_key("move"), window=window)
        await maintenance.transact(lambda _: MaintenanceStep(put=(entry,)), lambda _: None)
        await database.close()

    asyncio.run(story())


def test_a_data_folder_has_its_history_silences_and_windows(tmp_path: Path, capsys: Out) -> None:
    """`alerts history` prints the lines that `--history` takes."""
    recorded(tmp_path)
    span = ["--since", "2026-01-01T00:00:00Z", "--until", "2026-01-01T02:00:00Z"]
    assert command_line(["alerts", "history", "--data", str(tmp_path), *span]) == Exit.OK
    printed = capsys.readouterr().out
    assert json.loads(printed)["labels"] == {"alertname": "Down", "severity": "page"}
    new = routing(tmp_path, "new.yml", 'severity="page"')
    new_text = Path(new).read_text().replace("group_by: [alertname]", "group_by: [alertname]\n  repeat_interval: 30m")
    Path(new).write_text(new_text)
    assert command_line(["alerts", "replay", new, "--against", new, "--data", str(tmp_path), *span]) == Exit.OK
    assert "2 the same" in capsys.readouterr().out  # one repeat is silenced, one is under maintenance
    (tmp_path / "printed.jsonl").write_text(printed)
    past = ["--history", str(tmp_path / "printed.jsonl"), *span]
    assert command_line(["alerts", "replay", new, "--against", new, *past]) == Exit.OK
    assert "4 the same" in capsys.readouterr().out


def test_what_is_wrong_is_said(tmp_path: Path, capsys: Out) -> None:
    """A bad configuration, a bad line, a file without any, a year that cannot be, a folder without a history, a bad time."""
    new, history = routing(tmp_path, "new.yml", 'severity="page"'), lines(tmp_path)
    (tmp_path / "bad.yml").write_text("route: {}\nreceivers: []\n")
    (tmp_path / "bad.jsonl").write_text("{}\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "far.jsonl").write_text(_LINES + '{"at": "9999-12-31T23:59:59Z", "labels": {"alertname": "Down"}}\n')
    replay = ["alerts", "replay"]
    for words, code, said in (
        ([*replay, str(tmp_path / "bad.yml"), "--history", history], Exit.FINDINGS, "the configuration has mistakes"),
        ([*replay, str(tmp_path / "none.yml"), "--history", history], Exit.FINDINGS, "the configuration has mistakes"),
        ([*replay, new, "--history", str(tmp_path / "bad.jsonl")], Exit.FINDINGS, "bad.jsonl: line 1: has no labels"),
        ([*replay, new, "--history", str(tmp_path / "empty.jsonl")], Exit.FINDINGS, "empty.jsonl has no alerts"),
        ([*replay, new, "--history", str(tmp_path / "far.jsonl")], Exit.USAGE, "is more than a year"),
        ([*replay, new, "--history", str(tmp_path / "none.jsonl")], Exit.USAGE, "cannot be read"),
        ([*replay, new, "--data", str(tmp_path)], Exit.NOT_FOUND, "state.db is not there"),
        ([*replay, new, "--history", history, "--since", "soon"], Exit.USAGE, '--since: "soon" is no time'),
        (["alerts", "history", "--data", str(tmp_path)], Exit.NOT_FOUND, "state.db is not there"),
    ):
        assert command_line(words) == code, words
        assert said in capsys.readouterr().err


def test_a_history_may_end_with_the_calendar(tmp_path: Path, capsys: Out) -> None:
    """There is no hour after its last one, in which what has no end would end."""
    new = routing(tmp_path, "new.yml", 'severity="page"')
    far = '{"at": "9999-12-31T23:30:00Z", "labels": {"alertname": "Slow"}}'
    replay = ["alerts", "replay", new, "--against", new, "--history", lines(tmp_path, far), "--json"]
    assert command_line(replay) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["until"]) == (1, "9999-12-31T23:59:59.999Z")
