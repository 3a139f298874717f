"""The C reader of scraped bodies under the address and undefined-behaviour sanitizers, on bodies that are mutated at random.

`python -m tests.support.sanitized [--bodies N] [--seed N]` (`make sanitize`) compiles the source anew and reads in a process of
its own, whose first library is the sanitizer's and whose objects come from malloc, so that a byte read or written outside of
any array ends it with a report. What it reads is held against each line read alone.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import hatch_build
from monitor.scrape.exposition import renewing
from monitor.scrape.exposition.native import Renew, load
from monitor.scrape.exposition.numbers import plain_number

ROOT = Path(__file__).resolve().parents[2]
_MODULE = "tests.support.sanitized"
_SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g")
_UNTOUCHED = -1.5
_KEYS = (b"a ", b'm{l="x"} ', b'm{l="1 2"} ', b"m  ", b"# HELP m ", b"# ", b"")
_NUMBERS = (
    b"0", b"1", b"-1", b"12.5", b"1e5", b"1e+05", b"9007199254740993", b"1.7976931348623157e+308", b"1e999", b"1.5e+30", b"7e-99", b"NaN", b"+Inf",
    b"-Inf", b"Inf", b".", b"5.", b"-", b"e5", b"1e", b"1e+", b"123456789012345678901234567890", b"4.9e-324", b"1 2", b"",
    b"18446744073709551617", b"0x10", b"1_0", b"1\x002", b"\xff",
)  # fmt: skip


class NoSanitizerError(Exception):
    """This compiler cannot do it."""


def runtime() -> str:
    """The sanitizer's library, which must be the first of the process. Raises NoSanitizerError."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    try:
        asked = subprocess.run([*compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoSanitizerError(f"{compiler[0]} cannot be run: {error}") from error
    found = Path(asked.stdout.strip())
    if not found.is_absolute() or not found.exists():
        raise NoSanitizerError(f"{compiler[0]} has no libasan: install gcc with its libraries")
    return str(found.resolve())


def read_sanitized(source: Path, *, bodies: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Compile this source and let it read so many bodies; what the process said, and its exit code, 0 if all is well. Raises
    NoSanitizerError."""
    library = runtime()
    with tempfile.TemporaryDirectory() as folder:
        built = hatch_build.build(Path(folder) / "_renewing.so", source=source, flags=_SANITIZED)
        surroundings = {
            **os.environ,
            "LD_PRELOAD": library,
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=99",
            "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99",
            "PYTHONMALLOC": "malloc",
        }
        words = [sys.executable, "-m", _MODULE, "--library", str(built), "--bodies", str(bodies), "--seed", str(seed)]
        return subprocess.run(words, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)


def _read_all(library: Path, bodies: int, seed: int) -> None:
    native, dice = load(library), random.Random(seed)
    for _ in range(bodies):
        _read(native, dice)


def _read(native: Renew, dice: random.Random) -> None:
    """One body by another one, whole or a part of its lines, at the beginning or further on."""
    lines = [dice.choice(_KEYS) + dice.choice(_NUMBERS) + b"\n" for _ in range(dice.randint(1, 12))]
    old = b"".join(lines)
    starts = np.cumsum([0, *map(len, lines)], dtype=np.int64)
    numbers = np.array([_number_of(line) for line in lines], dtype=np.int32)
    count = len(lines)
    first = dice.randint(0, count - 1)
    last = dice.randint(first, count)
    new = _mutated(old[int(starts[first]) :] if dice.random() < 0.5 else old, dice)
    at = 0 if dice.random() < 0.8 else dice.randint(0, len(new))
    told = f"{(old, first, last, new, at)}"
    values, begins = np.full(count, _UNTOUCHED), np.full(count + 1, -7, dtype=np.int64)
    odd = native(old, starts, numbers, first, last, new, at, values, begins)
    wanted = _lines(new, at, last - first)
    assert (odd is None) == (wanted is None), told
    if odd is None or wanted is None:
        return
    assert begins[first : last + 1].tolist() == wanted, told
    for row in range(first, last):
        before = old[starts[row] : starts[row + 1]]
        value = _read_alone(before, int(numbers[row]), new[begins[row] : begins[row + 1]])
        assert (row in odd) == (value is None), told
        if value is not None:
            assert values[row : row + 1].view(np.uint64) == np.array([value]).view(np.uint64), told


def _lines(body: bytes, at: int, count: int) -> list[int] | None:
    """Where so many lines begin, and where the last one ends; None if there are not enough."""
    places = [at]
    for _ in range(count):
        place = body.find(b"\n", places[-1])
        if place < 0:
            return None
        places.append(place + 1)
    return places


def _read_alone(before: bytes, cut: int, now: bytes) -> float | None:
    """The number of a line, which is not touched if it is the old line; None if it is not surely the same series."""
    if before == now:
        return _UNTOUCHED
    same = cut != renewing.NO_NUMBER and before[:cut] == now[:cut] and len(now) > cut
    return plain_number(now[cut:-1]) if same else None


def _mutated(body: bytes, dice: random.Random) -> bytes:
    """Cut off, bytes changed, put in and taken out, lines swapped for others: or left as it is."""
    for _ in range(dice.choice((0, 1, 1, 2, 4))):
        place = dice.randint(0, len(body))
        match dice.randrange(6):
            case 0:
                body = body[:place]
            case 1:
                body = body[:place] + bytes([dice.randrange(256)]) + body[place + 1 :]
            case 2:
                body = body[:place] + dice.choice(_NUMBERS) + body[place:]
            case 3:
                body = body[:place] + body[place + dice.randint(1, 4) :]
            case 4:
                body = body[:place] + b"\n" + body[place:]
            case _:
                body += dice.choice(_KEYS) + dice.choice(_NUMBERS) + b"\n"
    return body


def _number_of(line: bytes) -> int:
    key, blank, number = line.rstrip(b"\n").rpartition(b" ")
    return len(key) + 1 if blank and number and not key.startswith(b"#") else renewing.NO_NUMBER


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--library", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.library is not None:
        _read_all(given.library, given.bodies, given.seed)
        return 0
    try:
        done = read_sanitized(hatch_build.SOURCE, bodies=given.bodies, seed=given.seed)
    except NoSanitizerError as error:
        print(f"the C reader is NOT tested: {error}", file=sys.stderr)
        return 2
    sys.stderr.write(done.stderr)
    print(f"{given.bodies} bodies with seed {given.seed}: {'all is well' if done.returncode == 0 else 'see above'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
