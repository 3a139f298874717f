"""RE2 and Go's regexp call the same mistakes by different names; people know Go's."""

from __future__ import annotations

import pytest

from monitor.gotemplate.regexps import matches


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("a(", "missing closing ): `a(`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("*a", "missing argument to repetition operator: `*`"),
        (r"\q", r"invalid escape sequence: `\q`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_a_bad_pattern_is_told_as_go_tells_it(pattern: str, problem: str) -> None:
    """What is wrong, and where."""
    with pytest.raises(ValueError, match=r"^error parsing regexp: ") as caught:
        matches(pattern, "")
    assert str(caught.value) == f"error parsing regexp: {problem}"
