"""The other hashes of a label set, both xxHash64.

Alertmanager's notification log names alerts by one of the same bytes that the fingerprint is made of (name 0xFF value
0xFF ...). `limit_ratio` draws by one of the bytes in which Prometheus holds a label set: each text behind its length.

Source of the algorithm: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md; of what is hashed: alertmanager
notify/notify.go, prometheus model/labels/labels_stringlabels.go.
"""

from __future__ import annotations

from typing import Final

from monitor.model.labels import Labels

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_P1: Final = 0x9E3779B185EBCA87
_P2: Final = 0xC2B2AE3D27D4EB4F
_P3: Final = 0x165667B19E3779F9
_P4: Final = 0x85EBCA77C2B2AE63
_P5: Final = 0x27D4EB2F165667C5


def series_share(labels: Labels) -> float:
    """Where in [0, 1] a label set falls, evenly over label sets."""
    texts = [text.encode("utf-8", "surrogateescape") for pair in labels.pairs for text in pair]
    return xxhash64(b"".join(_length(len(text)) + text for text in texts)) / float(_MASK)


def _length(size: int) -> bytes:
    """One byte, or 0xFF and three more."""
    return bytes((size,)) if size < 0xFF else b"\xff" + size.to_bytes(3, "little")


def labels_hash(labels: Labels) -> int:
    """64 bits."""
    return xxhash64(
        b"".join(f"{name}\udcff{value}\udcff".encode("utf-8", "surrogateescape") for name, value in labels.pairs)
    )


def xxhash64(data: bytes) -> int:
    """xxHash64 with seed 0."""
    length, place = len(data), 0
    if length >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while place + 32 <= length:
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], int.from_bytes(data[place : place + 8], "little"))
                place += 8
        digest = sum(_rotate(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            digest = ((digest ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        digest = _P5
    digest = (digest + length) & _MASK
    while place + 8 <= length:
        digest ^= _round(0, int.from_bytes(data[place : place + 8], "little"))
        digest = (_rotate(digest, 27) * _P1 + _P4) & _MASK
        place += 8
    if place + 4 <= length:
        digest ^= (int.from_bytes(data[place : place + 4], "little") * _P1) & _MASK
        digest = (_rotate(digest, 23) * _P2 + _P3) & _MASK
        place += 4
    for byte in data[place:]:
        digest = (_rotate(digest ^ (byte * _P5) & _MASK, 11) * _P1) & _MASK
    digest = ((digest ^ (digest >> 33)) * _P2) & _MASK
    digest = ((digest ^ (digest >> 29)) * _P3) & _MASK
    return digest ^ (digest >> 32)


def _round(lane: int, word: int) -> int:
    return (_rotate((lane + word * _P2) & _MASK, 31) * _P1) & _MASK


def _rotate(value: int, turn: int) -> int:
    return ((value << turn) | (value >> (64 - turn))) & _MASK
