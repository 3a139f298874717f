"""Debian's amtool (0.25) asks the daemon and Debian's Alertmanager the same, and says the same.

Both are given the same configuration and the same commands in the same order. Ids are told apart by the order in which they
appear, and times near now are covered; all else must be equal, letter for letter, with what amtool ends with. Where 0.34,
whose API is ours, differs from 0.25, the command is in a list with the reason.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
import yaml

from tests.support.daemon_process import DaemonProcess
from tests.support.peer_alertmanager import ALERTMANAGER, AMTOOL, Said, amtool, running_alertmanager

pytestmark = pytest.mark.skipif(
    ALERTMANAGER is None or AMTOOL is None, reason="not installed: apt-get install prometheus-alertmanager"
)

CONFIGURATION = """\
route:
  receiver: everybody
  group_by: [alertname]
  group_wait: 1h
  routes:
  - {receiver: core, matchers: ['team=core, a!~"x"'], continue: true, mute_time_intervals: [nights]}
  - {receiver: shop, match: {team: shop}, match_re: {a: x.*}, group_by: ['...'], repeat_interval: 90m}
  - {receiver: core-chat, matchers: [team=~"core|shop"], group_by: [instance]}
receivers: [{name: everybody}, {name: core}, {name: core-chat}, {name: shop}]
inhibit_rules: [{source_matchers: [severity=high], target_matchers: [severity=low], equal: [instance]}]
time_intervals:
- name: nights
  time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}], weekdays: ["monday:friday"], location: Europe/Berlin}]
"""
NEWER_KEYS = {"slack_app_url", "rocketchat_api_url", "smtp_tls_config"}
"""Of the global section of 0.34, printed with their defaults; receivers have labels there."""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC)")
_COVERED_DAYS = 2
NEWER_WORDS = (
    ("silence invalid: ", "invalid silence: "),  # 0.32 wraps the error the other way round
    ("matcher set 0: ", ""),  # 0.32 has several sets of matchers in a silence, and names the one that is wrong
    (" in set 0", ""),
)
"""What 0.34 says in other words than 0.25, and with what those are replaced on both sides."""
_POINTER = re.compile(r"0xc0\w+")
"""`silence update --quiet` prints where in amtool's memory the id stands."""


@dataclass
class Side:
    """One of the two that are asked."""

    url: str
    folder: Path
    ids: list[str] = field(default_factory=list[str])
    """In the order in which they appeared."""

    async def say(self, words: Sequence[str], given: str = "") -> Said:
        """`<id N>` in the words is the id that appeared as the Nth."""
        said = await amtool(self.url, *map(self._with_ids, words), given=self._with_ids(given))
        return Said(said.code, self.masked(said.out), self.masked(said.err))

    def masked(self, text: str) -> str:
        for found in _ID.findall(text):
            if found not in self.ids:
                self.ids.append(found)
        text = _ID.sub(lambda match: f"<id {self.ids.index(match[0])}>", text)
        text = _TIME.sub(lambda match: "<now>" if _is_near(match[0]) else match[0], text)
        for newer, older in NEWER_WORDS:
            text = text.replace(newer, older)
        text = _POINTER.sub("<pointer>", text)
        return re.sub(r" +", " ", text.replace(self.url, "<url>"))  # columns are as wide as what was covered

    def _with_ids(self, text: str) -> str:
        return re.sub(r"<id (\d+)>", lambda match: self.ids[int(match[1])], text)


def _is_near(text: str) -> bool:
    moment = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
    return abs(moment - datetime.now(UTC)) < timedelta(days=_COVERED_DAYS)


@pytest_asyncio.fixture
async def sides(tmp_path: Path) -> AsyncGenerator[tuple[Side, Side]]:
    """The daemon and Alertmanager."""
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    (tmp_path / "ours" / "alertmanager.yml").write_text(CONFIGURATION, encoding="utf-8")
    config = tmp_path / "ours" / "watchkeeper.yml"
    config.write_text(
        "alertmanager_file: alertmanager.yml\nweb: {listen: '127.0.0.1:0'}\nrules: {shipped: false}\nhost: {enabled: false}\n",
        encoding="utf-8",
    )
    daemon = DaemonProcess(tmp_path / "ours", config)
    try:
        async with running_alertmanager(tmp_path / "theirs", CONFIGURATION) as url:
            await daemon.start()
            yield Side(daemon.url, tmp_path / "ours"), Side(url, tmp_path / "theirs")
    finally:
        await daemon.end()


async def both(sides: tuple[Side, Side], *words: str, given: str = "") -> Said:
    """What both say; they must say the same."""
    ours, theirs = await asyncio.gather(*(side.say(words, given) for side in sides))
    assert ours == theirs, words
    return ours


ALERTS = (
    ("alert", "add", "Plain"),
    ("alert", "add", "alertname=Core", "team=core", "instance=a", "severity=low", "--annotation=summary=it is low"),
    ("alert", "add", "Core", "team=core", "instance=b", "job=x", "--start=2026-01-02T03:04:05Z"),
    ("alert", "add", "Shop", "team=shop", "instance=a", "severity=high", "--generator-url=http://prometheus/graph?g0.expr=up"),
    ("alert", "add", "Odd",  'text=say \\"hi\\"\\n', "--annotation=a=1", "--annotation=b=2", "--end=2035-01-02T03:04:05Z"),
    ("alert", "add", "Over", "--start=2020-01-01T00:00:00Z", "--end=2020-01-02T00:00:00Z"),
)  # fmt: skip
REFUSED = (
    ("alert", "add", "Backwards", "--start=2035-01-02T00:00:00Z", "--end=2035-01-01T00:00:00Z"),
    ("alert", "add", "Bad", "--generator-url=no url"),
    ("alert", "add"),
    ("alert", "add", "a=b", "c"),
    ("alert", "query", "a=b", "instance=~("),
    ("alert", "query", "--receiver=("),
    ("silence", "add", "alertname=x"),
    ("silence", "add", "-c", "c"),
    ("silence", "add", "-c", "c", 'alertname=""'),
    ("silence", "add", "-c", "c", "a=b", "c=~("),
    ("silence", "add", "-c", "c", "x", "--start=2030-01-02T00:00:00Z", "--end=2030-01-01T00:00:00Z"),
    ("silence", "update", "-d", "1h", "11111111-2222-3333-4444-555555555555"),
    ("silence", "expire"),
    ("silence", "expire", "no-id"),
)
ALERT_QUERIES = (
    (), ("-a",), ("-s",), ("-i",), ("-u",), ("-a", "-s", "-i", "-u"), ("Plain",), ("team=core",), ("Core", "job="),
    ("alertname=~Cor.*|Shop", "-i"), ("team!=core",), ("instance!~a|c",), ("--receiver=core",), ("-r", "core.*"),
    ("-r", "ore"), ("nothing=here",), ('text=~".*hi.*"',),
)  # fmt: skip
SILENCES = (
    ("silence", "add", "-c", "first", "Plain"),
    ("silence", "add", "-c", "second", "-a", "bo", "-d", "2h", "alertname=~Shop|Other", "severity!=low"),
    ("silence", "add", "-c", "third", "--start=2035-01-01T00:00:00Z", "--end=2035-02-01T00:00:00Z", "instance!~a.*", "team=x"),
    ("silence", "add", "-c", 'with "quotes" and, commas', "--end=2034-01-01T00:00:00Z", 'text="say \\"hi\\""'),
)  # fmt: skip
SILENCE_QUERIES = (
    (), ("-q",), ("--expired",), ("--within=3h",), ("--within=1h", "--expired"), ("--created-by=bo",), ("Plain",),
    ("alertname=~Shop|Other",), ("severity!=low",), ("instance!~a.*",), ("alertname=nothing",),
)  # fmt: skip


async def test_every_verb_says_the_same(sides: tuple[Side, Side]) -> None:
    """Alerts and silences are made, looked at in every form and by every flag, edited, ended, taken out and in."""
    for words in ALERTS:
        said = await both(sides, *words)
        assert said.code == 0, said
    await look(sides, ("alert", "query"), ALERT_QUERIES)
    for words in SILENCES:
        said = await both(sides, *words)
        assert (said.code, said.out.strip()) == (0, f"<id {SILENCES.index(words)}>")
    await look(sides, ("silence", "query"), SILENCE_QUERIES)
    await look(sides, ("alert", "query"), ALERT_QUERIES)
    await both(sides, "silence", "update", "<id 0>", "-c", "changed", "-d", "3h")
    await both(sides, "silence", "update", "-q", "<id 1>", "--end=2036-01-01T00:00:00Z")
    await both(sides, "silence", "update", "<id 2>", "<id 3>", "-c", "changed too")
    await both(sides, "silence", "update", "<id 2>", "--start=2034-12-01T00:00:00Z")
    await look(sides, ("silence", "query"), SILENCE_QUERIES)
    kept = {side.url: (await amtool(side.url, "silence", "query", "-o", "json")).out for side in sides}
    await both(sides, "silence", "expire", "<id 0>")
    await both(sides, "silence", "expire", "<id 3>", "<id 0>")
    await look(sides, ("silence", "query"), SILENCE_QUERIES)
    await look(sides, ("alert", "query"), ALERT_QUERIES)
    ours, theirs = sides
    imported = [await side.say(("silence", "import", "--force", "-w", "1"), kept[side.url]) for side in (ours, theirs)]
    assert imported[0] == imported[1]
    assert imported[0].code == 0
    for number in (1, 2):  # those that were not ended before: two with the same end have no order
        await both(sides, "silence", "expire", f"<id {number}>")
    await look(sides, ("silence", "query"), SILENCE_QUERIES)


async def look(sides: tuple[Side, Side], verb: tuple[str, ...], queries: Sequence[tuple[str, ...]]) -> None:
    """Ask all of it in every form."""
    for query in queries:
        for form in ("simple", "extended", "json"):
            await both(sides, *verb, "-o", form, *query)


async def test_mistakes_are_told_the_same(sides: tuple[Side, Side]) -> None:
    """And nothing is kept of them."""
    for words in REFUSED:
        said = await both(sides, *words)
        assert said.code != 0, words
    assert (await both(sides, "alert", "query", "-o", "json")).out.strip() == "[]"
    assert (await both(sides, "silence", "query", "-o", "json")).out.strip() == "[]"


async def test_the_configuration_is_shown_the_same(sides: tuple[Side, Side]) -> None:
    """As far as 0.25 knows its keys. What amtool makes of it, the tree of routes and whom alerts reach, is the same."""
    shown = [(await amtool(side.url, "config", "show")).out for side in sides]
    ours, theirs = (yaml.safe_load(text) for text in shown)
    ours["global"] = {key: value for key, value in ours["global"].items() if key not in NEWER_KEYS}
    assert [one.pop("labels") for one in ours["receivers"]] == [{"name": one["name"]} for one in ours["receivers"]]
    assert ours == theirs
    assert list(ours) == list(theirs)
    file = sides[0].folder / "shown.yml"
    file.write_text(yaml.safe_dump(ours), encoding="utf-8")
    mine = f"--config.file={file}"
    for verb in (
        ("config", "routes", "show"),
        ("config", "routes", "test", "--tree", "team=core"),
        ("config", "routes", "test", "--verify.receivers=core,core-chat", "team=core"),
        ("config", "routes", "test", "--verify.receivers=core", "team=shop", "a=xy"),
        ("config", "routes", "test", "team=none"),
    ):
        expected = await amtool(sides[1].url, *verb)
        said = await amtool(sides[0].url, *verb[:2], mine, *verb[2:])
        assert (said.code, said.out) == (expected.code, expected.out), verb


async def test_cluster_and_versions_are_shown_in_the_same_form(sides: tuple[Side, Side]) -> None:
    """One peer that is ready; the names and numbers are each one's own."""
    for form in ("simple", "extended", "json"):
        said = [await amtool(side.url, "cluster", "show", "-o", form) for side in sides]
        ours, theirs = (_shape(one.out) for one in said)
        assert ours == theirs
        assert {one.code for one in said} == {0}
    said = [json.loads((await amtool(side.url, "config", "show", "-o", "json")).out) for side in sides]
    ours, theirs = ({name: _keys(value) for name, value in one.items()} for one in said)
    assert ours == theirs


def _keys(value: object) -> object:
    return sorted(cast("dict[str, object]", value)) if isinstance(value, dict) else type(value)


def _shape(text: str) -> str:
    """Without the peers' names and addresses."""
    text = re.sub(r"127\.0\.0\.1:\d+", "<address>", text)
    return re.sub(r" +", " ", re.sub(r"\b(?:01[0-9A-Z]{24}|[\w-]+-[0-9A-Za-z_-]{8})\b", "<name>", text))
