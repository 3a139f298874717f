"""Alertmanager's own files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alerts.inheriting import Heard
from monitor.alerts.silences import Silence
from monitor.matching.parse import parse_matchers
from monitor.model.errors import CorruptionError
from monitor.model.notifications import Destination
from monitor.model.times import HOUR
from monitor.state.alertmanager_snapshots import read_log, read_silences
from tests.support.alertmanager_snapshots import log_file, silences_file

START = 1_767_225_600_000
SILENCES = [
    Silence(
        id=f"b0c891a2-01e1-4e95-9592-e717b3c0195{number}",
        matcher_sets=(parse_matchers(text),),
        starts_at=START,
        ends_at=START + HOUR + 7,
        updated_at=START,
        expires_at=START + 120 * HOUR,
        created_by="ana",
        comment="moving hôuse",
    )
    for number, text in enumerate(['a="b",c!="d"', 'a=~"b.*",c!~"x|y"'])
]
HEARD = [
    Heard(
        group_key='{}:{alertname="Down"}',
        destination=Destination("hook", "webhook", 1),
        at=START,
        firing=frozenset({1, 2**64 - 1}),
        resolved=frozenset({7}),
        expires_at=START + HOUR,
    ),
    Heard(
        group_key="{}:{}",
        destination=Destination("chat", "slack"),
        at=START + 5,
        firing=frozenset(),
        resolved=frozenset(),
        expires_at=START + HOUR,
    ),
]


def test_silences_are_read_with_all_four_kinds_of_matchers() -> None:
    """Times down to the millisecond."""
    assert read_silences(silences_file(SILENCES)) == SILENCES
    assert read_silences(b"") == []


@pytest.mark.parametrize("packed", [True, False])
def test_the_notification_log_is_read(*, packed: bool) -> None:
    """Numbers stand side by side or each in a field of its own."""
    assert read_log(log_file(HEARD, packed=packed)) == HEARD


@pytest.mark.parametrize("cut", range(1, len(log_file(HEARD[:1]))))
def test_a_file_that_is_cut_anywhere_says_where(cut: int) -> None:
    """Nothing of it is taken as whole."""
    with pytest.raises(CorruptionError, match=r"entry 1, at byte 0: "):
        read_log(log_file(HEARD[:1])[:cut])


def test_a_silence_whose_matchers_cannot_be_read_is_not_taken_for_one_of_everything() -> None:
    """A newer Alertmanager may keep them elsewhere."""
    bare = replace(SILENCES[0], matcher_sets=((),))
    with pytest.raises(CorruptionError, match="has no matchers that this version can read"):
        read_silences(silences_file([bare]))
