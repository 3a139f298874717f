"""Runs tables of measured behaviour against the daemon: `python -m tests.conformance.tables DIR_OR_FILE…`.

A table is a JSON file of cases. Which family reads it is decided by its path's end (`relabel.json`,
`config/config_cases.json`). A family is one small module of this folder that exports any of

- `TABLES`: path end => a function that runs one case (`cases.Check`);
- `KINDS`: path end => kind of case => such a function, for a table whose kinds are shared out among families;
- `FOLDERS`: path end of a folder => such a function, for which each YAML file below is a case (`file`, relative).

To add a family, write its module and name it in `FAMILIES`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.conformance.cases import Case, Check, LeftOutError, plain

FAMILIES: tuple[str, ...] = (
    "alertmanager_files",
    "alerting_tables",
    "deliveries",
    "expositions",
    "matchers_table",
    "notification_templates",
    "prometheus_files",
    "promql_tables",
    "relabelling",
    "routing_tables",
    "rule_files",
    "shifts",
    "templates_table",
)
"""Modules of this folder, each with its TABLES, KINDS or FOLDERS."""

DATA = Path(__file__).parents[2].parent / "shared" / "conformance"
"""Where the data lie beside the project, if they are there."""


@dataclass(slots=True)
class Tally:
    """What came of one table."""

    passed: int = 0
    failures: list[tuple[Case, str]] = field(default_factory=list[tuple[Case, str]])
    skips: list[tuple[Case, str]] = field(default_factory=list[tuple[Case, str]])

    def __str__(self) -> str:
        return f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped"


def registry() -> dict[str, Check]:
    """Path end => the check for its cases, of all families."""
    checks: dict[str, Check] = {}
    kinds: dict[str, dict[str, Check]] = {}
    for module in map(_family, FAMILIES):
        checks.update(getattr(module, "TABLES", {}))
        checks.update(getattr(module, "FOLDERS", {}))
        for end, by_kind in getattr(module, "KINDS", {}).items():
            kinds.setdefault(end, {}).update(by_kind)
    return {**checks, **{end: _by_kind(by_kind) for end, by_kind in kinds.items()}}


def find_tables(places: Iterable[Path], checks: Mapping[str, Check]) -> Iterator[tuple[Path, Check]]:
    """The tables and folders among these places, and below them, that some family reads. The longest path end wins."""
    ends = sorted(checks, key=len, reverse=True)
    for place in places:
        below = (
            [] if place.is_file() else [path for path in place.rglob("*") if path.is_dir() or path.suffix == ".json"]
        )
        for path in sorted([place, *below]):
            whole = path.resolve().as_posix()
            for end in ends:
                if whole.endswith("/" + end):
                    yield path, checks[end]
                    break


def run_table(path: Path, check: Check) -> Tally:
    """Run every case; none stops the others."""
    tally = Tally()
    for number, data in enumerate(_cases(path)):
        case = Case(table=path, number=number, data=data)
        try:
            check(case)
        except LeftOutError as reason:
            tally.skips.append((case, str(reason)))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the case has failed and the next one is due
            tally.failures.append((case, f"{type(error).__name__}: {error}"))
        else:
            tally.passed += 1
    return tally


def _family(name: str) -> ModuleType:
    return import_module(f"tests.conformance.{name}")


def _cases(path: Path) -> Sequence[Mapping[str, Any]]:
    if path.is_file():
        return plain(json.loads(path.read_text("utf-8"))["cases"])
    files = sorted(file for file in path.rglob("*") if file.suffix in (".yml", ".yaml"))
    return [{"kind": "file", "source": name, "file": name} for name in (str(file.relative_to(path)) for file in files)]


def _by_kind(checks: Mapping[str, Check]) -> Check:
    def check(case: Case) -> None:
        found = checks.get(case.kind)
        if found is None:
            raise LeftOutError(f"no family reads the kind {case.kind} here")
        found(case)

    return check


def main(arguments: list[str]) -> int:
    """Print a line a table; 1 if a case failed, 2 if no table was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.tables", description="Run conformance tables.")
    parser.add_argument("places", nargs="+", type=Path, metavar="DIR_OR_FILE")
    parser.add_argument("--verbose", action="store_true", help="print every failed and skipped case")
    options = parser.parse_args(arguments)
    found = failed = 0
    for path, check in find_tables(options.places, registry()):
        tally = run_table(path, check)
        found += 1
        failed += len(tally.failures)
        print(f"{path}: {tally}")
        if options.verbose:
            for case, reason in tally.failures:
                print(f"  failed  {case}: {reason}")
            for case, reason in tally.skips:
                print(f"  skipped {case}: {reason}")
    if not found:
        print("no table that any family reads", file=sys.stderr)
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
