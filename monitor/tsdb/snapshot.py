"""What a folder of samples holds, read without changing a byte of it.

A start mends what it reads: it cuts torn ends off, sets aside what is later than the clock, clears away what was not
finished. Whoever only looks must leave that to the daemon. So the log, which is the small part, is copied, and of each
block, which never changes, there is a link; what is read from then on is the copy.

A daemon may be writing meanwhile. The log comes first: what is sealed and forgotten after that is there twice, not lost.
Where the copy lies on the same disk a link keeps a block readable that the daemon deletes.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from monitor.tsdb.blocks import block_paths
from monitor.tsdb.log import segment_paths


def snapshot(folder: Path, into: Path) -> None:
    """Make `into`, which exists and is empty, a folder that can be recovered instead of this one. Raises OSError."""
    for path in segment_paths(folder):
        with suppress(FileNotFoundError):  # sealed and deleted since
            shutil.copyfile(path, into / path.name)
    blocks = into / "blocks"
    blocks.mkdir()
    for path in block_paths(folder / "blocks"):
        with suppress(FileNotFoundError):  # older than the retention since
            _link(path.resolve(), blocks / path.name)


def _link(path: Path, name: Path) -> None:
    try:
        name.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:  # on another disk, or of another user
        name.symlink_to(path)
