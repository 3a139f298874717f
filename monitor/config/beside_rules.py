"""What the daemon's file says about rules that stand elsewhere: for unit tests, which run rules without the daemon.

Two sections count, `rule_options` and `queries.enable_features`; the others may be missing, or be meant for another place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from monitor.config.document import ConfigurationSection
from monitor.config.findings import Finding, Findings
from monitor.config.opening import UnreadableError, read_text
from monitor.config.rule_options import RuleOptionsSection, with_options
from monitor.config.variables import expand
from monitor.config.yamltree import Document, read
from monitor.model.errors import ConfigError
from monitor.promql.features import Features
from monitor.rules.groups import RuleGroup

_SECTIONS = ("rule_options", "queries")


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideRules:
    """What was found there."""

    document: Document = field(default_factory=lambda: Document("", {}, {}))
    options: Sequence[RuleOptionsSection] = ()
    features: tuple[str, ...] = ()
    """Prometheus's names of the parts of PromQL that are allowed."""

    def applied(self, groups: Sequence[RuleGroup], features: Features, findings: Findings) -> tuple[RuleGroup, ...]:
        """The groups with the options that are meant for them. Those for rules that are not here are left alone: a file of
        tests loads a part of the rules."""
        return with_options(groups, self.options, self.document, findings, features, all_here=False)


def read_beside_rules(file: Path, variables: Mapping[str, str]) -> BesideRules:
    """Raises ConfigError with everything that is wrong with these sections."""
    findings = Findings()
    try:
        document = read(read_text(file), str(file))
    except UnreadableError as error:
        problem, remedy = f"cannot be read: {error}", "correct the path"
        raise ConfigError([Finding(file=str(file), line=0, path="", problem=problem, remedy=remedy)]) from error
    if not isinstance(document.tree, dict):
        findings.wrong(document, (), "is not a mapping", "it holds `rule_options:`")
        raise findings.error()
    tree = {key: document.tree[key] for key in _SECTIONS if key in document.tree}
    tree = expand(tree, variables, document, findings)
    section = findings.validate(ConfigurationSection, document, tree)
    if section is None or findings.errors:
        raise findings.error()
    return BesideRules(
        document=replace(document, tree=tree),
        options=section.rule_options,
        features=tuple(section.queries.enable_features),
    )
