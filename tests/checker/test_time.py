"""Rules that change while a run is under way, as they do while a pod starts.

What changes the rules is what the servers see: the clock of a test starts with the first packet of the run.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import dns.rcode
import pytest

from tests import netns
from tests.netns import at

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.netns import Seen, World

pytestmark = pytest.mark.root

V4, OTHER = netns.TARGET[0], "198.18.0.3"
ALLOWED, DENIED = at(V4, 80), at(V4, 81)
SETTLE = 6
CONFIG: dict[str, Any] = {"settle": f"{SETTLE}s", "allow": [ALLOWED], "deny": [DENIED]}
SHUT = "tcp dport 81 drop"


def after(seconds: float, work: Callable[[], object]) -> Callable[[], None]:
    """Do this so long after the first packet was seen."""
    return threading.Timer(seconds, work).start


def first_name(world: World, zone: Callable[[float], Any], then: Callable[[], None] | None = None) -> Seen:
    """A name server at the target, whose only answer for every name depends on the time since the first question."""

    def reply(wire: bytes) -> bytes | None:
        now = zone(time.monotonic() - seen.events[0][0])
        return netns.answers(dict.fromkeys(("api.test", "db.test"), now))(wire)

    (seen,) = world.udp(53, reply, [V4])
    seen.then = then
    return seen


def test_a_target_that_is_open_at_first_and_blocked_in_time_passes_with_the_lag(world: World) -> None:
    world.tcp(80).then = after(2, lambda: world.rules(SHUT))
    world.tcp(81)
    ran = world.check(CONFIG)
    denied = ran.check(f"tcp://{DENIED}")
    assert ran.code == 0
    assert denied["verdict"] == "pass"
    assert 1.5 <= denied["lag"] <= 3.9
    outcomes = [attempt["observations"][0]["outcome"] for attempt in denied["attempts"]]
    assert outcomes[0] == "open"
    assert outcomes[-1] == "silent"
    assert denied["attempts"][-1]["at"] >= SETTLE  # of which the allow check had passed at once


@pytest.mark.parametrize("shut", ["drop", "reject with icmp type admin-prohibited", "reject with tcp reset"])
def test_an_allowed_target_that_is_blocked_at_first_passes(world: World, shut: str) -> None:
    world.tcp(80)
    world.rules(f"tcp dport 80 {shut}", SHUT)
    first_name(world, lambda _: [V4], after(2, lambda: world.rules(SHUT)))
    ran = world.check(CONFIG | {"allow": ["api.test:80"]})
    assert ran.code == 0
    allowed, denied = ran.report["checks"]
    assert allowed["verdict"] == denied["verdict"] == "pass"
    passed = next(attempt for attempt in allowed["attempts"] if attempt["observations"][0]["outcome"] == "open")
    assert 1.5 <= passed["at"] + passed["elapsed"] <= SETTLE
    assert denied["attempts"][-1]["at"] >= 1.5 + SETTLE  # the window begins with the first check that passed
    assert denied["lag"] is None


def test_the_settle_window_does_not_begin_with_an_answer_of_this_machine(world: World) -> None:
    world.servers.tcp(world.pod.socket(socket.SOCK_STREAM, "::", 80)).then = after(4.5, world.rules)
    world.tcp(80).then = after(2, lambda: world.rules(SHUT))
    world.tcp(81)
    world.rules("tcp dport { 80, 81 } drop")  # for the first 4.5 s there is no network, and for the next 2 s no policy
    ran = world.check(CONFIG | {"allow": [at(netns.POD[0], 80), ALLOWED]})
    assert (ran.code, ran.check(f"tcp://{DENIED}")["verdict"]) == (0, "pass")


@pytest.mark.parametrize("shut", ["drop", "reject with icmp type port-unreachable", "reject with tcp reset"])
def test_a_denied_target_that_refuses_at_first_and_then_accepts_is_a_leak(world: World, shut: str) -> None:
    world.tcp(80).then = after(2, world.rules)
    world.tcp(81)
    world.rules(f"tcp dport 81 {shut}")
    ran = world.check(CONFIG)
    denied = ran.check(f"tcp://{DENIED}")
    assert (ran.code, denied["finding"], denied["outcome"], denied["lag"]) == (1, "leak", "open", None)
    assert denied["attempts"][0]["observations"][0]["outcome"] != "open"


def test_a_target_that_stays_open_is_a_leak(world: World) -> None:
    world.tcp(80)
    world.tcp(81)
    ran = world.check(CONFIG)
    denied = ran.check(f"tcp://{DENIED}")
    assert (ran.code, denied["finding"], denied["lag"]) == (1, "leak", None)
    assert len(denied["attempts"]) >= SETTLE + 5  # one a second, and those that decide


def test_no_denial_passes_if_no_allow_check_passes(world: World) -> None:
    world.tcp(81)
    world.rules("tcp dport { 80, 82 } drop")
    ran = world.check(CONFIG | {"settle": "2s", "deny": [DENIED, at(V4, 82)], "defaults": {"timeout": "1s"}})
    allowed, leak, dropped = ran.report["checks"]
    assert (ran.code, allowed["finding"], leak["finding"], dropped["finding"]) == (
        1, "unreachable", "leak", "inconclusive")  # fmt: skip
    assert dropped["attempts"][-1]["at"] >= 2


def test_no_denial_passes_if_the_network_is_proven_after_the_window(world: World) -> None:
    world.tcp(80)
    world.rules("tcp dport 80 drop", SHUT)
    # the last attempt within the window is still pending when the rule goes, and the kernel sends its SYN once more
    first_name(world, lambda _: [V4], after(SETTLE + 0.3, lambda: world.rules(SHUT)))
    ran = world.check(CONFIG | {"allow": ["api.test:80"]})
    allowed, denied = ran.report["checks"]
    assert allowed["verdict"] == "pass"
    assert (ran.code, denied["finding"], denied["outcome"]) == (3, "inconclusive", "silent")
    assert "Nothing showed that this machine had a working IPv4 network" in denied["meaning"]


def test_no_denial_passes_if_the_network_fails_after_the_first_moments(world: World) -> None:
    world.tcp(80).then = after(1.5, lambda: world.rules("tcp dport { 80, 81 } drop"))
    world.tcp(81)
    ran = world.check(CONFIG)
    allowed, denied = ran.report["checks"]
    assert (ran.code, allowed["finding"], denied["finding"]) == (1, "unreachable", "inconclusive")
    assert denied["outcome"] == "silent"
    assert "Nothing showed that this machine had a working IPv4 network" in denied["meaning"]
    assert allowed["attempts"][0]["observations"][0]["outcome"] == "open"
    assert allowed["attempts"][-1]["at"] >= SETTLE  # it was not reached any more when it was tried again
    assert allowed["lag"] is None
    assert ran.err.count(f"tcp://{ALLOWED}") == 2  # it passed, and then it did not


def test_allow_checks_are_repeated_only_if_there_are_denials(world: World) -> None:
    world.tcp(80)
    world.rules(SHUT)
    assert [attempt["at"] >= SETTLE for attempt in world.check(CONFIG).check(f"tcp://{ALLOWED}")["attempts"]] == [
        False, True]  # fmt: skip
    assert len(world.check(CONFIG | {"deny": []}).check(f"tcp://{ALLOWED}")["attempts"]) == 1


def test_a_name_that_resolves_in_time_passes(world: World) -> None:
    world.tcp(80)
    first_name(world, lambda now: [V4] if now > 1.5 else dns.rcode.NXDOMAIN)
    ran = world.check(CONFIG | {"allow": ["api.test:80"], "deny": []})
    allowed = ran.check("tcp://api.test:80")
    assert ran.code == 0
    assert allowed["attempts"][0]["observations"][0]["outcome"] == "unresolved"


@pytest.mark.parametrize(
    ("back", "finding", "outcome"),
    [
        (SETTLE + 0.5, "leak", "open"),  # the attempt at SETTLE finds no address, the next one does
        (SETTLE + 60, "inconclusive", "unresolved"),
    ],
)
def test_a_name_without_an_address_is_resolved_again_before_the_verdict(
    world: World, back: float, finding: str, outcome: str
) -> None:
    world.tcp(80)
    world.tcp(81)
    first_name(world, lambda now: [V4] if now > back else dns.rcode.SERVFAIL)
    ran = world.check(CONFIG | {"deny": ["db.test:81"]})
    denied = ran.check("tcp://db.test:81")
    assert (denied["finding"], denied["outcome"]) == (finding, outcome)
    decides = [attempt for attempt in denied["attempts"] if attempt["at"] >= SETTLE]
    assert decides[0]["observations"][0]["outcome"] == "unresolved"
    if outcome == "unresolved":
        assert 15 <= len(decides) <= 16  # three times five, and the connection that is kept pending


def test_an_untestable_target_is_tried_again_before_the_verdict(world: World) -> None:
    world.tcp(80).then = after(SETTLE + 0.5, lambda: world.pod.ip(f"route del unreachable {OTHER}"))
    world.tcp(81)
    world.pod.ip(f"route add unreachable {OTHER}")
    ran = world.check(CONFIG | {"deny": [at(OTHER, 81)]})
    assert ran.code == 1
    decides = [attempt for attempt in ran.report["checks"][1]["attempts"] if attempt["at"] >= SETTLE]
    outcomes = [attempt["observations"][0]["outcome"] for attempt in decides]
    assert (outcomes[0], outcomes[-1]) == ("untestable", "open")


def test_settle_0_tries_each_check_once(world: World) -> None:
    world.tcp(80)
    world.rules(SHUT)
    world.udp(53, netns.answers({"none.test": dns.rcode.NXDOMAIN}), [V4])
    ran = world.check(CONFIG | {"settle": 0, "deny": [DENIED, "none.test:81"], "defaults": {"timeout": "1s"}})
    # what must be reached is tried once before the denials and once after them
    assert [len(check["attempts"]) for check in ran.report["checks"]] == [2, 5, 5]
    assert [check["verdict"] for check in ran.report["checks"]] == ["pass", "pass", "inconclusive"]


def test_a_lost_syn_is_sent_again_before_a_target_is_silent(world: World) -> None:
    world.tcp(80)
    world.tcp(81)
    # the first SYN of each connection is lost: an attempt must wait for the kernel's second one
    world.node.nft("table inet lossy {\nset seen { type inet_service . inet_service; flags dynamic; timeout 1m; }\n"
                   "chain rules { type filter hook forward priority 0;\n"
                   "tcp flags & (syn|ack) == syn tcp sport . tcp dport @seen accept\n"
                   "tcp flags & (syn|ack) == syn add @seen { tcp sport . tcp dport } drop\n}\n}")  # fmt: skip
    ran = world.check(CONFIG | {"settle": 0})
    assert [check["outcome"] for check in ran.report["checks"]] == ["open", "open"]
    assert ran.code == 1


def test_a_silent_allow_check_does_not_wait_for_the_kernel(world: World) -> None:
    world.tcp(80)
    world.rules("tcp dport 80 drop")
    first_name(world, lambda _: [V4], after(0.1, world.rules))
    ran = world.check(CONFIG | {"allow": ["api.test:80"], "deny": []})
    (allowed,) = ran.report["checks"]
    assert ran.code == 0
    # a fresh attempt starts beside the pending one: it is in before the SYN that the kernel sends again after 1 s
    assert allowed["attempts"][-1]["at"] > 0.1
