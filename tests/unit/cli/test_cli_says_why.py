"""`watchkeeper why` in words, over documents as daemons send them."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.cli.why import show_alert

NOW = 1_767_225_600_000


def document(**changes: Any) -> dict[str, Any]:
    return {
        "fingerprint": "0011223344556677",
        "labels": {"alertname": "Down"},
        "state": "firing",
        "since": "2026-01-01T00:00:00.000Z",
        "rule": None,
        "route": ["{}"],
        "group": {
            "key": "{}:{}",
            "receiver": "chat",
            "members": 1,
            "policy": None,
            "incident": None,
            "last_look": None,
            "next_look": None,
        },
        "quiet": [],
        "integrations": [],
        **changes,
    }


def test_the_answer_of_a_daemon_that_knows_nothing_of_flapping_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The command is often updated first."""
    show_alert(document(), NOW)
    said = capsys.readouterr().out
    assert "receiver chat" in said
    assert "flaps" not in said
