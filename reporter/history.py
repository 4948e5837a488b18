"""What the reporter remembers: vantages with their checks, findings, and what each channel was notified of.

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

from reporter.settings import Vantage as Listed

VERSION = 3
LARGEST = 700_000  # bytes; a Secret holds 1 MiB (https://kubernetes.io/docs/concepts/configuration/secret/)
_LARGEST_UNPACKED = 200_000_000
DAYS = 400
OLDEST = DAYS * 86_400  # seconds
_MOST_CHANGES = 500  # of one check
VERDICTS = ("", "pass", "inconclusive", "violation")  # the worst last
SEVERITY: dict[str, int] = {"leak": 3, "unreachable": 2, "inconclusive": 1, "overdue": 0, "": -1}


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
    finding: str = ""  # the kind of the finding that is open; an inconclusive run does not end a leak
    proxied: bool = False
    exempt: bool = False  # no pod may reach it, so nothing can show that it is up
    lag: float | None = None  # seconds
    controls: tuple[str, ...] = ()
    changes: tuple[tuple[int, str], ...] = ()  # times, and the new states
    proven_by: str | None = None  # of a denial: the vantage that reached the target; empty: none did

    @property
    def about(self) -> str:
        """What it checks, the same at every vantage."""
        return f"{self.list} {self.identity}"

    @property
    def key(self) -> str:
        """The key of its finding. A leak at one vantage and an inconclusive check at another are two findings."""
        return f"{self.finding} {self.about}"

    @property
    def proven(self) -> bool | None:
        """Whether another vantage has reached the target that is blocked here; None: not blocked, or exempt."""
        return None if self.proven_by is None else bool(self.proven_by)

    def change(self, state: str, time: int) -> None:
        """Note the state since a time."""
        if state != self.state:
            self.state, self.since = state, time
            self.changes = (*self.changes, (time, state))[-_MOST_CHANGES:]


class Day(Struct, array_like=True):
    """The runs of a vantage that ended on one day."""

    runs: int = 0
    verdicts: str = ""  # the worst of each check, in the order of the vantage's checks: a digit is a place in VERDICTS


class Vantage(Struct, array_like=True):
    """A vantage and its checks, by list and target."""

    listed: Listed  # as the chart listed it last, with the schedule of its CronJob
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
    overdue: str = ""  # why no run ended in time
    day: int = 0  # the last one on which a run ended
    days: list[Day] = []  # up to that one
    left: int = 0  # when it left the release
    scheduled: int = 0  # when it was made, came back to the release, or got another schedule

    def count(self, time: int, verdicts: Mapping[str, str], runs: int = 1) -> None:
        """Count a run that ended at a time, and keep the worst verdicts of its checks on that day."""
        day = datetime.fromtimestamp(time, UTC).toordinal()
        new = min(day - (self.day or day - 1), DAYS)
        self.day, self.days = max(day, self.day), (self.days + [Day() for _ in range(new)])[-DAYS:]
        found, that = (str(VERDICTS.index(verdicts.get(key, ""))) for key in self.checks), self.on(day)
        that.runs, that.verdicts = (
            that.runs + runs,
            "".join(map(max, that.verdicts.ljust(len(self.checks), "0"), found)),
        )

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
        """Forget checks that left the lists before a time."""
        kept = [bool(check.state) or check.since >= oldest for check in self.checks.values()]
        self.checks = dict(compress(self.checks.items(), kept))
        if not all(kept):
            for day in self.days:
                day.verdicts = "".join(compress(day.verdicts, kept))


class Notified(Struct, array_like=True):
    """The finding as a channel was last notified of it."""

    at: int
    ended: bool
    worse: int


class Finding(Struct):
    """A finding: one target, from any number of vantages; or a vantage. It is kept until all channels know its end."""

    kind: str
    list: str  # allow or deny; empty: it is about a vantage
    target: str
    since: int
    name: str | None = None
    because: str | None = None
    text: str = ""  # of a vantage: what is or was wrong, and what to do
    worse: int = 0  # how often it became worse
    changed: int = 0  # when it began or became worse
    ended: int = 0
    gone: bool = False  # it ended because nothing checks it any more
    places: dict[str, str | None] = {}  # by vantage: the evidence; None: it ended there
    notified: dict[str, Notified] = {}  # by channel

    @property
    def evidence(self) -> str:
        """What was seen, or what is wrong with the vantage."""
        return next(filter(None, self.places.values()), self.text)

    @property
    def seen_from(self) -> tuple[tuple[str, str], ...]:
        """Where it is seen, or was when it has ended: namespaces and names of vantages."""
        there = [place for place, evidence in self.places.items() if evidence is not None] or self.places
        return tuple((namespace, name) for namespace, _, name in (place.split("/", 2) for place in sorted(there)))


class Failing(Struct, array_like=True):
    """A channel that could not be reached."""

    since: int
    reason: str


class State(Struct, tag_field="version", tag=VERSION):
    """All that is remembered. It is changed in place."""

    vantages: dict[str, Vantage] = {}
    findings: dict[str, Finding] = {}
    failing: dict[str, Failing] = {}
    claims: dict[str, int] = {}  # by channel: until when no reporter sends, because one does, or because it failed
    digest: int = 0  # when the last digest was sent

    def open(self, check: Check, place: str, kind: str, time: int) -> Finding:
        """Note that the finding of a check is seen from a vantage."""
        new = Finding(kind, check.list, check.target, time, check.name, check.because, changed=time)
        found = self.findings.setdefault(check.key, new)
        if found.ended:
            found.since, found.changed, found.kind, found.ended, found.gone = time, time, kind, 0, False
            found.notified = {name: each for name, each in found.notified.items() if not each.ended}
        elif SEVERITY[kind] > SEVERITY[found.kind]:
            found.kind, found.worse, found.changed = kind, found.worse + 1, time
        if not found.list:
            found.text = check.seen
        found.places[place] = check.seen
        return found

    def close(self, key: str, place: str, time: int, *, gone: bool = False) -> bool:
        """Note that a finding is no longer seen from a vantage. After the last one it has ended: then return True."""
        found = self.findings.get(key)
        if not found or found.places.get(place) is None:
            return False
        found.places[place] = None
        if any(evidence is not None for evidence in found.places.values()):
            return False
        found.ended, found.gone = time, gone
        return True


def load(packed: bytes) -> State:
    """Read the state. Raises ValueError if it is damaged or has another version."""
    try:
        plain = zlib.decompressobj(wbits=31).decompress(packed, _LARGEST_UNPACKED)
        return msgspec.json.decode(plain, type=State)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
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
