"""The host's files become node_exporter's series; what is missing yields none."""

from __future__ import annotations

from pathlib import Path

from monitor.clock import Clock
from monitor.model.labels import Labels
from monitor.scrape.kinds.host import (
    HostCollecting,
    HostFiles,
    Mount,
    Row,
    Space,
    container_rows,
    cpu_rows,
    load_rows,
    memory_rows,
    mounts_of,
    network_rows,
    space_rows,
)
from tests.support.scraped import FakeSink

STAT = "cpu  100 200 300 400 500 600 700 800 0 0\ncpu0 50 100 150 200 250 300 350 400 0 0\ncpu1 50 100 150 200 250 300 350 400 0 0\nintr 99 1 2\nctxt 7\nbtime 1700000000\n"
DEV = "Inter-|   Receive |  Transmit\n face |bytes packets\n  eth0: 10 1 2 3 0 0 0 0 20 4 5 6 0 0 0 0\n"


def named(rows: list[Row]) -> dict[str, float]:
    return {str(labels): value for labels, value in rows}


def test_cpu_seconds_are_summed_over_cpus_by_mode() -> None:
    """Ticks of a hundredth of a second."""
    rows = named(cpu_rows(STAT))
    assert rows['node_cpu_seconds_total{mode="user"}'] == 1.0
    assert rows['node_cpu_seconds_total{mode="steal"}'] == 8.0
    assert rows["node_cpu_online_count"] == 2
    assert rows["node_intr_total"] == 99
    assert rows["node_boot_time_seconds"] == 1700000000


def test_load_memory_and_network_have_node_exporters_names() -> None:
    """Kilobytes become bytes; plain counts stay."""
    assert named(load_rows("0.5 1.0 1.5 1/99 12345\n")) == {"node_load1": 0.5, "node_load5": 1.0, "node_load15": 1.5}
    memory = named(memory_rows("MemTotal: 2 kB\nActive(anon): 1 kB\nHugePages_Free: 3\n"))
    assert memory == {
        "node_memory_MemTotal_bytes": 2048,
        "node_memory_Active_anon_bytes": 1024,
        "node_memory_HugePages_Free": 3,
    }
    network = named(network_rows(DEV))
    assert network['node_network_receive_bytes_total{device="eth0"}'] == 10
    assert network['node_network_transmit_drop_total{device="eth0"}'] == 6


def test_mounts_without_disk_space_are_left_out_and_escapes_undone() -> None:
    """A device counts once; the root counts whatever it is."""
    text = "overlay / overlay rw 0 0\nproc /proc proc rw 0 0\n/dev/a /my\\040disk ext4 ro,x 0 0\n/dev/a /again ext4 rw 0 0\n"
    assert mounts_of(text) == [
        Mount(device="overlay", point="/", fstype="overlay", read_only=False),
        Mount(device="/dev/a", point="/my disk", fstype="ext4", read_only=True),
    ]


def test_sizes_of_a_file_system_carry_its_mount() -> None:
    """Six series for each."""
    mount = Mount(device="/dev/a", point="/", fstype="ext4", read_only=True)
    rows = named(space_rows(mount, Space(size=10, free=5, available=4, files=3, files_free=2)))
    assert rows['node_filesystem_avail_bytes{device="/dev/a", fstype="ext4", mountpoint="/"}'] == 4
    assert rows['node_filesystem_readonly{device="/dev/a", fstype="ext4", mountpoint="/"}'] == 1
    assert len(rows) == 6


def test_a_limited_container_tells_its_limits_and_use() -> None:
    """Working set is use less inactive file pages; microseconds become seconds."""
    rows = named(
        container_rows(
            {
                "memory.current": "1000\n",
                "memory.stat": "anon 1\ninactive_file 300\n",
                "memory.max": "4096\n",
                "memory.events": "low 0\noom_kill 2\n",
                "cpu.stat": "usage_usec 2500000\nnr_throttled 3\n",
                "cpu.max": "50000 100000\n",
            }
        )
    )
    assert rows == {
        "container_memory_usage_bytes": 1000,
        "container_memory_working_set_bytes": 700,
        "container_spec_memory_limit_bytes": 4096,
        "container_cpu_usage_seconds_total": 2.5,
        "container_cpu_cfs_throttled_periods_total": 3,
        "container_spec_cpu_quota": 50000,
        "container_spec_cpu_period": 100000,
        "container_oom_events_total": 2,
    }


def test_an_unlimited_container_has_no_limit_series() -> None:
    """`max` is not a number."""
    assert named(container_rows({"memory.max": "max\n", "cpu.max": "max 100000\n"})) == {
        "container_spec_cpu_period": 100000
    }


def test_files_that_are_missing_or_odd_yield_nothing(tmp_path: Path) -> None:
    """No error either."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/stat").write_text("cpu  many\n\n:\n")
    (tmp_path / "proc/loadavg").write_bytes(b"\xff\xfe")
    assert HostFiles(tmp_path).rows() == []


def test_files_of_another_root_are_read_below_it(tmp_path: Path) -> None:
    """For hosts whose files are mounted elsewhere."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/loadavg").write_text("1 2 3\n")
    (tmp_path / "proc/self/mounts").write_text("/dev/a / ext4 rw 0 0\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.current").write_text("5\n")
    names = {labels["__name__"] for labels, _ in HostFiles(tmp_path).rows()}
    assert {"node_load1", "container_memory_usage_bytes", "node_filesystem_size_bytes"} <= names


def test_rows_are_stored_under_job_host_and_end_when_they_are_gone() -> None:
    """A device that is unplugged ends its series; the others go on."""
    sink = FakeSink()
    collecting = HostCollecting(files=HostFiles(Path("/nowhere")), sink=sink, clock=Clock(), instance="me")
    one, two = Labels({"__name__": "one"}), Labels({"__name__": "two"})
    collecting.write(1000, [(one, 1.0), (two, 2.0)])
    collecting.write(2000, [(one, 3.0), (two, 4.0)])
    collecting.write(3000, [(one, 5.0)])
    collecting.write(4000, [(one, 6.0), (two, 7.0)])
    assert sink.shown("one", job="host", instance="me") == [(1000, 1.0), (2000, 3.0), (3000, 5.0), (4000, 6.0)]
    assert sink.shown("two") == [(1000, 2.0), (2000, 4.0), (3000, "stale"), (4000, 7.0)]
    collecting.close()
    assert sink.open_series == set()
