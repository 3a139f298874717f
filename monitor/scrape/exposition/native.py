"""The C twin of `renewing`, where it was built.

It reads the same bodies in the same way in a fraction of the time (`_renewing.c`, next to this file). It is optional: built
where it is asked for (docs/how-to/benchmarks.md), and everything works without it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.scrape.exposition import renewing
from monitor.scrape.exposition.renewing import Body

BUILT: Final = Path(__file__).with_name("_renewing.so")


class Renew(Protocol):
    """See `renewing.renew`."""

    def __call__(
        self,
        old: Body,
        starts: NDArray[np.int64],
        numbers: NDArray[np.int32],
        first: int,
        last: int,
        new: Body,
        at: int,
        values: NDArray[np.float64],
        begins: NDArray[np.int64],
    ) -> list[int] | None: ...


def load(path: Path) -> Renew:
    """The reader in this shared object. Raises OSError if it cannot be used here."""
    # Called with the interpreter's lock held: a slice takes less time than getting the lock back may take.
    library = ctypes.PyDLL(str(path))
    try:
        call = library.watchkeeper_renew
    except AttributeError as error:
        raise OSError(f"{path} is not what it is called") from error
    call.restype = ctypes.c_int64
    number, place = ctypes.c_int64, ctypes.c_void_p
    call.argtypes = [place, place, place, number, number, place, number, number, place, place, place]

    def renew(
        old: Body,
        starts: NDArray[np.int64],
        numbers: NDArray[np.int32],
        first: int,
        last: int,
        new: Body,
        at: int,
        values: NDArray[np.float64],
        begins: NDArray[np.int64],
    ) -> list[int] | None:
        odd = np.empty(last - first, dtype=np.int64)
        count = call(
            np.frombuffer(old, dtype=np.uint8).ctypes.data,
            starts.ctypes.data,
            numbers.ctypes.data,
            first,
            last,
            np.frombuffer(new, dtype=np.uint8).ctypes.data,
            len(new),
            at,
            values.ctypes.data,
            begins.ctypes.data,
            odd.ctypes.data,
        )
        return None if count < 0 else odd[:count].tolist()

    return renew


def fastest_of(built: Path) -> Renew:
    """The reader in this shared object, or else its twin."""
    if built.exists():
        try:
            return load(built)
        except OSError:
            pass  # built for another machine: the twin does the same
    return renewing.renew


fastest: Final = fastest_of(BUILT)
"""What there is here."""


def name_of(reader: Renew) -> str:
    """What this one is written in."""
    return "python" if reader is renewing.renew else "c"
