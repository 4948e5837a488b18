"""The state of the reporter: vantages with their checks and findings, and what each channel was notified of.

It is kept in one Secret (gzipped JSON). If it is lost, messages are repeated, but none is lost: the Jobs that still
exist are read again. Times are seconds since the epoch, days are proleptic Gregorian ordinals, in UTC.

Each day of the last 400 has the worst verdict of every check, and so of the vantage. Each check has its changes with
their times.
"""

import gzip
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import compress

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from reporter.settings import Vantage as Listed

VERSION = 4
LARGEST = 1_000_000  # bytes; a Secret holds 1 MiB, not counting its base64 (https://kubernetes.io/docs/concepts/configuration/secret/)
_LARGEST_UNPACKED = 200_000_000
DAYS = 400
OLDEST = DAYS * 86_400  # seconds
_MOST_CHANGES = 500  # of one check
VERDICTS = ("", "pass", "inconclusive", "violation")  # the worst last
SEVERITY: dict[str, int] = {"leak": 3, "unreachable": 2, "inconclusive": 1, "overdue": 0, "": -1}


def finding_of(expect: str, state: str) -> str:
    """Return the kind of finding that a check has in a state, or an empty text."""
    if state == "violation":
        return "leak" if expect == "blocked" else "unreachable"
    return "inconclusive" if state == "inconclusive" else ""


class Episode(Struct, array_like=True, frozen=True):
    """A finding of one check, from its begin to its end."""

    place: str  # the key of the vantage
    since: int
    until: int = 0  # 0: it has not ended
    gone: bool = False  # it ended because the check left the lists


class Check(Struct, array_like=True):
    """One check of one vantage, as its last run left it."""

    list: str  # allow or deny
    target: str  # as the vantage spells it
    identity: str  # the same for every spelling of the target
    expect: str = ""  # reachable, blocked or alive
    name: str | None = None
    because: str | None = None
    outcome: str | None = None
    seen: str = ""
    state: str = ""  # pass, violation or inconclusive; empty: no longer on the lists
    since: int = 0  # of the state
    passed: int = 0  # the last run in which it passed
    proxied: bool = False
    exempt: bool = False  # no pod may reach it, so nothing can show that it is up
    lag: float | None = None  # seconds
    controls: tuple[str, ...] = ()
    changes: tuple[tuple[int, str], ...] = ()  # times, and the new states
    proven_by: str | None = None  # of a denial: the vantage that reached the target; empty: none did
    findings: dict[str, Episode] = {}  # by kind: an open one, and ends that not every channel was notified of

    @property
    def about(self) -> str:
        """What it checks, the same at every vantage."""
        return f"{self.list} {self.identity}"

    @property
    def finding(self) -> str:
        """The kind of the finding that is open, or empty."""
        return next((kind for kind, episode in self.findings.items() if not episode.until), "")

    @property
    def proven(self) -> bool | None:
        """Whether another vantage has reached the target that is blocked here; None: not blocked, or exempt."""
        return None if self.proven_by is None else bool(self.proven_by)

    def note(self, state: str, place: str, time: int) -> None:
        """Note the state after a run of the vantage `place`; an empty one: the check left the lists."""
        if state != self.state:
            self.state, self.since = state, time
            self.changes = (*self.changes, (time, state))[-_MOST_CHANGES:]
        if state == "pass":
            self.passed = time
        self.find(finding_of(self.expect, state), place, time, gone=not state)

    def find(self, found: str, place: str, time: int, *, gone: bool = False) -> None:
        """Note the kind of a finding; an empty one: it has ended. An inconclusive check does not end a leak."""
        before = self.finding
        if before and not found:
            self.findings[before] = replace(self.findings[before], until=time, gone=gone)
        elif SEVERITY[found] > SEVERITY[before]:
            self.findings.pop(before, None)  # it is not over: it became worse
            self.findings[found] = Episode(place, time)


class Day(Struct, array_like=True):
    """The runs of a vantage that ended on one day."""

    runs: int = 0
    verdicts: str = ""  # the worst of each check, in the order of the vantage's checks: a digit is a place in VERDICTS


class Vantage(Struct, array_like=True):
    """A vantage and its checks, by list and target."""

    key: str  # namespace/release/name
    listed: Listed  # as the chart listed it last, with the schedule of its CronJob
    itself: Check  # it has the findings of the vantage: why it does not run, for example
    checks: dict[str, Check] = {}
    role: str = ""  # vantage or control, in its last report
    runs: list[str] = []  # the ids of runs that were read and still exist
    last: int = 0  # when the last run ended
    reported: int = 0  # when the last run ended that left a report
    exit_code: int | None = None  # of the last run
    duration: float | None = None  # seconds
    netproof: str = ""  # version
    image: str = ""  # digest
    problem: str = ""  # why the last run has no report, or not a complete one
    day: int = 0  # the last one on which a run ended
    days: list[Day] = []  # up to that one
    left: int = 0  # when it left the release
    scheduled: int = 0  # when it was made, came back to the release, or got another schedule
    zone: str = ""  # of the schedule; empty: UTC
    rounds: int = 0  # of a continuous vantage: since when its rounds happen; 0: they do not

    @property
    def current(self) -> tuple[Check, ...]:
        """The checks that are on its lists."""
        return tuple(check for check in self.checks.values() if check.state)

    def count(self, time: int, verdicts: Mapping[str, str], runs: int = 1) -> None:
        """Count a run that ended at a time, and keep the worst verdicts of its checks on that day."""
        day = datetime.fromtimestamp(time, UTC).toordinal()
        new = min(day - (self.day or day - 1), DAYS)
        self.day, self.days = max(day, self.day), (self.days + [Day() for _ in range(new)])[-DAYS:]
        found, that = (str(VERDICTS.index(verdicts.get(key, ""))) for key in self.checks), self.on(day)
        that.runs += runs
        that.verdicts = "".join(map(max, that.verdicts.ljust(len(self.checks), "0"), found))

    def on(self, day: int) -> Day:
        """Return what is known of a day."""
        place = len(self.days) - 1 - (self.day - day)
        return self.days[place] if 0 <= place < len(self.days) else Day()

    def worst(self, days: Iterable[int], key: str | None = None) -> list[str]:
        """Return the worst verdict of each day, of one check or of all. It is empty without a report."""
        place = list(self.checks).index(key) if key else 0
        found = (self.on(day).verdicts[place : place + 1 if key else None] for day in days)
        return [VERDICTS[int(max(numbers, default="0"))] for numbers in found]

    def forget(self, oldest: int) -> None:
        """Forget checks that left the lists before a time, if every channel was notified of it."""
        kept = [bool(check.state or check.findings) or check.since >= oldest for check in self.checks.values()]
        self.checks = dict(compress(self.checks.items(), kept))
        if not all(kept):
            for day in self.days:
                day.verdicts = "".join(compress(day.verdicts, kept))


class Channel(Struct, array_like=True):
    """A channel: its last message, and when the next one may be sent."""

    at: int = 0  # when it took the last message
    notified: dict[str, set[Episode]] = {}  # the findings at that time, by kind and target
    until: int = 0  # no reporter sends before, because one does, or because it failed
    failing: int = 0  # since when it cannot be reached; 0: it can
    reason: str = ""  # why not


class State(Struct, tag_field="version", tag=VERSION):
    """All that is remembered. It is changed in place."""

    vantages: dict[str, Vantage] = {}
    channels: dict[str, Channel] = {}
    digest: int = 0  # when the last digest was sent


def load(packed: bytes) -> State:
    """Read the state. Raises ValueError if it is damaged or has another version."""
    try:
        plain = zlib.decompressobj(wbits=31).decompress(packed, _LARGEST_UNPACKED)
        return msgspec.json.decode(plain, type=State)
    except (zlib.error, ValueError) as error:
        raise ValueError(f"the state is damaged, or not of version {VERSION}: {error}") from None


def dump(state: State) -> bytes:
    """Write the state in at most LARGEST bytes. The oldest history is left out, what was notified never."""
    packed = _pack(state)
    for days, changes in ((DAYS, 20), (90, 20), (30, 5), (0, 0)):
        if len(packed) <= LARGEST:
            break
        for vantage in state.vantages.values():
            vantage.days = vantage.days[-days:] if days else []
            vantage.forget(vantage.last + 1)
            for check in vantage.checks.values():
                check.changes = check.changes[-changes:] if changes else ()
        packed = _pack(state)
    return packed


def _pack(state: State) -> bytes:
    return gzip.compress(msgspec.json.encode(state), 3, mtime=0)
