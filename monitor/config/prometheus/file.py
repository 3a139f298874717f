"""The whole file: its sections, what holds between them, and the files of scrape jobs that it names.

Source: prometheus config/config.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from monitor.config.configuration import RemoteReceiver
from monitor.config.findings import Findings
from monitor.config.golang.kinds import Reading, Text
from monitor.config.golang.structs import ListOf, Struct, Values
from monitor.config.prometheus.jobs import job_of
from monitor.config.prometheus.relabeling import relabeling
from monitor.config.prometheus.remote import READS, WRITES, unique_names
from monitor.config.prometheus.scrape import GLOBAL, SCRAPE, is_legacy, validate_job
from monitor.config.prometheus.sections import ALERTING, OTLP, RUNTIME, STORAGE, TRACING
from monitor.config.prometheus.writing import receivers_of
from monitor.config.showing import shown
from monitor.config.yamltree import Document, Path, Tree, read
from monitor.globbing import BAD_PATTERN, CLOSE_BRACKETS, files_matching, is_pattern
from monitor.matching.relabel import NOTHING, NameScheme, Relabeling
from monitor.model.errors import ConfigError, Finding
from monitor.model.labels import EMPTY, Labels, quote
from monitor.model.times import MINUTE, Millis
from monitor.scrape.jobs import ScrapeJob

_PATTERN: Final = re.compile(r"[^*]*(\*[^/]*)?")
_NOWHERE: Final = Document("", {}, {})
_VARIABLE: Final = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*|[*#$@!?\-0-9]))")

SCRAPES: Final = ListOf(item=SCRAPE, nothing="empty or null scrape config section", about="What is scraped.")
_PATTERNS: Final = {"rule_files": "rule file path", "scrape_config_files": "scrape config file path"}


def _valid_patterns(values: Values, reading: Reading) -> None:
    for key, what in _PATTERNS.items():
        for place, pattern in enumerate(values.texts(key)):
            if not _PATTERN.fullmatch(pattern):
                text = f"invalid {what} {quote(pattern)}"
                reading.refuse(values.at(key, place), text, "only the last part of a path may hold one *")
            elif not is_pattern(pattern):
                text = f"{what} {quote(pattern)} is no pattern: {BAD_PATTERN}"
                reading.refuse(values.at(key, place), BAD_PATTERN, CLOSE_BRACKETS, problem=text)


CONFIG: Final = Struct(
    title="Prometheus file",
    about="A Prometheus configuration.",
    keys={
        "global": GLOBAL,
        "runtime": RUNTIME,
        "alerting": ALERTING,
        "rule_files": ListOf(item=Text(), about="Patterns of rule files."),
        "scrape_config_files": ListOf(about="Patterns of files with further scrape_configs."),
        "scrape_configs": SCRAPES,
        "storage": STORAGE,
        "tracing": TRACING,
        "remote_write": WRITES,
        "remote_read": READS,
        "otlp": OTLP,
    },
    rules=(_valid_patterns,),
)
_MORE: Final = Struct(go="config.ScrapeConfigs", keys={"scrape_configs": SCRAPES})


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusParts:
    """What a valid file amounts to."""

    jobs: tuple[ScrapeJob, ...] = ()
    rule_files: tuple[str, ...] = ()
    """Patterns, as written."""
    source: Document = _NOWHERE
    """Where they stand."""
    evaluation_interval: Millis = MINUTE
    query_offset: Millis = 0
    external_labels: Labels = EMPTY
    alert_relabeling: Relabeling = NOTHING
    remote_writes: tuple[RemoteReceiver, ...] = ()
    out_of_order_time_window: Millis = 0
    yaml: str = ""
    """As written, without secrets."""


def read_prometheus(
    document: Document,
    tree: Tree,
    path: Path,
    findings: Findings,
    locate: Callable[[str], str],
    variables: Mapping[str, str] | None = None,
) -> PrometheusParts:
    """Read the section at `path`: what is right of it, if something is wrong, for then the rest is judged all the same.
    `variables` stand in external labels as `$NAME`."""
    reading = Reading(document, findings, locate)
    values = read_values(reading, tree, path)
    defaults = defaults_of(values)
    jobs = [job_of(job, defaults, inside) for job, inside in jobs_of(values, reading)]
    labels = Labels(_expanded(defaults, reading, variables))
    writes = receivers_of(values.many("remote_write"), labels, reading)
    storage = values.one("storage")
    tsdb = storage.one("tsdb") if storage is not None else None
    alerting = values.one("alerting")
    names = NameScheme.LEGACY if is_legacy(defaults, defaults) else NameScheme.UTF8
    relabeled = relabeling(alerting, "alert_relabel_configs", reading, names) if alerting is not None else NOTHING
    return PrometheusParts(
        jobs=tuple(jobs),
        rule_files=values.texts("rule_files"),
        source=document,
        evaluation_interval=defaults.whole("evaluation_interval") or MINUTE,
        query_offset=defaults.whole("rule_query_offset"),
        external_labels=labels,
        alert_relabeling=relabeled,
        remote_writes=writes,
        out_of_order_time_window=tsdb.whole("out_of_order_time_window") if tsdb is not None else 0,
        yaml=shown(tree),
    )


def read_values(reading: Reading, tree: Tree, path: Path = ()) -> Values:
    """The whole section, checked, but for the jobs of other files."""
    values = CONFIG.read(tree, path, reading)
    if not isinstance(values, Values):
        raise TypeError("a structure reads values")
    defaults = defaults_of(values)
    seen: set[str] = set()
    for job in values.many("scrape_configs"):
        validate_job(job, defaults, reading)
        name = job.text("job_name")
        if name and name in seen:
            text = f"found multiple scrape configs with job name {quote(name)}"
            reading.refuse(job.at("job_name"), text, "rename one of them")
        seen.add(name)
    unique_names(values, "remote_write", "remote write", reading)
    unique_names(values, "remote_read", "remote read", reading)
    otlp = values.one("otlp")
    strategy = otlp.text("translation_strategy") if otlp is not None else ""
    if otlp is not None and strategy.startswith("No") and is_legacy(defaults, defaults):
        text = f"OTLP translation strategy {quote(strategy)} is not allowed when UTF8 is disabled"
        reading.refuse(otlp.at("translation_strategy"), text, "leave metric_name_validation_scheme out")
    return values


def defaults_of(values: Values) -> Values:
    """The global section, whether it is given or not."""
    given = values.one("global")
    if given is None:
        made = Reading(Document("", {}, {}), Findings(), str)
        given = GLOBAL.read({}, (), made)
    if not isinstance(given, Values):
        raise TypeError("a structure reads values")
    return given


def jobs_of(values: Values, reading: Reading) -> Iterator[tuple[Values, Reading]]:
    """All jobs with the document that each is from, those of the files that the section names too."""
    names: dict[str, str] = {}
    for job in values.many("scrape_configs"):
        names[job.text("job_name")] = "main config file"
        yield job, reading
    defaults = defaults_of(values)
    for pattern in values.texts("scrape_config_files"):
        if not _PATTERN.fullmatch(pattern):
            continue
        for file in map(str, files_matching(reading.locate(pattern))):
            inside = _included(file, reading.findings)
            if inside is None:
                continue
            more = _MORE.read(inside.document.tree, (), inside)
            for job in more.many("scrape_configs") if isinstance(more, Values) else ():
                _valid_included(job, defaults, names, inside)
                yield job, inside


def _included(file: str, findings: Findings) -> Reading | None:
    try:
        document = read(FilePath(file).read_text(encoding="utf-8"), file, repeats=True)
    except ConfigError as error:
        findings.include(error)
        return None
    except (OSError, ValueError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
        findings.all.append(Finding(file=file, line=0, path="", problem=f"cannot be read: {reason}"))
        return None
    folder = FilePath(file).parent
    return Reading(document, findings, lambda name: str(folder / name), inside=file)


def _valid_included(job: Values, defaults: Values, names: dict[str, str], inside: Reading) -> None:
    validate_job(job, defaults, inside)
    name = job.text("job_name")
    first = names.setdefault(name, quote(inside.document.file))
    if name and first != quote(inside.document.file):
        text = f"found multiple scrape configs with job name {quote(name)}, first found in {first}"
        inside.refuse(job.at("job_name"), text, "rename one of them")


def _expanded(defaults: Values, reading: Reading, variables: Mapping[str, str] | None) -> dict[str, str]:
    """The external labels, with the variables of the environment in their values as Go's os.Expand puts them there."""
    labels = defaults.pairs("external_labels")
    if variables is None:
        return labels

    def value(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        if name == "$":
            return "$"
        found = variables.get(name, "")
        if not found and name:
            where = defaults.at("external_labels")
            reading.doubt(where, f"the environment variable {name} is empty or not set", "write $$ for a dollar")
        return found

    return {name: _VARIABLE.sub(value, text) for name, text in labels.items()}
