"""`make test`: formatting, lint, types, import contracts and every test, in the order of their cost.

Where more can be tested than Python brings (promtool), it installs the Debian package when it is root on Debian, and
otherwise says loudly what will be skipped. Exits with the first failing step's code; pytest speaks last.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

_BIN = Path(sysconfig.get_path("scripts"))
_ROOT = Path(__file__).resolve().parents[2]

_TOOLS = {
    "cc": "build-essential",
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "victoria-metrics": "victoria-metrics",
}
"""Program to Debian package."""

_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("formatting", ("ruff", "format", "--check", ".")),
    ("lint", ("ruff", "check", ".")),
    ("types", ("basedpyright",)),
    ("import contracts", ("lint-imports", "--no-cache")),
)

_TESTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # Virtual time and no sockets: these may share the machine. The others measure, wait and kill.
    ("unit and scenario tests", ("-n", "2", "tests/unit", "tests/scenario")),
    ("tests with real sockets and processes", ("tests/integration", "tests/conformance", "tests/acceptance")),
)


def main() -> int:
    os.chdir(_ROOT)
    _offer_tools()
    for name, (program, *arguments) in _STEPS:
        print(f"== {name}", flush=True)
        done = subprocess.run([str(_BIN / program), *arguments], check=False)
        if done.returncode:
            print(f"== {name} failed", file=sys.stderr)
            return done.returncode
    for name, arguments in _TESTS:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], check=False)
        if done.returncode:
            return done.returncode
    return 0


def _offer_tools() -> None:
    missing = {tool: package for tool, package in _TOOLS.items() if not shutil.which(tool)}
    if missing and os.geteuid() == 0 and Path("/etc/debian_version").exists():
        _install(sorted(set(missing.values())))
        missing = {tool: package for tool, package in missing.items() if not shutil.which(tool)}
    for tool, package in missing.items():
        print(f"!! {tool} is not installed: tests against it are SKIPPED (Debian package {package})", flush=True)


def _install(packages: list[str]) -> None:
    print(f"== installing {' '.join(packages)}", flush=True)
    # The packages start their daemons when installed; policy-rc.d forbids that, and is only put there if there is none.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
        policy.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (
            ["apt-get", "update", "-q"],
            ["apt-get", "install", "-yq", "--no-install-recommends", *packages],
        ):
            subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            policy.unlink()


if __name__ == "__main__":
    raise SystemExit(main())
