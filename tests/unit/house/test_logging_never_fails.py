"""The log's output: what cannot be written is lost and counted, and nobody is disturbed."""

from __future__ import annotations

import io

from monitor.telemetry import UnfailingOutput


class _FullDisk(io.StringIO):
    full = True

    def write(self, text: str, /) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    """Lines go on when there is room again."""
    disk = _FullDisk()
    output = UnfailingOutput(disk)
    assert output.write("one\n") == 4
    disk.full = False
    output.write("two\n")
    output.flush()
    assert (disk.getvalue(), output.lost) == ("two\n", 1)


def test_a_closed_output_is_survived() -> None:
    """As when the terminal is gone."""
    closed = io.StringIO()
    closed.close()
    output = UnfailingOutput(closed)
    output.write("one\n")
    output.write("two\n")
    assert output.lost == 2
