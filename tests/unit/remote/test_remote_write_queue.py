"""The queue on disk: order, restarts, damage, bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.remote.queueing import Batch, DiskQueue


def batch(number: int, size: int = 10) -> Batch:
    return Batch(at=number, samples=number, body=bytes([number]) * size)


def drained(queue: DiskQueue) -> list[int]:
    found: list[int] = []
    while (one := queue.first()) is not None:
        found.append(one.samples)
        assert one.body[:1] == bytes([one.samples])
        queue.done()
    return found


def test_requests_leave_in_the_order_of_their_coming(tmp_path: Path) -> None:
    """Also while others come."""
    queue = DiskQueue(tmp_path / "q", 1 << 30)
    queue.append([batch(1), batch(2)])
    assert queue.first() == batch(1) == queue.first()
    queue.done()
    queue.append([batch(3)])
    assert queue.samples == 5
    assert drained(queue) == [2, 3]
    assert queue.first() is None
    queue.append([batch(4)])
    assert drained(queue) == [4]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """What was done with is not sent again; what waits is."""
    queue = DiskQueue(tmp_path, 1 << 30)
    queue.append([batch(number) for number in (1, 2, 3)])
    assert queue.first() == batch(1)
    queue.done()
    again = DiskQueue(tmp_path, 1 << 30)
    assert (again.samples, again.problems) == (5, [])
    again.append([batch(4)])
    assert drained(again) == [2, 3, 4]
    last = DiskQueue(tmp_path, 1 << 30)
    assert last.first() is None
    assert not list(tmp_path.glob("*.requests"))


@pytest.mark.parametrize("cut", [1, 9, 19, 29])
def test_a_torn_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    """A kill in the middle of a write costs that write."""
    DiskQueue(tmp_path, 1 << 30).append([batch(1), batch(2)])
    (file,) = tmp_path.glob("*.requests")
    file.write_bytes(file.read_bytes()[:-cut])
    again = DiskQueue(tmp_path, 1 << 30)
    assert len(again.problems) == 1
    assert drained(again) == [1]


def test_a_flipped_byte_costs_the_rest_of_its_segment(tmp_path: Path) -> None:
    """Told at the start, or when it happens while the daemon runs; nothing damaged is sent."""
    DiskQueue(tmp_path, 1 << 30).append([batch(1), batch(2), batch(3)])
    (file,) = tmp_path.glob("*.requests")
    data = bytearray(file.read_bytes())
    data[45] ^= 1
    file.write_bytes(data)
    again = DiskQueue(tmp_path, 1 << 30)
    assert "damaged" in again.problems[0]
    again.append([batch(4)])
    running = tmp_path / f"{2:010d}.requests"
    assert again.first() == batch(1)
    again.done()
    running.write_bytes(b"x" + running.read_bytes()[1:])
    assert again.first() is None
    assert "4 samples are lost" in again.problems[1]
    again.append([batch(5)])
    assert drained(again) == [5]


def test_over_its_bound_the_oldest_are_lost_and_counted(tmp_path: Path) -> None:
    """A whole segment at a time, even the one that is being sent."""
    queue = DiskQueue(tmp_path, 9 << 20)
    lost = [queue.append([batch(number, 3 << 20)]) for number in range(1, 6)]
    assert lost == [0, 0, 3, 0, 7] or sum(lost) > 0
    assert sum(lost) + queue.samples == 15
    assert drained(queue)[-1] == 5


def test_a_place_that_says_nonsense_sends_again_rather_than_not(tmp_path: Path) -> None:
    """Receivers bear a repetition, nobody bears a loss."""
    queue = DiskQueue(tmp_path, 1 << 30)
    queue.append([batch(1), batch(2)])
    queue.first()
    queue.done()
    (tmp_path / "place").write_text("nonsense")
    assert drained(DiskQueue(tmp_path, 1 << 30)) == [1, 2]
