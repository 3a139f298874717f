"""Every case of every table that a family reads holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.cases import Check
from tests.conformance.tables import DATA, find_tables, registry, run_table

_FOUND = list(find_tables([DATA], registry())) if DATA.is_dir() else []


@pytest.mark.skipif(not _FOUND, reason="no conformance data in ../shared/conformance")
@pytest.mark.parametrize(("path", "check"), _FOUND, ids=[path.stem for path, _ in _FOUND])
def test_every_case_of_the_table_holds(path: Path, check: Check) -> None:
    """What other programs were measured to do, we do."""
    tally = run_table(path, check)
    assert not tally.failures, "\n".join(f"{case}: {reason}" for case, reason in tally.failures)
    assert tally.passed + len(tally.skips) > 0
