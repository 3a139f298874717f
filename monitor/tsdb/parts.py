"""Parts of blocks: up to some hundred series over up to some hundred slots, whole in itself.

A part is a head, the label sets, the times and the values, each with a checksum of its own. It needs nothing beside it to
be read, so damage costs the part it hit and no other. What a query needs of it is what it reads.

The label sets of a part are a *stripe*. The same targets give the same stripes over and over, byte for byte; so stripes
are kept by their bytes and shared by all blocks, and a query looks through each but once.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.matching.matchers import Matcher
from monitor.model.errors import CorruptionError
from monitor.model.labels import Labels
from monitor.model.times import Timestamp
from monitor.tsdb.coding import decode_times, decode_values, encode_times, encode_values

SERIES_AT_MOST: Final = 128
SLOTS_AT_MOST: Final = 512

_MARK: Final = b"wkpt"
_HEAD: Final = struct.Struct("<4sHHqqIIIIII")
_HEAD_CHECK: Final = struct.Struct("<I")
HEAD_SIZE: Final = _HEAD.size + _HEAD_CHECK.size
_STRIPE: Final = struct.Struct("<IB")
_LONGEST: Final = 1 << 28
_STRIPES_REMEMBERED: Final = 1 << 16
"""Series."""


@dataclass(frozen=True, slots=True)
class PartHead:
    """What a part says about itself. Sizes in bytes."""

    series: int
    slots: int
    first: Timestamp
    last: Timestamp
    names_size: int
    times_size: int
    values_size: int
    names_check: int
    times_check: int
    values_check: int

    @property
    def size(self) -> int:
        """Of the whole part."""
        return HEAD_SIZE + self.names_size + self.times_size + self.values_size

    def encoded(self) -> bytes:
        """With its own checksum."""
        data = _HEAD.pack(
            _MARK,
            self.series,
            self.slots,
            self.first,
            self.last,
            self.names_size,
            self.times_size,
            self.values_size,
            self.names_check,
            self.times_check,
            self.values_check,
        )
        return data + _HEAD_CHECK.pack(zlib.crc32(data))

    @classmethod
    def decoded(cls, data: bytes) -> PartHead:
        """Raises CorruptionError."""
        if len(data) < HEAD_SIZE:
            raise CorruptionError("the head of a part is cut off")
        if not data.startswith(_MARK) or zlib.crc32(data[: _HEAD.size]) != _HEAD_CHECK.unpack_from(data, _HEAD.size)[0]:
            raise CorruptionError("the head of a part is damaged")
        return cls(*_HEAD.unpack_from(data)[1:])


def encode_part(labels: Sequence[Labels], times: NDArray[np.int64], matrix: NDArray[np.float64]) -> bytes:
    """A part of these series: `times` (slots,) ascending, `matrix` (series, slots); at least one of each."""
    names, stamps, values = encode_stripe(labels), encode_times(times), encode_values(matrix)
    return joined(names, len(labels), times, stamps, values)


def joined(names: bytes, series: int, times: NDArray[np.int64], stamps: bytes, values: bytes) -> bytes:
    """A part of its encoded pieces."""
    head = PartHead(
        series=series,
        slots=len(times),
        first=int(times[0]),
        last=int(times[-1]),
        names_size=len(names),
        times_size=len(stamps),
        values_size=len(values),
        names_check=zlib.crc32(names),
        times_check=zlib.crc32(stamps),
        values_check=zlib.crc32(values),
    )
    return head.encoded() + names + stamps + values


def read_times(head: PartHead, data: bytes) -> NDArray[np.int64]:
    """The times of a part, from its bytes behind the label sets on. Raises CorruptionError."""
    stamps = data[: head.times_size]
    if zlib.crc32(stamps) != head.times_check:
        raise CorruptionError("the times of a part are damaged")
    return decode_times(stamps, head.slots)


def read_values(head: PartHead, data: bytes) -> NDArray[np.float64]:
    """The (series, slots) values of a part, from the bytes of its values. Raises CorruptionError."""
    if zlib.crc32(data) != head.values_check:
        raise CorruptionError("the values of a part are damaged")
    return decode_values(data, head.series, head.slots)


def encode_stripe(labels: Sequence[Labels]) -> bytes:
    """Label sets, in order."""
    pairs: dict[tuple[str, str], int] = {}
    widest = max(len(each.pairs) for each in labels)
    places = np.zeros((len(labels), widest), dtype="<u2" if widest * len(labels) < 1 << 16 else "<u4")
    for row, each in enumerate(labels):
        # Zero stands for "no further pair".
        places[row, : len(each.pairs)] = [pairs.setdefault(pair, len(pairs) + 1) for pair in each.pairs]
    texts = json.dumps([text for pair in pairs for text in pair], ensure_ascii=False, separators=(",", ":"))
    listed = texts.encode("utf-8", "surrogatepass")
    # Column by column: what one label says of all series changes little from one to the next.
    octets = places.view(np.uint8).reshape(*places.shape, places.itemsize).transpose(2, 1, 0)
    return zlib.compress(_STRIPE.pack(len(listed), places.itemsize) + listed + octets.tobytes(), 9)


class Stripe:
    """The label sets of a part, ready to be selected from."""

    __slots__ = ("_labels", "_pairs", "_places", "series")

    def __init__(self, encoded: bytes, series: int) -> None:
        """Raises CorruptionError."""
        try:
            # Bounded, since a length in a file may say anything.
            data = zlib.decompressobj().decompress(encoded, _LONGEST)
            listed, width = _STRIPE.unpack_from(data)
            end = _STRIPE.size + listed
            texts: list[str] = json.loads(data[_STRIPE.size : end].decode("utf-8", "surrogatepass"))
            octets = np.frombuffer(data, dtype=np.uint8, offset=end).reshape(width, -1, series).transpose(2, 1, 0)
            places = np.ascontiguousarray(octets).view({2: "<u2", 4: "<u4"}[width])[:, :, 0]
            if places.size and int(places.max()) > len(texts) // 2:
                raise CorruptionError("label sets refer to pairs that are not there")
        except (struct.error, zlib.error, ValueError, KeyError, TypeError) as error:
            raise CorruptionError(f"label sets cannot be read: {error}") from error
        self.series = series
        self._pairs = list(zip(texts[::2], texts[1::2], strict=True))
        self._places = places
        self._labels: list[Labels | None] = [None] * series

    def rows(self, matchers: Sequence[Matcher], verdict: Verdict) -> NDArray[np.int64]:
        """Which of these series satisfy every matcher, ascending."""
        mask = np.ones(self.series, dtype=np.bool_)
        for matcher in matchers:
            named = np.zeros(len(self._pairs) + 1, dtype=np.bool_)
            fitting = np.zeros(len(self._pairs) + 1, dtype=np.bool_)
            for place, (name, value) in enumerate(self._pairs, start=1):
                if name == matcher.name:
                    named[place] = True
                    fitting[place] = verdict(matcher, value)
            part = fitting[self._places].any(axis=1)
            if verdict(matcher, ""):
                part |= ~named[self._places].any(axis=1)
            mask &= part
            if not mask.any():
                break
        return np.flatnonzero(mask)

    def labels(self, row: int, known: Callable[[Labels], Labels]) -> Labels:
        """The label set of this row; `known` may exchange it for an equal one that is in memory anyway."""
        labels = self._labels[row]
        if labels is None:
            places: list[int] = self._places[row].tolist()
            made = Labels.of_sorted(tuple([self._pairs[place - 1] for place in places if place]))
            labels = self._labels[row] = known(made)
        return labels


class Verdict:
    """Does this value satisfy this matcher? Each value is tried once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[Matcher, str], bool] = {}

    def __call__(self, matcher: Matcher, value: str) -> bool:
        key = (matcher, value)
        verdict = self._known.get(key)
        if verdict is None:
            verdict = self._known[key] = matcher.matches(value)
        return verdict


class Stripes:
    """Stripes by their bytes, those that were used last. Safe in any thread."""

    __slots__ = ("_kept", "_lock", "_series")

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Stripe] = OrderedDict()
        self._series = 0
        self._lock = Lock()

    def get(self, encoded: bytes, series: int) -> Stripe:
        """Raises CorruptionError."""
        with self._lock:
            known = self._kept.get(encoded)
            if known is not None and known.series == series:
                self._kept.move_to_end(encoded)
                return known
        stripe = Stripe(encoded, series)
        with self._lock:
            if encoded not in self._kept:
                self._kept[encoded] = stripe
                self._series += series
            while self._series > _STRIPES_REMEMBERED and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                self._series -= oldest.series
        return stripe
