# Only what monitor/app/housekeeping.py and monitor/calendar/cron.py use; the package ships no types.
from collections.abc import Awaitable, Callable, Sequence

from apscheduler.triggers.cron import CronTrigger

class AsyncIOScheduler:
    running: bool
    def __init__(self, *, timezone: str) -> None: ...
    def add_job(
        self,
        func: Callable[..., Awaitable[None]],
        trigger: CronTrigger,
        *,
        args: Sequence[object],
        id: str,
        replace_existing: bool,
        misfire_grace_time: int | None,
        coalesce: bool,
    ) -> object: ...
    def start(self) -> None: ...
    def shutdown(self, wait: bool = True) -> None: ...
