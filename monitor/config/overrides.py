"""What the command line overrides. Little is imported here: it is the first thing that a start needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monitor.model.times import HOUR, Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerFlags:
    """What `watchkeeper alertmanager` was started with: the whole configuration beside Alertmanager's file."""

    config_file: str = "alertmanager.yml"
    storage: str = "data/"
    retention: Millis = 120 * HOUR
    listen: tuple[tuple[str, int], ...] = (("", 9093),)
    """Hosts and ports; an empty host is every address of this machine."""
    external_url: str = ""
    route_prefix: str | None = None
    """None: the path of the external URL."""
    web_config_file: str = ""
    get_concurrency: int = 0
    """0: a number that fits the machine."""
    web_timeout: Millis = 0
    """0: none."""
    max_silences: int = 0
    max_silence_size: int = 0
    alerts_per_name: int = 0
    start_delay: Millis = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_form: Literal["console", "json", "logfmt"] = "logfmt"
    syntax: Literal["fallback", "utf8", "classic"] = "fallback"
    """Of matchers and label names, as `monitor.matching.parse.Syntax` has it."""
    gossips: bool = True
    """A cluster of one is told of; False: clustering is off."""
    unserved: tuple[str, ...] = ()
    """A sentence for each flag that was given and has no effect here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says; it wins over environment and file."""

    config: str = ""
    urls: tuple[str, ...] = ()
    listen: str = ""
    data: str = ""
    alertmanager_file: str = ""
    """Stands in place of the Alertmanager configuration that the file has."""
    alertmanager: AlertmanagerFlags | None = None
    """Only this counts then: neither the environment nor a file of ours is read."""
