"""The sample service of the container setup: it is understood, and it breaks as its page says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

SERVICE = Path(__file__).resolve().parents[2] / "docs/examples/sample-service/service.py"


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The address of a running shop without visitors."""
    environment = {**os.environ, "PORT": "0", "VISITS": "0", "VERSION": "7.1"}
    process = subprocess.Popen([sys.executable, str(SERVICE)], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1].rstrip("/")
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def ask(address: str, *, post: bool = False) -> tuple[int, str]:
    try:
        with urlopen(Request(address, method="POST" if post else "GET"), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_its_health_names_components_and_version(shop: str) -> None:
    """In the shape that is understood without configuration; a lost database is told with 503."""
    ask(f"{shop}/faults", post=True)
    assert json.loads(ask(f"{shop}/health")[1]) == {
        "status": "healthy",
        "version": "7.1",
        "database": "connected",
        "cache": "connected",
    }
    ask(f"{shop}/faults?database=down", post=True)
    code, text = ask(f"{shop}/health")
    assert (code, json.loads(text)["status"]) == (503, "unhealthy")


def test_exactly_the_share_of_visits_fails_that_was_asked_for(shop: str) -> None:
    """And the counters tell it."""
    ask(f"{shop}/faults?errors=0.25", post=True)
    codes = [ask(f"{shop}/")[0] for _ in range(8)]
    assert codes == [200, 200, 200, 500, 200, 200, 200, 500]
    metrics = ask(f"{shop}/metrics")[1]
    assert 'http_requests_total{code="500"} 2' in metrics
    assert 'http_request_duration_seconds_bucket{le="+Inf"} 8' in metrics


def test_nonsense_is_refused(shop: str) -> None:
    """With the reason."""
    assert ask(f"{shop}/faults?errors=many", post=True)[0] == 400
    assert ask(f"{shop}/elsewhere")[0] == 404


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("8081", 2)])
def test_it_says_which_variables_it_reads(argument: str, code: int) -> None:
    """It takes no arguments, and does not pass over one in silence."""
    answer = subprocess.run([sys.executable, str(SERVICE), argument], capture_output=True, text=True, timeout=10)
    assert answer.returncode == code
    assert all(f"    {name} " in answer.stdout for name in ("PORT", "HOST", "VERSION", "VISITS"))
