"""Debian's `amtool check-config` says of broken files what we say that it would."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.peer_alertmanager import AMTOOL
from tests.support.worded_mistakes import BROKEN_YAML, MISFITS, SPANS_TAKEN

pytestmark = pytest.mark.skipif(AMTOOL is None, reason="not installed: apt-get install prometheus-alertmanager")


def checked(folder: Path, text: str) -> tuple[int, str]:
    assert AMTOOL is not None
    file = folder / "alertmanager.yml"
    file.write_text(text, encoding="utf-8")
    said = subprocess.run([AMTOOL, "check-config", file], capture_output=True, text=True, check=False)
    return said.returncode, said.stdout + said.stderr


def test_amtool_has_these_words(tmp_path: Path) -> None:
    """For each of the files of the unit tests."""
    for text, words in (*BROKEN_YAML, *MISFITS):
        code, said = checked(tmp_path, text)
        assert code != 0, text
        assert words in said, text


def test_amtool_takes_these_durations(tmp_path: Path) -> None:
    """Those that we take."""
    for span in SPANS_TAKEN:
        receiver = f"{{name: r, pushover_configs: [{{user_key: x, token: x, retry: {span}}}]}}"
        code, said = checked(tmp_path, f"route: {{receiver: r}}\nreceivers: [{receiver}]\n")
        assert code == 0, (span, said)
