"""What callers send is refused with what is wrong with it."""

from __future__ import annotations

import pytest

from monitor.web.answers import BadCallError
from monitor.web.own.bodies import Body


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("999999999h", "must be a duration: duration out of range"),
        (1e12, "must be a duration: duration out of range"),
        ("soon", 'must be a duration: not a valid duration string: "soon"'),
        (None, "must be a duration: it is neither a text nor a number of seconds"),
        (True, "must be a duration: it is neither a text nor a number of seconds"),
        ("0", "must be a duration of more than nothing"),
        (-1, "must be a duration of more than nothing"),
    ],
)
def test_what_is_no_duration_is_told_why(sent: object, problem: str) -> None:
    """Too long is not the same as nothing."""
    with pytest.raises(BadCallError) as caught:
        Body({"for": sent}).duration("for")
    assert caught.value.args[0] == f'the field "for" {problem}'
