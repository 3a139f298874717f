"""What promtool's `check config` looks at beyond what the file says: the files that it names, and every address in it.

A daemon reads secrets and lists of targets when it uses them, so a missing one is no mistake of its configuration. But
whoever checks a file before it is rolled out wants to hear of them; here they are mistakes, as they are to promtool.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from monitor.config.findings import Findings
from monitor.config.golang.kinds import Reading
from monitor.config.golang.structs import ListOf, Values
from monitor.config.prometheus.discovery.served import STATIC
from monitor.config.prometheus.file import defaults_of, jobs_of, read_values
from monitor.config.prometheus.jobs import groups_of, job_of
from monitor.config.prometheus.relabeling import relabeling
from monitor.config.rule_files import matching_files
from monitor.config.yamltree import Document, path_text, read
from monitor.config.yamltree import Path as Place
from monitor.globbing import files_matching
from monitor.model.errors import ConfigError, Finding
from monitor.model.labels import quote
from monitor.scrape.jobs import ScrapeJob, TargetGroup
from monitor.scrape.targets import targets_of

GROUPS: Final = ListOf(item=STATIC, go="[]*targetgroup.Group")
_NAMED: Final = (
    ("cert_file", "client cert file"),
    ("key_file", "client key file"),
)


def check_named(document: Document, findings: Findings, locate: Callable[[str], str]) -> None:
    """Look at all that a good file names. What the file itself gets wrong has been told already."""
    reading = Reading(document, Findings(), locate)
    values = read_values(reading, document.tree)
    defaults = defaults_of(values)
    told = Reading(document, findings, locate)
    for job, inside in jobs_of(values, reading):
        here = Reading(inside.document, findings, inside.locate)
        quiet = Reading(inside.document, Findings(), inside.locate)
        _credentials(job, here)
        _certificates(job, here)
        for way in job.many("kubernetes_sd_configs"):
            _certificates(way, here)
        made = job_of(job, defaults, quiet)
        for group, where in _all_groups(job, here):
            _scrapable(made, group, where, here)
    alerting = values.one("alerting")
    for manager in alerting.many("alertmanagers") if alerting is not None else ():
        _reachable(manager, told)


def named_rule_files(patterns: Sequence[str], base: Path, document: Document, findings: Findings) -> list[Path]:
    """The rule files that the patterns name. One that is named without `*` must exist."""
    places = [("rule_files", place) for place in range(len(patterns))]
    refused = {path_text(one) for one in places if findings.has_mistakes(document, one)}
    for place, pattern in enumerate(patterns):
        file = base / pattern
        if "*" not in pattern and path_text(places[place]) not in refused and not file.exists():
            text = f"{quote(str(file))} does not point to an existing file"
            findings.wrong(document, ("rule_files", place), text, "put it there, or correct the name", original=text)
    quiet = Findings()
    found = matching_files(patterns, base, document, quiet)
    findings.all += [one for one in quiet.all if "*" in one.problem and one.path not in refused]
    return found


def read_sd_file(name: str, findings: Findings) -> tuple[TargetGroup, ...]:
    """The groups of a file that lists targets; its mistakes become findings."""
    path = Path(name)
    kind = path.suffix.lower()
    if kind not in (".json", ".yml", ".yaml"):
        text = f"invalid file extension: {quote(path.suffix)}"
        findings.all.append(_about(name, text, "name it .json, .yml or .yaml"))
        return ()
    try:
        text = path.read_text(encoding="utf-8")
        if kind == ".json":
            json.loads(text)
        document = read(text, name, repeats=True)
    except ConfigError as error:
        findings.include(error)
        return ()
    except (OSError, ValueError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
        findings.all.append(_about(name, f"cannot be read: {reason}", ""))
        return ()
    if not document.tree:
        return ()
    before = len(findings.errors)
    reading = Reading(document, findings, str)
    if isinstance(document.tree, list):
        for place, item in enumerate(document.tree):
            if not isinstance(item, dict | list) and item.is_null:
                reading.refuse((place,), f"nil target group item found (index {place})", "remove it or fill it")
    groups = GROUPS.read(document.tree, (), reading)
    if len(findings.errors) > before or not isinstance(groups, list):
        return ()
    return groups_of(cast("list[object]", groups), name)


def _all_groups(values: Values, reading: Reading) -> Iterator[tuple[TargetGroup, Place]]:
    """Groups that are given, and those of files that exist; the place of each."""
    for place, group in enumerate(groups_of(list(values.many("static_configs")), "")):
        yield replace(group, source=str(place)), values.at("static_configs", place)
    for place, way in enumerate(values.many("file_sd_configs")):
        for which, pattern in enumerate(way.texts("files")):
            where = values.at("file_sd_configs", place, "files", which)
            files = [str(file) for file in files_matching(reading.locate(pattern))]
            if not files:
                reading.doubt(where, f"{pattern} does not exist", "its targets are found once it does")
            for file in files:
                for number, group in enumerate(read_sd_file(file, reading.findings)):
                    yield replace(group, source=f"{file}:{number}"), where


def _scrapable(job: ScrapeJob, group: TargetGroup, where: Place, reading: Reading) -> None:
    for number, address in enumerate(group.addresses):
        alone = replace(job, groups=(replace(group, addresses=(address,)),), limits=replace(job.limits, targets=0))
        for problem in targets_of(alone).problems:
            text = problem.removeprefix(f"{address or 'a target without address'}: ")
            reading.refuse(where, f"instance {number} in group {group.source}: {text}", "write host:port", problem=text)


def _reachable(manager: Values, reading: Reading) -> None:
    names = relabeling(manager, "relabel_configs", Reading(reading.document, Findings(), reading.locate))
    for group, where in _all_groups(manager, reading):
        for address in group.addresses:
            labels = {
                **dict(group.labels),
                "__address__": address,
                "__scheme__": manager.text("scheme"),
                "__alerts_path__": f"{manager.text('path_prefix').rstrip('/')}/api/v2/alerts",
            }
            found = names.apply(labels)
            if found is not None and "/" in found.get("__address__", ""):
                text = f"{quote(found['__address__'])} is not a valid hostname"
                reading.refuse(where, text, "write host:port")


def _credentials(values: Values, reading: Reading) -> None:
    other = values.one("authorization")
    key, holder = ("credentials_file", other) if other is not None else ("bearer_token_file", values)
    _exists(holder, key, "authorization credentials or bearer token file", reading)


def _certificates(values: Values, reading: Reading) -> None:
    tls = values.one("tls_config")
    if tls is not None:
        for key, what in _NAMED:
            _exists(tls, key, what, reading)


def _exists(values: Values, key: str, what: str, reading: Reading) -> None:
    name = values.text(key)
    file = reading.locate(name)
    if name and not Path(file).exists():
        text = f"error checking {what} {quote(file)}: stat {file}: no such file or directory"
        reading.refuse(values.at(key), text, "put it there", problem=f"{name} does not exist")


def _about(name: str, problem: str, remedy: str) -> Finding:
    return Finding(file=name, line=0, path="", problem=problem, remedy=remedy, original=problem)
