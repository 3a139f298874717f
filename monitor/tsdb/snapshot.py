"""What a folder of samples holds, read without changing a byte of it.

A start mends what it reads: it cuts torn ends off, sets aside what is later than the clock, clears away what was not
finished. Whoever only looks must leave that to the daemon. So the log, which is the small part, is copied, and of each
block, which never changes, there is a link; what is read from then on is the copy.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from monitor.tsdb.blocks import block_paths
from monitor.tsdb.log import segment_paths


def snapshot(folder: Path, into: Path) -> None:
    """Make `into`, which exists and is empty, a folder that can be recovered instead of this one. The folder must not
    change meanwhile, nor as long as the snapshot is read: hold its lock. Raises OSError."""
    for path in segment_paths(folder):
        shutil.copyfile(path, into / path.name)
    blocks = into / "blocks"
    blocks.mkdir()
    for path in block_paths(folder / "blocks"):
        (blocks / path.name).symlink_to(path.resolve())
