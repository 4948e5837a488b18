"""One run: every check from one vantage, by the rules of time, with a deadline and signals.

While a pod starts, its policies are being programmed: for some seconds it may be open or blocked by mistake.
1. An allow check gets a fresh attempt again and again, until one is as expected or the settle window is over.
2. A deny check is decided by several attempts that begin `settle` after the first allow check that passed, or when
   the window is over and none did; with `settle` 0, or in a later round, when each allow check was tried. Earlier
   attempts, once a second, show the lag. One early connection stays pending until the decision, to see what is slow,
   not blocked.
3. What was seen nothing of on the wire is tried again before it decides.
4. When the last denial has been tried, what was reached before must be reached again: only then had the machine a
   network all along.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import chain, repeat
from math import inf

from checker import network, prober, verdict
from checker.model import Attempt, Check, Expect, Family, Judgement, Outcome, Plan, Result, Run, Verdict
from checker.probes import KINDS
from checker.words import named

_EARLY = 1.0  # seconds between the attempts before those that decide, and the longest that one of them takes
_APART = 0.2  # seconds between the attempts that decide
_SOON = 0.25  # seconds until a fresh attempt starts beside a silent one (the kernel sends its SYN again after 1 s)
_RETRIES = 2  # of what was seen nothing of on the wire, _EARLY apart
_SLOWEST = 3600.0  # seconds that the connection may take that stays pending
STOPPED = {
    "deadline": "The deadline was reached before this was decided.",
    "SIGTERM": "Interrupted (SIGTERM) before this was decided.",
    "SIGINT": "Interrupted (Ctrl-C) before this was decided.",
    None: "netproof itself failed before this was decided.",
}


async def run(
    plan: Plan,
    on_result: Callable[[Result], None],
    *,
    is_own: Callable[[str], bool] = network.is_own,
) -> Run:
    """Run a plan. `on_result` gets each result as it is decided, and again should its verdict change.

    `is_own` says of an address whether it is this machine's, and an answer from it proves no network.
    A failure of the checker itself does not raise: the run has its `error`, and what was decided before.
    """
    denials = [check for check in plan.checks if check.expect is Expect.BLOCKED]
    sockets = plan.concurrency * max((check.attempts for check in denials), default=1)
    files = prober.open_files(sockets + len(denials))
    warnings = list(plan.warnings)
    if files < sockets:
        warnings.append(f"only {files} connections can be open at once (ulimit -Hn), {sockets} are needed")
    started = time.time()
    runner = _Runner(plan, on_result, prober.Prober(files), is_own, held=max(0, files - sockets))
    try:
        stopped, error = await _until_stopped(runner.all(), plan.deadline)
    finally:
        runner.prober.close()
    undecided = Judgement(Verdict.INCONCLUSIVE, STOPPED[stopped])
    results = tuple(state.result or state.judged(undecided) for state in runner.states)
    warnings += _short_timeouts(results)
    return Run(plan, started, runner.prober.now(), results, tuple(warnings), stopped, error)


async def _until_stopped(work: Awaitable[None], deadline: float | None) -> tuple[str | None, str | None]:
    """Await work to its end, a signal or the deadline. Returns what stopped it, and which error of our own ended it."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()

    def end(why: str) -> None:
        if not stop.done():
            stop.set_result(why)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        loop.add_signal_handler(number, end, number.name)
    timer = loop.call_later(deadline, end, "deadline") if deadline is not None else None
    task: asyncio.Future[None] = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    finally:
        if timer:
            timer.cancel()
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return stop.result(), None
    error = task.exception()
    return None, named(error) if error else None


@dataclass(slots=True)
class _State:
    """What is known of one check so far."""

    check: Check
    attempts: list[Attempt] = field(default_factory=list)  # in the order in which they ended
    deciding: list[Attempt] = field(default_factory=list)  # of a denial
    result: Result | None = None

    def judged(self, judgement: Judgement) -> Result:
        """Return the result with this judgement, and all attempts so far."""
        attempts = (*self.attempts, *self.deciding)
        return Result(self.check, judgement, attempts, _lag(self.check, attempts))

    def addresses(self) -> dict[str, None]:
        """Return every address that an attempt has met."""
        seen = (each for attempt in self.attempts for each in attempt.observations)
        return {each.address: None for each in seen if each.address and each.outcome is not Outcome.UNRESOLVED}


class _Runner:
    def __init__(
        self,
        plan: Plan,
        on_result: Callable[[Result], None],
        prober: prober.Prober,
        is_own: Callable[[str], bool],
        *,
        held: int,
    ) -> None:
        self.plan, self.on_result, self.prober, self.is_own = plan, on_result, prober, is_own
        self.held = held  # how many connections may stay pending
        self.slots = asyncio.Semaphore(plan.concurrency)
        self.turns: dict[str | None, asyncio.Lock] = {}
        self.states = [_State(check) for check in plan.checks]
        self.proof = verdict.Proof()
        self.wait = 0.0 if plan.settled else plan.settle  # from the first allow check that passed to the decision
        self.decide_at = plan.settle
        self.has_denials = False
        self.passed = False
        self.looked = asyncio.Event()  # each allow check has been tried

    async def all(self) -> None:
        reach = [state for state in self.states if state.check.expect is not Expect.BLOCKED]
        deny = [state for state in self.states if state.check.expect is Expect.BLOCKED]
        self.has_denials = bool(deny)
        if not reach:
            self.decide_at = self.wait
        async with asyncio.TaskGroup() as group:
            for state in deny:
                group.create_task(self.deny(state))
            async with asyncio.TaskGroup() as reaching:
                for state in reach:
                    reaching.create_task(self.reach(state))
            self.looked.set()
        async with asyncio.TaskGroup() as group:
            for state in reach if deny else ():
                if any(verdict.answers(attempt) for attempt in state.attempts):
                    group.create_task(self.reach_again(state))
        self.prove_way_out()
        for state in deny:
            self.decide(state, self.judge(state))

    async def reach(self, state: _State) -> None:
        """Try until it is as expected, or the window is over (rule 1)."""
        await self.persist(state, self.plan.settle)
        judgement = verdict.judge(state.check, state.attempts)
        if judgement.verdict is Verdict.PASS and not self.passed:
            self.passed = True
            if self.prober.now() < self.decide_at:
                self.decide_at = self.prober.now() + self.wait
        self.decide(state, judgement)

    async def reach_again(self, state: _State) -> None:
        """Try once more what answered, when the last denial has been tried (rule 4)."""
        await self.persist(state, self.prober.now() + self.plan.settle)
        if state.result and state.result.verdict is Verdict.PASS:
            self.decide(state, verdict.judge(state.check, state.attempts))

    async def deny(self, state: _State) -> None:
        """Watch it until the policies have settled, then make the attempts that decide (rules 2 and 3)."""
        check = state.check
        held = None
        kind = KINDS[check.target.kind]
        if self.plan.settle and self.held and kind.form.host and not kind.datagrams:
            self.held -= 1
            held = asyncio.create_task(self.hold(state))
        try:
            await (self.watch(state) if self.wait else self.looked.wait())
            for left in reversed(range(_RETRIES + 1 if self.plan.settle else 1)):
                await self.try_denied(state)
                nothing = any(each.outcome in verdict.NOTHING for a in state.deciding for each in a.observations)
                if not (nothing and left) or any(verdict.lets_in(check, attempt) for attempt in state.deciding):
                    break
                state.attempts += state.deciding
                state.deciding.clear()
                await asyncio.sleep(_EARLY)
        finally:
            if held:
                held.cancel()
        if (judgement := self.judge(state)).verdict is Verdict.VIOLATION:
            self.decide(state, judgement)  # any other verdict rests on what is reached after it

    async def watch(self, state: _State) -> None:
        """Look once a second until the time has come to decide; what is no place is not looked at early."""
        while (left := self.decide_at - self.prober.now()) > 0:
            if not KINDS[state.check.target.kind].form.host:
                await asyncio.sleep(left)
                continue
            self.prove_way_out()
            look = self.look(state, min(state.check.timeout, _EARLY, left), self.decide_at)
            await asyncio.gather(look, asyncio.sleep(min(_EARLY, left)))

    async def hold(self, state: _State) -> None:
        """Keep one connection pending: what answers later than any attempt waits is slow, not blocked."""
        while True:
            attempt = await self.prober.attempt(state.check, within=_SLOWEST)
            if any(each.outcome not in verdict.NOTHING for each in attempt.observations):
                state.attempts.append(attempt)
                return
            await asyncio.sleep(_EARLY)

    async def try_denied(self, state: _State) -> None:
        """Make the attempts that decide, at every address that any answer has named."""
        check, addresses = state.check, state.addresses()
        async with self.turn(check), self.slots:
            self.prove_way_out()
            await _series(
                lambda: self.prober.attempt(check, known=addresses),
                repeat(_APART, check.attempts - 1 if KINDS[check.target.kind].form.host else 0),
                into=state.deciding,
            )

    async def persist(self, state: _State, over: float) -> None:
        """Start fresh attempts, beside pending ones too, until one is as expected or it is `over`."""

        def pauses() -> Iterator[float]:
            pause = _SOON
            while self.prober.now() + pause < over:
                yield pause
                pause = min(pause * 2, 1.0)

        late = chain((inf,), repeat(over))  # the first attempt is made however long it has to wait for a slot
        await _series(
            lambda: self.look(state, None, next(late)),
            pauses(),
            into=state.attempts,
            enough=lambda attempt: verdict.as_expected(state.check, attempt),
        )

    async def look(self, state: _State, within: float | None, before: float) -> Attempt | None:
        """Make one attempt, unless its turn comes too late."""
        async with self.turn(state.check), self.slots:
            if self.prober.now() >= before:
                return None
            attempt = await self.prober.attempt(state.check, within=within)
        if state.check.expect is Expect.BLOCKED:
            state.attempts.append(attempt)
        elif self.has_denials:
            self.prove(attempt)
        return attempt

    def turn(self, check: Check) -> AbstractAsyncContextManager[None]:
        """Let one denied check at a time send datagrams to a host.

        A host sends one ICMP error a second to each peer (icmp_ratelimit in Documentation/networking/ip-sysctl.rst of
        Linux), so with more of them refusals would go missing, and look like silence.
        """
        if check.expect is not Expect.BLOCKED or not KINDS[check.target.kind].datagrams:
            return nullcontext()
        return self.turns.setdefault(check.target.host, asyncio.Lock())

    def prove(self, attempt: Attempt) -> None:
        """Keep what an answer shows: one from this machine itself shows nothing."""
        for each in attempt.observations:
            if each.outcome in verdict.ANSWERS and each.address and each.family and not self.is_own(each.address):
                self.proof.add(each.family, attempt)

    def prove_way_out(self) -> None:
        """Keep whether a vantage that must reach nothing has an address and a default route."""
        if self.plan.vantage.isolated:
            now = self.prober.now()
            for family in Family:
                if network.has_way_out(family):
                    self.proof.add(family, Attempt(now, 0.0, ()))

    def judge(self, state: _State) -> Judgement:
        return verdict.judge_denial(state.check, state.attempts, state.deciding, self.proof)

    def decide(self, state: _State, judgement: Judgement) -> None:
        before = state.result
        state.result = state.judged(judgement)
        if before is None or before.verdict is not judgement.verdict:
            self.on_result(state.result)


async def _series(
    make: Callable[[], Awaitable[Attempt | None]],
    pauses: Iterable[float],
    *,
    into: list[Attempt],
    enough: Callable[[Attempt], bool] = lambda _: False,
) -> None:
    """Make an attempt, and after each pause another one beside those still pending, until one is enough.

    Those that end are added to `into`, the one that is enough last; the others are then given up.
    """
    found = asyncio.Event()

    async def one() -> None:
        attempt = await make()
        if attempt is not None and not found.is_set():
            into.append(attempt)
            if enough(attempt):
                found.set()

    pending: list[asyncio.Task[None]] = []
    try:
        for pause in pauses:
            pending.append(asyncio.create_task(one()))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await found.wait()
                return
        await one()
        await asyncio.gather(*pending)
    finally:
        for task in pending:
            task.cancel()


def _lag(check: Check, attempts: Sequence[Attempt]) -> float | None:
    """Return when a denied target was blocked that was open at first, in seconds from the start."""
    if check.expect is not Expect.BLOCKED:
        return None
    opened = [verdict.lets_in(check, attempt) for attempt in attempts]
    shut = len(opened) - opened[::-1].index(True) if True in opened else None
    return attempts[shut].at if shut is not None and shut < len(opened) else None


def _short_timeouts(results: Sequence[Result]) -> Iterator[str]:
    """Warn where a denied target that is only slow would look blocked."""
    allowed = (result for result in results if result.check.list == "allow" and result.verdict is Verdict.PASS)
    slowest = max((result.attempts[-1].elapsed for result in allowed), default=0.0)
    least = max(1.0, 3 * slowest)
    denied = [result.check for result in results if result.check.expect is Expect.BLOCKED]
    short = [f"{check.target} ({check.timeout:g} s)" for check in denied if check.timeout < least]
    if short:
        more = f" and {len(short) - 3} more" if len(short) > 3 else ""
        yield (
            f"the timeout of {', '.join(short[:3])}{more} is below {least:.1f} s (at least 1 s, and three times the "
            "slowest answer of an allow check): a target that is only slow looks blocked"
        )
