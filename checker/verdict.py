"""The verdict table, and the three footnotes under it. Nothing else decides what an outcome means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.model import Attempt, Check, Expect, Family, Judgement, Observation, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

PASS, VIOLATION, INCONCLUSIVE = Verdict.PASS, Verdict.VIOLATION, Verdict.INCONCLUSIVE

TABLE: dict[Expect, dict[Outcome, Verdict]] = {
    Expect.REACHABLE: {
        Outcome.OPEN: PASS,
        Outcome.UNEXPECTED: VIOLATION,
        Outcome.CLOSED: VIOLATION,
        Outcome.REJECTED: VIOLATION,
        Outcome.SILENT: VIOLATION,
        Outcome.UNRESOLVED: VIOLATION,
        Outcome.UNTESTABLE: INCONCLUSIVE,
        Outcome.POSSIBLE: PASS,
        Outcome.IMPOSSIBLE: VIOLATION,
    },
    Expect.BLOCKED: {
        Outcome.OPEN: VIOLATION,
        Outcome.UNEXPECTED: VIOLATION,
        Outcome.CLOSED: VIOLATION,  # (1) unless the check says `closed: pass`
        Outcome.REJECTED: PASS,  # (2) (3)
        Outcome.SILENT: PASS,  # (2) (3)
        Outcome.UNRESOLVED: INCONCLUSIVE,
        Outcome.UNTESTABLE: INCONCLUSIVE,
        Outcome.POSSIBLE: VIOLATION,
        Outcome.IMPOSSIBLE: PASS,
    },
    Expect.ALIVE: {
        Outcome.OPEN: PASS,
        Outcome.UNEXPECTED: PASS,
        Outcome.CLOSED: INCONCLUSIVE,
        Outcome.REJECTED: INCONCLUSIVE,
        Outcome.SILENT: INCONCLUSIVE,
        Outcome.UNRESOLVED: INCONCLUSIVE,
        Outcome.UNTESTABLE: INCONCLUSIVE,
        Outcome.POSSIBLE: PASS,
        Outcome.IMPOSSIBLE: INCONCLUSIVE,
    },
}

SEVERITY = {PASS: 0, INCONCLUSIVE: 1, VIOLATION: 2}

MEANING: dict[tuple[Expect, Outcome], str] = {
    (Expect.REACHABLE, Outcome.OPEN): "It is reachable, as it must be.",
    (Expect.REACHABLE, Outcome.UNEXPECTED): "It answers, but not as it must.",
    (Expect.REACHABLE, Outcome.CLOSED): "The way is free, but nothing listens there.",
    (Expect.REACHABLE, Outcome.REJECTED): "Something on the way refuses it.",
    (Expect.REACHABLE, Outcome.SILENT): "It is blocked, or down: nothing answers.",
    (Expect.REACHABLE, Outcome.UNRESOLVED): "Its name cannot be resolved, so nothing can reach it by name.",
    (Expect.REACHABLE, Outcome.POSSIBLE): "It is possible in this container, as it must be.",
    (Expect.REACHABLE, Outcome.IMPOSSIBLE): "It must be possible in this container, and is not.",
    (Expect.BLOCKED, Outcome.OPEN): "It must be blocked, and it let us in.",
    (Expect.BLOCKED, Outcome.UNEXPECTED): "It must be blocked, and it answered.",
    (Expect.BLOCKED, Outcome.CLOSED): (
        "Our packet crossed and a reset came back: no policy stops it, only nothing listens today. "
        "If your firewall denies by resets, say `closed: pass`."
    ),
    (Expect.BLOCKED, Outcome.REJECTED): "It is blocked: refused on the way.",
    (Expect.BLOCKED, Outcome.SILENT): "It is blocked: nothing comes back.",
    (Expect.BLOCKED, Outcome.UNRESOLVED): "Without an address nothing was tested: this is no proof of a denial.",
    (Expect.BLOCKED, Outcome.POSSIBLE): (
        "It must not be possible in this container, and it is. This container is netproof's own: whether the "
        "application's allows it too depends on its security context, service account and volumes."
    ),
    (Expect.BLOCKED, Outcome.IMPOSSIBLE): (
        "It is not possible in this container, which is netproof's own: about the application's this says nothing."
    ),
    (Expect.ALIVE, Outcome.OPEN): "It is alive: denials of it mean something.",
    (Expect.ALIVE, Outcome.UNEXPECTED): "It is alive: denials of it mean something.",
    (Expect.ALIVE, Outcome.POSSIBLE): "It is possible from here: denials of it mean something.",
}
ALIVE_ELSEWHERE = "The control's Job shows whether it is alive."
NOT_ALIVE = "The control cannot reach it: denials of it prove nothing today."
NOT_TRIED = "This machine could not even try."


ANSWERS = {Outcome.OPEN, Outcome.UNEXPECTED}  # another machine spoke: this is what proves a network (footnote 2)
NOTHING = {Outcome.UNRESOLVED, Outcome.UNTESTABLE}  # the wire said nothing, so another try may


def judge(check: Check, attempt: Attempt, proven: AbstractSet[Family]) -> Judgement:
    """Judge the attempt that decides a check.

    `proven` holds the address families whose network this run has shown to work (footnote 2); of a vantage that
    reaches nothing, those with an address and a default route.
    A denied name is as bad as its worst address; an allowed one as good as its best, unless `every`.
    """
    judgements = [_judge_observation(check, observation, proven) for observation in attempt.observations]
    pick = min if check.expect is Expect.REACHABLE and not check.every else max
    return pick(judgements, key=lambda judgement: SEVERITY[judgement.verdict])


def as_expected(check: Check, attempt: Attempt) -> bool:
    """Whether an attempt at an allow or control check shows what it asks for."""
    passes = [TABLE[check.expect][observation.outcome] is PASS for observation in attempt.observations]
    return any(passes) if check.expect is Expect.REACHABLE and not check.every else all(passes)


def lets_in(check: Check, attempt: Attempt) -> bool:
    """Whether an attempt at a denied target got through."""
    return any(
        TABLE[Expect.BLOCKED][observation.outcome] is VIOLATION
        and not (observation.outcome is Outcome.CLOSED and check.closed_passes)
        for observation in attempt.observations
    )


def _judge_observation(check: Check, observation: Observation, proven: AbstractSet[Family]) -> Judgement:
    verdict = TABLE[check.expect][observation.outcome]
    meaning = MEANING.get((check.expect, observation.outcome)) or (
        NOT_TRIED if observation.outcome is Outcome.UNTESTABLE else NOT_ALIVE
    )
    if check.expect is not Expect.BLOCKED:
        return Judgement(verdict, meaning, observation)
    if observation.outcome is Outcome.CLOSED and check.closed_passes:  # (1)
        verdict, meaning = PASS, "It is blocked: a reset came back, which `closed: pass` takes for a denial."
    if verdict is PASS and observation.port_unreachable and not check.closed_passes:  # (3)
        return Judgement(
            INCONCLUSIVE,
            "ICMP port unreachable: a firewall says so, and so does a host or a Service where nothing listens. "
            "If your firewall denies like this, say `closed: pass`.",
            observation,
        )
    if verdict is PASS and observation.outcome is Outcome.SILENT and not check.settings.answerable:  # (3)
        return Judgement(
            INCONCLUSIVE,
            "UDP is silent by nature: give a `payload` that the server answers, or this proves nothing.",
            observation,
        )
    needs_network = observation.outcome is not Outcome.IMPOSSIBLE
    if verdict is PASS and needs_network and observation.family not in proven:  # (2)
        return Judgement(
            INCONCLUSIVE,
            "When this was tried, nothing had shown that this machine has a working "
            f"{observation.family or 'IP'} network (an allow check that another machine answers does; on an isolated "
            "vantage, a default route does). "
            "A pulled cable looks the same.",
            observation,
        )
    if verdict is PASS and needs_network:
        meaning = f"{meaning} {ALIVE_ELSEWHERE}"
    return Judgement(verdict, meaning, observation)
