"""Samples as requests: external labels, relabelling, and cutting to size. Pure.

A series' labels are encoded once and remembered, since its next sample comes in a moment; a sample is then a few bytes
around its number.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.columns.nans import missing
from monitor.model.labels import Labels
from monitor.model.samples import Exemplar
from monitor.model.times import Timestamp
from monitor.remote.messages import encode_labels, encode_series
from monitor.remote.options import RemoteWrite
from monitor.remote.wire import put_int, put_varint

_MOST_KNOWN: Final = 200_000
_DOUBLE: Final = struct.Struct("<d")


@dataclass(slots=True)
class Gathered:
    """What was written since the last request was made, in the order of writing."""

    rows: list[tuple[Timestamp, Sequence[Labels], NDArray[np.float64]]] = field(
        default_factory=list["tuple[Timestamp, Sequence[Labels], NDArray[np.float64]]"]
    )
    exemplars: list[tuple[Labels, Exemplar]] = field(default_factory=list["tuple[Labels, Exemplar]"])
    count: int = 0


class Encoder:
    """For one receiver. Used by one thread at a time."""

    __slots__ = ("_known", "_target")

    def __init__(self, target: RemoteWrite) -> None:
        self._target = target
        self._known: dict[Labels, bytes | None] = {}

    def requests(self, gathered: Gathered) -> Iterator[tuple[bytes, int]]:
        """Request bodies before compression, with how many samples each holds."""
        most = self._target.samples_per_send
        pieces: list[bytes] = []
        for piece in self._pieces(gathered):
            pieces.append(piece)
            if len(pieces) >= most:
                yield b"".join(pieces), len(pieces)
                pieces = []
        extra = [
            encode_series(named, (), (exemplar,))
            for labels, exemplar in gathered.exemplars
            if (named := self._labels(labels)) is not None
        ]
        if pieces or extra:
            yield b"".join([*pieces, *extra]), len(pieces)

    def _pieces(self, gathered: Gathered) -> Iterator[bytes]:
        pack = _DOUBLE.pack
        for at, labels, values in gathered.rows:
            tail = put_int(2, at)
            # field 2 of a series, with its length, and field 1 of the sample in it
            head = bytes((0x12, 9 + len(tail), 0x09))
            for one, value in self._present(labels, values):
                named = self._labels(one)
                if named is not None:
                    content = b"".join((named, head, pack(value), tail))
                    yield b"".join((b"\x0a", put_varint(len(content)), content))

    def _present(self, labels: Sequence[Labels], values: NDArray[np.float64]) -> Iterable[tuple[Labels, float]]:
        there = ~missing(values)
        if bool(there.all()):
            return zip(labels, values.tolist(), strict=True)
        rows = np.flatnonzero(there)
        return zip([labels[row] for row in rows.tolist()], values[rows].tolist(), strict=True)

    def _labels(self, labels: Labels) -> bytes | None:
        """None for a series that relabelling drops."""
        try:
            return self._known[labels]
        except KeyError:
            pass
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        target = self._target
        named: dict[str, str] | None = {**dict(target.external_labels.pairs), **dict(labels.pairs)}
        if target.relabel:
            named = target.relabel.apply(named)
        found = encode_labels(Labels(named).pairs) if named else None
        self._known[labels] = found
        return found
