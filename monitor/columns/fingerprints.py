"""Fingerprints of many label sets at once: the same bytes as `Labels.fingerprint`, a column of bytes at a time.

FNV-1a takes one multiplication for each byte, which costs Python some eight microseconds for a usual label set. Numpy does
that multiplication for all sets of a batch together.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Final

import numpy as np

from monitor.model.labels import FNV_OFFSET, FNV_PRIME, Labels

_FEW: Final = 8
"""Below this one by one is quicker."""
_LONG: Final = 4_096
"""Bytes of a label set that is reckoned alone: the others would have to be filled up to its length."""
_END: Final = "\0"
"""Stands for the byte 0xFF, which no text in UTF-8 holds."""


def learn_fingerprints(sets: Iterable[Labels]) -> None:
    """Afterwards `fingerprint` of each is a look-up, if there are many; it is reckoned anew for those who know it."""
    texts = [(_bytes(one), one) for one in sets]
    if len(texts) < _FEW:
        return
    filed = sorted(((text, one) for text, one in texts if len(text) <= _LONG), key=lambda pair: -len(pair[0]))
    for digest, (_, one) in zip(_digests([text for text, _ in filed]), filed, strict=True):
        one.fingerprint = f"{digest:016x}"


def _digests(texts: list[bytes]) -> list[int]:
    """FNV-1a of each; the longest first."""
    width = len(texts[0]) if texts else 0
    rows = np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), np.uint8).reshape(len(texts), width)
    columns = np.ascontiguousarray(rows.T).astype(np.uint64)
    digests = np.full(len(texts), FNV_OFFSET, np.uint64)
    prime = np.uint64(FNV_PRIME)
    running = len(texts)
    for place, column in enumerate(columns):
        while len(texts[running - 1]) <= place:
            running -= 1
        part = digests[:running]
        part ^= column[:running]
        part *= prime
    return digests.tolist()


def _bytes(labels: Labels) -> bytes:
    texts = list(chain.from_iterable(labels.pairs))
    whole = _END.join((*texts, ""))
    if whole.count(_END) != len(texts):  # it stands in a text as well
        return b"".join(text.encode("utf-8", "surrogateescape") + b"\xff" for text in texts)
    return whole.encode("utf-8", "surrogateescape").replace(b"\0", b"\xff")
