"""From a file name to everything that the daemon needs, or to every mistake at once.

Loading is a pure function of the files and the environment: it starts nothing, so a bad configuration is refused before
anything changes. What another program's file lacks keeps that program's defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath

from pydantic import ValidationError

from monitor.config.alertmanager.global_section import GLOBAL
from monitor.config.alertmanager_file import AlertmanagerParts, read_alertmanager
from monitor.config.checks import CheckSection, check_of_url, read_checks
from monitor.config.configuration import (
    Configuration,
    HostSettings,
    LogSettings,
    Storage,
)
from monitor.config.credential_files import doubt_missing
from monitor.config.document import ConfigurationSection, LogSection
from monitor.config.environment import Environment
from monitor.config.findings import Findings
from monitor.config.golang.http_client import judge_client
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import Values
from monitor.config.in_place import load_in_place
from monitor.config.listening import Locate, judge_external_url, read_listen
from monitor.config.opening import UnreadableError, read_text
from monitor.config.overrides import Overrides
from monitor.config.prometheus.file import PrometheusParts, read_prometheus
from monitor.config.receivers import ReceiverParts, receiver_parts
from monitor.config.routing import read_paging
from monitor.config.routing_lint import RoutingLint
from monitor.config.rules_section import query_engine, query_settings, rule_groups
from monitor.config.variables import expand
from monitor.config.written import Written
from monitor.config.yamltree import Document, Path, Tree, read
from monitor.model.checks import Check
from monitor.model.errors import ConfigError, Finding
from monitor.model.labels import EMPTY, Labels
from monitor.rules.leaving import Leaving

DEFAULT_FILE = "watchkeeper.yml"
BLACKBOX_REMEDY = "run blackbox_exporter beside it and scrape that as before, or write the modules as `checks`"
_PROMETHEUS_KEYS = ("global", "scrape_configs", "rule_files", "remote_write")


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
    written = document.tree
    section, checks, left = _sections(document, findings)
    document = replace(document, tree=left)
    base = FilePath(document.file).parent if overrides.config or document.places else FilePath.cwd()
    loading = _Loading(section, checks, document, written, base, environment, overrides, known, findings, lint)
    configuration = loading.configuration()
    if findings.errors or configuration is None:
        raise findings.error()
    return replace(configuration, warnings=tuple(findings.warnings))


def _sections(
    document: Document, findings: Findings
) -> tuple[ConfigurationSection, list[tuple[int, CheckSection]], Tree]:
    """The document as sections, the checks with their places, and what is left of the document without mistakes of form.
    Checks are looked at one by one."""
    tree = document.tree if isinstance(document.tree, dict) else {}
    items = tree.get("checks")
    checks: list[tuple[int, CheckSection]] = []
    if isinstance(items, list):
        for place, item in enumerate(items):
            check, kept = findings.salvage(CheckSection, document, item, ("checks", place))
            if isinstance(kept, dict) and isinstance(client := kept.get("http_config"), dict):
                judge_client(client, ("checks", place, "http_config"), Reading(document, findings, str))
            if check is not None:
                checks.append((place, check))
        tree = {key: value for key, value in tree.items() if key != "checks"}
    section, left = findings.salvage(ConfigurationSection, document, tree)
    return section or ConfigurationSection(), checks, left


def _own_document(overrides: Overrides, environment: Environment, findings: Findings) -> Document:
    name = overrides.config or environment.config
    if not name and not overrides.urls and FilePath(DEFAULT_FILE).is_file():
        name = DEFAULT_FILE
    if not name:
        return Document("", {}, {})
    try:
        text = read_text(name)
    except UnreadableError as error:
        remedy = "`watchkeeper init URL` writes one" if name == DEFAULT_FILE else "correct the path"
        raise ConfigError(
            [Finding(file=name, line=0, path="", problem=f"cannot be read: {error}", remedy=remedy)]
        ) from error
    document = findings.without_repeats(read(text, name, repeats=True))
    if not isinstance(document.tree, dict):
        findings.wrong(document, (), "is not a mapping", "it begins with `checks:`")
    return document


class _Loading:
    """One load in progress."""

    def __init__(
        self,
        section: ConfigurationSection,
        checks: list[tuple[int, CheckSection]],
        document: Document,
        written: Tree,
        base: FilePath,
        environment: Environment,
        overrides: Overrides,
        variables: Mapping[str, str],
        findings: Findings,
        lint: RoutingLint | None,
    ) -> None:
        self.lint = lint
        if overrides.alertmanager_file:
            given = {"alertmanager_file": str(FilePath(overrides.alertmanager_file).absolute()), "alertmanager": None}
            section = section.model_copy(update=given)
        self.section = section
        self.checks = checks
        self.document = document
        self.written = written
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
        alertmanager, routing = self._alertmanager()
        receivers = self._own_receivers()
        checks = self._checks()
        paging = read_paging(
            section,
            alertmanager,
            receivers,
            self.environment,
            environment_name,
            document,
            findings,
            self._locate,
            Written.of(self.written, routing, good=alertmanager is not None or routing == {}),
        )
        listen = read_listen(self.overrides.listen, section, self.environment, document, findings, self._locate)
        storage = self._storage(prometheus)
        judge_external_url(section, self.environment, document, findings)
        queries = query_settings(section, prometheus, document, findings)
        groups = rule_groups(section, prometheus, queries.features, self.base, document, findings)
        engine = query_engine(section, document, Reading(document, findings, self._locate))
        if findings.errors or paging is None or listen is None or storage is None:
            return None
        leaving = dict(prometheus.external_labels)
        if environment_name:
            leaving["environment"] = environment_name
        return Configuration(
            file=document.file,
            environment=environment_name,
            external_url=(self.environment.external_url or section.external_url).rstrip("/") or listen.url,
            leaving=Leaving(
                labels=Labels(leaving) if leaving else EMPTY,
                relabeling=prometheus.alert_relabeling,
                names_job=not paging.as_alertmanager,
            ),
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
        return str(self.base / path) if path else ""

    def _warn_unserved(self) -> None:
        if self.section.blackbox_file:
            self.findings.doubt(self.document, ("blackbox_file",), "is known but not served yet", BLACKBOX_REMEDY)

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
            return read_prometheus(self.document, own, (), findings, self._locate, self.variables)
        for key in _PROMETHEUS_KEYS:
            if isinstance(self.document.tree, dict) and key in self.document.tree:
                findings.wrong(
                    self.document, (key,), f"{key} is given here and in prometheus_file", "keep it in one of the two"
                )
        other = self._open("prometheus_file", section.prometheus_file, repeats=True)
        if other is None:
            return PrometheusParts()
        document, locate = other
        parts = read_prometheus(document, document.tree, (), findings, locate, self.variables)
        return replace(parts, rule_files=tuple(locate(pattern) for pattern in parts.rule_files))

    def _alertmanager(self) -> tuple[AlertmanagerParts | None, Tree | None]:
        """What the Alertmanager configuration amounts to, None if there is none or it has mistakes; and what is written in
        it, None if that cannot be read."""
        section, findings = self.section, self.findings
        if section.alertmanager_file and section.alertmanager is not None:
            findings.wrong(
                self.document, ("alertmanager",), "is given here and as alertmanager_file", "keep one of the two"
            )
        if section.alertmanager is not None and isinstance(self.document.tree, dict):
            tree = self.document.tree["alertmanager"]
            return self._linted(self.document, tree, ("alertmanager",), self._locate), tree
        if not section.alertmanager_file:
            return None, {}
        other = self._open("alertmanager_file", section.alertmanager_file)
        if other is None:
            return None, None
        document, locate = other
        return self._linted(document, document.tree, (), locate), document.tree

    def _linted(self, document: Document, tree: Tree, path: Path, locate: Locate) -> AlertmanagerParts | None:
        ours = document is self.document
        parts = read_alertmanager(document, tree, path, self.findings, locate, ours=ours)
        if parts is not None and self.lint is not None:
            self.lint.look(parts, document, tree, path)
        return parts

    def _open(self, key: str, name: str, *, repeats: bool = False) -> tuple[Document, Locate] | None:
        """Another file that ours, or the command line, names. `repeats`: whoever reads it tells of repeated keys."""
        path = self.base / name
        try:
            document = read(read_text(path), str(path), repeats=True)
        except ConfigError as error:
            self.findings.include(error)
            return None
        except UnreadableError as error:
            problem, remedy = f"{path} cannot be read: {error}", "put it there, or correct the path"
            if isinstance(self.document.tree, dict) and key in self.document.tree:
                self.findings.wrong(self.document, (key,), problem, remedy)
            else:
                self.findings.all.append(Finding(file="command line", line=0, path="", problem=problem, remedy=remedy))
            return None

        if not repeats:
            document = self.findings.without_repeats(document)

        def locate(other: str) -> str:
            return str(path.parent / other) if other else ""

        doubt_missing(document, document.tree, self.findings, locate)
        return document, locate

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
