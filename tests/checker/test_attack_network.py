"""Attempts at a false pass: a network that is slow, cut, this machine's own, or refuses by itself."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from checker.network import is_loopback
from tests import netns, relay
from tests.checker.command import netproof
from tests.netns import at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns import World

pytestmark = pytest.mark.root

V4, V6 = netns.TARGET
DROPPED = at(V4, 1000)
SLOWEST, SLOW = "198.19.0.2", "198.19.0.3"
SECOND = "10.77.0.9"  # of the pod
LOOP = "198.20.0.2"  # the node and the target send it to each other
NOBODY = "10.77.0.77"  # on the pod's own link
SINKHOLES = ["127.0.0.1", "0.0.0.0", "::1", "::"]


@pytest.fixture(scope="module")
def here(module_world: World) -> World:
    """Port 80 lets in, port 1000 is dropped."""
    world = module_world
    world.tcp(80)
    world.tcp(82)
    world.servers.tcp(world.pod.socket(socket.SOCK_STREAM, "::", 80))
    zone = {f"sink{n}.test": [address] for n, address in enumerate(SINKHOLES)}
    zone |= {"mapped.test": [f"::ffff:{V4}"], "many.test": [f"198.18.0.{n}" for n in range(2, 10)]}
    zone |= {"peers.test": [netns.POD[0], V4], "self.test": [netns.POD[0]]}  # as a headless Service with the pod itself
    world.udp(53, netns.answers(zone), [V4])
    world.rules("tcp dport 1000 drop")
    world.pod.ip(f"addr add {SECOND}/24 dev eth0\n")
    world.node.ip(f"route add {LOOP}/32 via {V4}\n")
    world.target.sysctl({"ipv4/ip_forward": 1})
    return world


def test_a_target_that_is_slower_than_the_timeout_does_not_pass(here: World) -> None:
    quick = {"target": at(SLOW, 80), "timeout": "100ms"}
    with relay.slow(here, {SLOWEST: 3.2, SLOW: 0.7}):
        ran = here.check({"settle": "4s", "allow": [at(V4, 80)], "deny": [at(SLOWEST, 80), quick, DROPPED]})
    assert ran.code == 3
    for target, waits in ((at(SLOWEST, 80), "3 s"), (at(SLOW, 80), "0.1 s")):
        found = ran.check(f"tcp://{target}")
        assert (found["outcome"], found["verdict"]) == ("silent", "inconclusive")
        assert f"an attempt waits {waits}: it is slow, not blocked" in found["meaning"]
    assert ran.check(f"tcp://{DROPPED}")["verdict"] == "pass"


def test_a_short_timeout_is_a_warning_in_report_and_message(here: World, tmp_path: Path) -> None:
    short, near = ({"target": at(V4, 1000), "timeout": "100ms"}, {"target": at(V6, 1000), "timeout": "1900ms"})
    config: dict[str, Any] = {"deny": [short, near], "allow": [at(V4, 80), at(V6, 80)]}
    (warning,) = here.check(config).report["warnings"]
    assert warning.startswith(f"the timeout of tcp://{at(V4, 1000)} (0.1 s) is below 1.0 s")
    with relay.slow(here, {SLOW: 0.7}):
        ran = here.check(config | {"allow": [at(SLOW, 80), at(V6, 80)]})
    (warning,) = ran.report["warnings"]
    assert f"tcp://{at(V6, 1000)} (1.9 s) is below 2." in warning
    (tmp_path / "report.json").write_text(ran.out)
    message = netproof("render", "--report", tmp_path / "report.json", "--form", "text")
    assert warning in " ".join(message.stdout.split())


def test_a_link_that_is_cut_while_denials_wait_for_a_slot_proves_none_of_them(world: World) -> None:
    seen = world.tcp(80)
    # the node then refuses each packet itself: it has no route any more
    seen.then = threading.Timer(1.5, lambda: world.node.ip("link set target down")).start
    targets = [at(V4, port) for port in range(1000, 1040)]
    world.rules("tcp dport 1000-1040 drop")
    ran = world.check({"concurrency": 10, "allow": [at(V4, 80)], "defaults": {"timeout": "1s"}, "deny": targets})
    allowed, *denied = ran.report["checks"]
    assert allowed["finding"] == "unreachable"
    assert {check["verdict"] for check in denied} == {"inconclusive"}
    assert {check["outcome"] for check in denied} == {"silent", "rejected"}


def test_denials_that_wait_for_a_slot_are_bracketed_by_answers(here: World) -> None:
    targets = [at(V4, 1000), *(at(f"198.18.0.{n}", 1000) for n in range(3, 10))]
    config = {"concurrency": 4, "allow": [at(V4, 80)], "defaults": {"timeout": "1s"}, "deny": targets}
    ran = here.check(config, wrap=("prlimit", f"--nofile={64 + 10}"))  # of 20 connections, 10 wait once more
    assert ran.code == 0
    allowed, *denied = ran.report["checks"]
    first, last = allowed["attempts"][0], allowed["attempts"][-1]
    attempts = [attempt for check in denied for attempt in check["attempts"]]
    # an attempt counts from when its packet left, not from when it began to wait
    assert max(attempt["elapsed"] for attempt in attempts) < 1.3
    assert max(attempt["at"] for attempt in attempts) > 3
    for attempt in attempts:
        assert first["at"] + first["elapsed"] <= attempt["at"]
        assert attempt["at"] + attempt["elapsed"] <= last["at"]


def test_pending_connections_take_no_file_from_the_attempts_that_decide(here: World) -> None:
    targets = [at(V4, 1000), *(at(f"198.18.0.{n}", 1000) for n in range(3, 10))]
    config = {"settle": "3s", "concurrency": 4, "allow": [at(V4, 80)], "defaults": {"timeout": "1s"}, "deny": targets}
    ran = here.check(config, wrap=("prlimit", f"--nofile={64 + 6}"))
    assert (ran.code, ran.report["summary"]["pass"]) == (0, 9)


def test_pending_connections_of_a_name_leave_sockets_for_the_attempts_that_decide(here: World) -> None:
    config = {"settle": "3s", "concurrency": 1, "allow": [at(V4, 80)], "defaults": {"timeout": "1s", "attempts": 1}}
    ran = here.check({**config, "deny": ["many.test:1000"]})
    assert (ran.code, len(ran.report["checks"][1]["attempts"][-1]["observations"])) == (0, 8)


def test_a_later_round_also_finds_a_target_that_is_slower_than_the_timeout(here: World, tmp_path: Path) -> None:
    config = {"settle": "1s", "allow": [at(V4, 80)], "deny": [at(SLOWEST, 80)]}
    rounds = ("--every", "100ms", "--inconclusive", "2", "--report", str(tmp_path / "report.json"))
    with relay.slow(here, {SLOWEST: 3.2}), here.start(config, *rounds) as process:
        timer = threading.Timer(30, process.kill)  # a round that passes would let it go on for ever
        timer.start()
        process.communicate()
        timer.cancel()
    assert process.returncode == 3
    assert "it is slow, not blocked" in (tmp_path / "report.json").read_text()


@pytest.mark.parametrize(
    ("allowed", "proven"),
    [
        (at(SECOND, 80), set()),
        (f"[::ffff:{SECOND}]:80", set()),
        (f"[::ffff:{V4}]:80", {"IPv4"}),
        ("mapped.test:80", {"IPv4"}),
    ],
)
def test_an_answer_proves_the_network_that_it_came_over(here: World, allowed: str, proven: set[str]) -> None:
    denied = {"IPv4": at(V4, 1000), "IPv6": at(V6, 1000)}
    ran = here.check({"allow": [allowed], "deny": list(denied.values()), "defaults": {"timeout": "500ms"}})
    assert ran.report["checks"][0]["verdict"] == "pass"
    passed = {family for family, target in denied.items() if ran.check(f"tcp://{target}")["verdict"] == "pass"}
    assert passed == proven


@pytest.mark.parametrize("keys", [{}, {"closed": "pass"}])
def test_a_name_that_a_name_server_blocks_shows_nothing(here: World, keys: dict[str, str]) -> None:
    # on port 80 this machine itself answers, on port 9 it refuses
    targets = [f"sink{n}.test:{port}" for n in range(len(SINKHOLES)) for port in (9, 80)]
    ran = here.check({"allow": [at(V4, 80)], "deny": [{"target": target, **keys} for target in targets]})
    assert all(map(is_loopback, SINKHOLES))
    assert ran.code == 3
    for check in ran.report["checks"][1:]:
        assert (check["outcome"], check["verdict"]) == ("unresolved", "inconclusive")
        assert "leads to this machine itself" in check["seen"]


def test_an_allowed_name_that_a_name_server_blocks_is_not_answered_by_this_machine(here: World) -> None:
    unspecified = [f"sink{n}.test:80" for n, address in enumerate(SINKHOLES) if address in ("0.0.0.0", "::")]
    ran = here.check({"allow": unspecified})
    assert {(check["outcome"], check["finding"]) for check in ran.report["checks"]} == {("unresolved", "unreachable")}


@pytest.mark.parametrize("port", [80, 81])  # the pod's own port 80 is open, its port 81 is closed
def test_a_denied_name_with_an_own_address_is_tried_at_its_others(here: World, port: int) -> None:
    here.rules(f"tcp dport {port} drop")
    ran = here.check({"allow": [at(V4, 82)], "deny": [f"peers.test:{port}", f"self.test:{port}"]})
    _, peers, alone = ran.report["checks"]
    assert (peers["verdict"], peers["outcome"]) == ("pass", "silent")
    assert {tuple(attempt["leftOut"]) for attempt in peers["attempts"]} == {(netns.POD[0],)}
    assert (alone["verdict"], alone["outcome"]) == ("inconclusive", "untestable")
    assert "leads to this machine itself" in alone["seen"]


def test_the_host_that_refused_is_named_and_a_network_failure_is_not_a_refusal(here: World) -> None:
    here.rules("tcp dport 1000 drop", "tcp dport 1001 reject with icmp type admin-prohibited")
    ran = here.check({"allow": [at(V4, 80)], "deny": [at(NOBODY, 80), at(LOOP, 80), at(V4, 1001)]})
    _, nobody, loop, refused = ran.report["checks"]
    assert (nobody["outcome"], nobody["verdict"]) == ("untestable", "inconclusive")
    assert "the next hop does not answer" in nobody["seen"]
    assert (loop["outcome"], loop["verdict"]) == ("untestable", "inconclusive")
    assert "lost in a routing loop: " in loop["seen"]
    assert (refused["outcome"], refused["verdict"]) == ("rejected", "pass")
    assert f"refused by {netns.NODE[0]}" in refused["seen"]


def test_denials_of_an_isolated_vantage_without_a_link_are_inconclusive(world: World) -> None:
    world.rules("tcp dport 1000 drop")
    config = {"isolated": True, "deny": [at(V4, 1000)]}
    assert world.check(config).code == 0
    world.node.ip("link set pod down")
    found = world.check(config).check(f"tcp://{at(V4, 1000)}")
    assert found["verdict"] == "inconclusive"
    assert "the next hop does not answer" in found["seen"]
