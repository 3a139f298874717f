"""Relabelling: a list of rules that rewrites a label set or throws it away.

Targets pass through it before they are scraped, samples before they are stored, alerts before they are sent. Each rule
joins the values of its source labels and compares, rewrites or hashes them, or works on label names. Rules are checked and
compiled once; applying them is a pure function. Source: prometheus model/relabel/relabel.go.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from monitor.matching.regex import Match, Regex
from monitor.model.labels import quote
from monitor.model.surrogates import is_whole


class RelabelAction(Enum):
    """What a rule does with the joined source values, or with the label names."""

    REPLACE = "replace"
    """If the expression matches, set the target label to the expanded replacement; empty removes it."""
    KEEP = "keep"
    """Throw the set away unless the expression matches."""
    DROP = "drop"
    """Throw the set away if the expression matches."""
    KEEPEQUAL = "keepequal"
    """Throw the set away unless the target label has the joined value."""
    DROPEQUAL = "dropequal"
    """Throw the set away if the target label has the joined value."""
    HASHMOD = "hashmod"
    """Set the target label to a hash of the joined value, modulo the modulus."""
    LABELMAP = "labelmap"
    """Copy each label whose name matches to the name that the replacement makes of it."""
    LABELDROP = "labeldrop"
    """Remove the labels whose names match."""
    LABELKEEP = "labelkeep"
    """Remove the labels whose names do not match."""
    LOWERCASE = "lowercase"
    """Set the target label to the joined value in lower case."""
    UPPERCASE = "uppercase"
    """Set the target label to the joined value in upper case."""


class NameScheme(Enum):
    """Which label names are valid."""

    UTF8 = "utf8"
    """Any text that is not empty (Prometheus 3)."""
    LEGACY = "legacy"
    """ASCII letters, digits and underscores, no digit first (Prometheus 2)."""


DEFAULT_SEPARATOR: Final = ";"
DEFAULT_REGEX: Final = "(.*)"
DEFAULT_REPLACEMENT: Final = "$1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelRule:
    """One rule as configuration has it, with the defaults of configuration."""

    source_labels: tuple[str, ...] = ()
    separator: str = DEFAULT_SEPARATOR
    regex: str = DEFAULT_REGEX
    """RE2, anchored at both ends, `.` matching newlines."""
    target_label: str = ""
    replacement: str = DEFAULT_REPLACEMENT
    """May refer to groups as `$1`, `${1}`, `${name}`."""
    modulus: int = 0
    action: str = "replace"
    """One of RelabelAction, in any case."""


class Relabeling:
    """A compiled list of rules. Raises ValueError, with Prometheus's wording, for the first rule that is wrong."""

    __slots__ = ("_steps", "rules")

    def __init__(self, rules: Iterable[RelabelRule], *, names: NameScheme = NameScheme.UTF8) -> None:
        self.rules = tuple(rules)
        self._steps = tuple(_Step(rule, names) for rule in self.rules)

    def __bool__(self) -> bool:
        return bool(self._steps)

    def __eq__(self, other: object) -> bool:
        return self.rules == other.rules if isinstance(other, Relabeling) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.rules)

    def __repr__(self) -> str:
        return f"Relabeling({self.rules!r})"

    def apply(self, labels: Mapping[str, str]) -> dict[str, str] | None:
        """The rewritten labels, none of them empty, or None if the set is thrown away."""
        current = dict(labels)
        for step in self._steps:
            if not step.apply(current):
                return None
        return current


NOTHING: Final = Relabeling(())
"""No rules: every set stays as it is."""


def validate(rule: RelabelRule, names: NameScheme = NameScheme.UTF8) -> RelabelAction:
    """The rule's action. Raises ValueError with Prometheus's wording if the rule makes no sense; the expression is not
    looked at (compiling does)."""
    action = _action(rule.action)
    text = action.value
    if action is RelabelAction.HASHMOD and rule.modulus == 0:
        raise ValueError("relabel configuration for hashmod requires non-zero modulus")
    if action in _NEED_TARGET and not rule.target_label:
        raise ValueError(f"relabel configuration for {text} action requires 'target_label' value")
    if action in _NEED_TARGET:
        template = action is RelabelAction.REPLACE and "$" in rule.target_label
        valid = valid_template(rule.target_label, names) if template else valid_name(rule.target_label, names)
        if not valid:
            raise ValueError(f"{quote(rule.target_label)} is invalid 'target_label' for {text} action")
    if action in _NO_REPLACEMENT and rule.replacement != DEFAULT_REPLACEMENT:
        raise ValueError(f"'replacement' can not be set for {text} action")
    if action is RelabelAction.LABELMAP and not valid_template(rule.replacement, names):
        raise ValueError(f"{quote(rule.replacement)} is invalid 'replacement' for {text} action")
    rest = rule.modulus, rule.separator, rule.replacement
    untouched = rest == (0, DEFAULT_SEPARATOR, DEFAULT_REPLACEMENT)
    if action in (RelabelAction.DROPEQUAL, RelabelAction.KEEPEQUAL) and not (untouched and rule.regex == DEFAULT_REGEX):
        raise ValueError(f"{text} action requires only 'source_labels' and `target_label`, and no other fields")
    if action in (RelabelAction.LABELDROP, RelabelAction.LABELKEEP) and (
        rule.source_labels or rule.target_label or not untouched
    ):
        raise ValueError(f"{text} action requires only 'regex', and no other fields")
    return action


def valid_name(name: str, names: NameScheme = NameScheme.UTF8) -> bool:
    """Is this a label name under the scheme?"""
    return name != "" and (is_whole(name) if names is NameScheme.UTF8 else _LEGACY_NAME.fullmatch(name) is not None)


def valid_template(template: str, names: NameScheme = NameScheme.UTF8) -> bool:
    """May this text, with references to groups in it, stand where a label name is wanted?"""
    if names is NameScheme.UTF8:
        return template != "" and is_whole(template)
    return _LEGACY_TEMPLATE.fullmatch(template) is not None


_NEED_TARGET: Final = frozenset(
    {
        RelabelAction.REPLACE,
        RelabelAction.KEEPEQUAL,
        RelabelAction.DROPEQUAL,
        RelabelAction.HASHMOD,
        RelabelAction.LOWERCASE,
        RelabelAction.UPPERCASE,
    }
)
_NO_REPLACEMENT: Final = frozenset({RelabelAction.LOWERCASE, RelabelAction.UPPERCASE})
_LEGACY_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LEGACY_TEMPLATE: Final = re.compile(
    r"(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))(?:\w|\$(?:\{\w+\}|\w+))*",
    re.ASCII,
)


def _action(text: str) -> RelabelAction:
    if text == "":
        raise ValueError("relabel action cannot be empty")
    try:
        return RelabelAction(text.lower())
    except ValueError:
        raise ValueError(f"unknown relabel action {quote(text)}") from None


class _Step:
    __slots__ = ("_action", "_everything", "_names", "_regex", "_rule")

    def __init__(self, rule: RelabelRule, names: NameScheme) -> None:
        self._action = validate(rule, names)
        self._rule = rule
        self._names = names
        self._everything = rule.regex == DEFAULT_REGEX
        self._regex = Regex(rule.regex)

    def apply(self, labels: dict[str, str]) -> bool:
        """Rewrite `labels` in place; False throws them away."""
        rule, regex, action = self._rule, self._regex, self._action
        match action:
            case RelabelAction.REPLACE:
                self._replace(labels, _joined(rule, labels))
            case RelabelAction.KEEP:
                return regex.matches(_joined(rule, labels))
            case RelabelAction.DROP:
                return not regex.matches(_joined(rule, labels))
            case RelabelAction.KEEPEQUAL:
                return labels.get(rule.target_label, "") == _joined(rule, labels)
            case RelabelAction.DROPEQUAL:
                return labels.get(rule.target_label, "") != _joined(rule, labels)
            case RelabelAction.HASHMOD:
                digest = hashlib.md5(
                    _joined(rule, labels).encode("utf-8", "surrogateescape"), usedforsecurity=False
                ).digest()
                _set(labels, rule.target_label, str(int.from_bytes(digest[8:], "big") % rule.modulus))
            case RelabelAction.LABELMAP:
                for name, value in sorted(labels.items()):
                    found = regex.groups(name)
                    if found is not None:
                        _set(labels, found.expand(rule.replacement), value)
            case RelabelAction.LABELDROP:
                for name in [name for name in labels if regex.matches(name)]:
                    del labels[name]
            case RelabelAction.LABELKEEP:
                for name in [name for name in labels if not regex.matches(name)]:
                    del labels[name]
            case RelabelAction.LOWERCASE:
                _set(labels, rule.target_label, _joined(rule, labels).lower())
            case RelabelAction.UPPERCASE:
                _set(labels, rule.target_label, _joined(rule, labels).upper())
            case _:
                assert_never(action)
        return True

    def _replace(self, labels: dict[str, str], joined: str) -> None:
        rule = self._rule
        found = Match((joined, joined), {}) if self._everything else self._regex.groups(joined)
        if found is None:
            return
        target = found.expand(rule.target_label) if "$" in rule.target_label else rule.target_label
        if valid_name(target, self._names):
            _set(labels, target, found.expand(rule.replacement) if "$" in rule.replacement else rule.replacement)


def _joined(rule: RelabelRule, labels: Mapping[str, str]) -> str:
    names: Sequence[str] = rule.source_labels
    if len(names) == 1:
        return labels.get(names[0], "")
    return rule.separator.join([labels.get(name, "") for name in names])


def _set(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)
