"""What a scraped series is called once it is ours: the target's labels, relabelling, limits. Pure.

Source: prometheus scrape/scrape.go (mutateSampleLabels, verifyLabelLimits) and target.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from monitor.model.errors import PeerError
from monitor.model.labels import METRIC_NAME, Labels, quote
from monitor.scrape.jobs import Limits, ScrapeJob

_pairs: Final[dict[tuple[str, str], tuple[str, str]]] = {}
_PAIRS_REMEMBERED: Final = 4096


class ScrapeLimitError(PeerError):
    """An answer beyond one of the job's limits. `body_bytes` is -1 when the body itself was too long, else 0."""

    def __init__(self, message: str, *, body_bytes: int = 0) -> None:
        self.body_bytes = body_bytes
        super().__init__(message)


def admission(job: ScrapeJob, target: Labels) -> Callable[[Mapping[str, str]], Labels | None]:
    """A function from a scraped label set to the stored one, None for a series that metric relabelling drops. It raises
    ScrapeLimitError beyond a label limit, PeerError for a series that relabelling left without a name."""
    merge = _honoring if job.honor_labels else _overriding
    relabel = job.metric_relabel
    limits = job.limits
    limited = bool(limits.labels or limits.label_name_length or limits.label_value_length)

    def admit(scraped: Mapping[str, str]) -> Labels | None:
        labels: Mapping[str, str] | None = merge(scraped, target)
        if relabel:
            labels = relabel.apply({name: value for name, value in labels.items() if value})
            if labels is None:
                return None
        if not labels.get(METRIC_NAME):
            raise PeerError("missing metric name (__name__ label)")
        stored = _sharing(Labels(labels))
        if limited:
            _check(stored, limits)
        return stored

    return admit


def _sharing(labels: Labels) -> Labels:
    """The same, its pairs being one object each with those of the series read before. The store would see to that later;
    but memory for all pairs of a large body, once taken, is not given back."""
    if len(_pairs) > _PAIRS_REMEMBERED:
        _pairs.clear()
    return Labels.of_sorted(tuple([_pairs.setdefault(pair, pair) for pair in labels.pairs]))


def report_labels(name: str, target: Labels) -> Labels:
    """Of a series that tells about the scrape itself: never relabelled, and the target's labels always win."""
    return target.with_(**{METRIC_NAME: name})


def _honoring(scraped: Mapping[str, str], target: Labels) -> dict[str, str]:
    return {**dict(target.pairs), **scraped}


def _overriding(scraped: Mapping[str, str], target: Labels) -> dict[str, str]:
    labels = {**scraped, **dict(target.pairs)}
    clashes = [name for name, _ in target.pairs if scraped.get(name)]
    for name in sorted(clashes, key=len):
        exported = f"exported_{name}"
        while labels.get(exported):
            exported = f"exported_{exported}"
        labels[exported] = scraped[name]
    return labels


def _check(labels: Labels, limits: Limits) -> None:
    metric = labels.get(METRIC_NAME, "")[:50]
    if limits.labels and len(labels) > limits.labels:
        raise ScrapeLimitError(
            f'label_limit exceeded (metric: "{metric}", number of labels: {len(labels)}, limit: {limits.labels})'
        )
    for name, value in labels.pairs:
        size = len(name.encode())
        if limits.label_name_length and size > limits.label_name_length:
            raise ScrapeLimitError(
                f'label_name_length_limit exceeded (metric: "{metric}", label name: {quote(name[:50])}, '
                f"length: {size}, limit: {limits.label_name_length})"
            )
        size = len(value.encode())
        if limits.label_value_length and size > limits.label_value_length:
            raise ScrapeLimitError(
                f'label_value_length_limit exceeded (metric: "{metric}", label name: {quote(name)}, '
                f"value: {quote(value[:50])}, length: {size}, limit: {limits.label_value_length})"
            )
