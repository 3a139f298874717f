"""The daemon as a system under test of the measuring harness (see docs/how-to/benchmarks.md).

Outside type checking: it imports the harness, which is not part of this project. The work is the same as the peers': the
scenario's rules only, no shipped ones, no host collector, nothing else switched off.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from wkbench.http import wait_http
from wkbench.proc import Proc, free_ports
from wkbench.scenario import Scenario
from wkbench.suts.base import Sut
from wkbench.suts.prometheus_stack import alertmanager_config, rule_groups, scrape_configs

_PYTHON = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "python"


class Watchkeeper(Sut):
    name = "watchkeeper"

    def configure(self, scenario: Scenario) -> None:
        (port,) = free_ports(1)
        document: dict = {
            "storage": {"path": str(self.data_dir)},
            "web": {"listen": f"127.0.0.1:{port}"},
            "log": {"level": "warning"},
            "host": {"enabled": False},
            "rules": {"shipped": False},
            "global": {"evaluation_interval": scenario.eval_interval},
        }
        if scenario.probes:
            document["checks"] = [
                {
                    "name": f"target-{probe.id}",
                    "url": probe.url,
                    "labels": {"target": probe.id},
                    "interval": scenario.probe_interval,
                    "timeout": scenario.probe_timeout,
                }
                for probe in scenario.probes
            ]
        if scenario.scrapes:
            only = Scenario(scrapes=scenario.scrapes, scrape_interval=scenario.scrape_interval)
            document["scrape_configs"] = scrape_configs(only, None)
        if scenario.rules:
            (self.workdir / "rules.yml").write_text(json.dumps(rule_groups(scenario)))
            document["rule_files"] = ["rules.yml"]
        if scenario.routing:
            document["alertmanager"] = alertmanager_config(scenario)
        # As an installation has it, whatever this shell's PYTHONDONTWRITEBYTECODE says: a start does not compile.
        root = Path(__file__).resolve().parents[2]
        subprocess.run([str(_PYTHON), "-m", "compileall", "-q", str(root / "monitor")], env={}, timeout=300, check=True)
        config = self.workdir / "watchkeeper.yml"
        config.write_text(json.dumps(document))
        argv = [str(_PYTHON), "-m", "monitor", "run", "--config", str(config)]
        self.procs.append(Proc("watchkeeper", argv, self.workdir / "watchkeeper.log"))
        self.query_base = self.alerts_base = f"http://127.0.0.1:{port}"

    def wait_ready(self, timeout: float = 60.0) -> None:
        wait_http(f"{self.query_base}/-/ready", timeout, self.procs)

    def persist(self) -> tuple[int, int]:
        """All samples, those of the host and of ourselves included, as one sealed block."""
        command = [str(_PYTHON), "-m", "tests.benchmarks.sealed", str(self.data_dir)]
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, cwd=root)
        size, samples = done.stdout.split()
        return int(size), int(samples)

    def version(self) -> str:
        command = [str(_PYTHON if _PYTHON.exists() else sys.executable), "-m", "monitor", "version"]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip() or "?"


class InAlertmanagersPlace(Sut):
    """What only routes, as `watchkeeper alertmanager` with the peer's own file: for the workload of pushed alerts."""

    name = "watchkeeper-alertmanager"

    def configure(self, scenario: Scenario) -> None:
        if not scenario.routing or scenario.probes or scenario.scrapes:
            raise ValueError("in Alertmanager's place nothing is probed or scraped")
        (port,) = free_ports(1)
        config = self.workdir / "alertmanager.yml"
        config.write_text(json.dumps(alertmanager_config(scenario)))
        command = [str(_PYTHON), "-m", "monitor", "alertmanager", f"--config.file={config}"]
        command += [f"--storage.path={self.data_dir}", f"--web.listen-address=127.0.0.1:{port}"]
        command += ["--cluster.listen-address=", "--log.level=warn"]
        self.procs.append(Proc("watchkeeper", command, self.workdir / "watchkeeper.log"))
        self.alerts_base = f"http://127.0.0.1:{port}"

    def wait_ready(self, timeout: float = 60.0) -> None:
        wait_http(f"{self.alerts_base}/-/ready", timeout, self.procs)
