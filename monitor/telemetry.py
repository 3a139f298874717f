"""What the daemon says of itself: metrics in one registry, logs in one form, and how late the loop runs.

Loop lag is measured where it hurts, without a ticker of its own: whoever sleeps through the clock or runs a slot reports
how late it was woken. The gauge shows the worst of the last one to two minutes.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import logging
import sys
from collections.abc import Callable
from typing import Any, Literal, Protocol, TextIO, TypeAlias, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

_WINDOW_SECONDS = 60.0
_DELIVERY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


Form: TypeAlias = Literal["console", "json", "logfmt"]
"""Of the log: for people, for machines, or `key=value` as Prometheus's programs have it."""


class Log(Protocol):
    """What features log through: an event name and key-value pairs."""

    def debug(self, event: str, **facts: object) -> object: ...

    def info(self, event: str, **facts: object) -> object: ...

    def warning(self, event: str, **facts: object) -> object: ...

    def error(self, event: str, **facts: object) -> object: ...


class Telemetry:
    """All metrics of the daemon. Made once, by the composition root; features get only what they count."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.lag = LagMeter(monotonic)
        lag = Gauge(
            "watchkeeper_loop_lag_seconds",
            "How late the event loop woke somebody, the worst of the last minute or two.",
            registry=self.registry,
        )
        lag.set_function(self.lag.worst)
        self.build = Gauge("watchkeeper_build_info", "The version that runs.", ["version"], registry=self.registry)
        self.scrape_reader = Gauge(
            "watchkeeper_scrape_reader_info",
            "What compares scraped bodies with the last ones: `c` where the optional reader is built, else `python`.",
            ["reader"],
            registry=self.registry,
        )
        self.probes = Counter(
            "watchkeeper_probes_total",
            "Attempts of checks by their raw result.",
            ["kind", "result"],
            registry=self.registry,
        )
        self.scrapes = Counter(
            "watchkeeper_scrapes_total", "Scrapes by their result.", ["job", "result"], registry=self.registry
        )
        self.discovery_failures = Counter(
            "watchkeeper_discovery_failures_total",
            "Sources of targets that could not be read, each time that a new reason was found.",
            ["job"],
            registry=self.registry,
        )
        self.check_states = Gauge(
            "watchkeeper_checks", "Checks by their judged state.", ["state"], registry=self.registry
        )
        self.rule_evaluations = Counter(
            "watchkeeper_rule_evaluations_total", "Evaluations of rule groups.", ["group"], registry=self.registry
        )
        self.rule_failures = Counter(
            "watchkeeper_rule_evaluation_failures_total",
            "Rules whose evaluation failed.",
            ["group"],
            registry=self.registry,
        )
        self.rule_missed = Counter(
            "watchkeeper_rule_group_missed_total", "Slots that a rule group missed.", ["group"], registry=self.registry
        )
        self.alerts = Gauge("watchkeeper_alerts", "Alerts of rules by state.", ["state"], registry=self.registry)
        self.alerts_received = Counter(
            "alertmanager_alerts_received_total",
            "Alerts that others pushed.",
            ["status", "version"],
            registry=self.registry,
        )
        self.alerts_invalid = Counter(
            "alertmanager_alerts_invalid_total",
            "Alerts that others pushed and that were refused.",
            ["version"],
            registry=self.registry,
        )
        self.routed_alerts = Gauge(
            "alertmanager_alerts", "Alerts that have not ended, by state.", ["state"], registry=self.registry
        )
        self.silences = Gauge("alertmanager_silences", "Silences by state.", ["state"], registry=self.registry)
        self.incidents = Gauge("watchkeeper_incidents", "Open incidents by state.", ["state"], registry=self.registry)
        self.incidents_without_timer = Gauge(
            "watchkeeper_open_incidents_without_timer",
            "Open critical incidents that nothing would wake again. Must be 0.",
            registry=self.registry,
        )
        self.outbox_rows = Gauge(
            "watchkeeper_outbox_rows", "Notifications by state.", ["state"], registry=self.registry
        )
        self.delivery_seconds = Histogram(
            "watchkeeper_delivery_seconds",
            "From the decision to notify to the vendor's acceptance.",
            ["integration"],
            buckets=_DELIVERY_BUCKETS,
            registry=self.registry,
        )
        self.deliveries = Counter(
            "watchkeeper_delivery_attempts_total",
            "Attempts to deliver by outcome.",
            ["integration", "outcome"],
            registry=self.registry,
        )
        self.given_up = Counter(
            "watchkeeper_notifications_given_up_total",
            "Notifications that were given up; handed_over: is it counted there as well?",
            ["integration", "kind", "reason", "handed_over"],
            registry=self.registry,
        )
        self.handed_over = Counter(
            "watchkeeper_notifications_handed_over_total",
            "Notifications that failed so often that others were told of it, while the attempts go on.",
            ["integration", "kind", "reason"],
            registry=self.registry,
        )
        self.suppressed = Counter(
            "watchkeeper_notifications_suppressed_total",
            "Alerts that were left out of a notification, by what muted them.",
            ["reason"],
            registry=self.registry,
        )
        self.channel_up = Gauge(
            "watchkeeper_channel_up",
            "0 when deliveries through this channel keep failing.",
            ["receiver", "integration", "index"],
            registry=self.registry,
        )
        self.samples_log_error = Gauge(
            "watchkeeper_sample_log_error",
            "1 when the write-ahead log of samples cannot be written.",
            registry=self.registry,
        )
        self.samples_damaged = Gauge(
            "watchkeeper_sample_blocks_damaged",
            "Parts of sample blocks, or whole ones, that were found damaged since the start.",
            registry=self.registry,
        )
        self.samples_disk = Gauge(
            "watchkeeper_sample_disk_bytes",
            "What samples take on disk, by where they are.",
            ["part"],
            registry=self.registry,
        )
        self.series = Gauge("watchkeeper_series", "Series in the sample store.", registry=self.registry)
        self.samples_rejected = Counter(
            "watchkeeper_samples_rejected_total",
            "Samples that the store dropped, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.samples_out_of_order = Counter(
            "watchkeeper_samples_out_of_order_total",
            "Samples that were older than the newest of their series and were taken, being within the window for that.",
            registry=self.registry,
        )
        self.reload_ok = Gauge(
            "watchkeeper_config_last_reload_successful",
            "1 if the last load of the configuration succeeded.",
            registry=self.registry,
        )
        self.reload_time = Gauge(
            "watchkeeper_config_last_reload_success_timestamp_seconds",
            "When a configuration was last loaded successfully.",
            registry=self.registry,
        )
        self.task_crashes = Counter(
            "watchkeeper_task_crashes_total",
            "Tasks of the daemon that ended by an unexpected error.",
            ["task"],
            registry=self.registry,
        )
        self.bad_input = Counter(
            "watchkeeper_bad_input_total",
            "Input that was refused: configuration, health bodies, expositions, API calls.",
            ["kind"],
            registry=self.registry,
        )
        self.http_seconds = Histogram(
            "watchkeeper_http_request_seconds",
            "How long our own HTTP server took.",
            ["route", "method", "code"],
            registry=self.registry,
        )


class LagMeter:
    """Keeps the worst lag of the present and the previous minute."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._now = 0.0
        self._before = 0.0

    def observe(self, seconds: float) -> None:
        self._turn()
        self._now = max(self._now, seconds)

    def worst(self) -> float:
        self._turn()
        return max(self._now, self._before)

    def _turn(self) -> None:
        passed = self._monotonic() - self._began
        if passed >= _WINDOW_SECONDS:
            self._before = self._now if passed < 2 * _WINDOW_SECONDS else 0.0
            self._now = 0.0
            self._began += passed


class UnfailingOutput(io.TextIOBase):
    """A text output that does not raise. A log that cannot be written (a full disk, a pipe whose reader is gone) must not
    end what it tells of: the tasks that page."""

    def __init__(self, output: TextIO) -> None:
        super().__init__()
        self._output = output
        self.lost = 0
        """Writes that failed."""

    def write(self, text: str, /) -> int:
        self._attempt(lambda: self._output.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._output.flush)

    def _attempt(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (OSError, ValueError):  # ValueError: it was closed
            self.lost += 1


class DeferredLog:
    """Keeps what is said until the log is open: what writes it takes a tenth of a second to import, and a start must not
    wait for that."""

    def __init__(self, form: Form, level: str) -> None:
        self._form: Form = form
        self._level = level
        self._kept: list[tuple[str, str, dict[str, object]]] = []
        self._log: Log | None = None

    async def open(self) -> None:
        """Write what was kept; from now on everything is written at once. What writes is imported beside the loop."""
        if self._log is None:
            await asyncio.to_thread(_import_structlog)
        if self._log is None:
            self._log = open_log(self._form, self._level)
            for method, event, facts in self._kept:
                getattr(self._log, method)(event, **facts)
            self._kept.clear()

    def debug(self, event: str, **facts: object) -> object:
        return self._say("debug", event, facts)

    def info(self, event: str, **facts: object) -> object:
        return self._say("info", event, facts)

    def warning(self, event: str, **facts: object) -> object:
        return self._say("warning", event, facts)

    def error(self, event: str, **facts: object) -> object:
        return self._say("error", event, facts)

    def _say(self, method: str, event: str, facts: dict[str, object]) -> object:
        if self._log is not None:
            return getattr(self._log, method)(event, **facts)
        self._kept.append((method, event, facts))
        return None


def _import_structlog() -> None:
    """It would pull in rich for traces in colour, which costs three megabytes and is not used here."""
    without = "rich" not in sys.modules
    if without:
        sys.modules["rich"] = None  # pyright: ignore[reportArgumentType]  # the import system's way to say no
    try:
        importlib.import_module("structlog")
    finally:
        if without:
            del sys.modules["rich"]


def open_log(form: Form = "console", level: str = "info") -> Log:
    """One line an event on standard error, as text for people or JSON for machines."""
    _import_structlog()
    import structlog

    named: list[Any] = []
    match form:
        case "json":
            renderer: Any = structlog.processors.JSONRenderer()
        case "console":
            renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        case "logfmt":
            named = [structlog.processors.EventRenamer("msg")]
            order = ["timestamp", "level", "msg"]
            renderer = structlog.processors.LogfmtRenderer(key_order=order, bool_as_flag=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *named,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", UnfailingOutput(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    log: Log = structlog.get_logger()
    return log
