"""The situation: what the runs of a release show together. `reporter.judge` makes it.

Times are seconds since the epoch; they are written as text where they are shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from checker.words import seconds
from reporter import history
from reporter.history import Check, Failing, Finding
from reporter.objects import Object
from reporter.schedule import late
from reporter.settings import Settings
from reporter.settings import Vantage as Listed

_ROUNDS, RESTART = 2.5, 420  # of a continuous vantage: rounds, and seconds for a restart, until it is overdue


def utc(time: float) -> datetime:
    """Convert seconds since the epoch to a time in UTC."""
    return datetime.fromtimestamp(time, UTC)


class Vantage(Listed, frozen=True):
    """Where runs probe from: as the chart lists it, what is remembered of it, and which of its objects exist."""

    key: str  # namespace/release/name
    known: history.Vantage
    cronjob: Object | None
    jobs: Sequence[tuple[Object, Object | None]]  # that have not ended, each with its last pod
    rounds_since: int  # of a continuous vantage: since when its rounds happen; 0: they do not
    unlisted: str  # why its namespace could not be listed

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks on its lists."""
        return tuple(check for check in self.known.checks.values() if check.state)

    def late(self, since: int) -> int:
        """Return the time from which a run is missing, if the last one ended at `since`. Raises ScheduleError."""
        if self.mode == "continuous":
            return since + int(_ROUNDS * seconds(self.every)) + RESTART
        return late(self.schedule, (self.cronjob and self.cronjob.spec.time_zone) or "", since)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a release now."""

    at: int
    settings: Settings
    vantages: tuple[Vantage, ...]
    findings: tuple[Finding, ...]  # open ones, the most severe first
    unreadable: tuple[str, ...]  # what could not be read
    failing: Mapping[str, Failing]  # channels that could not be reached

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of all vantages."""
        return tuple(check for vantage in self.vantages for check in vantage.checks)

    @property
    def running(self) -> bool:
        """Whether a Job of the release runs."""
        return any(vantage.jobs for vantage in self.vantages)

    @property
    def state(self) -> str:
        """The worst verdict. A missing run is inconclusive."""
        if any(each.kind in ("leak", "unreachable") for each in self.findings):
            return "violation"
        if self.findings or self.unreadable or not self.vantages:
            return "inconclusive"
        known = (each.checks or each.jobs or each.rounds_since for each in self.vantages)
        return "pass" if all(known) else "inconclusive"
