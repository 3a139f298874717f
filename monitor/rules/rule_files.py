"""Rule files: from plain data to groups, with every mistake found.

`read_document` takes what a YAML file holds; the file itself is opened by others, who also know the lines. Each mistake
carries Prometheus's own words and the path of the key at fault, so that a line can be put beside it. Source:
prometheus model/rulefmt/rulefmt.go.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from monitor.model.errors import QueryError, TemplateError
from monitor.model.labels import METRIC_NAME, Labels, quote
from monitor.model.times import MINUTE, Millis, parse_duration
from monitor.promql.check import check_supported
from monitor.promql.features import Features
from monitor.promql.nodes import Expr
from monitor.promql.parser import parse
from monitor.promql.printer import to_text
from monitor.rules.groups import AlertingRule, RecordingRule, Rule, RuleGroup
from monitor.rules.texts import Text, compile_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake."""

    path: str
    """Where, as `groups[0].rules[2].expr`."""
    message: str
    """Prometheus's text."""
    group: str = ""
    rule: int = 0
    """From 1 within the group; 0 when it concerns the group or the file."""
    name: str = ""
    """Of the rule."""
    remedy: str = ""

    def __str__(self) -> str:
        """As Prometheus prints it, but for the line and column in front."""
        if not self.rule:
            return self.message
        return f"group {quote(self.group)}, rule {self.rule}, {quote(self.name)}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a group gets when it does not say."""

    interval: Millis = MINUTE
    query_offset: Millis = 0
    features: Features = field(default_factory=Features)
    legacy_names: bool = False
    """Label names must be those of Prometheus 2."""
    early: bool = True
    """Alerting rules may be looked at between slots."""
    parallel: int = 1
    """Independent rules of a group that may be evaluated at once."""
    ignore_unknown: bool = False
    """Keys that nobody knows are passed over, as with promtool's --ignore-unknown-fields."""


def read_document(
    document: Mapping[str, Any] | None, file: str, defaults: Defaults
) -> tuple[tuple[RuleGroup, ...], tuple[Problem, ...]]:
    """The groups of one file, and what is wrong with it. Groups with mistakes are left out."""
    reader = _Reader(file, defaults)
    return reader.document(document), tuple(reader.problems)


def parse_problem(text: str, error: QueryError) -> str:
    """`line:column: parse error: what`, as Prometheus prints a mistake in an expression."""
    before = text.encode()[: error.start].decode(errors="replace")
    line = before.count("\n") + 1
    column = len(before[before.rfind("\n") + 1 :].encode()) + 1
    return f"{line}:{column}: parse error: {error.message}"


_GROUP_KEYS: Final = frozenset(("name", "interval", "query_offset", "limit", "labels", "rules"))
_RULE_KEYS: Final = frozenset(("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"))
_LEGACY_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_LEGACY_METRIC: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)


class _Reader:
    def __init__(self, file: str, defaults: Defaults) -> None:
        self.file = file
        self.defaults = defaults
        self.problems: list[Problem] = []
        self.group = ""
        self.rule = 0
        self.name = ""

    def document(self, document: Mapping[str, Any] | None) -> tuple[RuleGroup, ...]:
        if document is None:
            return ()
        whole = self._mapping(document, "", "rulefmt.RuleGroups")
        self._unknown(whole, frozenset(("groups",)), "", "rulefmt.RuleGroups")
        groups: list[RuleGroup] = []
        seen: set[str] = set()
        for number, source in enumerate(self._list(whole.get("groups"), "groups", "[]rulefmt.RuleGroup")):
            known = len(self.problems)
            group = self._group(
                self._mapping(source, f"groups[{number}]", "rulefmt.RuleGroup"), f"groups[{number}]", seen
            )
            if len(self.problems) == known:
                groups.append(group)
        return tuple(groups)

    def _group(self, source: Mapping[str, Any], path: str, seen: set[str]) -> RuleGroup:
        self.rule = 0
        self.group = name = self._text(source, "name", path)
        self._unknown(source, _GROUP_KEYS, path, "rulefmt.RuleGroup")
        if not name:
            self._problem(f"{path}.name", "Groupname must not be empty")
        elif name in seen:
            self._problem(f"{path}.name", f"groupname: {quote(name)} is repeated in the same file")
        seen.add(name)
        labels = self._labels(source.get("labels"), f"{path}.labels")
        interval = self._duration(source, "interval", path)
        offset = self._duration(source, "query_offset", path)
        limit = source.get("limit") or 0
        if not isinstance(limit, int) or isinstance(limit, bool):
            self._problem(f"{path}.limit", f"cannot unmarshal {quote(str(limit))} into int")
            limit = 0
        rules: list[Rule] = []
        for number, item in enumerate(self._list(source.get("rules"), f"{path}.rules", "[]rulefmt.Rule"), 1):
            place = f"{path}.rules[{number - 1}]"
            self.rule = number
            rule = self._rule(self._mapping(item, place, "rulefmt.Rule"), place, labels)
            if rule is not None:
                rules.append(rule)
        return RuleGroup(
            name=name,
            file=self.file,
            interval=interval or self.defaults.interval,
            query_offset=self.defaults.query_offset if source.get("query_offset") is None else offset,
            limit=limit,
            labels=Labels(labels),
            rules=tuple(rules),
            parallel=self.defaults.parallel,
        )

    def _rule(self, source: Mapping[str, Any], path: str, group_labels: Mapping[str, str]) -> Rule | None:
        record, alert = self._text(source, "record", path), self._text(source, "alert", path)
        self.name = alert or record
        known = len(self.problems)
        self._unknown(source, _RULE_KEYS, path, "rulefmt.Rule")
        if record and alert:
            self._problem(f"{path}.record", "only one of 'record' and 'alert' must be set")
        if not record and not alert:
            self._problem(path, "one of 'record' or 'alert' must be set")
        expr = self._expression(self._text(source, "expr", path), f"{path}.expr")
        hold = self._duration(source, "for", path)
        keep = self._duration(source, "keep_firing_for", path)
        annotations = self._labels(source.get("annotations"), f"{path}.annotations", "annotation")
        if record:
            self._recording_only(source, record, path, annotations=bool(annotations), hold=hold, keep=keep)
        own = self._labels(source.get("labels"), f"{path}.labels")
        texts = self._texts(own, f"{path}.labels", "label") if alert else ()
        notes = self._texts(annotations, f"{path}.annotations", "annotation") if alert else ()
        if len(self.problems) > known or expr is None:
            return None
        query = to_text(expr)
        if record:
            return RecordingRule(name=record, expr=expr, query=query, labels=Labels({**group_labels, **own}))
        under = tuple(
            (name, compile_text(alert, value)) for name, value in sorted(group_labels.items()) if name not in own
        )
        return AlertingRule(
            name=alert,
            expr=expr,
            query=query,
            for_=hold,
            keep_firing_for=keep,
            labels=tuple(sorted((*under, *texts), key=lambda pair: pair[0])),
            annotations=notes,
            early=self.defaults.early,
        )

    def _recording_only(
        self, source: Mapping[str, Any], record: str, path: str, *, annotations: bool, hold: Millis, keep: Millis
    ) -> None:
        if annotations:
            self._problem(f"{path}.annotations", "invalid field 'annotations' in recording rule")
        if hold:
            self._problem(f"{path}.for", "invalid field 'for' in recording rule")
        if keep:
            self._problem(f"{path}.keep_firing_for", "invalid field 'keep_firing_for' in recording rule")
        if not self._valid(record, _LEGACY_METRIC):
            self._problem(f"{path}.record", f"invalid recording rule name: {record}")
        if "{" in record or "}" in record:
            self._problem(
                f"{path}.record", f"braces present in the recording rule name; should it be in expr?: {record}"
            )

    def _expression(self, text: str, path: str) -> Expr | None:
        if not text:
            self._problem(path, "field 'expr' must be set in rule")
            return None
        try:
            expr = parse(text, self.defaults.features)
            check_supported(expr, self.defaults.features)
        except QueryError as error:
            self._problem(path, f"could not parse expression: {parse_problem(text, error)}")
            return None
        return expr

    def _texts(self, values: Mapping[str, str], path: str, what: str) -> tuple[tuple[str, Text], ...]:
        texts: list[tuple[str, Text]] = []
        for name, value in sorted(values.items()):
            try:
                texts.append((name, compile_text(self.name, value)))
            except TemplateError as error:
                self._problem(f"{path}.{name}", f"{what} {quote(name)}: {error}")
        return tuple(texts)

    def _labels(self, source: object, path: str, what: str = "label") -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in self._mapping(source if source is not None else {}, path, "map[string]string").items():
            if not self._valid(name, _LEGACY_LABEL) or (name == METRIC_NAME and what == "label"):
                self._problem(f"{path}.{name}", f"invalid {what} name: {name}")
            values[name] = _plain(value)
        return values

    def _valid(self, name: str, legacy: re.Pattern[str]) -> bool:
        return bool(legacy.fullmatch(name)) if self.defaults.legacy_names else bool(name)

    def _duration(self, source: Mapping[str, Any], key: str, path: str) -> Millis:
        value = source.get(key)
        if value is None:
            return 0
        try:
            return parse_duration(_plain(value))
        except ValueError as error:
            example = f"{value}s" if _plain(value).isdecimal() else "30s or 1h30m"
            self._problem(f"{path}.{key}", str(error), f"write a number with its unit, such as {example}")
            return 0

    def _text(self, source: Mapping[str, Any], key: str, path: str) -> str:
        value = source.get(key)
        if isinstance(value, dict | list):
            self._problem(f"{path}.{key}", "cannot unmarshal into string")
            return ""
        return _plain(value)

    def _unknown(self, source: Mapping[str, Any], known: frozenset[str], path: str, kind: str) -> None:
        for key in () if self.defaults.ignore_unknown else source:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1)
                hint = f'did you mean "{close[0]}"? ' if close else ""
                remedy = f"{hint}known keys: {', '.join(sorted(known))}"
                self._problem(f"{path}.{key}".lstrip("."), f"field {key} not found in type {kind}", remedy)

    def _mapping(self, value: object, path: str, kind: str) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return {_plain(key): item for key, item in cast("Mapping[Any, Any]", value).items()}
        if value is not None:
            self._problem(path, f"cannot unmarshal {quote(_plain(value))} into {kind}")
        return {}

    def _list(self, value: object, path: str, kind: str) -> Sequence[Any]:
        if isinstance(value, list | tuple):
            return cast("Sequence[Any]", value)
        if value is not None:
            self._problem(path, f"cannot unmarshal {quote(_plain(value))} into {kind}")
        return ()

    def _problem(self, path: str, message: str, remedy: str = "") -> None:
        name = self.name if self.rule else ""
        self.problems.append(
            Problem(path=path, message=message, group=self.group, rule=self.rule, name=name, remedy=remedy)
        )


def _plain(value: object) -> str:
    """A YAML scalar as the text it was; None is the empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
