"""The situation: what the runs of a release show together. `reporter.judge` makes it.

Times are seconds since the epoch; they are written as text where they are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from reporter.findings import Finding
from reporter.history import Channel, Check, Vantage
from reporter.settings import Settings


def utc(time: float) -> datetime:
    """Convert seconds since the epoch to a time in UTC."""
    return datetime.fromtimestamp(time, UTC)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a release now."""

    at: int
    settings: Settings
    vantages: tuple[Vantage, ...]
    findings: tuple[Finding, ...]  # open ones, the most severe first
    running: set[str]  # the keys of vantages of which a Job runs
    unreadable: tuple[str, ...]  # what could not be read
    failing: Mapping[str, Channel]  # channels that cannot be reached

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of all vantages."""
        return tuple(check for vantage in self.vantages for check in vantage.current)

    @property
    def state(self) -> str:
        """The worst verdict. A missing run is inconclusive."""
        if any(each.kind in ("leak", "unreachable") for each in self.findings):
            return "violation"
        if self.findings or self.unreadable or not self.vantages:
            return "inconclusive"
        known = (each.current or each.key in self.running or each.rounds for each in self.vantages)
        return "pass" if all(known) else "inconclusive"
