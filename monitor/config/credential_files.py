"""Files that hold a secret or a certificate, and that a configuration names.

They are read at each use, so one may be mounted or rotated later, and a missing one is no mistake. But a name that was
misspelt is found at three in the morning, when the page cannot be sent; so each is looked for at every load.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from monitor.config.findings import Findings
from monitor.config.yamltree import Document, Scalar, Tree
from monitor.config.yamltree import Path as Place

_OTHERS: Final = frozenset(
    {
        "alertmanager_file",
        "blackbox_file",
        "config_file",
        "prometheus_file",
        "query_log_file",
        "scrape_failure_log_file",
    }
)
"""Keys that end in `_file` and name something else."""
_FREE: Final = frozenset({"annotations", "details", "external_labels", "headers", "labels", "params"})
"""Mappings whose keys are the user's own."""


def doubt_missing(document: Document, tree: Tree, findings: Findings, locate: Callable[[str], str]) -> None:
    """A doubt for every named file that cannot be read now. `locate` makes a name relative to the document whole."""
    for path, name in _named(tree, ()):
        problem = _problem(locate(name))
        if problem and "://" in name:
            findings.doubt(
                document, path, "this looks like the secret itself", "write the name of a file that holds it"
            )
        elif problem:
            findings.doubt(
                document, path, f"{name} cannot be read: {problem}", "it is read at each use: put it there before then"
            )


def _named(tree: Tree, path: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(tree, list):
        for place, item in enumerate(tree):
            yield from _named(item, (*path, place))
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if isinstance(value, Scalar):
                if key.endswith("_file") and key not in _OTHERS and value.text and not value.is_null:
                    yield (*path, key), value.text
            elif key not in _FREE:
                yield from _named(value, (*path, key))


def _problem(file: str) -> str:
    try:
        if stat.S_ISDIR(Path(file).stat().st_mode):
            return "it is a folder"
    except (OSError, ValueError) as error:  # a name with a NUL in it is the latter
        return getattr(error, "strerror", None) or str(error)
    return "" if os.access(file, os.R_OK) else "permission denied"
