"""The commands of the documentation, given to a running daemon in the order in which they are written.

Only addresses are replaced, and the shop is checked every second instead of every thirty. What starts a daemon of its own
or needs an engine is told by other tests.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.unit.docs.pages import ROOT, Block, blocks, blocks_of

QUICK_START = ROOT / "docs/quick-start.md"
SERVICE = ROOT / "docs/examples/sample-service/service.py"
PATIENCE = 30


@dataclass(slots=True)
class World:
    """A shop, and a daemon that watches it."""

    folder: Path
    shop: str
    daemon: str

    def translated(self, line: str) -> list[str]:
        """The words of a command with the addresses of this world; nothing for an empty line."""
        line = line.replace("http://127.0.0.1:8080", self.shop).replace("http://127.0.0.1:9797", self.daemon)
        return shlex.split(line, comments=True)

    def give(self, words: list[str]) -> str:
        """Give a command; its output. AssertionError if it fails."""
        if words[0] == "curl":
            return call(words[1:])
        assert words[0] == "watchkeeper", words
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *words[1:]],
            cwd=self.folder,
            env=environment(WATCHKEEPER_URL=self.daemon),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def break_until_somebody_is_paged(self) -> None:
        """Take the shop's database away and wait for the incident."""
        call(["-X", "POST", f"{self.shop}/faults?database=down"])
        pause = threading.Event()
        for _ in range(PATIENCE * 4):
            if json.loads(self.give(["watchkeeper", "incidents", "list", "--json"]))["incidents"]:
                return
            pause.wait(0.25)
        raise AssertionError("no incident was opened")


def environment(**more: str) -> dict[str, str]:
    """Ours without settings of Watchkeeper's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WATCHKEEPER_")}
    return {**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **more}


def call(words: list[str]) -> str:
    """What curl would do with these arguments. AssertionError for an error status."""
    method, body, address, rest = "", None, "", list(words)
    while rest:
        word = rest.pop(0)
        if word == "-X":
            method = rest.pop(0)
        elif word == "-d":
            body = rest.pop(0).encode()
        elif word == "--retry":
            rest.pop(0)
        elif word.startswith("http"):
            address = word
        else:
            assert word.startswith("-f"), f"curl {word} is not translated"
    try:
        with urlopen(Request(address, data=body, method=method or ("POST" if body else "GET")), timeout=10) as answer:
            return answer.read().decode()
    except HTTPError as error:
        with error:
            raise AssertionError(f"{address}: {error.code} {error.read().decode()}") from error


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both processes, with the configuration that the quick start ends up with, and a heartbeat."""
    folder = tmp_path_factory.mktemp("documented")
    shop = subprocess.Popen(
        [sys.executable, str(SERVICE)], env=environment(PORT="0", VISITS="0"), stdout=subprocess.PIPE, text=True
    )
    assert shop.stdout is not None
    address = shop.stdout.readline().split()[-1].rstrip("/")
    text = configuration().replace("127.0.0.1:8080", address.removeprefix("http://"))
    (folder / "watchkeeper.yml").write_text(text, encoding="utf-8")
    daemon = subprocess.Popen(
        [sys.executable, "-m", "monitor", "run", "--listen", "127.0.0.1:0"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert daemon.stdout is not None
    try:
        made = World(folder=folder, shop=address, daemon=daemon.stdout.readline().split()[-1])
        wait_until_ready(made)
        yield made
    finally:
        for process in (daemon, shop):
            process.terminate()
            process.communicate(timeout=PATIENCE)


def wait_until_ready(world: World) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE * 10):
        try:
            call([f"{world.daemon}/-/ready"])
        except AssertionError:
            pause.wait(0.1)
        else:
            return
    raise AssertionError("the daemon does not become ready")


def configuration() -> str:
    """The quick start's fullest file."""
    files = [block.text for block in blocks_of(QUICK_START) if block.title == "watchkeeper.yml"]
    (fullest,) = [text for text in files if "scrape_configs" in text]
    quick = fullest.replace('/health"}', '/health", interval: 1s, timeout: 1s}')
    assert quick != fullest
    return quick.replace(
        "scrape_configs:", "  - {name: nightly-backup, heartbeat: {period: 1d, grace: 1h}}\nscrape_configs:"
    )


def lines(found: Iterator[Block]) -> list[str]:
    return [line for block in found if block.language == "sh" for line in block.text.splitlines() if line.strip()]


def test_the_quick_start_can_be_followed(world: World, tmp_path: Path) -> None:
    """From the first verdict to the deployment, each command in its turn; the page is about the shop, and is acknowledged."""
    given: list[str] = []
    for line in lines(blocks_of(QUICK_START)):
        words = world.translated(line)
        verb = " ".join(words[:2])
        if words[0] in ("make", "python3") or verb in ("watchkeeper run", "watchkeeper demo"):
            continue
        if verb == "watchkeeper init":
            other = World(folder=tmp_path, shop=world.shop, daemon=world.daemon)
            other.give(words)
            assert "1 check" in other.give(["watchkeeper", "check-config"])
            continue
        if verb == "watchkeeper incidents" and "incidents" not in given:
            world.break_until_somebody_is_paged()
        said = world.give(words)
        given.append(words[1])
        if words[1:3] == ["incidents", "show"]:
            assert "acknowledged" in said
    call(["-X", "POST", f"{world.shop}/faults"])
    assert {"status", "incidents", "receivers", "check-config"} <= set(given)
    assert "2026.11.3" in world.give(["watchkeeper", "deployments", "list"])


def test_every_query_and_ping_of_the_documentation_is_answered(world: World) -> None:
    """Whatever page it stands on."""
    asked = [
        words
        for line in lines(blocks())
        if (words := world.translated(line)) and (words[:2] == ["watchkeeper", "query"] or "/ping/" in words[-1])
    ]
    assert len(asked) >= 4
    for words in asked:
        world.give(words)
