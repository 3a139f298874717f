"""Configurations for stories, written to a folder and read by the production loader."""

from __future__ import annotations

from pathlib import Path

from monitor.config.environment import Environment
from monitor.config.loading import Configuration, Overrides, load

RULES = """
groups:
  - name: checks
    interval: 30s
    rules:
      - {alert: ServiceDown, expr: watchkeeper_check_status == 0, labels: {severity: critical}}
      - {alert: ServiceSlow, expr: watchkeeper_check_status == 0.5, labels: {severity: warning}}
      - {alert: QueueLong, expr: queue_length > 10 < 100, labels: {severity: warning}}
      - {alert: QueueFull, expr: queue_length > 100, labels: {severity: critical}}
"""

CHECKS = """
checks: [{name: api, url: "http://api.test/health"}, {name: shop, url: "http://shop.test/health"}]
"""
QUEUE = "http://queue.test:80/metrics"
"""What the job `queue` scrapes every 15 seconds."""

COMMON = """
rules: {shipped: false}
rule_files: [rules.yml]
scrape_configs: [{job_name: queue, scrape_interval: 15s, static_configs: [{targets: ["queue.test:80"]}]}]
receivers: [{name: default, console_configs: [{}]}]
people: {ana: {console: true}, bo: {webhook: "http://bo.test/"}, cy: {console: true, webhook: "http://cy.test/"}}
"""
POLICY = """
policies: {default: {steps: [{notify: ["user:ana"]}, {after: 5m, notify: ["user:bo"]}]}}
"""


def story_configuration(
    folder: Path, *, checks: str = CHECKS, policy: str = POLICY, common: str = COMMON, more: str = ""
) -> Configuration:
    """Two checks, a scraped queue, three people, and one policy: ana at once, bo after five minutes."""
    (folder / "rules.yml").write_text(RULES)
    file = folder / "watchkeeper.yml"
    file.write_text(checks + common + policy + more)
    return load(Overrides(config=str(file)), Environment(), {})
