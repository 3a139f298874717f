"""Matchers as Alertmanager prints them: in route keys, in its API, and as JSON. PromQL prints them otherwise (`str`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.utf8 import is_reserved
from monitor.model.labels import quote

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_BY_FLAGS: Final = {
    (False, True): MatchOp.EQUAL,
    (False, False): MatchOp.NOT_EQUAL,
    (True, True): MatchOp.MATCHES,
    (True, False): MatchOp.NOT_MATCHES,
}
_FLAGS: Final = {op: flags for flags, op in _BY_FLAGS.items()}


def matcher_text(matcher: Matcher) -> str:
    """`name="value"` with OpenMetrics's escapes; a name that holds reserved characters is quoted, and then both as Go does."""
    if any(map(is_reserved, matcher.name)):
        return f"{quote(matcher.name)}{matcher.op.value}{quote(matcher.value)}"
    return f'{matcher.name}{matcher.op.value}"{matcher.value.translate(_ESCAPES)}"'


def matchers_text(matchers: Iterable[Matcher]) -> str:
    """`{a="x",b=~"y"}`, in the order given."""
    return "{" + ",".join(map(matcher_text, matchers)) + "}"


def matcher_document(matcher: Matcher) -> dict[str, str | bool]:
    """Its JSON form in the API."""
    is_regex, is_equal = _FLAGS[matcher.op]
    return {"name": matcher.name, "value": matcher.value, "isRegex": is_regex, "isEqual": is_equal}


def matcher_from_document(document: Mapping[str, object]) -> Matcher:
    """Back from JSON; `isEqual` may be absent, as clients older than 0.22 leave it. Raises ValueError."""
    name, value = document.get("name"), document.get("value")
    is_regex, is_equal = document.get("isRegex", False), document.get("isEqual", True)
    if not (isinstance(name, str) and isinstance(value, str)):
        raise ValueError("a matcher needs name and value as texts")
    if not (isinstance(is_regex, bool) and isinstance(is_equal, bool)):
        raise ValueError("isRegex and isEqual of a matcher are true or false")
    return Matcher(name, op_of(is_regex=is_regex, is_equal=is_equal), value, dot_matches_newline=False)


def op_of(*, is_regex: bool, is_equal: bool) -> MatchOp:
    """What the flags of a JSON matcher mean."""
    return _BY_FLAGS[is_regex, is_equal]
