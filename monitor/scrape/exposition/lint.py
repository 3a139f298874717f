"""Whether an exposition is as metrics should be: names, units, helps, by the rules that `promtool check metrics` applies.

A family is what one TYPE line speaks of: a histogram with its buckets, sum and count is one. Source: client_golang
prometheus/testutil/promlint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.model.labels import METRIC_NAME, quote
from monitor.scrape.exposition.reading import Metadata
from monitor.scrape.exposition.text import TextReader


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong with one metric's style."""

    metric: str
    text: str


@dataclass(slots=True, kw_only=True)
class Family:
    """One metric with all its series."""

    name: str
    type: str
    help: str
    series: int = 0
    label_names: set[str] = field(default_factory=set[str])


def families_of(body: bytes) -> tuple[Family, ...]:
    """The families of a body in text format, in order, those without a sample left out. Raises ExpositionError."""
    reader: TextReader[Mapping[str, str]] = TextReader(dict)
    slices = reader.read(body)
    while True:
        try:
            next(slices)
        except StopIteration as end:
            reading = end.value
            break
    found: dict[str, Family] = {}
    for labels in reading.entries:
        name, about = _family(labels[METRIC_NAME], reading.metadata)
        family = found.setdefault(name, Family(name=name, type=about.type, help=about.help))
        family.series += 1
        family.label_names.update(label for label in labels if label != METRIC_NAME)
        own = _OWN_LABEL.get(family.type)
        if own is not None and labels[METRIC_NAME] != f"{name}_sum":
            family.label_names.discard(own)
    return tuple(found.values())


def problems_of(families: Sequence[Family]) -> tuple[Problem, ...]:
    """Everything that is not as it should be, sorted by metric."""
    return tuple(sorted({Problem(family.name, text) for family in families for text in _problems(family)}))


_PARTS: Final = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
_OWN_LABEL: Final = {"histogram": "le", "summary": "quantile"}
_TYPES: Final = ("counter", "gauge", "histogram", "summary")
_CAMEL: Final = re.compile(r"[a-z][A-Z]")
_ABBREVIATIONS: Final = ("s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d")
_PREFIXES: Final = (
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi", "giga", "gibi",
    "tera", "tebi", "peta", "pebi",
)  # fmt: skip
_BASES: Final = {
    **{unit: unit for unit in ("amperes", "bytes", "celsius", "grams", "joules", "kelvin", "meters", "metres")},
    **{unit: unit for unit in ("seconds", "volts")},
    **dict.fromkeys(("minutes", "hours", "days", "weeks"), "seconds"),
    **dict.fromkeys(("fahrenheit", "rankine"), "celsius"),
    **dict.fromkeys(("inches", "yards", "miles"), "meters"),
    **dict.fromkeys(("pounds", "ounces"), "grams"),
    "kelvins": "kelvin",
    "bits": "bytes",
    "calories": "joules",
}
"""A unit, and the one to use."""


def _family(name: str, metadata: Mapping[str, Metadata]) -> tuple[str, Metadata]:
    for kind, suffixes in _PARTS.items():
        for suffix in suffixes:
            base = name.removesuffix(suffix)
            if base != name and base in metadata and metadata[base].type == kind:
                return base, metadata[base]
    return name, metadata.get(name, Metadata())


def _problems(family: Family) -> Iterator[str]:
    name = family.name
    if not family.help:
        yield "no help text"
    unit, base = _unit(name)
    if unit != base:
        yield f"use base unit {quote(base)} instead of {quote(unit)}"
    if family.type == "counter" and not name.endswith("_total"):
        yield 'counter metrics should have "_total" suffix'
    if family.type not in ("counter", "unknown") and name.endswith("_total"):
        yield 'non-counter metrics should not have "_total" suffix'
    if family.type != "unknown":
        yield from _reserved(family)
    for word in _TYPES:
        if f"_{word}_" in name or name.endswith(f"_{word}"):
            yield f"metric name should not include type '{word}'"
    if ":" in name:
        yield "metric names should not contain ':'"
    if _CAMEL.search(name):
        yield "metric names should be written in 'snake_case' not 'camelCase'"
    if any(_CAMEL.search(label) for label in family.label_names):
        yield "label names should be written in 'snake_case' not 'camelCase'"
    low = name.lower()
    if any(f"_{short}_" in low or low.endswith(f"_{short}") for short in _ABBREVIATIONS):
        yield "metric names should not contain abbreviated units"


def _reserved(family: Family) -> Iterator[str]:
    histogram, summary = family.type == "histogram", family.type == "summary"
    if not histogram and family.name.endswith("_bucket"):
        yield 'non-histogram metrics should not have "_bucket" suffix'
    for suffix in ("_count", "_sum"):
        if not histogram and not summary and family.name.endswith(suffix):
            yield f'non-histogram and non-summary metrics should not have "{suffix}" suffix'
    if not histogram and "le" in family.label_names:
        yield 'non-histogram metrics should not have "le" label'
    if not summary and "quantile" in family.label_names:
        yield 'non-summary metrics should not have "quantile" label'


def _unit(name: str) -> tuple[str, str]:
    """The first unit in a name, and the one to use instead, which may be the same."""
    for word in name.split("_"):
        for short in ("", *_PREFIXES):
            base = _BASES.get(word.removeprefix(short)) if word.startswith(short) else None
            if base is not None:
                return word, base
    return "", ""
