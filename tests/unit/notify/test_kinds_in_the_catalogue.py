"""The catalogue, the console, and secrets in options."""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.model.errors import BugError, StoreError
from monitor.model.notifications import Delivered, Unknown
from monitor.notify.kinds.catalogue import CATALOGUE
from monitor.notify.kinds.console import Console, ConsoleOptions
from monitor.notify.kinds.making import CLASSES, make_kinds
from monitor.notify.kinds.secret import SecretSource
from monitor.notify.kinds.sending import own_options
from monitor.notify.kinds.slack import SlackOptions
from monitor.notify.kinds.webhook import WebhookOptions
from tests.support.messages import a_row
from tests.support.surroundings import sending, unused_surroundings


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_options_are_frozen_dataclasses(name: str) -> None:
    """Configuration builds validation and documentation from them."""
    options = CATALOGUE[name].options
    assert dataclasses.is_dataclass(options)
    assert options.__dataclass_params__.frozen  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


async def test_every_kind_can_be_made_and_closed_unused() -> None:
    """Nothing connects before the first message."""
    kinds = make_kinds(unused_surroundings())
    assert set(kinds) == set(CATALOGUE)
    for kind in kinds.values():
        await kind.close()


def test_each_is_found_again_where_it_is_imported_late() -> None:
    """The names by which the daemon imports them are those of the catalogue."""
    made = {name: importlib.import_module(f"monitor.notify.kinds.{name}") for name in CLASSES}
    assert {name: getattr(module, CLASSES[name]) for name, module in made.items()} == {
        name: entry.make for name, entry in CATALOGUE.items()
    }


async def test_one_that_is_used_is_the_kind_itself() -> None:
    """It answers, delivers and is closed as that does."""
    lines: list[str] = []
    console = make_kinds(unused_surroundings(lines))["console"]
    row = a_row(integration="console")
    assert console.takes(row.message, ConsoleOptions()) == ""
    assert console.repeats(ConsoleOptions()) is Console(unused_surroundings()).repeats(ConsoleOptions())
    assert await console.deliver(sending(row, ConsoleOptions())) == Delivered()
    assert lines
    await console.close()


def test_vendors_packages_are_imported_at_first_use_only() -> None:
    """They cost a quarter of a second and tens of megabytes together."""
    program = (
        "import sys, monitor.notify.kinds.catalogue;"
        "print([m for m in ('pagerduty', 'slack_sdk', 'aiosmtplib', 'httpx2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_console_prints_the_page_without_obeying_it() -> None:
    """A label with an escape sequence cannot colour, move or hide what is on the terminal."""
    lines: list[str] = []
    row = a_row(integration="console")
    row = replace(row, message=replace(row.message, title="down\x1b[2J\x9b31m\rhidden"))
    outcome = await Console(unused_surroundings(lines)).deliver(sending(row, ConsoleOptions(), uncertain=True))
    assert outcome == Delivered()
    assert lines[0] == "[possible repeat] down[2J31mhidden"


async def test_a_console_that_is_gone_is_told() -> None:
    """A closed pipe does not end the daemon."""

    def gone(_: str) -> None:
        raise BrokenPipeError

    around = replace(unused_surroundings(), print_line=gone)
    outcome = await Console(around).deliver(sending(a_row(integration="console"), ConsoleOptions()))
    assert outcome == Unknown("the console cannot be written: BrokenPipeError")


def test_secrets_print_as_what_they_are_not() -> None:
    """Neither repr nor str nor a format shows one, also inside of options."""
    options = SlackOptions(token=SecretSource("xoxb-hush"), channel="#shop")
    texts = [repr(options), str(options), f"{options.token}", f"{options.token!r}", options.token.address]
    assert not any("hush" in text for text in texts)
    assert repr(SecretSource.file("/run/key")) == "SecretSource(file='/run/key')"


def test_a_secret_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """Without the line end that editors add; an empty or missing file is an error that names it and nothing else."""
    path = tmp_path / "key"
    source = SecretSource.file(str(path))
    path.write_text("one\n")
    first = source.read()
    path.write_text("two\n")
    assert (first, source.read()) == ("one", "two")
    path.write_text("\n")
    with pytest.raises(StoreError, match="is empty"):
        source.read()
    path.unlink()
    with pytest.raises(StoreError, match="FileNotFoundError"):
        source.read()


def test_mixed_up_options_are_a_bug_of_ours() -> None:
    """And named as such."""
    with pytest.raises(BugError, match="ConsoleOptions"):
        own_options(ConsoleOptions(), WebhookOptions)
