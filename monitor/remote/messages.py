"""The messages of remote write 1.0. Pure. Source: prometheus prompb/remote.proto and types.proto.

Whole requests are bounded before they come here (`snappy`); within, counts are bounded by their bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.surrogates import whole
from monitor.model.times import Timestamp
from monitor.remote.wire import (
    BYTES,
    FIXED64,
    VARINT,
    WireFormatError,
    double,
    fields,
    put_bytes,
    put_double,
    put_int,
    signed,
)

_TYPES: Final = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
_TYPE_NUMBERS: Final = {name: number for number, name in enumerate(_TYPES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricMetadata:
    """What a sender says about one metric."""

    metric: str
    type: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWrite:
    """One series with its new samples. `labels` are as they came: in any order, perhaps twice, perhaps empty."""

    labels: tuple[tuple[str, str], ...]
    samples: tuple[tuple[Timestamp, float], ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    histograms: int = 0
    """Native histograms that came with it; they are counted and not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """One request."""

    series: tuple[SeriesWrite, ...] = ()
    metadata: tuple[MetricMetadata, ...] = ()


def decode_write_request(data: bytes) -> WriteRequest:
    """Raises WireFormatError."""
    series: list[SeriesWrite] = []
    metadata: list[MetricMetadata] = []
    names: dict[bytes, str] = {}
    for number, kind, start, end in fields(data, 0, len(data)):
        if number == 1 and kind == BYTES:
            series.append(_series(data, start, end, names))
        elif number == 3 and kind == BYTES:
            metadata.append(_metadata(data, start, end, names))
    return WriteRequest(series=tuple(series), metadata=tuple(metadata))


def encode_series(labels: bytes, samples: Iterable[tuple[Timestamp, float]], exemplars: Iterable[Exemplar]) -> bytes:
    """One series as a field of a request; `labels` are encoded already."""
    told = [put_bytes(2, put_double(1, value) + put_int(2, at)) for at, value in samples]
    told += [
        put_bytes(3, encode_labels(one.labels.pairs) + put_double(2, one.value) + put_int(3, one.timestamp))
        for one in exemplars
    ]
    return put_bytes(1, labels + b"".join(told))


def encode_labels(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Label fields of a series or an exemplar; the caller has them sorted."""
    return b"".join(
        put_bytes(1, put_bytes(1, whole(name).encode()) + put_bytes(2, whole(value).encode())) for name, value in pairs
    )


def encode_metadata(entries: Sequence[MetricMetadata]) -> bytes:
    """A request with metadata only."""
    return b"".join(
        put_bytes(
            3,
            put_int(1, _TYPE_NUMBERS.get(one.type, 0))
            + put_bytes(2, one.metric.encode(errors="replace"))
            + put_bytes(4, one.help.encode(errors="replace"))
            + put_bytes(5, one.unit.encode(errors="replace")),
        )
        for one in entries
    )


def encode_write_request(series: Mapping[Labels, Sequence[tuple[Timestamp, float]]]) -> bytes:
    """A request with these samples."""
    return b"".join(encode_series(encode_labels(labels.pairs), samples, ()) for labels, samples in series.items())


def _series(data: bytes, start: int, end: int, names: dict[bytes, str]) -> SeriesWrite:
    labels: list[tuple[str, str]] = []
    samples: list[tuple[Timestamp, float]] = []
    exemplars: list[Exemplar] = []
    histograms = 0
    for number, kind, low, high in fields(data, start, end):
        if kind != BYTES:
            continue
        if number == 1:
            labels.append(_label(data, low, high, names))
        elif number == 2:
            samples.append(_sample(data, low, high))
        elif number == 3:
            exemplars.append(_exemplar(data, low, high, names))
        elif number == 4:
            histograms += 1
    return SeriesWrite(labels=tuple(labels), samples=tuple(samples), exemplars=tuple(exemplars), histograms=histograms)


def _label(data: bytes, start: int, end: int, names: dict[bytes, str]) -> tuple[str, str]:
    name = value = ""
    for number, kind, low, high in fields(data, start, end):
        if kind == BYTES and number == 1:
            name = _text(data[low:high], names)
        elif kind == BYTES and number == 2:
            value = _text(data[low:high], names)
    return name, value


def _sample(data: bytes, start: int, end: int) -> tuple[Timestamp, float]:
    value, at = 0.0, 0
    for number, kind, low, _ in fields(data, start, end):
        if number == 1 and kind == FIXED64:
            value = double(low)
        elif number == 2 and kind == VARINT:
            at = signed(low)
    return at, value


def _exemplar(data: bytes, start: int, end: int, names: dict[bytes, str]) -> Exemplar:
    labels: list[tuple[str, str]] = []
    value, at = 0.0, 0
    for number, kind, low, high in fields(data, start, end):
        if number == 1 and kind == BYTES:
            labels.append(_label(data, low, high, names))
        elif number == 2 and kind == FIXED64:
            value = double(low)
        elif number == 3 and kind == VARINT:
            at = signed(low)
    return Exemplar(Labels(labels), value, at)


def _metadata(data: bytes, start: int, end: int, names: dict[bytes, str]) -> MetricMetadata:
    kind_number = 0
    texts = {2: "", 4: "", 5: ""}
    for number, kind, low, high in fields(data, start, end):
        if number == 1 and kind == VARINT:
            kind_number = low
        elif number in texts and kind == BYTES:
            texts[number] = _text(data[low:high], names)
    type_ = _TYPES[kind_number] if kind_number < len(_TYPES) else "unknown"
    return MetricMetadata(metric=texts[2], type=type_, help=texts[4], unit=texts[5])


def _text(content: bytes, names: dict[bytes, str]) -> str:
    """The same names and values come again and again in one request: one object each."""
    known = names.get(content)
    if known is None:
        try:
            known = names[content] = content.decode()
        except UnicodeDecodeError:
            raise WireFormatError("a text is not UTF-8") from None
    return known
