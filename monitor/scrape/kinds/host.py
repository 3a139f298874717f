"""This host and this container, as series: what node_exporter would say, for those who run nothing beside us.

Parsing takes texts and returns rows of (labels, value); `HostFiles` reads them from /proc and /sys. A file that is missing or
reads otherwise than expected yields no series and no error: a container sees little of its host.

Names are node_exporter's. What a container may use and uses comes from cgroup v2, so that a sidecar tells the truth about its
pod and not about the machine under it. Those names are cAdvisor's where it has one:

| series | from |
| --- | --- |
| container_memory_working_set_bytes | memory.current less inactive_file of memory.stat |
| container_memory_usage_bytes | memory.current |
| container_spec_memory_limit_bytes | memory.max; none when it is `max` |
| container_cpu_usage_seconds_total, …_user_…, …_system_… | cpu.stat |
| container_cpu_cfs_periods_total, container_cpu_cfs_throttled_periods_total, …_throttled_seconds_total | cpu.stat |
| container_spec_cpu_quota, container_spec_cpu_period | cpu.max in microseconds; no quota when it is `max` |
| container_oom_events_total | oom_kill of memory.events |
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from monitor.clock import Clock
from monitor.columns.nans import STALE_VALUE
from monitor.columns.sink import RowWriter, SampleSink
from monitor.model.labels import METRIC_NAME, Labels
from monitor.model.times import SECOND, Millis, Timestamp

Row: TypeAlias = tuple[Labels, float]

_TICKS: Final = 100.0
"""USER_HZ: what /proc/stat counts in, on all Linux architectures that we run on."""
_CPU_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_STAT_COUNTERS: Final = {
    "intr": "node_intr_total",
    "ctxt": "node_context_switches_total",
    "processes": "node_forks_total",
    "btime": "node_boot_time_seconds",
    "procs_running": "node_procs_running",
    "procs_blocked": "node_procs_blocked",
}
_NETWORK: Final = {
    0: "node_network_receive_bytes_total",
    1: "node_network_receive_packets_total",
    2: "node_network_receive_errs_total",
    3: "node_network_receive_drop_total",
    8: "node_network_transmit_bytes_total",
    9: "node_network_transmit_packets_total",
    10: "node_network_transmit_errs_total",
    11: "node_network_transmit_drop_total",
}
"""Column of /proc/net/dev => name."""
_CPU_STAT: Final = {
    "usage_usec": ("container_cpu_usage_seconds_total", 1e-6),
    "user_usec": ("container_cpu_user_seconds_total", 1e-6),
    "system_usec": ("container_cpu_system_seconds_total", 1e-6),
    "nr_periods": ("container_cpu_cfs_periods_total", 1.0),
    "nr_throttled": ("container_cpu_cfs_throttled_periods_total", 1.0),
    "throttled_usec": ("container_cpu_cfs_throttled_seconds_total", 1e-6),
}
_PSEUDO: Final = frozenset(
    [
        "autofs",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "hugetlbfs",
        "iso9660",
        "mqueue",
        "nsfs",
        "overlay",
        "proc",
        "procfs",
        "pstore",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "squashfs",
        "sysfs",
        "tmpfs",
        "tracefs",
    ]
)
"""File systems that hold no disk space of their own. The root is shown whatever it is."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mounted file system."""

    device: str
    point: str
    fstype: str
    read_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes and inodes of a file system, as statvfs gives them."""

    size: int
    free: int
    available: int
    """To those who are not root."""
    files: int
    files_free: int


def cpu_rows(stat: str) -> list[Row]:
    """From /proc/stat: seconds by mode, summed over all CPUs, and the counters beside them."""
    rows: list[Row] = []
    for name, *fields in _fields(stat):
        if name == "cpu":
            for mode, ticks in zip(_CPU_MODES, _numbers(fields), strict=False):
                rows.append(_row("node_cpu_seconds_total", ticks / _TICKS, mode=mode))
        elif name in _STAT_COUNTERS:
            rows += [_row(_STAT_COUNTERS[name], number) for number in _numbers(fields[:1])]
    cpus = sum(1 for name, *_ in _fields(stat) if re.fullmatch(r"cpu\d+", name))
    if cpus:
        rows.append(_row("node_cpu_online_count", cpus))
    return rows


def load_rows(loadavg: str) -> list[Row]:
    """From /proc/loadavg."""
    names = ("node_load1", "node_load5", "node_load15")
    return [_row(name, value) for name, value in zip(names, _numbers(loadavg.split()[:3]), strict=False)]


def memory_rows(meminfo: str) -> list[Row]:
    """From /proc/meminfo, all of its lines: `MemAvailable: 12 kB` is node_memory_MemAvailable_bytes 12288."""
    rows: list[Row] = []
    for name, *fields in _fields(meminfo):
        numbers = _numbers(fields[:1])
        if name.endswith(":") and numbers:
            metric = re.sub(r"\W+", "_", name[:-1].replace(")", "")).strip("_")
            kilobytes = fields[1:] == ["kB"]
            rows.append(
                _row(f"node_memory_{metric}{'_bytes' if kilobytes else ''}", numbers[0] * (1024 if kilobytes else 1))
            )
    return rows


def network_rows(dev: str) -> list[Row]:
    """From /proc/net/dev, by device, the loopback included."""
    rows: list[Row] = []
    for line in dev.splitlines():
        device, colon, rest = line.partition(":")
        numbers = _numbers(rest.split())
        if colon and len(numbers) >= 12:
            rows += [_row(name, numbers[column], device=device.strip()) for column, name in _NETWORK.items()]
    return rows


def mounts_of(mounts: str) -> list[Mount]:
    """From /proc/self/mounts: those that hold disk space, each device once, at its first mount point."""
    found: dict[str, Mount] = {}
    for fields in _fields(mounts):
        if len(fields) < 4:
            continue
        device, point, fstype, options = (_OCTAL.sub(lambda code: chr(int(code[1], 8)), part) for part in fields[:4])
        if fstype in _PSEUDO and point != "/":
            continue
        found.setdefault(
            device,
            Mount(device=device, point=point, fstype=fstype, read_only="ro" in options.split(",")),
        )
    return [*found.values()]


def space_rows(mount: Mount, space: Space) -> list[Row]:
    """Sizes of one file system."""
    values = {
        "node_filesystem_size_bytes": space.size,
        "node_filesystem_free_bytes": space.free,
        "node_filesystem_avail_bytes": space.available,
        "node_filesystem_files": space.files,
        "node_filesystem_files_free": space.files_free,
        "node_filesystem_readonly": int(mount.read_only),
    }
    return [
        _row(name, value, device=mount.device, mountpoint=mount.point, fstype=mount.fstype)
        for name, value in values.items()
    ]


def container_rows(files: Mapping[str, str]) -> list[Row]:
    """From our cgroup's files, by name; any of them may be missing. The table above says what becomes of each."""
    rows: list[Row] = []
    usage = _numbers(files.get("memory.current", "").split())
    inactive = _table(files.get("memory.stat", "")).get("inactive_file", 0.0)
    if usage:
        rows.append(_row("container_memory_usage_bytes", usage[0]))
        rows.append(_row("container_memory_working_set_bytes", max(usage[0] - inactive, 0)))
    rows += [
        _row("container_spec_memory_limit_bytes", limit) for limit in _numbers(files.get("memory.max", "").split())
    ]
    counters = _table(files.get("cpu.stat", ""))
    rows += [_row(name, counters[key] * scale) for key, (name, scale) in _CPU_STAT.items() if key in counters]
    quota, _, period = files.get("cpu.max", "").strip().partition(" ")
    rows += [_row("container_spec_cpu_quota", number) for number in _numbers([quota])]
    rows += [_row("container_spec_cpu_period", number) for number in _numbers([period])]
    kills = _table(files.get("memory.events", "")).get("oom_kill")
    if kills is not None:
        rows.append(_row("container_oom_events_total", kills))
    return rows


class HostFiles:
    """Reads this host's files and makes rows of them. `root` stands for `/`, for hosts mounted elsewhere."""

    __slots__ = ("_root",)

    CGROUP_FILES: Final = ("memory.current", "memory.stat", "memory.max", "memory.events", "cpu.stat", "cpu.max")

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def rows(self) -> list[Row]:
        """All series that the files at hand yield; blocks for as long as the file systems take to answer."""
        cgroup = self._root / "sys/fs/cgroup"
        rows = [
            *cpu_rows(_read(self._root / "proc/stat")),
            *load_rows(_read(self._root / "proc/loadavg")),
            *memory_rows(_read(self._root / "proc/meminfo")),
            *network_rows(_read(self._root / "proc/net/dev")),
            *container_rows({name: _read(cgroup / name) for name in self.CGROUP_FILES}),
        ]
        for mount in mounts_of(_read(self._root / "proc/self/mounts")):
            space = _space(self._root / mount.point.lstrip("/"))
            if space is not None and space.size:
                rows += space_rows(mount, space)
        return rows


class HostCollecting:
    """Writes the host's rows under job="host" at an interval."""

    def __init__(
        self, *, files: HostFiles, sink: SampleSink, clock: Clock, instance: str, interval: Millis = 15 * SECOND
    ) -> None:
        self._files = files
        self._sink = sink
        self._clock = clock
        self._common = {"job": "host", "instance": instance}
        self._interval = interval
        self._names: tuple[Labels, ...] = ()  # as the files name them
        self._series: tuple[Labels, ...] = ()  # as they are stored
        self._writer: RowWriter | None = None

    async def run(self) -> None:
        """Collect until cancelled. The files are read in a worker thread: a dead network mount must not hold the loop."""
        while True:
            rows = await asyncio.to_thread(self._files.rows)
            self.write(self._clock.now(), rows)
            now = self._clock.now()
            await self._clock.sleep(self._interval - now % self._interval)

    def write(self, at: Timestamp, rows: Iterable[Row]) -> None:
        """Store one round; series that are gone end with it."""
        given = dict(rows)
        names = tuple(given)
        values = [*given.values()]
        if names == self._names and self._writer is not None:
            self._writer.append(at, values)
            return
        before = self._series
        self._names = names
        self._series = tuple(labels.merged(self._common) for labels in names)
        stays = frozenset(self._series)
        vanished = tuple(labels for labels in before if labels not in stays)
        if self._writer is None:
            self._writer = self._sink.open(self._series)
        else:
            self._writer.replace((*self._series, *vanished))
        self._writer.append(at, [*values, *(float(STALE_VALUE[0]) for _ in vanished)])
        if vanished:
            self._writer.replace(self._series)

    def close(self) -> None:
        """Let go of the series without ending them."""
        if self._writer is not None:
            self._writer.close(None)
            self._writer = None


def _row(name: str, value: float, **labels: str) -> Row:
    return Labels({METRIC_NAME: name, **labels}), float(value)


def _fields(text: str) -> list[list[str]]:
    return [fields for line in text.splitlines() if (fields := line.split())]


def _numbers(words: Iterable[str]) -> list[float]:
    """Up to the first word that is no number."""
    numbers: list[float] = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            break
    return numbers


def _table(text: str) -> dict[str, float]:
    return {fields[0]: numbers[0] for fields in _fields(text) if len(fields) == 2 and (numbers := _numbers(fields[1:]))}


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""  # not there, or not for us: no series


def _space(point: Path) -> Space | None:
    try:
        found = os.statvfs(point)
    except OSError:
        return None
    return Space(
        size=found.f_blocks * found.f_frsize,
        free=found.f_bfree * found.f_frsize,
        available=found.f_bavail * found.f_frsize,
        files=found.f_files,
        files_free=found.f_ffree,
    )
