"""Cron schedules: when the next run is due, when a run is missing, and how many runs are due in a period."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

# https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
_SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class ScheduleError(ValueError):
    """A schedule that cannot be read."""


@lru_cache(20_000)
def late(schedule: str, zone: str, since: int) -> int:
    """Return the time from which a vantage is overdue whose last run ended at `since`: after 2.5 periods.

    That is half a period after the second missing run. Times are seconds since the epoch; without a zone, UTC. Raises
    ScheduleError.
    """
    first, second, third = _next(schedule, zone, since, 3)
    return max(second + (third - second) // 2, first)


def due(schedule: str, since: int) -> int:
    """Return the first time of the schedule after `since`, in UTC. Raises ScheduleError."""
    return _next(schedule, "", since, 1)[0]


def count(schedule: str, first: date, end: datetime) -> int:
    """Count how often a schedule is due from the first day, in UTC, until `end`; 0 if it cannot be read."""
    minute, _, rest = _SHORT.get(schedule, schedule).strip().partition(" ")
    if minute.isdigit():  # vantages whose schedules differ only in the minute share one cached count
        end, minute = (end - timedelta(minutes=int(minute))).replace(minute=0, second=0, microsecond=0), "0"
    return _count(f"{minute} {rest}", first, end)


@lru_cache(1_000)
def _count(schedule: str, first: date, end: datetime) -> int:
    try:
        times = CronSim(schedule, datetime.combine(first, time.min, UTC) - timedelta(minutes=1))
        return sum(1 for _ in takewhile(lambda each: each <= end, times))
    except CronSimError:
        return 0


def _next(schedule: str, zone: str, since: int, number: int) -> list[int]:
    try:
        start = datetime.fromtimestamp(since, ZoneInfo(zone) if zone else UTC)
        found = [int(each.timestamp()) for each in islice(CronSim(_SHORT.get(schedule, schedule), start), number)]
    except (CronSimError, ValueError, OSError, LookupError, OverflowError) as error:
        raise ScheduleError(f"the schedule {schedule!r} {zone}".rstrip() + f" cannot be read: {error}") from None
    if len(found) < number:
        raise ScheduleError(f"the schedule {schedule!r} has no next time")
    return found
