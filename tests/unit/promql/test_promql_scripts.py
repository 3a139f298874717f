"""Our own promqltest scripts, one for each family: what each function, operator and modifier does at its edges."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.promqltest import Script

_SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.test"))


@pytest.mark.parametrize("gappy", [False, True], ids=["dense", "gappy"])
@pytest.mark.parametrize("path", _SCRIPTS, ids=[path.stem for path in _SCRIPTS])
def test_every_evaluation_of_the_script_holds(path: Path, gappy: bool) -> None:
    """At once, at other times, and as the middle of a range; none is skipped."""
    count = Script(gappy=gappy).run(path)
    assert not count.problems, "\n".join(count.problems)
    assert count.passed > 0
    assert count.skipped == 0
