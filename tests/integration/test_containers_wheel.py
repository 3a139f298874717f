"""The wheel: what it carries, and that what it carries is found where it is unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_ASK = """
import pathlib, sys
sys.path.insert(0, sys.argv[1])
import monitor
from monitor.config.environment import Environment
from monitor.config.loading import Overrides, load
from monitor.config.shipped import shipped
assert pathlib.Path(monitor.__file__).is_relative_to(sys.argv[1]), monitor.__file__
print(shipped("rules"))
print(shipped("dashboards"))
print(len(load(Overrides(), Environment(_env_file=None), {}).groups))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh wheel of this tree, built by the installed backend: nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


def test_it_carries_rules_runbooks_dashboards_and_sql(wheel: Path) -> None:
    """Everything that is read at run time, and no tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in (("rules", "**/*"), ("dashboards", "**/*")):
        expected = {
            f"monitor/shipped/{path.relative_to(ROOT)}" for path in (ROOT / folder).glob(pattern) if path.is_file()
        }
        assert expected <= names
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "monitor").rglob("*") if path.is_file()}
    assert {name for name in sources if "__pycache__" not in name and not name.endswith(".so")} <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_it_is_for_every_machine_and_has_the_command(wheel: Path) -> None:
    """Pure Python, whatever was built in the tree; one script, typed."""
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "watchkeeper = monitor.__main__:main" in archive.read(entry).decode()
        assert "monitor/py.typed" in archive.namelist()
        assert not [name for name in archive.namelist() if name.endswith(".so")]


@pytest.mark.skipif(
    shutil.which("cc") is None, reason="there is no C compiler: a wheel with the C reader is NOT tested"
)
def test_with_the_c_reader_it_is_for_machines_of_this_kind(tmp_path: Path) -> None:
    """Only when that was asked for; and the reader is the one that gets used."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    tree = tmp_path / "tree"
    for name in ("monitor", "rules", "dashboards"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "hatch_build.py", "README.md", ".gitignore"):
        shutil.copy(ROOT / name, tree / name)
    environment = {**os.environ, "WATCHKEEPER_NATIVE": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = tmp_path.glob("*.whl")
    assert "-py3-none-linux_" in found.name
    with zipfile.ZipFile(found) as archive:
        archive.extractall(tmp_path / "unpacked")
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1]); from monitor.scrape.exposition import native, renewing; "
        "print(native.fastest is renewing.renew)"
    )
    told = subprocess.run(
        [sys.executable, "-c", ask, str(tmp_path / "unpacked")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert told.stdout.strip() == "False"


def test_an_unpacked_wheel_finds_what_it_carries(wheel: Path, tmp_path: Path) -> None:
    """And loads the shipped rules from there; nothing of this source tree is used."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WATCHKEEPER_")}
    command = [sys.executable, "-P", "-c", _ASK, str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rules, dashboards, groups = done.stdout.split()
    assert Path(rules) == tmp_path / "site/monitor/shipped/rules"
    assert Path(dashboards) == tmp_path / "site/monitor/shipped/dashboards"
    assert int(groups) >= 4
