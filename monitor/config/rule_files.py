"""Rule files from disk: opened here, understood by `monitor.rules.rule_files`, each mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Any

from monitor.config.findings import Findings
from monitor.config.opening import UnreadableError, read_text
from monitor.config.yamltree import Document, Path, Scalar, Tree, read
from monitor.globbing import files_matching
from monitor.model.errors import ConfigError, Finding
from monitor.rules.groups import RuleGroup
from monitor.rules.rule_files import Defaults, read_document

_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def read_rule_file(path: FilePath, shown: str, defaults: Defaults, findings: Findings) -> tuple[RuleGroup, ...]:
    """The groups of one file, named `shown` in group keys and findings."""
    try:
        text = read_text(path)
    except UnreadableError as error:
        problem, remedy = f"cannot be read: {error}", "correct the path"
        findings.all.append(Finding(file=shown, line=0, path="", problem=problem, remedy=remedy))
        return ()
    return read_rules(text, shown, defaults, findings)


def read_rules(text: str, shown: str, defaults: Defaults, findings: Findings) -> tuple[RuleGroup, ...]:
    """The groups of a text."""
    try:
        document = findings.without_repeats(read(text, shown, repeats=True))
    except ConfigError as error:
        findings.include(error)
        return ()
    source: Any = plain(document.tree)
    if source is not None and not isinstance(document.tree, dict):
        findings.wrong(document, (), "is not a rule file", "it begins with `groups:`")
        return ()
    groups, problems = read_document(source, shown, defaults)
    for problem in problems:
        findings.wrong(document, _path(problem.path), str(problem), problem.remedy, original=str(problem))
    return groups


def matching_files(patterns: Iterable[str], base: FilePath, document: Document, findings: Findings) -> list[FilePath]:
    """The files that the patterns name, relative to `base`, in order, each once."""
    found: dict[FilePath, None] = {}
    for place, pattern in enumerate(patterns):
        files = files_matching(str(base / pattern)) if pattern else []
        if not files and not findings.has_mistakes(document, ("rule_files", place)):
            shown = pattern or '""'
            findings.doubt(document, ("rule_files", place), f"{shown} matches no file", "no rules are read from it")
        found.update(dict.fromkeys(files))
    return list(found)


def plain(tree: Tree) -> Any:
    """Texts stay as they were written; only whole numbers and nothing take their natural meaning."""
    if isinstance(tree, Scalar):
        value = tree.natural()
        return value if value is None or (isinstance(value, int) and str(value) == tree.text) else tree.text
    if isinstance(tree, list):
        return [plain(item) for item in tree]
    return {key: plain(value) for key, value in tree.items()}


def _path(text: str) -> Path:
    return tuple(int(number) if number else name for name, number in _PART.findall(text))
