"""From a file name to everything that the daemon needs, or to every mistake at once.

Loading is a pure function of the files and the environment: it starts nothing, so a bad configuration is refused before
anything changes. What another program's file lacks keeps that program's defaults.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError

from monitor.config.alertmanager.global_section import GLOBAL
from monitor.config.alertmanager_file import AlertmanagerParts, read_alertmanager
from monitor.config.checks import CheckSection, check_of_url, read_checks
from monitor.config.configuration import (
    Configuration,
    HostSettings,
    Listen,
    LogSettings,
    Paging,
    QueryEngine,
    QuerySettings,
    Storage,
    Token,
)
from monitor.config.credential_files import doubt_missing
from monitor.config.document import ConfigurationSection, LogSection, TokenSection
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.golang.clients import client_of
from monitor.config.golang.http_client import CLIENT
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Values
from monitor.config.in_place import load_in_place
from monitor.config.overrides import Overrides
from monitor.config.prometheus.file import PrometheusParts, read_prometheus
from monitor.config.receivers import ReceiverParts, receiver_parts
from monitor.config.routing import read_paging
from monitor.config.routing_lint import RoutingLint
from monitor.config.rule_files import matching_files, read_rule_file, read_rules
from monitor.config.rule_options import with_options
from monitor.config.shipped import shipped
from monitor.config.variables import expand
from monitor.config.web_file import read_web_file
from monitor.config.yamltree import Document, Path, Tree, read
from monitor.model.checks import Check
from monitor.model.errors import ConfigError, Finding
from monitor.model.labels import EMPTY, Labels
from monitor.model.times import SECOND, Millis
from monitor.notify.kinds.secret import SecretSource
from monitor.promql.features import DELAYED_NAMES, STABLE, START_TIMESTAMPS, Features, named_features
from monitor.rules.groups import RuleGroup
from monitor.rules.leaving import Leaving
from monitor.rules.rule_files import Defaults

P = TypeVar("P")
Locate: TypeAlias = Callable[[str], str]
"""From a file's name in a document to where it is."""

DEFAULT_FILE = "watchkeeper.yml"
_PAGING_KEYS = frozenset(
    {"alertmanager", "alertmanager_file", "escalate", "people", "policies", "receivers", "schedules"}
)
_PROMETHEUS_KEYS = ("global", "scrape_configs", "rule_files", "remote_write")
_SHIPPED_INTERVAL: Millis = 15 * SECOND


def read_environment() -> Environment:
    """The settings of the environment. Raises ConfigError."""
    try:
        return Environment()
    except ValidationError as error:
        raise ConfigError(
            [
                Finding(
                    file="environment",
                    line=0,
                    path=".".join(str(part) for part in detail["loc"]),
                    problem=detail["msg"],
                )
                for detail in error.errors()
            ]
        ) from error


def load(
    overrides: Overrides,
    environment: Environment,
    variables: Mapping[str, str] | None = None,
    lint: RoutingLint | None = None,
) -> Configuration:
    """The whole configuration. Raises ConfigError with every finding. `lint` is shown the Alertmanager configuration."""
    if overrides.alertmanager is not None:
        return load_in_place(overrides.alertmanager)
    findings = Findings()
    document = _own_document(overrides, environment, findings)
    known = os.environ if variables is None else variables
    tree = expand(document.tree, known, document, findings)
    document = replace(document, tree=tree)
    section, checks, broken = _sections(document, findings)
    base = FilePath(document.file).parent if overrides.config or document.lines else FilePath.cwd()
    loading = _Loading(section, checks, broken, document, base, environment, overrides, known, findings, lint)
    configuration = loading.configuration()
    if findings.errors or configuration is None:
        raise findings.error()
    return replace(configuration, warnings=tuple(findings.warnings))


def _sections(
    document: Document, findings: Findings
) -> tuple[ConfigurationSection, list[tuple[int, CheckSection]], frozenset[str]]:
    """The document as sections, the checks with their places, and the names of sections that are broken. A broken one has
    its default, so that the mistakes of the others are found as well. Checks are looked at one by one."""
    tree = document.tree if isinstance(document.tree, dict) else {}
    items = tree.get("checks")
    checks: list[tuple[int, CheckSection]] = []
    if isinstance(items, list):
        for place, item in enumerate(items):
            check = findings.validate(CheckSection, document, item, ("checks", place))
            if check is not None:
                checks.append((place, check))
        tree = {key: value for key, value in tree.items() if key != "checks"}
    broken: set[str] = set()
    while True:
        known = len(findings.errors)
        section = findings.validate(ConfigurationSection, document, tree)
        if section is not None:
            return section, checks, frozenset(broken)
        names = {finding.path.split(".")[0].split("[")[0] for finding in findings.errors[known:]} & set(tree)
        if not names:
            raise findings.error()
        broken |= names
        tree = {key: value for key, value in tree.items() if key not in names}


def _own_document(overrides: Overrides, environment: Environment, findings: Findings) -> Document:
    name = overrides.config or environment.config
    if not name and not overrides.urls and FilePath(DEFAULT_FILE).is_file():
        name = DEFAULT_FILE
    if not name:
        return Document("", {}, {})
    try:
        text = FilePath(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
        remedy = "`watchkeeper init URL` writes one"
        raise ConfigError(
            [Finding(file=name, line=0, path="", problem=f"cannot be read: {reason}", remedy=remedy)]
        ) from error
    document = read(text, name)
    if not isinstance(document.tree, dict):
        findings.wrong(document, (), "is not a mapping", "it begins with `checks:`")
    return document


class _Loading:
    """One load in progress."""

    def __init__(
        self,
        section: ConfigurationSection,
        checks: list[tuple[int, CheckSection]],
        broken: frozenset[str],
        document: Document,
        base: FilePath,
        environment: Environment,
        overrides: Overrides,
        variables: Mapping[str, str],
        findings: Findings,
        lint: RoutingLint | None,
    ) -> None:
        self.lint = lint
        self.section = section
        self.checks = checks
        self.broken = broken
        self.document = document
        self.base = base
        self.environment = environment
        self.overrides = overrides
        self.variables = variables
        self.findings = findings

    def configuration(self) -> Configuration | None:
        section, document, findings = self.section, self.document, self.findings
        self._warn_unserved()
        doubt_missing(document, document.tree, findings, self._locate)
        environment_name = self.environment.environment or section.environment
        prometheus = self._prometheus()
        alertmanager = self._alertmanager()
        receivers = self._own_receivers()
        checks = self._checks()
        paging: Paging | None = None
        if not self.broken & _PAGING_KEYS and (alertmanager or not self._has_alertmanager()):
            paging = read_paging(
                section,
                alertmanager,
                receivers,
                self.environment,
                environment_name,
                document,
                findings,
                self._locate,
            )
        listen, storage = self._listen(), self._storage(prometheus)
        self._judge_external_url()
        queries = self._queries(prometheus)
        groups = self._groups(prometheus, queries.features)
        engine = self._query_engine()
        if findings.errors or paging is None or listen is None or storage is None:
            return None
        leaving = dict(prometheus.external_labels)
        if environment_name:
            leaving["environment"] = environment_name
        return Configuration(
            file=document.file,
            environment=environment_name,
            external_url=(self.environment.external_url or section.external_url).rstrip("/") or listen.url,
            leaving=Leaving(labels=Labels(leaving) if leaving else EMPTY, relabeling=prometheus.alert_relabeling),
            external_labels=prometheus.external_labels,
            prometheus_yaml=prometheus.yaml,
            checks=checks,
            jobs=prometheus.jobs,
            groups=groups,
            query_engine=engine,
            remote_writes=prometheus.remote_writes,
            paging=paging,
            replica_labels=frozenset(section.replica_labels),
            storage=storage,
            listen=listen,
            log=self._log(),
            queries=queries,
            host=HostSettings(enabled=section.host.enabled, interval=section.host.interval),
            vendor_ca_file=self._locate(section.pagerduty.ca_file) if section.pagerduty.ca_file else "",
            warnings=(),
        )

    def _locate(self, path: str) -> str:
        return str(self.base / path)

    def _warn_unserved(self) -> None:
        if self.section.blackbox_file:
            self.findings.doubt(self.document, ("blackbox_file",), "is known but not served yet")

    def _log(self) -> LogSettings:
        changes: dict[str, str] = {}
        if self.environment.log_level:
            changes["level"] = self.environment.log_level.lower()
        if self.environment.log_form:
            changes["form"] = self.environment.log_form.lower()
        try:
            section = LogSection.model_validate({**self.section.log.model_dump(), **changes})
        except ValidationError:
            problem = "WATCHKEEPER_LOG_LEVEL or WATCHKEEPER_LOG_FORM has a value that is not known"
            remedy = "debug, info, warning or error; console or json"
            self.findings.all.append(Finding(file="environment", line=0, path="", problem=problem, remedy=remedy))
            section = self.section.log
        return LogSettings(form=section.form, level=section.level)

    def _prometheus(self) -> PrometheusParts:
        section, findings = self.section, self.findings
        if not section.prometheus_file:
            tree = self.document.tree
            own: Tree = {
                key: value for key, value in (tree.items() if isinstance(tree, dict) else ()) if key in _PROMETHEUS_KEYS
            }
            return read_prometheus(self.document, own, (), findings, self._locate, self.variables) or PrometheusParts()
        for key in _PROMETHEUS_KEYS:
            if isinstance(self.document.tree, dict) and key in self.document.tree:
                findings.wrong(
                    self.document, (key,), f"{key} is given here and in prometheus_file", "keep it in one of the two"
                )
        path = self.base / section.prometheus_file
        parts = self._other_file(
            path,
            lambda document, locate: read_prometheus(document, document.tree, (), findings, locate, self.variables),
            repeats=True,
        )
        if parts is None:
            return PrometheusParts()
        return replace(parts, rule_files=tuple(str(path.parent / pattern) for pattern in parts.rule_files))

    def _query_engine(self) -> QueryEngine | None:
        section = self.section.rules
        if not section.query_url:
            return None
        address = urlsplit(section.query_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            problem = f'"{section.query_url}" is no URL of a PromQL engine'
            self.findings.wrong(self.document, ("rules", "query_url"), problem, "write http://host:port")
        reading = Reading(self.document, self.findings, self._locate)
        client = CLIENT.read(self._rules_tree().get("query_http_config", {}), ("rules", "query_http_config"), reading)
        assert isinstance(client, Values)
        return QueryEngine(
            url=section.query_url.rstrip("/"), timeout=section.query_timeout, client=client_of(client, reading)
        )

    def _rules_tree(self) -> dict[str, Tree]:
        tree = self.document.tree.get("rules") if isinstance(self.document.tree, dict) else None
        return tree if isinstance(tree, dict) else {}

    def _alertmanager(self) -> AlertmanagerParts | None:
        section, findings = self.section, self.findings
        if section.alertmanager_file and section.alertmanager is not None:
            findings.wrong(
                self.document, ("alertmanager",), "is given here and as alertmanager_file", "keep one of the two"
            )
        if section.alertmanager is not None and isinstance(self.document.tree, dict):
            tree = self.document.tree["alertmanager"]
            return self._linted(self.document, tree, ("alertmanager",), self._locate)
        if not section.alertmanager_file:
            return None
        path = self.base / section.alertmanager_file
        return self._other_file(
            path,
            lambda document, locate: self._linted(document, document.tree, (), locate),
        )

    def _linted(self, document: Document, tree: Tree, path: Path, locate: Locate) -> AlertmanagerParts | None:
        ours = document is self.document
        parts = read_alertmanager(document, tree, path, self.findings, locate, ours=ours)
        if parts is not None and self.lint is not None:
            self.lint.look(parts, document, tree, path)
        return parts

    def _has_alertmanager(self) -> bool:
        return self.section.alertmanager is not None or bool(self.section.alertmanager_file)

    def _other_file(
        self, path: FilePath, read_it: Callable[[Document, Locate], P | None], *, repeats: bool = False
    ) -> P | None:
        try:
            document = read(path.read_text(encoding="utf-8"), str(path), repeats=repeats)
        except ConfigError as error:
            self.findings.include(error)
            return None
        except (OSError, ValueError) as error:
            reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
            self.findings.all.append(Finding(file=str(path), line=0, path="", problem=f"cannot be read: {reason}"))
            return None

        def locate(name: str) -> str:
            return str(path.parent / name)

        doubt_missing(document, document.tree, self.findings, locate)
        return read_it(document, locate)

    def _own_receivers(self) -> dict[str, ReceiverParts]:
        tree = self.document.tree.get("receivers") if isinstance(self.document.tree, dict) else None
        items = tree if isinstance(tree, list) else []
        reading = Reading(self.document, self.findings, self._locate)
        shared = GLOBAL.read({}, (), reading)
        assert isinstance(shared, Values)
        found = receiver_parts(items, ("receivers",), shared, reading, ours=True, defaults=False)
        return {name: parts for name, (_, parts) in found.items()}

    def _checks(self) -> tuple[Check, ...]:
        checks = read_checks(self.checks, self.document, ("checks",), self.findings, self._locate)
        named = {check.name for check in checks}
        for url in self.overrides.urls:
            try:
                check = check_of_url(url)
            except ValueError as error:
                self.findings.all.append(Finding(file="command line", line=0, path="", problem=str(error)))
                continue
            if check.name not in named:
                checks = (*checks, check)
                named.add(check.name)
        return checks

    def _queries(self, prometheus: PrometheusParts) -> QuerySettings:
        section, path = self.section.queries, ("queries", "enable_features")
        features = self.findings.attempt(self.document, path, lambda: named_features(section.enable_features))
        return QuerySettings(
            features=features or STABLE,
            delayed_names=DELAYED_NAMES in section.enable_features,
            start_timestamps=START_TIMESTAMPS in section.enable_features,
            lookback=section.lookback_delta,
            subquery_step=prometheus.evaluation_interval,
            max_samples=section.max_samples,
            timeout=section.timeout,
            max_concurrency=section.max_concurrency,
        )

    def _groups(self, prometheus: PrometheusParts, features: Features) -> tuple[RuleGroup, ...]:
        section, findings = self.section, self.findings
        # another engine has not heard of a result at once
        early = section.rules.early_evaluation and not section.rules.query_url
        mistakes = len(findings.errors)
        defaults = Defaults(
            interval=prometheus.evaluation_interval,
            query_offset=prometheus.query_offset,
            early=early,
            parallel=section.rules.concurrency,
            features=features,
        )
        own: list[RuleGroup] = []
        for path in matching_files(prometheus.rule_files, self.base, self.document, findings):
            own.extend(read_rule_file(path, str(path), defaults, findings))
        if section.rules.min_requests is not None:
            text = (
                "groups: [{name: watchkeeper-thresholds, interval: 30s, rules: "
                f"[{{record: 'watchkeeper:min_requests', expr: 'vector({section.rules.min_requests})'}}]}}]"
            )
            own.extend(read_rules(text, "rules.min_requests", defaults, findings))
        if section.rules.shipped:
            folder = shipped("rules")
            ours = replace(defaults, interval=_SHIPPED_INTERVAL)
            for path in sorted(folder.glob("*.yml")):
                own.extend(read_rule_file(path, f"shipped/{path.name}", ours, findings))
        if len(findings.errors) > mistakes:
            # rules with mistakes are left out: what is said of them would look unknown
            return tuple(own)
        return with_options(own, section.rule_options, self.document, findings, features)

    def _listen(self) -> Listen | None:
        text = self.overrides.listen or self.environment.listen or self.section.web.listen
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:
            self.findings.wrong(
                self.document, ("web", "listen"), f'"{text}" is not an address to listen at', "write host:port or :port"
            )
            return None
        tokens = [self._token(name, token) for name, token in self.section.web.tokens.items()]
        if self.environment.admin_token.get_secret_value():
            secret = SecretSource(self.environment.admin_token.get_secret_value())
            tokens.append(Token(name="environment", secret=secret, person="admin", role="admin"))
        web_file = self.section.web.config_file
        return Listen(
            host=host or "0.0.0.0",
            port=int(port),
            tokens=tuple(tokens),
            read_needs_token=self.section.web.read_needs_token,
            trust_local=self._trust_local(tokens),
            web_file=read_web_file(self._locate(web_file), self.findings) if web_file else None,
        )

    def _judge_external_url(self) -> None:
        given, file = self.environment.external_url, "environment"
        if not given:
            given, file = self.section.external_url, self.document.file
        if not given or _is_web_address(given):
            return
        problem, remedy = (
            f'"{given}" is not an address that a link can begin with',
            "write http://host or https://host/path",
        )
        if file == "environment":
            name = "WATCHKEEPER_EXTERNAL_URL"
            self.findings.all.append(Finding(file=file, line=0, path=name, problem=problem, remedy=remedy))
        else:
            self.findings.wrong(self.document, ("external_url",), problem, remedy)

    def _trust_local(self, tokens: Sequence[Token]) -> bool:
        given = self.section.web.trust_local
        external_url = self.environment.external_url or self.section.external_url
        return not tokens and (not external_url or _is_here(external_url)) if given is None else given

    def _token(self, name: str, section: TokenSection) -> Token:
        path = ("web", "tokens", name)
        if section.token and section.token_file:
            self.findings.wrong(self.document, path, "at most one of token & token_file must be configured")
        elif not section.token and not section.token_file:
            self.findings.wrong(self.document, path, "has no token", "set token_file (or token)")
        elif section.token and len(section.token) < 16:
            self.findings.wrong(self.document, (*path, "token"), "is too short to be a secret", "16 characters or more")
        secret = (
            SecretSource.file(self._locate(section.token_file)) if section.token_file else SecretSource(section.token)
        )
        return Token(name=name, secret=secret, person=section.person or name, role=section.role)

    def _storage(self, prometheus: PrometheusParts) -> Storage | None:
        section = self.section.storage
        given = self.overrides.data or self.environment.data
        folder = FilePath(given) if given else self.base / section.path
        url = section.database
        if self.environment.database_url:
            if self.environment.database_url.startswith("sqlite:"):
                url = self.environment.database_url
            else:
                self.findings.all.append(
                    Finding(
                        file="environment",
                        line=0,
                        path="DATABASE_URL",
                        problem="only SQLite is served yet: the embedded database is used",
                        warning=True,
                    )
                )
        if url and not url.startswith("sqlite:///"):
            self.findings.wrong(
                self.document,
                ("storage", "database"),
                "only SQLite is served yet",
                "write sqlite:///PATH or leave it out",
            )
            return None
        database = self.base / url.removeprefix("sqlite:///") if url else folder / "state.db"
        window = section.out_of_order_time_window
        return Storage(
            folder=folder,
            database=database,
            retention=section.retention,
            retention_size=section.retention_size,
            out_of_order_time_window=prometheus.out_of_order_time_window if window is None else window,
            history=section.history,
            remote_write_queue=section.remote_write_queue,
        )


def _is_web_address(url: str) -> bool:
    """Could links begin with it?"""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and port != 0 and not parts.query and not parts.fragment


def _is_here(url: str) -> bool:
    """Does this address lead to the machine itself, and nobody from elsewhere by it?"""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in ("localhost", "::1") or host.startswith("127.")
