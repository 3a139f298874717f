from datetime import datetime

class CronTrigger:
    def __init__(
        self,
        *,
        minute: str,
        hour: str,
        day: str,
        month: str,
        day_of_week: str,
        end_date: datetime,
        timezone: str,
    ) -> None: ...
    @classmethod
    def from_crontab(cls, expr: str, timezone: str) -> CronTrigger: ...
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None: ...
