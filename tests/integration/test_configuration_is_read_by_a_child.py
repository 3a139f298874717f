"""The daemon's configuration comes from a process of its own."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.config.environment import Environment
from monitor.config.loading import load
from monitor.config.overrides import Overrides
from monitor.config.reading import Reading
from monitor.matching.matchers import Matcher, MatchOp
from monitor.model.errors import ConfigError

FILE = """\
checks:
  - {name: shop, url: "http://127.0.0.1:9/health", labels: {team: shop}}
people:
  ana: {console: true}
policies:
  default: {steps: [{notify: [user:ana]}]}
"""


def test_a_child_finds_what_loading_finds(tmp_path: Path) -> None:
    """Checks, paging and every shipped rule arrive as they were read."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text(FILE)
    overrides = Overrides(config=str(path))
    found, direct = Reading.of(overrides).finish(), load(overrides, Environment())
    assert (found.checks, found.listen, found.storage) == (direct.checks, direct.listen, direct.storage)
    assert (found.log, found.host, found.warnings) == (direct.log, direct.host, direct.warnings)
    assert (found.paging.root, found.paging.policies) == (direct.paging.root, direct.paging.policies)
    assert found.paging.book.destinations == direct.paging.book.destinations
    assert found.groups == direct.groups
    assert found.groups


def test_every_finding_comes_back(tmp_path: Path) -> None:
    """A bad file is refused with the same findings."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text("checks: [{name: a}]\nnonsense: 1\n")
    overrides = Overrides(config=str(path))
    with pytest.raises(ConfigError) as direct:
        load(overrides, Environment())
    with pytest.raises(ConfigError) as found:
        Reading.of(overrides).finish()
    assert found.value.findings == direct.value.findings
    assert len(found.value.findings) > 1


_CHILD = [sys.executable, "-P", "-m", "monitor.config.reading"]


def test_a_child_that_is_asked_nothing_says_nothing() -> None:
    """The daemon was ended before it came to ask."""
    run = subprocess.run(_CHILD, input=b"", capture_output=True, timeout=60, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_a_child_whose_answer_nobody_wants_says_nothing(tmp_path: Path) -> None:
    """The daemon was ended while the child was reading."""
    path = tmp_path / "watchkeeper.yml"
    path.write_text(FILE)
    with subprocess.Popen(_CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdin and child.stdout and child.stderr
        child.stdout.close()
        child.stdin.write(pickle.dumps(Overrides(config=str(path))))
        child.stdin.close()
        assert child.stderr.read() == b""
        assert child.wait(60) == 0


def test_the_daemon_does_without_the_libraries_of_the_reader() -> None:
    """What only reading needs stays out of the process that runs for months."""
    code = "import sys, monitor.app.daemon; print([n for n in ('pydantic', 'yaml', 'monitor.config.loading') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"


def test_the_reader_does_without_what_only_asks_and_serves() -> None:
    """It is what a start waits for."""
    code = "import sys, monitor.config.loading; print([n for n in ('aiohttp', 'pycares', 'numpy', 'sqlite3', 'prometheus_client') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"


def test_a_matcher_with_an_expression_survives_the_way() -> None:
    """Compiled expressions are compiled anew on the other side."""
    matcher = Matcher("code", MatchOp.MATCHES, "5..")
    again: Matcher = pickle.loads(pickle.dumps(matcher))
    assert again == matcher
    assert [again.matches(text) for text in ("500", "404")] == [True, False]
