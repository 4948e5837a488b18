"""Attempts at a false pass: load balancers and links that let some connections in.

What a packet meets is drawn by nftables (`numgen random`), so the tests bound a rate. Each bound is the exact binomial
one that luck exceeds at most once in a million runs.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

import pytest

from tests import netns
from tests.netns import at

if TYPE_CHECKING:
    from tests.netns import Finished, World

pytestmark = pytest.mark.root

V4, OTHER = netns.TARGET[0], "198.18.0.3"
SERVICE = "198.18.1.1"  # belongs to nobody: the node forwards it, as kube-proxy does
EACH = 200  # targets of each kind
LUCK = 1e-6

# One address and port range a kind; a dropped SYN of a load balancer meets the same backend when it is sent again.
HALF, TENTH, LOSS_30, LOSS_60 = 10_000, 11_000, 12_000, 13_000
RULES = f"""
table ip attack {{
chain loss {{
  type filter hook prerouting priority -300
  ip daddr {SERVICE} tcp dport {LOSS_30}-{LOSS_30 + EACH} tcp flags syn numgen random mod 100 < 30 drop
  ip daddr {SERVICE} tcp dport {LOSS_60}-{LOSS_60 + EACH} tcp flags syn numgen random mod 100 < 60 drop
}}
chain balance {{
  type nat hook prerouting priority -100
  ip daddr {SERVICE} tcp dport {HALF}-{HALF + EACH} dnat to numgen random mod 2 map {{ 0: {V4}, 1: {OTHER} }}
  ip daddr {SERVICE} tcp dport {TENTH}-{TENTH + EACH} dnat to numgen random mod 10 map {{ 0: {V4}, 1-9: {OTHER} }}
  ip daddr {SERVICE} dnat to {V4}
}}
}}
"""


def most(chance: float) -> int:
    """The largest count, of EACH tries with this chance, that luck exceeds at most once in a million runs."""
    above = 1.0
    for count in range(EACH):
        above -= comb(EACH, count) * chance**count * (1 - chance) ** (EACH - count)
        if above <= LUCK:
            return count
    return EACH


@pytest.fixture(scope="module")
def uneven(module_world: World) -> World:
    """A service whose ports lead to backends of which some are blocked, or along a path that loses packets."""
    module_world.tcp(80)
    module_world.node.nft(RULES)
    module_world.target.nft(
        "table ip attack {\n"
        f"chain blocked {{ type filter hook prerouting priority -300; ip daddr {OTHER} drop; }}\n"
        f"chain ports {{ type nat hook prerouting priority -100; tcp dport {HALF}-20000 redirect to :80; }}\n}}"
    )
    return module_world


@pytest.fixture(scope="module")
def looked_once(uneven: World) -> Finished:
    """All kinds in one run that decides at once."""
    targets = [at(SERVICE, port + n) for port in (HALF, TENTH, LOSS_30, LOSS_60) for n in range(EACH)]
    return uneven.check({"allow": [at(V4, 80)], "deny": targets})


def checks(ran: Finished, first: int) -> list[Any]:
    """The checks of one kind."""
    found = [each for each in ran.report["checks"] if first <= int(each["target"].rpartition(":")[2]) < first + EACH]
    assert len(found) == EACH
    return found


def count(ran: Finished, first: int, verdict: str) -> int:
    """How many targets of a kind have this verdict."""
    return sum(each["verdict"] == verdict for each in checks(ran, first))


@pytest.mark.parametrize(
    ("first", "missed"),
    [
        (HALF, 0.5**5),  # 6.25 expected, at most 21
        (TENTH, 0.9**5),  # 118 expected, at most 150: five attempts cannot do better
        (LOSS_30, 0.3**10),  # two SYNs at least in each of five attempts: none expected, at most 1
        (LOSS_60, 0.6**10),  # 1.2 expected, at most 9
    ],
)
def test_one_open_attempt_of_five_is_a_leak(looked_once: Finished, first: int, missed: float) -> None:
    assert looked_once.code == 1
    assert count(looked_once, first, "inconclusive") == 0
    assert count(looked_once, first, "pass") <= most(missed)
    for each in checks(looked_once, first):
        outcomes = [observation["outcome"] for a in each["attempts"] for observation in a["observations"]]
        assert len(outcomes) == 5
        assert (each["verdict"] == "violation") == ("open" in outcomes)
        if each["verdict"] == "violation":
            assert each["seen"].endswith(f"({outcomes.count('open')} of 5 attempts)")


def test_the_attempts_are_connections_of_their_own(looked_once: Finished) -> None:
    # with one of ten backends open, exactly one attempt of five is let in at a third of all targets
    seen = [each["seen"] for each in checks(looked_once, TENTH)]
    assert sum(text.endswith("(1 of 5 attempts)") for text in seen) >= EACH - most(1 - 5 * 0.1 * 0.9**4)
