"""The tables of outcomes and verdicts, tested with real packets.

Every cell is looked at through the installed command. All cells of a list are probed in one run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dns.rcode
import pytest

from checker.model import Outcome
from tests import netns
from tests.netns import at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.netns import Finished, World

pytestmark = pytest.mark.root

V4, V6 = netns.TARGET
ROUTES = {  # kinds of routes that lead nowhere; from a `throw` the search goes on, and finds none
    "unreachable": ("198.18.0.6", "fd18::6"),
    "prohibit": ("198.18.0.7", "fd18::7"),
    "blackhole": ("198.18.0.8", "fd18::8"),
    "throw": ("192.0.2.7", "2001:db8::7"),
}
PAYLOAD = {"payload": "ping"}

# The verdict table, written again, so that the test does not use the table that it tests.
TABLE = """
list     open       unexpected  closed        rejected      silent        unresolved    untestable
allow    pass       violation   violation     violation     violation     violation     inconclusive
deny     violation  violation   violation     pass          pass          inconclusive  inconclusive
control  pass       pass        inconclusive  inconclusive  inconclusive  inconclusive  inconclusive
"""
(_, *OUTCOMES), *ROWS = (line.split() for line in TABLE.strip().splitlines())
VERDICTS = {name: dict(zip(OUTCOMES, verdicts, strict=True)) for name, *verdicts in ROWS}
FINDINGS = {
    ("allow", "violation"): "unreachable",
    ("deny", "violation"): "leak",
    ("allow", "inconclusive"): "inconclusive",
    ("deny", "inconclusive"): "inconclusive",
}


@dataclass(frozen=True)
class Case:
    """Something that a network does to a target, and what must be seen of it."""

    id: str
    target: str
    outcome: str
    seen: str  # a pattern
    keys: Mapping[str, Any] = field(default_factory=dict)
    forward: str = ""  # a rule on the node
    local: str = ""  # a rule in the pod


def on_both(what: str, forward: str, outcome: str, seen: str, port: int) -> Iterator[Case]:
    """A rule for a TCP port that is the same for both families."""
    for address, family in ((V4, "IPv4"), (V6, "IPv6")):
        yield Case(f"{what}-{family}", f"tcp://{at(address, port)}", outcome, seen, {}, f"tcp dport {port} {forward}")


def rejects(icmp: str, kinds: Mapping[str, tuple[str, str]], address: str, first: int) -> Iterator[Case]:
    """Every ICMP error that nft can reject with, each on a port of its own."""
    for port, (kind, (outcome, seen)) in enumerate(kinds.items(), first):
        family = "ipv6" if ":" in address else "ipv4"
        rule = f"meta nfproto {family} tcp dport {port} reject with {icmp} type {kind}"
        yield Case(f"{icmp}-{kind}", f"tcp://{at(address, port)}", outcome, seen, {}, rule)


# What nft can reject with, and the words for it; who refused is the node.
ICMP = {
    "net-unreachable": ("rejected", f"refused by {netns.NODE[0]} after .* (ICMP network unreachable)"),
    "host-unreachable": ("rejected", f"refused by {netns.NODE[0]} after .* (ICMP host unreachable)"),
    "port-unreachable": ("rejected", f"refused by {netns.NODE[0]} after .* (ICMP port unreachable)"),
    "net-prohibited": ("rejected", f"refused by {netns.NODE[0]} after .* (ICMP network prohibited)"),
    "host-prohibited": ("rejected", f"refused by {netns.NODE[0]} after .* (ICMP host prohibited)"),
    "admin-prohibited": ("rejected", f"refused by {netns.NODE[0]} after .* (ICMP administratively prohibited)"),
    # its errno is in no table: the evidence names it, and the check is inconclusive
    "prot-unreachable": ("untestable", "could not try: Protocol not available (ENOPROTOOPT)"),
}
ICMP6 = {
    "no-route": ("rejected", f"refused by {netns.NODE[1]} after .* (ICMPv6 no route)"),
    "addr-unreachable": ("rejected", f"refused by {netns.NODE[1]} after .* (ICMPv6 address unreachable)"),
    "port-unreachable": ("rejected", f"refused by {netns.NODE[1]} after .* (ICMPv6 port unreachable)"),
    "admin-prohibited": ("rejected", f"refused by {netns.NODE[1]} after .* (ICMPv6 administratively prohibited)"),
    "policy-fail": ("rejected", f"refused by {netns.NODE[1]} after .* (ICMPv6 source address failed policy)"),
    "reject-route": ("rejected", f"refused by {netns.NODE[1]} after .* (ICMPv6 route rejected)"),
}


def routes() -> Iterator[Case]:
    """Routes of the pod itself that lead nowhere: nothing ever left it."""
    errors = {
        "throw": "Network is unreachable (ENETUNREACH)",
        "unreachable": "No route to host (EHOSTUNREACH)",
        "prohibit": "Permission denied (EACCES)",
        "blackhole": "Invalid argument (EINVAL)",
    }
    for kind, error in errors.items():
        for address, family in zip(ROUTES[kind], ("IPv4", "IPv6"), strict=True):
            yield Case(f"{kind}-{family}", f"tcp://{at(address, 80)}", "untestable", f"could not try: {error}")


TCP = [
    *on_both("listener", "accept", "open", "accepted after", 80),
    *on_both("closes-at-once", "accept", "open", "accepted after", 81),
    *on_both("no-listener", "accept", "closed", "reset after", 9),
    *on_both("drop", "drop", "silent", "2 SYNs unanswered in 2.. s", 1000),
    *on_both("tcp-reset", "reject with tcp reset", "closed", "reset after", 1001),
    *rejects("icmp", ICMP, V4, 1010),
    *rejects("icmpv6", ICMP6, V6, 1020),
    *routes(),
    *(
        Case(f"local-{what}-{family}", f"tcp://{at(address, port)}", outcome, seen, local=f"tcp dport {port} {what}")
        for address, own, family in ((V4, netns.POD[0], "IPv4"), (V6, netns.POD[1], "IPv6"))
        for port, what, outcome, seen in (
            (1030, "drop", "silent", "unanswered in"),
            (1031, "reject", "rejected", f"refused by {own} after .* (ICMP.* port unreachable)"),
        )
    ),
]


def udp() -> Iterator[Case]:
    """What can happen to a datagram. The evidence of a refusal names the host that refused."""
    for n, family in enumerate(("IPv4", "IPv6")):
        two, three, four, five = (("198.18.0.{}", "fd18::{}")[n].format(last) for last in (2, 3, 4, 5))
        icmp = ("icmp", "icmpv6")[n]
        yield Case(f"udp-echo-{family}", f"udp://{at(two, 5300)}", "open", "4 bytes came back after", PAYLOAD)
        reply: dict[str, Any] = PAYLOAD | {"reply": {"hex": "69 6e"}}
        yield Case(f"udp-reply-{family}", f"udp://{at(three, 5300)}", "open", "4 bytes came back after", reply)
        reply = PAYLOAD | {"reply": "pong"}
        seen = "4 bytes came back after .*, without the reply expected: b'ping'"
        yield Case(f"udp-other-reply-{family}", f"udp://{at(four, 5300)}", "unexpected", seen, reply)
        seen = "2 datagrams unanswered in"
        yield Case(f"udp-drop-{family}", f"udp://{at(five, 5302)}", "silent", seen, PAYLOAD, "udp dport 5302 drop")
        rule = f"udp dport {5303 + n} reject with {icmp} type admin-prohibited"
        seen = f"refused by {netns.NODE[n]} after .* (ICMP.* administratively prohibited)"
        yield Case(f"udp-reject-{family}", f"udp://{at(two, 5303 + n)}", "rejected", seen, PAYLOAD, rule)
        seen, rule = "refused by this machine's own firewall (EPERM)", "udp dport 5305 drop"
        yield Case(f"udp-local-drop-{family}", f"udp://{at(two, 5305)}", "rejected", seen, PAYLOAD, local=rule)
        seen = "could not try: Network is unreachable (ENETUNREACH)"
        yield Case(f"udp-no-route-{family}", f"udp://{at(ROUTES['throw'][n], 5300)}", "untestable", seen, PAYLOAD)


ZONE: dict[str, Any] = {
    "here.test": [V4, V6],
    "four.test": [V4],
    "six.test": [V6],
    "empty.test": [],
    "gone.test": dns.rcode.NXDOMAIN,
    "broken.test": dns.rcode.SERVFAIL,
    "refused.test": dns.rcode.REFUSED,
    "mute.test": None,
}
DNS = [
    *(
        Case(f"dns-{name}-{family}", f"dns://{name}.test@{at(address, 53)}", outcome, seen)
        for address, family in ((V4, "IPv4"), (V6, "IPv6"))
        for name, outcome, seen in (
            ("here", "open", "resolved after"),
            ("empty", "unexpected", "no address of that name after"),
            ("gone", "unexpected", "NXDOMAIN after"),
            ("broken", "unexpected", "SERVFAIL after"),
            ("refused", "closed", "REFUSED after"),
            ("mute", "silent", "2 datagrams unanswered in"),
        )
    ),
    Case("dns-own-server", "dns://here.test", "open", f"{V4}: resolved after"),
]
NAMES = [
    Case("name", "tcp://here.test:80", "open", "accepted after"),
    Case("name-dropped", "tcp://here.test:1000", "silent", "unanswered in"),
    Case("name-empty", "tcp://empty.test:80", "unresolved", "the name has no address"),
    Case("name-gone", "tcp://gone.test:80", "unresolved", "NXDOMAIN: there is no such name"),
    Case("name-broken", "tcp://broken.test:80", "unresolved", "the name server failed (SERVFAIL)"),
    Case("name-refused", "tcp://refused.test:80", "unresolved", "the name server refused (REFUSED)"),
    Case("name-mute", "tcp://mute.test:80", "unresolved", "no answer from the name server"),
]
CASES = [*TCP, *udp(), *DNS, *NAMES]
PROOF = [f"tcp://{at(address, 82)}" for address in netns.TARGET]


@pytest.fixture(scope="module")
def runs(module_world: World) -> Mapping[str, Finished]:
    """The three tables, each in one run."""
    world = module_world
    world.tcp(80)
    world.tcp(81, netns.close)
    world.tcp(82)
    world.udp(53, netns.answers(ZONE))
    world.udp(5300, bytes, [f"198.18.0.{n}" for n in (2, 3, 4)] + [f"fd18::{n}" for n in (2, 3, 4)])
    world.rules("tcp dport 53 drop", *{case.forward: None for case in CASES if case.forward})
    world.local(*{case.local: None for case in CASES if case.local})
    world.pod.ip("".join(f"route add {kind} {to}\n" for kind, both in ROUTES.items() for to in both))
    entries = [{"target": case.target, **case.keys} for case in CASES]
    settings: dict[str, Any] = {"defaults": {"timeout": "2s"}}
    return {
        "allow": world.check({**settings, "allow": entries}),
        "deny": world.check({**settings, "allow": PROOF, "deny": entries}),
        "control": world.check({**settings, "role": "control", "deny": entries}),
    }


def pattern(seen: str) -> str:
    """Escape the parentheses of a text that is a pattern otherwise."""
    return re.sub(r"[()]", r"\\\g<0>", seen)


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_seen_and_what_it_means(runs: Mapping[str, Finished], case: Case, name: str) -> None:
    found = runs[name].check(case.target, "allow" if name == "allow" else "deny")
    assert found["outcome"] == case.outcome, found["seen"]
    assert re.search(pattern(case.seen), found["seen"])
    verdict = VERDICTS[name][case.outcome]
    assert found["verdict"] == verdict, found["meaning"]
    assert found["finding"] == FINDINGS.get((found["list"], verdict))
    assert found["expect"] == {"allow": "reachable", "deny": "blocked", "control": "alive"}[name]


@pytest.mark.parametrize(("name", "code"), [("allow", 1), ("deny", 1), ("control", 3)])
def test_the_exit_code_is_the_worst_cell(runs: Mapping[str, Finished], name: str, code: int) -> None:
    assert runs[name].code == runs[name].report["exitCode"] == code


def test_no_cell_is_missing() -> None:
    on_the_wire = set(Outcome) - {Outcome.POSSIBLE, Outcome.IMPOSSIBLE}
    assert {case.outcome for case in CASES} == on_the_wire
    assert all(set(VERDICTS[name]) == on_the_wire for name in VERDICTS)
