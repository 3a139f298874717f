"""Debian's `amtool check-config` takes and refuses the same files, where keys and items hold nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.null_cases import ACCEPTED, REFUSED, file_with
from tests.support.peer_alertmanager import AMTOOL

pytestmark = pytest.mark.skipif(AMTOOL is None, reason="not installed: apt-get install prometheus-alertmanager")


def checked(folder: Path, text: str) -> tuple[int, str]:
    assert AMTOOL is not None
    file = folder / "alertmanager.yml"
    file.write_text(text, encoding="utf-8")
    said = subprocess.run([AMTOOL, "check-config", file], capture_output=True, text=True, check=False)
    return said.returncode, said.stdout + said.stderr


def test_amtool_takes_what_we_take(tmp_path: Path) -> None:
    """Each of the files of the unit tests."""
    for name, text in ACCEPTED:
        assert checked(tmp_path, file_with(name, text))[0] == 0, (name, text)


def test_amtool_refuses_what_we_refuse(tmp_path: Path) -> None:
    """In the same words."""
    for name, text, message in REFUSED:
        code, said = checked(tmp_path, file_with(name, text))
        assert code != 0, (name, text)
        assert message in said
