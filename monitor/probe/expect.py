"""Does the answer meet the expectations? Every one that it does not meet becomes a sentence.

A wrong status ends the examination, because then the body is an error page and says nothing. Otherwise all
expectations are examined in blackbox_exporter's order (headers, body, JSON, version, TLS), then latency and certificate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from monitor.matching.regex import Match, compile_re2
from monitor.model.checks import Expect, FailureReason, HealthState
from monitor.model.times import DAY
from monitor.probe.answers import NOT_JSON, Answer

_STATUS: Final = re.compile(r"([1-9])xx|([1-9]\d\d)(?:-([1-9]\d\d))?", re.IGNORECASE | re.ASCII)
_COMPARISON: Final = re.compile(r"(==|!=|>=|<=|>|<)\s+(.+)", re.DOTALL)
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]", re.ASCII)
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One expectation that was not met."""

    state: HealthState
    """DEGRADED or UNHEALTHY."""
    reason: FailureReason
    text: str


class Expectations:
    """Compiled once for a check. Raises ValueError that names the wrong expression."""

    __slots__ = ("_body_rules", "_expect", "_header_rules", "_json_rules", "_ranges", "_simple", "_status_text")

    def __init__(self, expect: Expect) -> None:
        self._expect = expect
        self._ranges = tuple(_status_range(text) for text in expect.status) or ((200, 299),)
        self._status_text = " or ".join(expect.status) or "2xx"
        self._header_rules = (
            *((name, _search(pattern), pattern, False, False) for name, pattern in expect.headers.items()),
            *(
                (rule.header, _search(rule.regexp), rule.regexp, rule.forbid, rule.allow_missing)
                for rule in expect.header_rules
            ),
        )
        self._body_rules = (
            *((_search(pattern), pattern, False) for pattern in expect.matches),
            *((_search(pattern), pattern, True) for pattern in expect.not_matches),
        )
        self._json_rules = tuple((path, _steps(path), _comparison(wanted)) for path, wanted in expect.body.items())
        self._simple = not (
            self._header_rules
            or self._body_rules
            or self._json_rules
            or expect.contains
            or expect.http_versions
            or expect.secure is not None
            or expect.latency is not None
            or expect.latency_warn is not None
            or expect.certificate_days is not None
            or expect.certificate_days_warn is not None
        )

    def status_accepted(self, status: int) -> bool:
        """Is this status one of those asked for?"""
        return any(low <= status <= high for low, high in self._ranges)

    def shortfalls(self, answer: Answer) -> Sequence[Shortfall]:
        """What the answer lacks, in order; empty when all is well. `answer.status` 0 skips the status (no HTTP)."""
        if answer.status and not self.status_accepted(answer.status):
            text = f"HTTP status {answer.status}, expected {self._status_text}"
            return (Shortfall(HealthState.UNHEALTHY, FailureReason.STATUS, text),)
        if self._simple:
            return ()
        found: list[Shortfall] = []

        def short(reason: FailureReason, text: str, state: HealthState = HealthState.UNHEALTHY) -> None:
            found.append(Shortfall(state, reason, text))

        self._headers(answer, short)
        self._body(answer, short)
        self._json(answer, short)
        self._protocol(answer, short)
        self._latency(answer, short)
        self._certificate(answer, short)
        return found

    def _headers(self, answer: Answer, short: Callable[[FailureReason, str], None]) -> None:
        for name, search, pattern, forbid, allow_missing in self._header_rules:
            value = answer.headers.get(name.lower())
            if value is None:
                if not allow_missing:
                    short(FailureReason.HEADER, f"header {name} is missing")
            elif (search(value) is not None) is forbid:
                verb = "matches" if forbid else "does not match"
                short(FailureReason.HEADER, f"header {name} is {_shown(value)} and {verb} {pattern!r}")

    def _body(self, answer: Answer, short: Callable[[FailureReason, str], None]) -> None:
        for text in self._expect.contains:
            if text not in answer.text:
                short(FailureReason.BODY_TEXT, f"body does not contain {_shown(text)}")
        for search, pattern, forbid in self._body_rules:
            if (search(answer.text) is not None) is forbid:
                short(FailureReason.BODY_TEXT, f"body {'matches' if forbid else 'does not match'} {pattern!r}")

    def _json(self, answer: Answer, short: Callable[[FailureReason, str], None]) -> None:
        if not self._json_rules:
            return
        document = answer.json
        if document is NOT_JSON:
            short(
                FailureReason.BODY_JSON, "body is not JSON" if answer.complete else "body is too long to read as JSON"
            )
            return
        for path, steps, (operator, wanted) in self._json_rules:
            actual = _walk(document, steps)
            if actual is _MISSING:
                short(FailureReason.BODY_JSON, f"{path} is missing")
            elif not _holds(actual, operator, wanted):
                relation = "expected" if operator == "==" else f"expected {operator}"
                short(FailureReason.BODY_JSON, f"{path} is {_shown(actual)}, {relation} {_shown(wanted)}")

    def _protocol(self, answer: Answer, short: Callable[[FailureReason, str], None]) -> None:
        versions = self._expect.http_versions
        if versions and answer.http_version not in versions:
            wanted = " or ".join(f"{version:g}" for version in versions)
            short(FailureReason.HTTP_VERSION, f"HTTP {answer.http_version:g}, expected {wanted}")
        if self._expect.secure is not None and answer.secure is not self._expect.secure:
            short(
                FailureReason.TLS_FORBIDDEN,
                "answer came without TLS" if self._expect.secure else "answer came over TLS",
            )

    def _latency(self, answer: Answer, short: Callable[[FailureReason, str, HealthState], None]) -> None:
        took = answer.took * 1000
        for limit, state in (
            (self._expect.latency, HealthState.UNHEALTHY),
            (self._expect.latency_warn, HealthState.DEGRADED),
        ):
            if limit is not None and took >= limit:
                short(FailureReason.SLOW, f"took {took:.0f} ms, expected less than {limit} ms", state)
                return

    def _certificate(self, answer: Answer, short: Callable[[FailureReason, str, HealthState], None]) -> None:
        if answer.tls is None or answer.tls.earliest_expiry is None:
            return
        left = (answer.tls.earliest_expiry - answer.now) / DAY
        for days, state in (
            (self._expect.certificate_days, HealthState.UNHEALTHY),
            (self._expect.certificate_days_warn, HealthState.DEGRADED),
        ):
            if days is not None and left < days:
                text = f"certificate is valid for {left:.1f} more days, expected {days:g}"
                short(FailureReason.CERTIFICATE_EXPIRES_SOON, text, state)
                return


def at_path(document: object, path: str) -> object:
    """The value at a dotted path, or None where there is none. Raises ValueError for a malformed path."""
    found = _walk(document, _steps(path))
    return None if found is _MISSING else found


def _status_range(text: str) -> tuple[int, int]:
    match = _STATUS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"status {text!r} is not a code (200), a class (2xx) or a range (200-204)")
    if match.group(1):
        first = int(match.group(1)) * 100
        return first, first + 99
    low = int(match.group(2))
    return low, int(match.group(3) or low)


def _search(pattern: str) -> Callable[[str], Match | None]:
    return compile_re2(pattern)


def _steps(path: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    at = 0
    text = path.removeprefix("$").removeprefix(".")
    while at < len(text):
        if text[at] == "." and at:
            at += 1
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"path {path!r} is not like data.items[0].id")
        steps.append(match.group(1) if match.group(1) is not None else int(match.group(2)))
        at = match.end()
    return tuple(steps)


def _walk(document: object, steps: tuple[str | int, ...]) -> object:
    here = document
    for step in steps:
        if isinstance(here, dict):
            mapping = cast("Mapping[str, object]", here)
            here = mapping.get(str(step), _MISSING)
        elif isinstance(here, list) and isinstance(step, int):
            items = cast("list[object]", here)
            here = items[step] if step < len(items) else _MISSING
        else:
            return _MISSING
        if here is _MISSING:
            return _MISSING
    return here


def _comparison(wanted: object) -> tuple[str, object]:
    """`">= 3"` to (">=", 3); everything else is an equality."""
    match = _COMPARISON.fullmatch(wanted.strip()) if isinstance(wanted, str) else None
    if match is None:
        return "==", wanted
    operator, text = match.groups()
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if operator in ("<", ">", "<=", ">=") and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"{wanted!r} compares with something that is not a number")
    return operator, value


def _holds(actual: object, operator: str, wanted: object) -> bool:
    if operator in ("==", "!="):
        # True == 1 in Python, but not in JSON
        same = actual == wanted and isinstance(actual, bool) is isinstance(wanted, bool)
        return same if operator == "==" else not same
    if isinstance(actual, bool) or not isinstance(actual, int | float) or not isinstance(wanted, int | float):
        return False
    match operator:
        case "<":
            return actual < wanted
        case "<=":
            return actual <= wanted
        case ">":
            return actual > wanted
        case _:
            return actual >= wanted


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
