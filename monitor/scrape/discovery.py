"""What discovery finds: groups of targets by their source, and the document in which files and web services list them.

Source: prometheus discovery/targetgroup/targetgroup.go and docs (file_sd_config, http_sd_config).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from monitor.model.errors import PeerError
from monitor.model.labels import Labels
from monitor.model.surrogates import json_of
from monitor.scrape.jobs import TargetGroup

_MOST_TARGETS: Final = 200_000

Groups: TypeAlias = tuple[TargetGroup, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found."""

    sources: Mapping[str, Groups]
    """Of each source (a file, a name, a URL) its groups. A source that could not be read keeps what it said before."""
    problems: tuple[str, ...] = ()
    """What could not be read and why, a sentence each."""

    @property
    def groups(self) -> Groups:
        return tuple(group for groups in self.sources.values() for group in groups)


def read_groups(text: str, source: str, meta: Mapping[str, str], *, is_json: bool) -> Groups:
    """The groups of a document that lists `{targets, labels}`; `meta` is added to the labels of each. Raises PeerError with
    what is wrong."""
    tree = _json(text) if is_json else _yaml(text)
    if not tree and not isinstance(tree, dict):
        return ()
    if not isinstance(tree, list):
        raise PeerError("is not a list: it must hold groups of targets and labels")
    left = _MOST_TARGETS
    groups: list[TargetGroup] = []
    for place, item in enumerate(cast("list[object]", tree)):
        group = _group(item, place, source, meta)
        left -= len(group.addresses)
        if left < 0:
            raise PeerError(f"lists more than {_MOST_TARGETS} targets")
        groups.append(group)
    return tuple(groups)


def _json(text: str) -> object:
    try:
        return json_of(text)
    except (ValueError, RecursionError) as error:
        raise PeerError(f"is not JSON: {error}") from error


def _yaml(text: str) -> object:
    import yaml  # which a daemon without such files does not carry

    try:
        # texts only: a version label `1.10` is not the number 1.1
        return yaml.load(text, Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise PeerError(f"is not YAML: {' '.join(str(error).split())}") from error


def _group(item: object, place: int, source: str, meta: Mapping[str, str]) -> TargetGroup:
    if not isinstance(item, dict):
        raise PeerError(f"group {place} is not a mapping of targets and labels")
    fields = cast("dict[object, object]", item)
    targets, pairs = fields.get("targets"), fields.get("labels")
    addresses = cast("list[object]", targets) if isinstance(targets, list) else [None] if targets else []
    labels = cast("dict[object, object]", pairs) if isinstance(pairs, dict) else {None: None} if pairs else {}
    texts = [one for one in addresses if isinstance(one, str)]
    if len(texts) < len(addresses):
        raise PeerError(f"targets of group {place} is not a list of texts")
    known = {name: value for name, value in labels.items() if isinstance(name, str) and isinstance(value, str)}
    if len(known) < len(labels):
        raise PeerError(f"labels of group {place} is not a mapping of texts")
    return TargetGroup(addresses=tuple(texts), labels=Labels({**known, **meta}), source=source)
