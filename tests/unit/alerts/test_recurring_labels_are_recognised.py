"""What is known of labels that come in again and again."""

from __future__ import annotations

from monitor.alerts.recurring import Recurring
from monitor.model.labels import Labels
from monitor.model.times import MINUTE
from tests.support.fingerprints import knows_fingerprint

_NOW = 1_767_225_600_000


def _labels() -> Labels:
    """Equal, but never the same object."""
    return Labels({"alertname": "Down", "instance": "a"})


def test_labels_that_came_before_get_their_fingerprint_and_what_was_kept() -> None:
    """Nothing is reckoned again, and the newest object is the one that is held."""
    known = Recurring[str]()
    assert known.recognise(_labels(), _NOW) is None
    known.keep(_labels(), "payments", _NOW)
    again = _labels()
    assert known.recognise(again, _NOW + MINUTE) == "payments"
    assert knows_fingerprint(again)
    assert again.fingerprint == _labels().fingerprint
    assert len(known) == 1


def test_what_nobody_reports_is_forgotten() -> None:
    """Eleven minutes after the last report; what was reported since stays."""
    known = Recurring[str]()
    known.keep(_labels(), "payments", _NOW)
    known.keep(Labels({"alertname": "Other"}), "shop", _NOW)
    known.recognise(_labels(), _NOW + 9 * MINUTE)
    known.forget_old(_NOW + 11 * MINUTE)
    assert known.recognise(_labels(), _NOW + 11 * MINUTE) == "payments"
    assert known.recognise(Labels({"alertname": "Other"}), _NOW + 11 * MINUTE) is None


def test_a_clock_set_back_forgets_what_seems_to_come_from_the_future() -> None:
    """Nothing is kept for ever because it was seen in a time that was never reached again."""
    known = Recurring[str]()
    known.keep(_labels(), "payments", _NOW)
    known.forget_old(_NOW - MINUTE)
    assert len(known) == 0
