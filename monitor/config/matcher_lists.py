"""Matchers in Alertmanager's configuration: the list of today, and the two mappings of old that may stand beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.config.findings import Findings
from monitor.config.yamltree import Document, Path
from monitor.matching.matchers import Matcher, MatchOp
from monitor.matching.parse import Syntax, disagreement, is_label_name, parse_matchers
from monitor.matching.regex import Regex

_OPS: Final = (MatchOp.EQUAL, MatchOp.NOT_EQUAL, MatchOp.MATCHES, MatchOp.NOT_MATCHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatcherLists:
    """What is written in the three forms."""

    exact: Mapping[str, str] = field(default_factory=dict[str, str])
    """`match`: label to value."""
    expressions: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """`match_re`: label to regular expression; kept with its anchors, which therefore stand in group keys."""
    texts: Sequence[str] = ()
    """`matchers`."""


def read_matchers(
    lists: MatcherLists,
    keys: tuple[str, str, str],
    path: Path,
    document: Document,
    findings: Findings,
    syntax: Syntax = Syntax.FALLBACK,
) -> tuple[Matcher, ...]:
    """All of them by name, value and operator. `keys` are the names of the three forms below `path`; what is wrong there
    becomes a finding."""
    found: list[Matcher] = []
    for key, op, mapping in ((keys[0], MatchOp.EQUAL, lists.exact), (keys[1], MatchOp.MATCHES, lists.expressions)):
        for name, value in mapping.items():
            here = (*path, key, name)
            if not is_label_name(name, Syntax.CLASSIC):
                findings.wrong(document, here, f'invalid label name "{name}"', f"only {keys[2]} takes such names")
                continue
            if value is None:
                findings.wrong(document, here, f'invalid regexp value for "{name}"', "write a regular expression")
                continue
            made = findings.attempt(document, here, lambda name=name, op=op, value=value: _of_old(name, op, value))
            found += [made] if made is not None else []
    for place, text in enumerate(lists.texts):
        here = (*path, keys[2], place)
        found += findings.attempt(document, here, lambda text=text: parse_matchers(text, syntax)) or ()
        if syntax is Syntax.FALLBACK and (doubt := disagreement(text)):
            findings.doubt(document, here, doubt, "quote the value")
    return tuple(sorted(found, key=lambda matcher: (matcher.name, matcher.value, _OPS.index(matcher.op))))


def _of_old(name: str, op: MatchOp, value: str) -> Matcher:
    """A matcher of the two mappings. Raises ValueError with what is said of the expression as it was written."""
    if op is MatchOp.MATCHES:
        Regex(value, dot_matches_newline=False)
        value = f"^(?:{value})$"
    return Matcher(name, op, value, dot_matches_newline=False)
