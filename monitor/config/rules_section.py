"""Rules: from which files, with which defaults, and whom they ask.

The shipped rules go beside those of others, also where somebody brings a whole Prometheus configuration: they watch checks
and the daemon itself, which no rule of theirs knows, and a page too many is seen while a page that never comes is not. But
whoever brings rules is told, until `rules.shipped` says that both are meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Final
from urllib.parse import urlsplit

from monitor.config.configuration import QueryEngine, QuerySettings
from monitor.config.document import ConfigurationSection
from monitor.config.findings import Findings
from monitor.config.golang.clients import client_of
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Values
from monitor.config.prometheus.file import PrometheusParts
from monitor.config.rule_files import matching_files, read_rule_file, read_rules
from monitor.config.rule_options import with_options
from monitor.config.shipped import SHIPPED_NAME, shipped
from monitor.config.yamltree import Document, Tree
from monitor.model.times import SECOND, Millis
from monitor.promql.features import DELAYED_NAMES, STABLE, START_TIMESTAMPS, Features, named_features
from monitor.rules.groups import AlertingRule, RuleGroup
from monitor.rules.rule_files import Defaults

_SHIPPED_INTERVAL: Final[Millis] = 15 * SECOND
_NAMED: Final = 5


def query_settings(
    section: ConfigurationSection, prometheus: PrometheusParts, document: Document, findings: Findings
) -> QuerySettings:
    """How queries of rules and of strangers are answered."""
    given, path = section.queries, ("queries", "enable_features")
    features = findings.attempt(document, path, lambda: named_features(given.enable_features))
    return QuerySettings(
        features=features or STABLE,
        delayed_names=DELAYED_NAMES in given.enable_features,
        start_timestamps=START_TIMESTAMPS in given.enable_features,
        lookback=given.lookback_delta,
        subquery_step=prometheus.evaluation_interval,
        max_samples=given.max_samples,
        timeout=given.timeout,
        max_concurrency=given.max_concurrency,
    )


def query_engine(section: ConfigurationSection, document: Document, reading: Reading) -> QueryEngine | None:
    """The engine that rules ask; None: the samples here."""
    rules = section.rules
    if not rules.query_url:
        return None
    address = urlsplit(rules.query_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        problem = f'"{rules.query_url}" is no URL of a PromQL engine'
        reading.findings.wrong(document, ("rules", "query_url"), problem, "write http://host:port")
    tree = document.tree.get("rules") if isinstance(document.tree, dict) else None
    given: Tree = tree.get("query_http_config", {}) if isinstance(tree, dict) else {}
    client = CLIENT.read(given, ("rules", "query_http_config"), reading)
    assert isinstance(client, Values)
    return QueryEngine(url=rules.query_url.rstrip("/"), timeout=rules.query_timeout, client=client_of(client, reading))


def rule_groups(
    section: ConfigurationSection,
    prometheus: PrometheusParts,
    features: Features,
    base: FilePath,
    document: Document,
    findings: Findings,
) -> tuple[RuleGroup, ...]:
    """The groups of all rule files, the shipped ones last."""
    rules = section.rules
    mistakes = len(findings.errors)
    defaults = Defaults(
        interval=prometheus.evaluation_interval,
        query_offset=prometheus.query_offset,
        # another engine has not heard of a result at once
        early=rules.early_evaluation and not rules.query_url,
        parallel=rules.concurrency,
        features=features,
    )
    own: list[RuleGroup] = []
    for path in matching_files(prometheus.rule_files, base, prometheus.source, findings):
        own.extend(read_rule_file(path, str(path), defaults, findings))
    theirs = list(own) if section.prometheus_file else []
    if rules.min_requests is not None:
        text = (
            "groups: [{name: watchkeeper-thresholds, interval: 30s, rules: "
            f"[{{record: 'watchkeeper:min_requests', expr: 'vector({rules.min_requests})'}}]}}]"
        )
        own.extend(read_rules(text, "rules.min_requests", defaults, findings))
    if rules.shipped is not False:
        ours = _shipped(defaults, findings)
        if rules.shipped is None and theirs:
            _tell_of_shipped(ours, theirs, document, findings)
        own.extend(ours)
    if len(findings.errors) > mistakes:
        # rules with mistakes are left out: what is said of them would look unknown
        return tuple(own)
    return with_options(own, section.rule_options, document, findings, features)


def _shipped(defaults: Defaults, findings: Findings) -> list[RuleGroup]:
    quick = replace(defaults, interval=_SHIPPED_INTERVAL)
    files = sorted(shipped("rules").glob("*.yml"))
    return [group for path in files for group in read_rule_file(path, SHIPPED_NAME + path.name, quick, findings)]


def _tell_of_shipped(
    ours: Sequence[RuleGroup], theirs: Sequence[RuleGroup], document: Document, findings: Findings
) -> None:
    names = _alerts(ours)
    both = sorted(names & _alerts(theirs))
    problem = f"has rules of its own, and the {len(names)} shipped alerts are evaluated beside them"
    if both:
        more = f" and {len(both) - _NAMED} more" if len(both) > _NAMED else ""
        problem += f": {', '.join(both[:_NAMED])}{more} would come twice"
    remedy = "write `rules: {shipped: true}` if both are meant, `rules: {shipped: false}` for yours alone"
    findings.doubt(document, ("prometheus_file",), problem, remedy)


def _alerts(groups: Sequence[RuleGroup]) -> set[str]:
    return {rule.name for group in groups for rule in group.rules if isinstance(rule, AlertingRule)}
