"""The verdict table, its notes, and the meaning of earlier attempts. Only this module decides what an outcome means."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf

from checker.model import Attempt, Check, Expect, Family, Observation, Outcome, Result, Verdict

PASS, VIOLATION, INCONCLUSIVE = Verdict.PASS, Verdict.VIOLATION, Verdict.INCONCLUSIVE

# What a check asks for, what an attempt saw, the verdict, and what it means in plain words. The notes of
# docs/verdicts.md are applied below: (1) to `blocked closed`, (2) and (3) to `blocked rejected` and `blocked silent`.
_TABLE = """
reachable  open        pass          It is reachable, as it must be.
reachable  unexpected  violation     It answers, but not as it must.
reachable  closed      violation     It was refused: nothing listens there, or a server or firewall refuses.
reachable  rejected    violation     Something on the path refuses the connection.
reachable  silent      violation     It is blocked or down: nothing answers.
reachable  unresolved  violation     Its name cannot be resolved.
reachable  untestable  inconclusive  It could not be tried from here.
reachable  possible    pass          It is possible in this container, as it must be.
reachable  impossible  violation     It must be possible in this container, and is not.
blocked    open        violation     It must be blocked, and it is reachable.
blocked    unexpected  violation     It must be blocked, and it answered.
blocked    closed      violation     A reset came back, so the packet arrived: no policy blocks it. \
Nothing listens on that port today. If your firewall denies with resets, set `closed: pass`.
blocked    rejected    pass          It is blocked: refused on the path.
blocked    silent      pass          It is blocked: nothing answers.
blocked    unresolved  inconclusive  There was no address to test.
blocked    untestable  inconclusive  It could not be tried from here.
blocked    possible    violation     It must not be possible in this container, and it is. \
This is netproof's container: the application's may differ in its security context, service account and volumes.
blocked    impossible  pass          It is not possible in netproof's container. The application's may differ.
alive      open        pass          It is up, so a vantage that cannot reach it is blocked.
alive      unexpected  pass          It is up, so a vantage that cannot reach it is blocked.
alive      closed      inconclusive  The control cannot reach it, so denials of it are not proven.
alive      rejected    inconclusive  The control cannot reach it, so denials of it are not proven.
alive      silent      inconclusive  The control cannot reach it, so denials of it are not proven.
alive      unresolved  inconclusive  The control cannot reach it, so denials of it are not proven.
alive      untestable  inconclusive  It could not be tried from here.
alive      possible    pass          It is possible in this container.
alive      impossible  inconclusive  The control cannot reach it, so denials of it are not proven.
"""
_ROWS = (line.split(maxsplit=3) for line in _TABLE.strip().splitlines())
TABLE = {(Expect(list_), Outcome(seen)): (Verdict(verdict), meaning) for list_, seen, verdict, meaning in _ROWS}

ALIVE_ELSEWHERE = "Only a control or another vantage can show whether it is up."
EXEMPT = "No pod may reach it, so no run can show whether it is up."
CLOSED_PASSES = "It is blocked: a reset came back, and with `closed: pass`, this is a denial."
PORT_UNREACHABLE = (
    "ICMP port unreachable is sent by firewalls, but also where nothing listens, on a host or behind a Service. "
    "If your firewall denies like this, set `closed: pass`."
)
NOT_ASKED = "For UDP, silence counts only with a `payload` that the server answers."
LATE = "a policy took effect late, or a rate limit was reached."

ANSWERS = {Outcome.OPEN, Outcome.UNEXPECTED}  # another machine answered: this is what proves a network (footnote 2)
NOTHING = {Outcome.UNRESOLVED, Outcome.UNTESTABLE}  # nothing was seen on the wire, so another attempt may see more

_CALM = 3.0  # seconds without an open attempt before a denial is decided


Proof = Mapping[Family | None, tuple[float, float]]  # of each family: from when until when its network worked
_NEVER = (inf, 0.0)


def proof(attempts: Iterable[Attempt], is_own: Callable[[str], bool]) -> Proof:
    """Return when answers of other machines showed that the network of each family works (footnote 2).

    That is from the first answer until the last attempt began that was answered. `is_own` returns whether an address
    is this machine's: an answer from it proves no network.
    """
    found: dict[Family | None, tuple[float, float]] = {}
    for attempt in attempts:
        for each in attempt.observations:
            if each.outcome in ANSWERS and each.address and not is_own(each.address):
                since, until = found.get(each.family, _NEVER)
                found[each.family] = min(since, attempt.ended), max(until, attempt.at)
    return found


def judge(check: Check, attempts: Sequence[Attempt]) -> Result:
    """Judge an allow check, or a control's, by the last of its attempts."""
    results = [_judge_attempt(check, attempt) for attempt in attempts]
    count = sum(each.verdict is results[-1].verdict for each in results)
    return replace(_counted(results[-1], count, len(results)), attempts=tuple(attempts))


def _judge_attempt(check: Check, attempt: Attempt) -> Result:
    """Judge an allowed name by its best address; with `every`, and in a control, by its worst."""
    best = check.expect is Expect.REACHABLE and not check.every
    return (min if best else max)((_judge_observation(check, each) for each in attempt.observations), key=_severity)


def _judge_observation(check: Check, observation: Observation) -> Result:
    """Apply the table, and its note (1)."""
    if check.expect is Expect.BLOCKED and observation.outcome is Outcome.CLOSED and check.closed == "pass":
        return Result(check, PASS, CLOSED_PASSES, observation)
    return Result(check, *TABLE[check.expect, observation.outcome], observation)


def judge_denial(check: Check, early: Sequence[Attempt], deciding: Sequence[Attempt], proof: Proof) -> Result:
    """Judge a deny check by the worst address in all attempts that decide it.

    Earlier attempts can only make a pass inconclusive. The connection that stayed pending is one of them.
    """
    results = [_judge_denied(check, each, attempt, proof) for attempt in deciding for each in attempt.observations]
    worst = replace(max(results, key=_severity), attempts=(*early, *deciding))
    if worst.verdict is VIOLATION:
        return _counted(worst, sum(lets_in(check, attempt) for attempt in deciding), len(deciding))
    opened = [attempt for attempt in early if lets_in(check, attempt)]
    if worst.verdict is not PASS or not opened:
        return worst
    if doubt := _doubt(check, early, opened[-1], deciding[0].at, proof):
        return replace(worst, verdict=INCONCLUSIVE, meaning=doubt)
    until = opened[-1].ended
    return replace(worst, meaning=f"{worst.meaning} It was open at first, until {until:.1f} s: {LATE}")


def _judge_denied(check: Check, observation: Observation, attempt: Attempt, proof: Proof) -> Result:
    """Apply the table, and its notes (2) and (3)."""
    result = _judge_observation(check, observation)
    if result.verdict is not PASS or observation.outcome is Outcome.IMPOSSIBLE:
        return result
    since, until = proof.get(observation.family, _NEVER)
    if observation.port_unreachable and check.closed != "pass":  # (3)
        doubt = PORT_UNREACHABLE
    elif observation.outcome is Outcome.SILENT and not observation.asked:  # (3)
        doubt = NOT_ASKED
    elif since <= attempt.at and attempt.ended <= until:
        return replace(result, meaning=f"{result.meaning} {ALIVE_ELSEWHERE if check.control else EXEMPT}")
    else:  # (2)
        doubt = (
            f"Nothing showed that this machine had a working {observation.family or 'IP'} network before and after "
            "this attempt. A pod with no network would look the same. Add an allow check that another machine answers, "
            "or set `isolated: true`, which needs a default route."
        )
    return replace(result, verdict=INCONCLUSIVE, meaning=doubt)


def _doubt(check: Check, early: Sequence[Attempt], last: Attempt, decided: float, proof: Proof) -> str | None:
    """Return why a denial that passes does not count: its target was open, and not only at first.

    `last` is the last attempt that got through; `decided` is when the attempts began that decide, in seconds.
    """
    at = last.ended
    if last.elapsed > check.timeout:
        return (
            f"A connection was accepted only after {last.elapsed:.1f} s, and an attempt waits {check.timeout:g} s: "
            "it is slow, not blocked. Set a longer `timeout`."
        )
    shut = (each for each in early if not lets_in(check, each) and each.at < at and _shut(each, proof))
    if first := next(shut, None):
        return (
            f"It was open at {at:.1f} s, after it was blocked at {first.at:.1f} s: "
            "there are several backends, or a policy was changed."
        )
    if decided - at < _CALM:
        return (
            f"It was still open at {at:.1f} s, and no longer when it was decided, at {decided:.1f} s: "
            "a policy took effect late, or a rate limit was reached. A longer `settle` may show which."
        )
    return None


def _shut(attempt: Attempt, proof: Proof) -> bool:
    """Return whether an attempt that did not get through was blocked, with a network that worked already."""
    return all(
        each.outcome not in NOTHING and proof.get(each.family, _NEVER)[0] <= attempt.at for each in attempt.observations
    )


def lets_in(check: Check, attempt: Attempt) -> bool:
    """Return whether an attempt at a denied target got through."""
    return any(_judge_observation(check, each).verdict is VIOLATION for each in attempt.observations)


def undecided(check: Check, deciding: Sequence[Attempt]) -> bool:
    """Return whether another attempt at a denied target may see more (rule 3 of the runner)."""
    nothing = any(each.outcome in NOTHING for attempt in deciding for each in attempt.observations)
    return nothing and not any(lets_in(check, attempt) for attempt in deciding)


def lag(result: Result) -> float | None:
    """Return when a denied target that was open at first was blocked, in seconds from the start."""
    check, attempts = result.check, result.attempts
    if check.expect is not Expect.BLOCKED or result.verdict is VIOLATION:
        return None
    opened = (number for number, attempt in enumerate(attempts, start=1) if lets_in(check, attempt))
    blocked = attempts[max(opened, default=len(attempts)) :]
    return blocked[0].at if blocked else None


def _counted(result: Result, count: int, total: int) -> Result:
    """Add to the evidence how many of several attempts had this verdict."""
    if total < 2 or result.observation is None:
        return result
    seen = f"{result.observation.seen} ({count} of {total} attempts)"
    return replace(result, observation=replace(result.observation, seen=seen))


def _severity(result: Result) -> int:
    return list(Verdict).index(result.verdict)
