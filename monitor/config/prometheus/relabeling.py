"""Steps of relabelling. Source: prometheus model/relabel/relabel.go."""

from __future__ import annotations

from typing import Final

from monitor.config.golang.kinds import Expression, Reading, Text, Whole
from monitor.config.golang.structs import ListOf, Struct, Values
from monitor.matching.relabel import NOTHING, NameScheme, RelabelAction, Relabeling, RelabelRule, validate
from monitor.model.labels import quote

_PRESUMED: Final = frozenset({"modulus", "regex", "target_label"})
"""Keys that may be wrong while it is judged which of the keys go together: something stands for each."""


def _known_action(values: Values, reading: Reading) -> None:
    """Here and not with the other rules, since Prometheus knows the action before it knows the scheme of names."""
    word = values.text("action")
    if word and word.lower() not in {action.value for action in RelabelAction}:
        actions = ", ".join(sorted(action.value for action in RelabelAction))
        reading.refuse(values.at("action"), f"unknown relabel action {quote(word)}", f"one of: {actions}")


RELABEL: Final = Struct(
    title="Relabel",
    about="One step of relabelling.",
    inside="relabel",
    keys={
        "source_labels": ListOf(go="model.LabelNames", about="Their values are joined."),
        "separator": Text(default=";"),
        "regex": Expression(default="(.*)", about="RE2, anchored at both ends."),
        "modulus": Whole(unsigned=True, go="uint64", about="For hashmod."),
        "target_label": Text(),
        "replacement": Text(default="$1"),
        "action": Text(default="replace", allowed=tuple(action.value for action in RelabelAction)),
    },
    rules=(_known_action,),
)


def relabel_configs(nothing: str, about: str = "", *, served: bool = True) -> ListOf:
    """A list of steps; `nothing` is what Prometheus says of an empty one."""
    return ListOf(item=RELABEL, nothing=nothing, about=about, served=served)


def relabeling(values: Values, key: str, reading: Reading, names: NameScheme = NameScheme.UTF8) -> Relabeling:
    """The steps under this key, compiled; what is wrong with one is told."""
    rules: list[RelabelRule] = []
    for step in values.many(key):
        if not step.unsure <= _PRESUMED or (step.broken and not step.unsure):
            continue
        if reading.findings.has_mistakes(reading.document, step.at("action")):
            continue  # what the rest must be depends on it
        rule = RelabelRule(
            source_labels=step.texts("source_labels"),
            separator=step.text("separator"),
            regex=step.text("regex"),
            target_label="label" if "target_label" in step.unsure else step.text("target_label"),
            replacement=step.text("replacement"),
            modulus=1 if "modulus" in step.unsure else step.whole("modulus"),
            action=step.text("action"),
        )
        try:
            validate(rule, names)
        except ValueError as error:
            reading.refuse(step.path, str(error), "see the reference of relabelling")
        else:
            if not step.broken:
                rules.append(rule)
    return Relabeling(rules, names=names) if rules else NOTHING
