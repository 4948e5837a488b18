"""What the reporter remembers: every check's state since when, a letter a day, and what each channel has heard.

It is kept in one Secret (gzipped JSON). Losing it costs a repeated message, never a lost one: the Jobs that still exist
are read again. Times are seconds since the epoch.
"""

import gzip
import zlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from checker.model import Finding as Kinds
from checker.report import Check
from checker.target import Form, TargetError, identity, parse
from checker.words import harmless
from reporter.runs import Run
from reporter.situation import SEVERITY

VERSION = 1
LARGEST = 700_000  # bytes; a Secret holds 1 MiB (https://kubernetes.io/docs/concepts/configuration/secret/)
_LARGEST_UNPACKED = 200_000_000
DAYS = 400
_MOST_CHANGES = 500  # of one check
_LETTERS = {"pass": "p", "inconclusive": "i", "violation": "v"}
STATES = {letter: state for state, letter in _LETTERS.items()}
_BADNESS = "-piv"
_FORMS = {"tcp": Form(), "udp": Form(), "http": Form(80, path=True), "https": Form(443, path=True)}
_FORMS["dns"] = Form(53, name=True)


class Record(Struct, array_like=True):
    """One check of one vantage."""

    which: str  # allow or deny
    target: str
    expect: str = ""
    name: str | None = None
    because: str | None = None
    outcome: str | None = None
    seen: str = ""
    state: str = ""  # a letter; empty: no run checks it any more
    since: int = 0  # of the state
    looked: int = 0  # the last run that had it
    passed: int = 0  # the last run that it passed
    open: str = ""  # the kind of the finding that no pass has ended yet
    opened: int = 0
    proxied: bool = False
    lag: float | None = None
    controls: list[str] = []
    first_day: int = 0
    days: str = ""
    changes: list[tuple[int, str]] = []
    exempt: bool = False


class Vantage(Struct, array_like=True):
    """A vantage, and its checks by list and target."""

    checks: dict[str, Record] = {}
    role: str = "vantage"
    known: list[str] = []  # the ids of runs that were read and still exist
    last: int = 0  # when the last run ended
    reported: int = 0  # when the last run ended that left a report
    exit_code: int | None = None
    verdict: str | None = None
    duration: float | None = None
    netproof: str = ""
    image: str = ""
    problem: str = ""
    probed: bool = True
    days: dict[int, int] = {}  # by day (proleptic Gregorian ordinal): how many runs ended
    left: int = 0  # when it left the release
    met: int = 0  # when it was first listed


class Heard(Struct, array_like=True):
    """What a channel knows of a finding."""

    at: int
    ended: bool
    worse: int


class Finding(Struct):
    """A finding, until every channel has heard that it is over."""

    kind: str
    which: str  # the list: allow or deny; empty where it is about a vantage
    target: str
    since: int
    seen: int
    name: str | None = None
    because: str | None = None
    text: str = ""
    worse: int = 0  # how often it became worse than it was
    ended: int = 0
    gone: bool = False
    places: dict[str, tuple[str, str]] = {}  # by vantage: kind, evidence
    were: list[str] = []  # every vantage that it was ever seen from
    heard: dict[str, Heard] = {}


class Failing(Struct, array_like=True):
    """A channel that does not take messages."""

    since: int
    last: int
    reason: str


class State(Struct):
    """All of it. It is changed in place."""

    version: int = VERSION
    vantages: dict[str, Vantage] = {}
    findings: dict[str, Finding] = {}
    failing: dict[str, Failing] = {}
    claims: dict[str, int] = {}  # by channel: until when one reporter is about to send
    digest: int = 0  # when the last digest was sent

    def open(self, key: str, place: str, kind: str, time: int, evidence: str, **about: Any) -> Finding:
        """Note that a finding is seen from a vantage."""
        found = self.findings.get(key)
        if found is None:
            found = self.findings[key] = Finding(kind=kind, since=time, seen=time, **about)
        elif found.ended:
            found.since, found.kind, found.ended, found.gone = time, kind, 0, False
        elif SEVERITY[kind] > SEVERITY[found.kind]:
            found.kind, found.worse = kind, found.worse + 1
        if place not in found.were:
            found.were.append(place)
        found.places[place] = (kind, evidence)
        found.seen = max(found.seen, time)
        return found

    def close(self, key: str, place: str, time: int, *, gone: bool = False) -> None:
        """Note that a vantage sees a finding no more; the last one ends it."""
        found = self.findings.get(key)
        if found and found.places.pop(place, None) and not found.places:
            found.ended, found.gone = time, gone


def load(packed: bytes) -> State:
    """Read the state. Raises ValueError when it is damaged or of another version."""
    try:
        inflate = zlib.decompressobj(wbits=31)
        state = msgspec.json.decode(inflate.decompress(packed, _LARGEST_UNPACKED), type=State)
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"the state is damaged: {error}") from None
    if state.version != VERSION:
        raise ValueError(f"the state has version {state.version}; this netproof reads version {VERSION}")
    return state


def dump(state: State) -> bytes:
    """Write the state in at most LARGEST bytes: the oldest history goes first, what channels have heard never."""
    packed = _pack(state)
    for days, changes in ((DAYS, 20), (90, 20), (30, 5), (0, 0)):
        if len(packed) <= LARGEST:
            break
        for record in (record for vantage in state.vantages.values() for record in vantage.checks.values()):
            cut = max(0, len(record.days) - days)
            record.days, record.first_day = record.days[cut:], record.first_day + cut
            record.changes = record.changes[len(record.changes) - changes :] if changes else []
        packed = _pack(state)
    return packed


def _pack(state: State) -> bytes:
    return gzip.compress(msgspec.json.encode(state), 3, mtime=0)


@lru_cache(200_000)
def identify(target: str, namespace: str, cluster_domain: str) -> str:
    """Name a target however it is spelt; what is no host and port stays as it is."""
    try:
        return str(identity(parse(target, _FORMS), namespace, cluster_domain))
    except TargetError:
        return target


def learn(state: State, run: Run, cluster_domain: str) -> None:
    """Take in one run. Runs come in the order in which they ended."""
    vantage = state.vantages.setdefault(run.vantage, Vantage())
    vantage.known.append(run.id)
    day = datetime.fromtimestamp(run.finished, UTC).toordinal()
    vantage.days[day] = vantage.days.get(day, 0) + 1
    for old in [each for each in vantage.days if each <= day - DAYS]:
        del vantage.days[old]
    report = run.report
    if run.finished < vantage.last:
        return  # one that ended later was read before it
    vantage.last, vantage.exit_code, vantage.problem = run.finished, run.exit_code, harmless(run.problem)
    if report is None:
        return
    vantage.reported, vantage.verdict, vantage.duration = run.finished, report.verdict, report.duration
    vantage.netproof, vantage.image = harmless(report.netproof)[:40], harmless(run.image)
    vantage.role, vantage.probed = report.vantage.role, report.error is None
    namespace = run.vantage.partition("/")[0]
    listed = set()
    for check in report.checks:
        key = f"{check.list} {check.target}"
        listed.add(key)
        record = vantage.checks.setdefault(key, Record(check.list, harmless(check.target)))
        finding = f"{check.list} {identify(check.target, namespace, cluster_domain)}"
        _learn_day(record, day, _LETTERS[check.verdict])
        _learn_check(state, run, record, check, finding)
    if report.checks and not report.left_out and not report.error:
        for key in vantage.checks.keys() - listed:
            record = vantage.checks[key]
            forget(state, run.vantage, record, identify(record.target, namespace, cluster_domain), run.finished)


def all_pass(state: State, key: str, cluster_domain: str, time: int) -> None:
    """Note that everything a vantage checks passes."""
    vantage, namespace = state.vantages[key], key.partition("/")[0]
    vantage.problem, vantage.verdict, vantage.exit_code, vantage.last = "", "pass", None, time
    for record in vantage.checks.values():
        if record.state in ("v", "i"):
            record.changes = [*record.changes, (time, "p")][-_MOST_CHANGES:]
            record.state, record.since, record.looked, record.passed = "p", time, time, time
        if record.open:
            record.open = ""
            state.close(f"{record.which} {identify(record.target, namespace, cluster_domain)}", key, time)


def forget(state: State, vantage: str, record: Record, ident: str, time: int) -> None:
    """Note that nothing checks this any more: a finding ends, but is not over."""
    if record.state:
        record.changes = [*record.changes, (time, "-")][-_MOST_CHANGES:]
    if record.open:
        state.close(f"{record.which} {ident}", vantage, time, gone=True)
    record.state = record.open = ""


def _learn_check(state: State, run: Run, record: Record, check: Check, finding: str) -> None:
    time, letter = run.finished, _LETTERS[check.verdict]
    record.expect, record.exempt, record.proxied, record.lag = check.expect, check.exempt, check.proxied, check.lag
    record.name, record.because = _plain(check.name) or record.name, _plain(check.because) or record.because
    record.outcome, record.seen, record.controls = check.outcome, _plain(check.seen) or "", list(check.controls)
    if letter != record.state:
        record.state, record.since = letter, time
        record.changes = [*record.changes, (time, letter)][-_MOST_CHANGES:]
    record.looked, before = time, record.passed
    if letter == "p":
        record.passed = time
        if record.open:
            record.open = ""
            state.close(finding, run.vantage, time)
        return
    kind, was = Kinds.of(check.expect, check.verdict) or Kinds.INCONCLUSIVE, record.open
    if SEVERITY[kind] < SEVERITY[was]:
        return  # an inconclusive run changes nothing about a leak
    known = state.findings.get(finding)
    about = {"which": check.list, "target": record.target, "name": record.name, "because": record.because}
    found = state.open(finding, run.vantage, kind, time, record.seen, **about)
    if known and not was and before > found.since and SEVERITY[kind] >= SEVERITY[found.kind]:
        found.worse += 1  # this vantage looked after the finding began, and saw nothing then
    record.open, record.opened = kind, record.opened if was else time


def _learn_day(record: Record, day: int, letter: str) -> None:
    """Keep the worst verdict of each day, in UTC."""
    if not record.days:
        record.first_day = day
    gap = day - record.first_day - len(record.days)
    if gap > DAYS:
        record.first_day, record.days = day, letter
    elif gap >= 0:
        record.days += "-" * gap + letter
    elif -gap <= len(record.days):
        at = len(record.days) + gap
        if _BADNESS.index(letter) > _BADNESS.index(record.days[at]):
            record.days = record.days[:at] + letter + record.days[at + 1 :]
    if (cut := len(record.days) - DAYS) > 0:
        record.days, record.first_day = record.days[cut:], record.first_day + cut


def _plain(text: str | None) -> str | None:
    return harmless(text)[:200] if text else None
