"""One run: every check from one vantage, with the settle window, a deadline and signals.

While a pod starts, its policies are still being programmed: for some seconds it may be open or shut by mistake.
So an early leak is no violation, an early denial no proof, and an early answer no proof of a network. What must be
reached is tried until it is, or the window is over; the deny list is decided by attempts that begin `settle` after the
first check that passed, and what was reached before is looked at once more beside them.
"""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from checker import network, prober, verdict
from checker.model import Attempt, Check, Expect, Family, Judgement, Plan, Progress, Result, Run, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_EARLY = 1.0  # seconds between the attempts before the one that decides, and the longest that one of them takes
_PAUSE = 0.25  # seconds until a fresh attempt starts beside a silent one (the kernel sends its SYN again after 1 s)
_RETRIES = 2  # of what never got to the wire, _EARLY apart
STOPPED = {
    "deadline": "The deadline was reached before this was decided.",
    "SIGTERM": "Interrupted (SIGTERM) before this was decided.",
    "SIGINT": "Interrupted (Ctrl-C) before this was decided.",
}


async def run(plan: Plan, on_result: Callable[[Result], None], progress: Progress, *, demo: bool = False) -> Run:
    """Run a plan; `on_result` hears of each result as it is decided. For the demo, loopback counts as a network."""
    fits, warning = prober.affordable(plan.concurrency)
    started = time.time()
    runner = _Runner(plan, on_result, progress, prober.Prober(fits), demo)
    stopped = await _until_stopped(runner.all(), plan.deadline)
    results = tuple(state.result or _undecided(state, stopped or "") for state in runner.states)
    warnings = (*plan.warnings, warning) if warning else plan.warnings
    return Run(plan, started, runner.prober.now(), results, warnings, stopped)


async def _until_stopped(work: Awaitable[None], deadline: float | None) -> str | None:
    """Await work to its end, a signal or the deadline; tell what stopped it. A fault of our own is raised."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()

    def end(why: str) -> None:
        if not stop.done():
            stop.set_result(why)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number.name)
    if deadline is not None:
        loop.call_later(deadline, end, "deadline")
    task: asyncio.Future[None] = asyncio.ensure_future(work)
    await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
        return None
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return stop.result()


@dataclass(slots=True)
class _State:
    """What is known of one check so far; the attempt that decides comes last."""

    check: Check
    attempts: list[Attempt] = field(default_factory=list)
    result: Result | None = None


class _Runner:
    def __init__(
        self,
        plan: Plan,
        on_result: Callable[[Result], None],
        progress: Progress,
        prober: prober.Prober,
        demo: bool,  # noqa: FBT001
    ) -> None:
        self.plan, self.on_result, self.progress, self.prober, self.demo = plan, on_result, progress, prober, demo
        self.states = [_State(check) for check in plan.checks]
        self.proven: dict[Family, float] = {}  # when an answer first showed that this family's network works
        self.still: dict[Family, float] = {}  # and when the last attempt began that did
        self.passed = False
        self.left = sum(check.expect is not Expect.BLOCKED for check in plan.checks)
        self.denials = len(plan.checks) - self.left
        self.looked = asyncio.Event()  # nothing more will be proven
        progress.decide_at = 0 if plan.settled and not self.left else plan.settle

    async def all(self) -> None:
        if not self.left:
            self.looked.set()
        async with asyncio.TaskGroup() as group:
            for state in self.states:
                group.create_task(self.deny(state) if state.check.expect is Expect.BLOCKED else self.reach(state))

    async def reach(self, state: _State) -> None:
        """Try until it is as expected, or the window is over."""
        if self.plan.settle:
            await self.persist(state)
        else:
            await self.look(state)
        judgement = verdict.judge(state.check, state.attempts[-1], set())
        if judgement.verdict is Verdict.PASS:
            if not self.passed and self.prober.now() < self.progress.decide_at:
                self.progress.decide_at = self.prober.now() + (0 if self.plan.settled else self.plan.settle)
            self.passed = True
        self.decide(state, judgement)
        if judgement.verdict is Verdict.PASS and self.denials and self.prober.now() < self.progress.decide_at:
            await self.confirm(state)
        self.left -= 1
        if not self.left:
            self.looked.set()

    async def confirm(self, state: _State) -> None:
        """Look again when the policies have settled: a pod that starts open reaches what it may not reach later."""
        await asyncio.sleep(self.progress.decide_at - self.prober.now())
        for _ in range(_RETRIES + 1):
            attempt = await self.prober.attempt(state.check)
            state.attempts += [attempt] if attempt else []
            self.prove(state.attempts[-1])
            if verdict.as_expected(state.check, state.attempts[-1]):
                break
            await asyncio.sleep(_EARLY)
        self.decide(state, verdict.judge(state.check, state.attempts[-1], set()))

    async def persist(self, state: _State) -> None:
        """Start fresh attempts, beside pending ones too, until one is as expected."""
        pending: set[asyncio.Task[bool]] = set()
        pause = _PAUSE
        over = self.plan.settle
        try:
            while True:
                pending.add(asyncio.create_task(self.look(state, before=over if pending or state.attempts else inf)))
                until = self.prober.now() + pause
                until = until if until < over else inf
                if await self.passes(pending, until) or until is inf:
                    return
                pause = min(pause * 2, 1.0)
        finally:
            for task in pending:
                task.cancel()

    async def passes(self, pending: set[asyncio.Task[bool]], until: float) -> bool:
        """Wait for attempts until one is as expected, or for all of them where `until` has no end."""
        while pending:
            left = None if until is inf else max(0.0, until - self.prober.now())
            done, _ = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            pending -= done
            if any(task.result() for task in done):
                return True
            if not done:
                return False
        if until is not inf:
            await asyncio.sleep(until - self.prober.now())
        return False

    async def look(self, state: _State, *, before: float = inf) -> bool:
        """Make one attempt at what must be reached; tell whether it is as expected."""
        attempt = await self.prober.attempt(state.check, before=before)
        if attempt is None or (state.attempts and verdict.as_expected(state.check, state.attempts[-1])):
            return False
        state.attempts.append(attempt)
        self.prove(attempt)
        return verdict.as_expected(state.check, attempt)

    async def deny(self, state: _State) -> None:
        """Watch it until the window is over, once a second; then make the attempt that decides."""
        check, attempts, now = state.check, state.attempts, self.prober.now
        while (left := self.progress.decide_at - now()) > 0:
            began = now()
            if left > _EARLY / 10:
                within = min(check.timeout, _EARLY, left)
                early = await self.prober.attempt(check, within=within, before=self.progress.decide_at)
                attempts += [early] if early else []
            await asyncio.sleep(max(0.0, min(began + _EARLY, self.progress.decide_at) - now()))
        for _ in range(_RETRIES + 1 if self.plan.settle else 1):
            decides = await self.prober.attempt(check)
            attempts += [decides] if decides else []
            nothing = any(observation.outcome in verdict.NOTHING for observation in attempts[-1].observations)
            if not nothing or verdict.lets_in(check, attempts[-1]):
                break
            await asyncio.sleep(_EARLY if self.plan.settle else 0)
        if self.left and verdict.judge(check, attempts[-1], set(Family)).verdict is Verdict.PASS:
            await self.looked.wait()  # whether this machine has a network shows beside the denial
        self.decide(state, verdict.judge(check, attempts[-1], self.networks(attempts[-1])))

    def networks(self, attempt: Attempt) -> set[Family]:
        """List the families whose network was shown to work: before an attempt began, and still (footnote 2)."""
        if self.plan.vantage.isolated:
            return {family for family in Family if network.has_way_out(family)}
        if not self.plan.settle:
            return set(self.proven)
        still = self.progress.decide_at - 2 * _EARLY  # what answers but never passes was last tried a moment before
        return {family for family, first in self.proven.items() if first <= attempt.at and self.still[family] >= still}

    def prove(self, attempt: Attempt) -> None:
        """Keep what an answer shows: one from loopback, or from this machine itself, shows nothing."""
        for observation in attempt.observations:
            if observation.outcome not in verdict.ANSWERS or not observation.address or not observation.family:
                continue
            elsewhere = not network.is_loopback(observation.address) and observation.source not in (
                None,
                observation.address,
            )
            if elsewhere or self.demo:
                self.proven.setdefault(observation.family, self.prober.now())
                self.still[observation.family] = attempt.at

    def decide(self, state: _State, judgement: Judgement) -> None:
        before, state.result = state.result, Result(state.check, judgement, tuple(state.attempts), _lag(state))
        self.progress.decided += before is None
        if before is None or before.verdict is not judgement.verdict:
            self.on_result(state.result)


def _lag(state: _State) -> float | None:
    """Tell when a target was shut that was open at first, in seconds from the start."""
    opened = [verdict.lets_in(state.check, attempt) for attempt in state.attempts]
    shut = len(opened) - opened[::-1].index(True) if True in opened else None
    return state.attempts[shut].at if shut is not None and shut < len(opened) else None


def _undecided(state: _State, stopped: str) -> Result:
    meaning = STOPPED[stopped]
    return Result(state.check, Judgement(Verdict.INCONCLUSIVE, meaning), tuple(state.attempts), _lag(state))
