"""The values that all of the checker shares: frozen, and without any I/O.

Check and Plan say what to probe. Observation, Attempt, Result and Run are the results.
All durations and offsets are seconds; offsets count from the start of the run.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from checker.target import Target


class Outcome(StrEnum):
    """What an attempt saw, on the wire or in this container. It does not say whether that is right."""

    OPEN = "open"
    UNEXPECTED = "unexpected"
    CLOSED = "closed"
    REJECTED = "rejected"
    SILENT = "silent"
    UNRESOLVED = "unresolved"
    UNTESTABLE = "untestable"
    POSSIBLE = "possible"  # a sandbox check or a command: in this container
    IMPOSSIBLE = "impossible"


class Verdict(StrEnum):
    """Whether a check passes: that depends on the outcome, the list and the proof of the network."""

    PASS = "pass"  # noqa: S105 - a verdict, no password. The worst is last
    INCONCLUSIVE = "inconclusive"
    VIOLATION = "violation"


EXIT_CODES = {Verdict.PASS: 0, Verdict.VIOLATION: 1, Verdict.INCONCLUSIVE: 3}
MISCONFIGURED = 2
UNDELIVERED = 4  # all checks passed, but a message that was due was not delivered
FAILED = 70  # EX_SOFTWARE of sysexits.h(3head)
INTERRUPTED = {"SIGINT": 130, "SIGTERM": 143}


class Expect(StrEnum):
    """What a check asks for: the allow list, the deny list, and a control's deny list."""

    REACHABLE = "reachable"
    BLOCKED = "blocked"
    ALIVE = "alive"


class Finding(StrEnum):
    """What is reported to people."""

    LEAK = "leak"
    UNREACHABLE = "unreachable"
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def of(cls, expect: Expect, verdict: Verdict) -> "Finding | None":
        """Name what a verdict is for a check that asks for this."""
        if verdict is Verdict.VIOLATION:
            return cls.LEAK if expect is Expect.BLOCKED else cls.UNREACHABLE
        return cls.INCONCLUSIVE if verdict is Verdict.INCONCLUSIVE else None


class Family(StrEnum):
    """An address family, by the name people use."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


@dataclass(frozen=True, slots=True)
class Probe(ABC):
    """How targets of one kind are tried. Each kind is a subclass, whose fields are the settings of a check."""

    # Without annotations: these belong to a kind. A kind that has `proxy` as a field makes it a setting of each check.
    datagrams = False  # hosts limit the rate of ICMP errors, so denied checks of one host run one after the other
    proxy = False  # a proxy connects to the target, and resolves its name, too
    own = False  # it is about this container only: it needs no network, and no control can check it

    def mistake(self, check: "Check") -> tuple[str, str] | None:  # noqa: ARG002 - most kinds accept all settings
        """Find a mistake: the key that has it (or ""), and what is wrong."""
        return None

    @abstractmethod
    def attempt(self, check: "Check", address: str) -> "Awaitable[Observation]":
        """Try once, within check.timeout. `address` is literal, but for a proxy it is the host itself."""


@dataclass(frozen=True, slots=True)
class Check:
    """One target on one list, with its settings and the reason it is there."""

    expect: Expect
    target: Target
    probe: Probe  # with its settings
    where: str = ""  # where it is configured: "deny.lst:3", "netproof.yaml:7"
    name: str | None = None
    because: str | None = None
    controls: tuple[str, ...] = ()  # the requirements that it is evidence for: "PCI DSS 11.4.5"
    timeout: float = 3.0  # of one attempt
    attempts: int = 5  # fresh connections that decide a denial
    closed: Literal["violation", "pass"] = "violation"  # what a refusal by a denied peer is
    every: bool = False  # an allow check passes only if every address of the name does
    control: bool = True  # false: no pod may reach it, so no run can show that it is up

    @property
    def list(self) -> Literal["allow", "deny"]:
        """The list that the check stands on."""
        return "allow" if self.expect is Expect.REACHABLE else "deny"


@dataclass(frozen=True, slots=True)
class Vantage:
    """Where a run probes from."""

    name: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    node: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    role: Literal["vantage", "control"] = "vantage"  # a control checks that denied targets are up
    isolated: bool = False  # it must reach nothing

    @property
    def control(self) -> bool:
        """Whether it is a control."""
        return self.role == "control"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run needs to know before it starts."""

    checks: tuple[Check, ...]
    vantage: Vantage = Vantage()
    settle: float = 10.0
    settled: bool = False  # an earlier run of the same process has waited for the policies already
    concurrency: int = 500
    deadline: float | None = None
    notify: Mapping[str, Any] = field(default_factory=dict)  # belongs to the notifications; the report repeats it
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What one address showed in one attempt; without an address where the name gave none."""

    outcome: Outcome
    seen: str  # the evidence in words, without the address
    address: str | None = None
    family: Family | None = None
    port_unreachable: bool = False  # ICMP port unreachable: a node sends it for a Service, too
    asked: bool = True  # false: nothing was sent that a target would answer


@dataclass(frozen=True, slots=True)
class Attempt:
    """One fresh try at one check: an observation for each address, and what was left out."""

    at: float
    elapsed: float
    observations: tuple[Observation, ...]
    left_out: tuple[str, ...] = ()  # addresses of a family that this machine lacks, and its own on the deny list

    @property
    def ended(self) -> float:
        """When it ended. Rounded as the times are: else a sum may be later than an attempt that began after it."""
        return round(self.at + self.elapsed, 4)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check: the verdict, what it means in plain words, and the observation that decided."""

    check: Check
    verdict: Verdict
    meaning: str
    observation: Observation | None = None
    attempts: tuple[Attempt, ...] = ()  # all of them, in the order in which they ended

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that decided; none where the run was stopped before."""
        return self.observation.outcome if self.observation else None

    @property
    def finding(self) -> Finding | None:
        """What is wrong; none where the check passes."""
        return Finding.of(self.check.expect, self.verdict)

    @property
    def seen(self) -> str:
        """The evidence that decided, with its address where the target does not name it."""
        if self.observation is None:
            return ""
        named = self.observation.address in (None, self.check.target.host)
        return self.observation.seen if named else f"{self.observation.address}: {self.observation.seen}"


@dataclass(frozen=True, slots=True)
class Run:
    """All checks from one vantage, once."""

    plan: Plan
    started: float  # seconds since the epoch
    duration: float
    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()
    stopped: str | None = None  # "deadline", "SIGTERM", "SIGINT"
    error: str | None = None  # a failure of the checker itself; the results before it are valid

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all checks. It is a pass only if the run is complete."""
        whole = self.results and not (self.stopped or self.error)
        least = Verdict.PASS if whole else Verdict.INCONCLUSIVE
        return max((least, *(result.verdict for result in self.results)), key=list(Verdict).index)

    @property
    def exit_code(self) -> int:
        """The exit code of the process: first a violation counts, then what stopped the run."""
        stopped = FAILED if self.error else INTERRUPTED.get(self.stopped or "")
        return stopped if stopped and self.verdict is not Verdict.VIOLATION else EXIT_CODES[self.verdict]

    @property
    def summary(self) -> dict[str, int]:
        """How many checks there were, by verdict and finding, in the words of the report."""
        verdicts = Counter(result.verdict for result in self.results)
        findings = Counter(result.finding for result in self.results)
        return {
            "checks": len(self.results),
            **{verdict.value: verdicts[verdict] for verdict in Verdict},
            "leaks": findings[Finding.LEAK],
            "unreachable": findings[Finding.UNREACHABLE],
        }
