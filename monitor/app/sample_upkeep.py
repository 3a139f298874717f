"""Looking after samples and checks: retention, packing and sealing, gauges, certificates that end, our own metrics."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter as Tally
from collections.abc import Callable, Sequence

from prometheus_client import Counter

from monitor.app.drivers import Drivers
from monitor.app.housekeeping import CronJob
from monitor.app.own_metrics import OwnMetrics
from monitor.app.watching import Watching
from monitor.model.checks import HealthState
from monitor.model.times import DAY, SECOND, Millis, Timestamp
from monitor.tsdb.store import SampleStore

_PACK_ROUND: Millis = 10 * SECOND
_PAUSE: Millis = 20
"""Between two slices of work of a few milliseconds each."""
_GROWTH = 5_000
"""Series: when there are so many more, and a tenth more, the garbage collector is told that they stay."""
_CERTIFICATE_WARNING: Millis = 21 * DAY


class SampleUpkeep:
    """A loop, a round and a job over what watches."""

    def __init__(self, watching: Watching, drivers: Drivers, samples: SampleStore, own: OwnMetrics) -> None:
        self._watching = watching
        self._drivers = drivers
        self._samples = samples
        self._own = own
        self._counted: Tally[Counter] = Tally()
        self._settled = 0

    def look(self, now: Timestamp) -> None:
        """Bring the gauges up to date, and store our own metrics."""
        self._checks_and_samples()
        self._own.write(now)

    async def forget(self) -> None:
        """Retention of samples, packing and sealing of old ones, a slice at a time."""
        clock = self._drivers.clock
        while True:
            await clock.sleep(_PACK_ROUND)
            self._settle()
            for _ in self._samples.forgetting(clock.now()):
                await clock.sleep(0)
            while self._samples.pack(clock.now()):
                await clock.sleep(_PAUSE)
            while await self._seal() or await self._merge():
                await clock.sleep(_PAUSE)

    def _settle(self) -> None:
        """Label sets are most of all objects, and in no cycles. Frozen, they are freed like others, but no collection walks
        over them, which would hold the loop up for some milliseconds in ten thousand."""
        series = self._samples.series
        if series > self._settled + max(_GROWTH, self._settled // 10):
            gc.collect(1)
            gc.freeze()
            self._settled = series

    async def _seal(self) -> bool:
        """Write the next block, if one is due; True if it was and is written."""
        clock = self._drivers.clock
        sealing = self._samples.begin_sealing(clock.now())
        if sealing is None:
            return False
        error = await self._written(sealing.step)
        self._samples.end_sealing(sealing, clock.now(), error)
        return error is None

    async def _merge(self) -> bool:
        """Merge small blocks, if that is due; True if it was and is done."""
        merging = self._samples.begin_merging()
        if merging is None:
            return False
        error = await self._written(merging.step)
        self._samples.end_merging(merging, self._drivers.clock.now(), error)
        return error is None

    async def _written(self, step: Callable[[], bool]) -> OSError | None:
        """Take all steps in worker threads; why the disk refused one, if it did."""
        try:
            while await asyncio.to_thread(step):
                await self._drivers.clock.sleep(_PAUSE)
        except OSError as error:
            self._drivers.log.error("samples cannot be written to a block", error=str(error))
            return error
        return None

    def jobs(self) -> Sequence[CronJob]:
        """Rows of the cron table."""
        return (CronJob(id="certificates", calendar="7 * * * *", work=self._certificates),)

    def _checks_and_samples(self) -> None:
        telemetry, probing = self._drivers.telemetry, self._watching.probes.probing
        counts = dict.fromkeys(HealthState, 0)
        for check in probing.checks:
            counts[probing.verdict(check.name).state] += 1
        for state, count in counts.items():
            telemetry.check_states.labels(state.value).set(count)
        firing: dict[str, int] = {"pending": 0, "firing": 0}
        for group in self._watching.rules.status():
            telemetry.rule_failures.labels(group.group.key)
            telemetry.rule_missed.labels(group.group.key)
            for rule in group.rules:
                for alert in rule.alerts:
                    firing[alert.state.value] = firing.get(alert.state.value, 0) + 1
        for state, count in firing.items():
            telemetry.alerts.labels(state).set(count)
        health = self._samples.health()
        telemetry.samples_log_error.set(bool(health.error))
        self._count(telemetry.samples_rejected.labels("late"), health.dropped_samples)
        self._count(telemetry.samples_rejected.labels("too_old"), health.too_old_samples)
        duplicates = health.duplicate_samples + health.overtaken_samples
        fresh = self._count(telemetry.samples_rejected.labels("duplicate"), duplicates)
        if fresh:
            self._drivers.log.warning(
                "samples with another value for a time that has one were not stored: two sources write the same series",
                samples=fresh,
            )
        self._count(telemetry.samples_out_of_order, health.late_samples)
        stats = self._samples.stats()
        telemetry.series.set(stats.series)
        telemetry.samples_damaged.set(health.damaged)
        telemetry.samples_disk.labels("blocks").set(stats.block_bytes)
        telemetry.samples_disk.labels("log").set(stats.disk_bytes - stats.block_bytes)

    def _count(self, counter: Counter, total: int) -> int:
        """Bring a counter up to what the store has counted; by how much it rose."""
        fresh = max(total - self._counted[counter], 0)
        counter.inc(fresh)
        self._counted[counter] = total
        return fresh

    async def _certificates(self, now: Timestamp) -> None:
        """A line in the log for each certificate that ends soon; the alert is a rule's business."""
        probing, log = self._watching.probes.probing, self._drivers.log
        for check in probing.checks:
            outcome = probing.outcome(check.name)
            expiry = outcome.tls_facts.earliest_expiry if outcome is not None and outcome.tls_facts else None
            if expiry is not None and expiry - now < _CERTIFICATE_WARNING:
                log.warning("certificate ends soon", check=check.name, days=round((expiry - now) / DAY, 1))
