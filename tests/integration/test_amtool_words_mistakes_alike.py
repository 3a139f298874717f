"""Debian's `amtool check-config` says of broken files what we say that it would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.peer_alertmanager import AMTOOL, amtool_checked
from tests.support.worded_mistakes import BROKEN_YAML, MISFITS, SPANS_TAKEN

pytestmark = pytest.mark.skipif(AMTOOL is None, reason="not installed: apt-get install prometheus-alertmanager")


def test_amtool_has_these_words(tmp_path: Path) -> None:
    """For each of the files of the unit tests."""
    for text, words in (*BROKEN_YAML, *MISFITS):
        code, said = amtool_checked(tmp_path, text)
        assert code != 0, text
        assert words in said, text


def test_amtool_takes_these_durations(tmp_path: Path) -> None:
    """Those that we take."""
    for span in SPANS_TAKEN:
        receiver = f"{{name: r, pushover_configs: [{{user_key: x, token: x, retry: {span}}}]}}"
        code, said = amtool_checked(tmp_path, f"route: {{receiver: r}}\nreceivers: [{receiver}]\n")
        assert code == 0, (span, said)
