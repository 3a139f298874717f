"""Every promqltest script runs without a failed evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.promqltest import Script
from tests.conformance.tables import DATA

_SCRIPTS = sorted((DATA / "promqltest").glob("*.test")) if DATA.is_dir() else []


@pytest.mark.skipif(not _SCRIPTS, reason="no conformance data in ../shared/conformance")
@pytest.mark.parametrize("gappy", [False, True], ids=["dense", "gappy"])
@pytest.mark.parametrize("path", _SCRIPTS, ids=[path.stem for path in _SCRIPTS])
def test_every_evaluation_of_the_script_holds(path: Path, gappy: bool) -> None:
    """Whether series share frames without gaps or one frame with gaps, the answers are Prometheus's."""
    count = Script(gappy=gappy).run(path)
    assert not count.problems, "\n".join(count.problems)
    assert count.passed + count.skipped > 0
