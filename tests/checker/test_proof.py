"""The notes of the verdict table: a denial passes only with a proven network."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import netns
from tests.netns import at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns import World

pytestmark = pytest.mark.root

V4, V6 = netns.TARGET
QUICK: dict[str, Any] = {"defaults": {"timeout": "500ms"}}
DROPPED = {family: f"tcp://{at(address, 1000)}" for family, address in (("IPv4", V4), ("IPv6", V6))}


@pytest.fixture(scope="module")
def here(module_world: World) -> World:
    """Port 80 lets in, port 1000 is dropped; the pod's own port 80 lets in, too."""
    world = module_world
    world.tcp(80)
    world.tcp(81, netns.http(503))
    own = world.pod.socket(socket.SOCK_STREAM, "::", 80)
    world.servers.tcp(own)
    world.udp(53, netns.answers({"both.test": [V4, V6], "half.test": ["198.18.0.3", V4], "six.test": [V6]}))
    world.udp(5301, lambda _: None)
    world.rules("tcp dport { 1000, 1001 } drop", "ip daddr 198.18.0.3 tcp dport 80 drop")
    return world


@pytest.mark.parametrize("family", DROPPED)
def test_an_answer_proves_only_its_own_address_family(here: World, family: str) -> None:
    allowed = at({"IPv4": V4, "IPv6": V6}[family], 80)
    ran = here.check({**QUICK, "allow": [allowed], "deny": list(DROPPED.values())})
    assert ran.code == 3
    for denied, target in DROPPED.items():
        found = ran.check(target)
        assert found["verdict"] == ("pass" if denied == family else "inconclusive")
        if denied != family:
            assert f"a working {denied} network" in found["meaning"]


@pytest.mark.parametrize("allowed", [at("127.0.0.1", 80), at("127.0.0.2", 80), at(netns.POD[0], 80)])
def test_an_answer_from_this_machine_proves_nothing(here: World, allowed: str) -> None:
    ran = here.check({**QUICK, "allow": [allowed], "deny": [DROPPED["IPv4"]]})
    assert (ran.code, ran.report["summary"]["pass"]) == (3, 1)
    assert ran.check(DROPPED["IPv4"])["finding"] == "inconclusive"


@pytest.mark.parametrize(
    ("allowed", "verdict"),
    [
        (at(V4, 9), "inconclusive"),  # a reset may come from a firewall
        (at(V4, 1000), "inconclusive"),
        ("tcp://none.test:80", "inconclusive"),
        (f"http://{at(V4, 81)}", "pass"),  # not the answer that the check wants, but an answer
    ],
)
def test_an_allow_check_that_fails_proves_only_by_an_answer(here: World, allowed: str, verdict: str) -> None:
    denied = f"tcp://{at(V4, 1001)}"
    ran = here.check(
        {"allow": [{"target": allowed, "timeout": "1s"}], "deny": [{"target": denied, "timeout": "300ms"}]}
    )
    assert ran.code == 1  # unreachable
    assert ran.check(denied)["verdict"] == verdict


def test_an_allow_check_that_failed_does_not_pass_when_the_network_is_proven_again(here: World) -> None:
    came: list[float] = []
    answers: list[int] = []

    async def recovers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(time.monotonic())
        status = 503 if came[-1] - came[0] < 0.7 else 200  # the denials between take longer
        await reader.readuntil(b"\r\n\r\n")
        answers.append(status)
        writer.write(b"HTTP/1.1 %d Status\r\ncontent-length: 0\r\n\r\n" % status)
        await writer.drain()

    here.tcp(82, recovers)
    allowed = f"http://{at(V4, 82)}"
    ran = here.check({**QUICK, "allow": [allowed], "deny": [DROPPED["IPv4"]]})
    assert answers == [503, 200]
    assert (ran.code, ran.check(allowed)["finding"]) == (1, "unreachable")


def test_an_isolated_vantage_needs_an_address_and_a_default_route(here: World, tmp_path: Path) -> None:
    config = {**QUICK, "isolated": True, "deny": list(DROPPED.values())}
    assert here.check(config).code == 0
    with netns.world(tmp_path, default=False) as lost:
        lost.pod.ip("route add 198.18.0.0/24 via 10.77.0.1\nroute add fd18::/64 via fd77::1\n")
        lost.rules("tcp dport 1000 drop")
        ran = lost.check(config)
    assert ran.code == 3
    assert {check["outcome"] for check in ran.report["checks"]} == {"silent"}
    assert ran.report["summary"]["inconclusive"] == 2


def test_an_isolated_vantage_needs_its_default_route_when_its_denials_are_decided(tmp_path: Path) -> None:
    asked = threading.Event()
    with netns.world(tmp_path, default=False) as late:
        late.pod.ip("route add 198.18.0.0/24 via 10.77.0.1\n")
        late.rules("tcp dport 1000 drop")
        late.udp(5301, lambda _: asked.set())
        udp = {"target": f"udp://{at(V4, 5301)}", "payload": "x"}
        with late.start({**QUICK, "settle": "2s", "isolated": True, "deny": [udp, DROPPED["IPv4"]]}) as run:
            assert asked.wait(30)  # the run has begun
            late.pod.ip("route add default via 10.77.0.1\n")
            run.communicate(timeout=60)
    assert run.returncode == 0


@pytest.mark.parametrize(("settle", "attempts"), [("0s", 5), ("0s", 1), ("4s", 5)])
def test_an_isolated_vantage_whose_next_hop_does_not_answer_proves_nothing(
    tmp_path: Path, settle: str, attempts: int
) -> None:
    # many targets: of the packets that wait for the next hop, the kernel drops some without an error
    targets = [at(address, port) for address in netns.TARGET for port in range(1000, 1150)]
    with netns.world(tmp_path) as cut:
        cut.pod.ip("route replace default via 10.77.0.77\nroute replace default via fd77::77\n")
        defaults = {"timeout": "500ms", "attempts": attempts}
        ran = cut.check({"settle": settle, "isolated": True, "deny": targets, "defaults": defaults})
    assert (ran.code, ran.report["summary"]["inconclusive"]) == (3, len(targets))
    assert "untestable" in {check["outcome"] for check in ran.report["checks"]}


def test_an_isolated_vantage_that_reaches_something_is_a_leak(here: World) -> None:
    ran = here.check({**QUICK, "isolated": True, "deny": [at(V4, 80), DROPPED["IPv4"]]})
    assert (ran.code, ran.report["summary"]["leaks"]) == (1, 1)


def test_a_pod_without_a_network_proves_nothing(tmp_path: Path) -> None:
    with netns.world(tmp_path, pod=()) as bare:
        ran = bare.check({**QUICK, "allow": [at(V4, 80)], "deny": list(DROPPED.values())})
        assert (ran.code, ran.report["summary"]["inconclusive"]) == (3, 3)
        assert bare.check({**QUICK, "isolated": True, "deny": list(DROPPED.values())}).code == 3


def test_a_reset_is_a_leak_whose_text_names_the_setting(here: World) -> None:
    target = f"tcp://{at(V4, 9)}"
    found = here.check({"allow": [at(V4, 80)], "deny": [target]}).check(target)
    assert found["finding"] == "leak"
    assert "set `closed: pass`" in found["meaning"]


@pytest.mark.parametrize("level", ["check", "defaults"])
def test_closed_pass_is_a_setting_of_a_check_and_of_the_defaults(here: World, level: str) -> None:
    target = at(V4, 9)
    closed = {"closed": "pass"}
    config = {"deny": [target], "defaults": closed} if level == "defaults" else {"deny": [{"target": target, **closed}]}
    ran = here.check({"allow": [at(V4, 80)], **config})
    assert (ran.code, ran.check(f"tcp://{target}")["outcome"]) == (0, "closed")


def test_a_check_overrides_the_defaults(here: World) -> None:
    denied = {"target": at(V4, 9), "closed": "violation"}
    assert here.check({"allow": [at(V4, 80)], "deny": [denied], "defaults": {"closed": "pass"}}).code == 1


@pytest.mark.parametrize("address", netns.TARGET)
@pytest.mark.parametrize(
    ("port", "keys", "outcome", "verdict"),
    [
        (5301, {}, "silent", "inconclusive"),  # without a payload, no server answers
        (5301, {"closed": "pass"}, "silent", "inconclusive"),
        (5301, {"payload": "ping"}, "silent", "pass"),
        (9, {"payload": "ping"}, "rejected", "inconclusive"),  # no listener; or a node, for a Service
        (9, {}, "rejected", "inconclusive"),
        (9, {"payload": "ping", "closed": "pass"}, "rejected", "pass"),
    ],
)
def test_silence_of_udp_needs_a_payload(
    here: World, address: str, port: int, keys: dict[str, str], outcome: str, verdict: str
) -> None:
    target = f"udp://{at(address, port)}"
    ran = here.check({**QUICK, "allow": [at(address, 80)], "deny": [{"target": target, **keys}]})
    found = ran.check(target)
    assert (found["outcome"], found["verdict"]) == (outcome, verdict), found["meaning"]
    assert ran.code == (0 if verdict == "pass" else 3)


def test_icmp_errors_of_a_host_that_sends_one_a_second_are_all_received(tmp_path: Path) -> None:
    ports = range(1000, 1012)
    with netns.world(tmp_path, icmp_limits=True) as world:
        world.tcp(80)
        denied = [{"target": f"udp://{at(V4, port)}", "payload": "ping", "attempts": 1} for port in ports]
        ran = world.check({"allow": [at(V4, 80)], "deny": denied})
    assert [check["outcome"] for check in ran.report["checks"]] == ["open", *["rejected"] * len(ports)]
    assert ran.report["summary"]["inconclusive"] == len(ports)


def test_a_denied_https_target_is_judged_by_its_tcp_connection(here: World) -> None:
    denied = [f"https://{at(V4, 80)}", f"http://{at(V4, 81)}", f"https://{at(V4, 1000)}"]
    ran = here.check({**QUICK, "allow": [at(V4, 80)], "deny": denied})
    assert [check["finding"] for check in ran.report["checks"][1:]] == ["leak", "leak", None]


def test_a_denied_name_is_judged_by_its_worst_address(here: World) -> None:
    found = here.check({**QUICK, "allow": [at(V4, 80)], "deny": ["half.test:80"]}).check("tcp://half.test:80")
    assert (found["finding"], found["address"]) == ("leak", V4)
    assert found["seen"].startswith(f"{V4}: accepted after")
    assert {each["outcome"] for each in found["attempts"][-1]["observations"]} == {"open", "silent"}


@pytest.mark.parametrize(("every", "verdict", "address"), [(False, "pass", V4), (True, "violation", "198.18.0.3")])
def test_an_allowed_name_is_judged_by_its_best_address_unless_every(
    here: World,
    every: bool,
    verdict: str,
    address: str,
) -> None:
    ran = here.check({**QUICK, "allow": [{"target": "half.test:80", "every": every}]})
    found = ran.check("tcp://half.test:80")
    assert (found["verdict"], found["address"]) == (verdict, address)


def test_both_families_of_a_name_are_tried_and_reported(here: World) -> None:
    ran = here.check({"allow": [at(V4, 80)], "deny": ["both.test:80"]})
    seen = ran.check("tcp://both.test:80")["attempts"][0]["observations"]
    assert {(each["family"], each["address"]) for each in seen} == {("IPv4", V4), ("IPv6", V6)}


def test_addresses_of_a_family_that_this_machine_lacks_are_reported_as_left_out(tmp_path: Path) -> None:
    with netns.world(tmp_path, pod=netns.POD[:1]) as world:
        world.tcp(80)
        world.udp(53, netns.answers({"both.test": [V4, V6], "six.test": [V6]}), [V4])
        world.rules("tcp dport 1000 drop")
        ran = world.check({**QUICK, "allow": ["both.test:80"], "deny": ["both.test:1000", "six.test:80"]})
    assert ran.check("tcp://both.test:80")["verdict"] == "pass"
    denied = ran.check("tcp://both.test:1000")
    assert denied["verdict"] == "pass"
    assert denied["attempts"][-1]["leftOut"] == [V6]
    nothing = ran.check("tcp://six.test:80")
    assert (nothing["outcome"], nothing["verdict"]) == ("untestable", "inconclusive")
    assert "no IPv6 address" in nothing["seen"]


def test_a_target_with_control_false_need_not_be_up_for_a_control(here: World) -> None:
    nobody = {"target": DROPPED["IPv4"], "control": False, "timeout": "300ms"}
    ran = here.check({"role": "control", "allow": [at(V4, 80)], "deny": [at(V6, 80), nobody]})
    assert ran.code == 0
    assert ran.report["vantage"]["role"] == "control"
    assert [check["expect"] for check in ran.report["checks"]] == ["reachable", "alive", "blocked"]


def test_the_text_of_a_denial_says_that_it_is_not_proven(here: World) -> None:
    config = {**QUICK, "allow": [at(V4, 80), at(V6, 80)], "deny": list(DROPPED.values())}
    ran = here.check(config)
    assert ran.code == 0
    for target in DROPPED.values():
        assert ran.check(target)["meaning"].endswith("Only a control or another vantage can show whether it is up.")
