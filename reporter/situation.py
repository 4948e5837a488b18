"""The situation: what the runs of a release show together. Values alone, made by `reporter.judge`.

Times are aware and in UTC.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Kind = Literal["leak", "unreachable", "inconclusive", "overdue"]
State = Literal["pass", "violation", "inconclusive"]
SEVERITY: dict[str, int] = {"leak": 3, "unreachable": 2, "inconclusive": 1, "overdue": 0, "": -1}


class Check(Struct, frozen=True, kw_only=True, rename="camel"):
    """One check of one vantage, as its last run left it."""

    vantage: str  # the key of its vantage
    list: Literal["allow", "deny"]
    target: str  # as the vantage spells it
    identity: str  # the same for every spelling of the target
    name: str | None
    because: str | None
    expect: Literal["reachable", "blocked", "alive"]
    state: State
    finding: Kind | None  # what is open; an inconclusive run keeps a leak open
    outcome: str | None
    seen: str
    since: datetime  # of the state
    last_seen: datetime  # the last run that had the check
    exempt: bool  # nobody may reach it, so nothing can show that it is alive
    proven: bool | None  # whether another vantage has reached what this one is denied; None: no denial, or exempt
    proven_by: str | None  # the name of that vantage
    lag: float | None  # seconds
    controls: tuple[str, ...]
    days: str  # a day's worst verdict, a letter a day: p, i, v, and - without a run
    first_day: int  # the first of them: the proleptic Gregorian ordinal (datetime.date.fromordinal)
    changes: tuple[tuple[int, str], ...]  # seconds since the epoch, and the letter of the new state


class Vantage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where runs probe from, and how its last one went."""

    key: str  # namespace/release/name
    name: str
    namespace: str
    release: str
    role: Literal["vantage", "control"]
    mode: Literal["cronjob", "continuous"]
    schedule: str
    last_run: datetime | None  # when the last run finished that left a report
    exit_code: int | None  # of the last run, with or without a report
    verdict: State | None
    duration: float | None  # seconds
    netproof: str  # version
    image: str  # digest
    running: bool
    overdue: str | None  # why it does not run
    problem: str | None  # why its last run says nothing, or not all
    days: tuple[tuple[int, int], ...]  # by day (proleptic Gregorian ordinal): how many runs ended
    checks: tuple[Check, ...]


class Place(Struct, frozen=True, kw_only=True):
    """Where a finding is seen."""

    vantage: str
    namespace: str
    kind: Kind
    seen: str


class Finding(Struct, frozen=True, kw_only=True, rename="camel"):
    """One finding: a target, whatever the number of vantages that see it; or a vantage."""

    key: str
    kind: Kind
    list: Literal["allow", "deny"] | None  # None where it is about a vantage
    target: str
    name: str | None
    because: str | None
    text: str  # the evidence, or what is wrong with the vantage and what to do
    since: datetime
    last_seen: datetime
    ended: datetime | None
    gone: bool  # it ended because nothing checks it any more
    places: tuple[Place, ...]


class Delivery(Struct, frozen=True, kw_only=True, rename="camel"):
    """A channel that could not be reached."""

    channel: str
    since: datetime
    reason: str


class Situation(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a release now."""

    kind: Literal["situation"] = "situation"
    version: Literal[1] = 1
    at: datetime
    release: str
    cluster: str
    vantages: tuple[Vantage, ...]
    findings: tuple[Finding, ...]  # open ones, the worst first
    unreadable: tuple[str, ...]  # what could not be read
    running: bool  # whether a Job of the release runs
    undelivered: tuple[Delivery, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of all vantages."""
        return tuple(check for vantage in self.vantages for check in vantage.checks)

    @property
    def state(self) -> State:
        """The worst of all; with a vantage that does not run, inconclusive at best."""
        if any(each.kind in ("leak", "unreachable") for each in self.findings):
            return "violation"
        everything = self.vantages and not self.findings and not self.unreadable
        return "pass" if everything and all(each.checks or each.running for each in self.vantages) else "inconclusive"
