"""The C reader under the sanitizers: no byte outside its arrays is read or written, whatever a target sends."""

from __future__ import annotations

from pathlib import Path

import pytest

import hatch_build
from tests.support.sanitized import NoSanitizerError, read_sanitized, runtime

try:
    runtime()
except NoSanitizerError as error:
    pytest.skip(f"the C reader is NOT run under the sanitizers: {error}", allow_module_level=True)

BODIES = 5_000


@pytest.mark.parametrize("seed", [1, 2])
def test_on_thousands_of_mutated_bodies(seed: int) -> None:
    """And what it reads is what its twin reads."""
    done = read_sanitized(hatch_build.SOURCE, bodies=BODIES, seed=seed)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("if (rest >= key && !memcmp", "if (!memcmp", "AddressSanitizer"),
        ("if (++digits > 18) return 0;", "digits++;", ""),
        ("begins[first] = at;", "begins[first] = at; begins[last + 1] = at;", "AddressSanitizer"),
        ("if (power < -22 || power > 22) return 0;", "", "runtime error"),
    ],
)
def test_a_mistake_in_it_is_found(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    """Otherwise the test above would say nothing."""
    text = hatch_build.SOURCE.read_text(encoding="utf-8")
    assert right in text
    source = tmp_path / "_renewing.c"
    source.write_text(text.replace(right, wrong), encoding="utf-8")
    done = read_sanitized(source, bodies=BODIES, seed=1)
    assert done.returncode != 0
    assert said in done.stderr
