"""From a job's groups to targets: labels, relabelling, address, and the place in the interval.

A target is what relabelling leaves of an address. Its URL is built from the `__`-labels, and those are gone afterwards;
what remains is on each of its series. Source: prometheus scrape/target.go and docs (scrape_config, relabel_config).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from monitor.model.labels import Labels, quote
from monitor.model.times import Millis, Timestamp, format_duration, parse_duration
from monitor.scrape.jobs import ScrapeJob, TargetGroup

_WIDEST: Final[Millis] = 1000
_TOGETHER: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One thing to scrape. Equal targets are the same target."""

    job: str
    """The job's name in configuration; the label `job` may differ."""
    url: str
    labels: Labels
    """On every series of the target."""
    discovered: Labels
    """Before relabelling."""
    interval: Millis
    timeout: Millis
    refused: str = ""
    """Why it is not asked, though it stands there: each of its scrapes fails by this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSet:
    """What a job's groups come to."""

    active: tuple[Target, ...]
    dropped: tuple[Labels, ...]
    """Labels before relabelling of what relabelling threw away, as many as the job keeps."""
    dropped_count: int = 0
    """How many there were."""
    problems: tuple[str, ...]
    """Addresses that cannot be targets, a sentence each."""


def targets_of(job: ScrapeJob) -> TargetSet:
    """All targets of the job, in the order of its groups, each once. Over `limits.targets` all of them are refused."""
    active: dict[Target, None] = {}
    dropped: list[Labels] = []
    thrown = 0
    problems: list[str] = []
    carried: set[Labels] = set()
    for group in job.groups:
        for address in group.addresses:
            discovered = _discovered(job, group, address)
            labels = job.relabel.apply(discovered)
            if labels is None:
                thrown += 1
                if not job.limits.dropped or len(dropped) < job.limits.dropped:
                    dropped.append(Labels(discovered))
                continue
            try:
                target = _target(job, discovered, labels)
            except ValueError as error:
                problems.append(f"{address or 'a target without address'}: {error}")
                continue
            if target.labels in carried and target not in active:
                problems.append(f"{address}: another target of this job carries the same labels {target.labels}")
                continue
            carried.add(target.labels)
            active[target] = None
    if job.limits.targets and len(active) > job.limits.targets:
        why = f"target_limit exceeded (number of targets: {len(active)}, limit: {job.limits.targets})"
        problems.append(why)
        active = dict.fromkeys(replace(target, refused=why) for target in active)
    return TargetSet(active=tuple(active), dropped=tuple(dropped), dropped_count=thrown, problems=tuple(problems))


def without_clashes(sets: Mapping[str, TargetSet]) -> dict[str, TargetSet]:
    """The same sets by job, where of several targets with the same labels in different jobs only the first is active: their
    series would be the same series."""
    owners: dict[Labels, str] = {}
    settled: dict[str, TargetSet] = {}
    for name, found in sets.items():
        clashes = [target for target in found.active if owners.setdefault(target.labels, name) != name]
        if clashes:
            found = replace(
                found,
                active=tuple(target for target in found.active if target not in clashes),
                problems=(
                    *found.problems,
                    *(
                        f"{target.url}: a target of job {owners[target.labels]} carries the same labels {target.labels}"
                        for target in clashes
                    ),
                ),
            )
        settled[name] = found
    return settled


def offset_of(target: Target, seed: int) -> Millis:
    """Where in its interval the target is scraped: spread evenly, the same after each restart with the same seed."""
    text = repr((target.url, target.labels.pairs, seed)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") % target.interval


def gathered(offset: Millis, interval: Millis, targets: int) -> Millis:
    """The offset moved ahead by less than a second, so that some targets share a moment: waking up costs as much
    as a small scrape. Of so many `targets` about ten at most, so that none waits long for its turn."""
    width = _WIDEST
    while width > 1 and targets * width > _TOGETHER * interval:
        width //= 2
    return offset - offset % width


def next_due(target: Target, offset: Millis, now: Timestamp) -> Timestamp:
    """The first of the target's slots later than `now`."""
    return now + target.interval - (now - offset) % target.interval


def _discovered(job: ScrapeJob, group: TargetGroup, address: str) -> dict[str, str]:
    labels = {**dict(group.labels), "__address__": address}
    defaults: Iterable[tuple[str, str]] = (
        ("job", job.name),
        ("__scrape_interval__", format_duration(job.interval)),
        ("__scrape_timeout__", format_duration(job.timeout)),
        ("__metrics_path__", job.metrics_path),
        ("__scheme__", job.scheme),
        *((f"__param_{name}", values[0]) for name, values in job.params if values),
    )
    for name, value in defaults:
        if not labels.get(name):
            labels[name] = value
    return {name: value for name, value in labels.items() if value}


def _target(job: ScrapeJob, discovered: dict[str, str], labels: dict[str, str]) -> Target:
    address = labels.get("__address__", "")
    if not address:
        raise ValueError("no address")
    if "/" in address:
        raise ValueError(f"{quote(address)} is not a valid hostname")
    scheme = labels.get("__scheme__", "")
    if scheme not in ("http", "https"):
        raise ValueError(f"scheme {quote(scheme)} is neither http nor https")
    interval = _span(labels, "interval")
    timeout = _span(labels, "timeout")
    if timeout > interval:
        raise ValueError(
            "scrape timeout cannot be greater than scrape interval "
            f"({quote(labels['__scrape_timeout__'])} > {quote(labels['__scrape_interval__'])})"
        )
    kept = {name: value for name, value in labels.items() if not name.startswith("__")}
    kept.setdefault("instance", address)
    path = labels.get("__metrics_path__", "")
    query = _query(job, labels)
    url = f"{scheme}://{address}{path if path.startswith('/') or not path else '/' + path}"
    if query:
        url += ("&" if "?" in path else "?") + query
    return Target(
        job=job.name,
        url=url,
        labels=Labels(kept),
        discovered=Labels(discovered),
        interval=interval,
        timeout=timeout,
    )


def _span(labels: dict[str, str], which: str) -> Millis:
    text = labels.get(f"__scrape_{which}__", "")
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise ValueError(f"error parsing scrape {which}: {error}") from None
    if span == 0:
        raise ValueError(f"scrape {which} cannot be 0")
    return span


def _query(job: ScrapeJob, labels: dict[str, str]) -> str:
    params = {name: [*values] for name, values in job.params}
    for name, value in sorted(labels.items()):
        if name.startswith("__param_"):
            values = params.setdefault(name.removeprefix("__param_"), [])
            values[:1] = [value]
    return urlencode([(name, value) for name, values in sorted(params.items()) for value in values])
