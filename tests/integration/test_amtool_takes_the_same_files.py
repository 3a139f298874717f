"""Debian's `amtool check-config` takes and refuses the same files, where keys and items hold nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.null_cases import ACCEPTED, REFUSED, file_with
from tests.support.peer_alertmanager import AMTOOL, amtool_checked

pytestmark = pytest.mark.skipif(AMTOOL is None, reason="not installed: apt-get install prometheus-alertmanager")


def test_amtool_takes_what_we_take(tmp_path: Path) -> None:
    """Each of the files of the unit tests."""
    for name, text in ACCEPTED:
        assert amtool_checked(tmp_path, file_with(name, text))[0] == 0, (name, text)


def test_amtool_refuses_what_we_refuse(tmp_path: Path) -> None:
    """In the same words."""
    for name, text, message in REFUSED:
        code, said = amtool_checked(tmp_path, file_with(name, text))
        assert code != 0, (name, text)
        assert message in said
