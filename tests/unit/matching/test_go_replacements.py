"""Groups in replacement texts, as Go's regexp finds them."""

from __future__ import annotations

import pytest

from monitor.gotemplate.regexps import replace_all
from monitor.matching.regex import Regex


@pytest.mark.parametrize(
    ("replacement", "expanded"),
    [
        ("$1", "b"),
        ("${1}x", "bx"),
        ("$9", ""),
        ("$01", ""),
        ("$" + "9" * 5_000, ""),
        ("${" + "0" * 5_000 + "1}", ""),
        ("$999999999", ""),
    ],
    ids=lambda text: text[:12],
)
def test_numbers_that_mean_no_group_are_nothing(replacement: str, expanded: str) -> None:
    """Whatever their length: no number of a stranger's query breaks us."""
    found = Regex("a(.)c").groups("abc")
    assert found is not None
    assert found.expand(replacement) == expanded
    assert replace_all("a(.)c", replacement, "abc") == expanded
