"""The daemon, as it is, which on SIGUSR1 writes the names of all modules that it has imported into a file.

`python -m tests.support.telling_daemon FILE run …`
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from monitor.__main__ import main

_TOLD = Path(sys.argv.pop(1))


def _tell(number: int, frame: FrameType | None) -> None:
    unfinished = _TOLD.with_suffix(".unfinished")
    unfinished.write_text("\n".join(sys.modules))
    unfinished.rename(_TOLD)


signal.signal(signal.SIGUSR1, _tell)
main()
