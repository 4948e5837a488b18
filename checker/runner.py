"""One run: all checks from one vantage, with a settle window, a deadline and signals.

While a pod starts, its policies are being programmed: for some seconds it may be open or blocked by mistake.
1. An allow check gets fresh attempts until one is as expected or the settle window is over.
2. A deny check is decided by several attempts. They begin `settle` after the first allow check that passed, or when
   the window is over and none did; with `settle` 0, or in a later round, when each allow check was tried. Earlier
   attempts, once a second, show the lag. One early connection stays pending until the decision: it shows whether a
   target is slow, not blocked. In an isolated vantage an attempt waits until the kernel has reported a next hop that
   does not answer.
3. If nothing was seen on the wire, a denied target is tried again before that decides.
4. After the last denial, the allow checks that were answered are tried again: the network must work before and after.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from math import inf

from checker import network, prober, verdict
from checker.model import Attempt, Check, Expect, Family, Outcome, Plan, Result, Run, Verdict
from checker.words import named

_EARLY = 1.0  # seconds between the attempts before those that decide, and the longest that one of them takes
_APART = 0.2  # seconds between the attempts that decide
_SOON = 0.25  # seconds until a fresh attempt starts beside a silent one (the kernel sends its SYN again after 1 s)
_RETRIES = 2  # if nothing was seen on the wire, _EARLY apart
_SLOWEST = 3600.0  # seconds: the timeout of the connection that stays pending
_NEXT_HOP = 3.5  # seconds: the kernel asks for a next hop three times, 1 s apart, before it reports an error (arp(7))
STOPPED = {
    "deadline": "The deadline was reached before this was decided.",
    "SIGTERM": "Interrupted (SIGTERM) before this was decided.",
    "SIGINT": "Interrupted (Ctrl-C) before this was decided.",
    None: "netproof itself failed before this was decided.",
}


async def run(
    plan: Plan, on_result: Callable[[Result], None], *, is_own: Callable[[str], bool] = network.is_own
) -> Run:
    """Run a plan. `on_result` gets each result when it is decided, and again if its verdict changes.

    `is_own` returns whether an address is this machine's: an answer from it proves no network.
    A failure of the checker itself does not raise: the run has its `error`, and the results before it.
    """
    started = time.time()
    runner = _Runner(plan, on_result, is_own)
    try:
        stopped, error = await _until_stopped(runner.all(), plan.deadline)
    finally:
        runner.prober.close()
    results = tuple(state.result or state.undecided(STOPPED[stopped]) for state in runner.states)
    warnings = (*runner.warnings, *_short_timeouts(results))
    return Run(plan, started, runner.prober.now(), results, warnings, stopped, error)


async def _until_stopped(work: Coroutine[None, None, None], deadline: float | None) -> tuple[str | None, str | None]:
    """Run work until its end, a signal or the deadline. Returns what stopped it, and the checker's own error."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    stopped: list[str] = []

    def stop(why: str) -> None:
        stopped.append(why)
        task.cancel()

    on_sigterm = signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    if deadline is not None:
        loop.call_later(deadline, stop, "deadline")
    await asyncio.wait((task,))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
    # asyncio.run's handler of SIGINT stays removed: signal.getsignal would convert its task and the run to text
    signal.signal(signal.SIGTERM, on_sigterm)
    if task.cancelled():
        return stopped[0], None
    error = task.exception()
    return None, named(error) if error else None


@dataclass(slots=True)
class _State:
    """A check, and its attempts so far."""

    check: Check
    attempts: list[Attempt] = field(default_factory=list)  # in the order in which they ended
    deciding: list[Attempt] = field(default_factory=list)  # of a denial
    result: Result | None = None

    def undecided(self, why: str) -> Result:
        """Return the result where the run was stopped before the check was decided."""
        return Result(self.check, Verdict.INCONCLUSIVE, why, attempts=(*self.attempts, *self.deciding))

    def answered(self) -> bool:
        """Return whether an attempt got an answer."""
        return any(each.outcome in verdict.ANSWERS for attempt in self.attempts for each in attempt.observations)

    def addresses(self) -> dict[str, None]:
        """Return every address that an attempt has tried."""
        seen = (each for attempt in self.attempts for each in attempt.observations)
        return {each.address: None for each in seen if each.address and each.outcome is not Outcome.UNRESOLVED}


class _Runner:
    def __init__(self, plan: Plan, on_result: Callable[[Result], None], is_own: Callable[[str], bool]) -> None:
        self.plan, self.on_result, self.is_own = plan, on_result, is_own
        self.turns: dict[str | None, asyncio.Lock] = {}
        self.states = [_State(check) for check in plan.checks]
        self.reached = [state for state in self.states if state.check.expect is not Expect.BLOCKED]
        self.denied = [state for state in self.states if state.check.expect is Expect.BLOCKED]
        sockets = plan.concurrency * max((state.check.attempts for state in self.denied), default=1)
        files = prober.open_files(sockets + len(self.denied))
        held = max(0, files - sockets)  # how many connections may stay pending
        self.prober = prober.Prober(files - held, held)
        self.slots = asyncio.Semaphore(plan.concurrency)
        self.warnings = list(plan.warnings)
        if files < sockets:
            self.warnings.append(f"only {files} connections can be open at once (ulimit -Hn), {sockets} are needed")
        self.ways_out = set(Family) if plan.vantage.isolated else set()
        self.wait = 0.0 if plan.settled else plan.settle  # from the first allow check that passed to the decision
        self.decide_at = self.wait

    async def all(self) -> None:
        if self.wait:
            await asyncio.gather(*map(self.reach, self.reached), *map(self.deny, self.denied))
        else:
            await asyncio.gather(*map(self.reach, self.reached))
            await asyncio.gather(*map(self.deny, self.denied))
        if self.denied:
            await asyncio.gather(*map(self.reach, filter(_State.answered, self.reached)))
            proof = self.proof()
            for state in self.denied:
                self.decide(state, verdict.judge_denial(state.check, state.attempts, state.deciding, proof))

    def proof(self) -> verdict.Proof:
        """Return when the network worked. That of an isolated vantage needs an address and a default route.

        One of its attempts that was not possible refutes that: of many packets that wait for a next hop, the kernel
        drops some without an error.
        """
        if not self.plan.vantage.isolated:
            return verdict.proof((attempt for state in self.reached for attempt in state.attempts), self.is_own)
        deciding = (attempt for state in self.denied for attempt in state.deciding)
        seen = (each for attempt in deciding for each in attempt.observations)
        lost = {each.family for each in seen if each.outcome is Outcome.UNTESTABLE}
        left = (family for family in self.ways_out if family not in lost and network.has_way_out(family))
        return dict.fromkeys(left, (0.0, self.prober.now()))

    async def reach(self, state: _State) -> None:
        """Start fresh attempts, beside those still pending, until one is as expected or the window is over (rule 1)."""
        over = self.prober.now() + self.plan.settle
        found = asyncio.get_running_loop().create_future()
        pending: list[asyncio.Task[None]] = []
        pause, before = _SOON, inf  # the first attempt is made however long it waits for a slot
        while not found.done() and self.prober.now() + pause < over:
            pending.append(asyncio.create_task(self.try_allowed(state, found, before)))
            await asyncio.wait((found,), timeout=pause)
            pause, before = min(pause * 2, 1.0), over
        if not found.done():
            await self.try_allowed(state, found, before)
        for task in pending:
            await asyncio.wait((found, task), return_when=asyncio.FIRST_COMPLETED)
            task.cancel()
        result = verdict.judge(state.check, state.attempts)
        first = self.decide_at == self.wait and self.prober.now() < self.wait
        if first and result.verdict is Verdict.PASS and verdict.proof(state.attempts, self.is_own):
            self.decide_at = self.prober.now() + self.wait
        if state.result is None or state.result.verdict is Verdict.PASS:  # what passed must be reached again (rule 4)
            self.decide(state, result)

    async def try_allowed(self, state: _State, found: asyncio.Future[None], before: float) -> None:
        """Make one attempt, unless it had to wait too long for a slot."""
        async with self.slots:
            if self.prober.now() >= before:
                return
            attempt = await self.prober.attempt(state.check)
        if not found.done():
            state.attempts.append(attempt)
            if verdict.judge(state.check, [attempt]).verdict is Verdict.PASS:
                found.set_result(None)

    async def deny(self, state: _State) -> None:
        """Watch it until the policies have settled, then make the attempts that decide (rules 2 and 3)."""
        form = state.check.target.form
        held = None
        if self.plan.settle and form.host and not state.check.probe.datagrams:
            held = asyncio.create_task(self.hold(state))
        while (left := self.decide_at - self.prober.now()) > 0:
            pause = min(_EARLY, left)
            early = [self.try_early(state, min(state.check.timeout, pause))] if form.host else []
            await asyncio.gather(asyncio.sleep(pause), *early)
        try:
            for retries in reversed(range(_RETRIES + 1 if self.plan.settle else 1)):  # pragma: no branch - one breaks
                await self.try_denied(state)
                if not (retries and verdict.undecided(state.check, state.deciding)):
                    break
                state.attempts += state.deciding
                state.deciding.clear()
                await asyncio.sleep(_EARLY)
        finally:  # if the run was stopped, too: one attempt that got through is a leak
            if any(verdict.lets_in(state.check, attempt) for attempt in state.deciding):
                self.decide(state, verdict.judge_denial(state.check, state.attempts, state.deciding, {}))
        if held:
            held.cancel()

    async def try_early(self, state: _State, within: float) -> None:
        """Make one attempt, unless it had to wait until it is time to decide."""
        async with self.turn(state.check), self.slots:
            if self.prober.now() < self.decide_at:
                state.attempts.append(await self.prober.attempt(replace(state.check, timeout=within)))

    async def hold(self, state: _State) -> None:
        """Keep one connection pending: a target that answers after the timeout of the attempts is slow, not blocked."""
        patient = replace(state.check, timeout=_SLOWEST)
        while True:
            attempt = await self.prober.attempt(patient, hold=True)
            if any(each.outcome not in verdict.NOTHING for each in attempt.observations):
                state.attempts.append(attempt)
                return
            await asyncio.sleep(_EARLY)

    async def try_denied(self, state: _State) -> None:
        """Make the attempts that decide, some time apart."""
        async with self.turn(state.check), self.slots:
            self.ways_out = {family for family in self.ways_out if network.has_way_out(family)}
            others = []
            for _ in range(state.check.attempts - 1 if state.check.target.form.host else 0):
                others.append(asyncio.create_task(self.try_once(state)))
                await asyncio.sleep(_APART)
            await self.try_once(state)  # no task of its own: with ten thousand checks, that saves 20 MB
            for other in others:
                await other

    async def try_once(self, state: _State) -> None:
        """Make one of the attempts that decide, at every address that the name has had so far."""
        check = state.check
        if self.plan.vantage.isolated and check.target.form.host:
            check = replace(check, timeout=max(check.timeout, _NEXT_HOP))
        state.deciding.append(await self.prober.attempt(check, state.addresses()))

    def turn(self, check: Check) -> AbstractAsyncContextManager[None]:
        """Let one denied check at a time send datagrams to a host.

        A host sends one ICMP error a second to each peer (icmp_ratelimit in Documentation/networking/ip-sysctl.rst of
        Linux), so of several at once, some errors would be missing, and the target would be `silent`.
        """
        if not check.probe.datagrams:
            return nullcontext()
        return self.turns.setdefault(check.target.host, asyncio.Lock())

    def decide(self, state: _State, result: Result) -> None:
        before, state.result = state.result, result
        if before is None or before.verdict is not result.verdict:
            self.on_result(result)


def _short_timeouts(results: Sequence[Result]) -> Iterator[str]:
    """Warn of timeouts that are so short that a slow target looks blocked."""
    allowed = (result for result in results if result.check.list == "allow" and result.verdict is Verdict.PASS)
    least = max((1.0, *(3 * result.attempts[-1].elapsed for result in allowed)))
    denied = [result.check for result in results if result.check.expect is Expect.BLOCKED]
    short = [f"{check.target} ({check.timeout:g} s)" for check in denied if check.timeout < least]
    if short:
        more = f" and {len(short) - 3} more" if len(short) > 3 else ""
        yield (
            f"the timeout of {', '.join(short[:3])}{more} is below {least:.1f} s (at least 1 s, and three times the "
            "slowest answer of an allow check): a slow target looks blocked"
        )
