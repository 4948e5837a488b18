"""Names are resolved at real name servers: queries, faults, and the time limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from tests import netns
from tests.netns import at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.netns import World

pytestmark = pytest.mark.root

V4, V6 = netns.TARGET
CLUSTER = f"nameserver {V4}\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
QUICK: dict[str, Any] = {"defaults": {"timeout": "500ms"}}


@pytest.fixture
def world(module_world: World) -> Iterator[World]:
    module_world.etc("resolv.conf", f"nameserver {V4}\n")
    module_world.etc("hosts", "127.0.0.1 localhost\n::1 localhost\n")
    module_world.rules("tcp dport 1000 drop")
    yield module_world
    stop(module_world)


@pytest.fixture(scope="module", autouse=True)
def _listener(request: pytest.FixtureRequest) -> None:
    if not netns.missing():
        request.getfixturevalue("module_world").tcp(80)


def stop(world: World) -> None:
    """Stop the name servers of a test."""

    async def close() -> None:
        for each in world.servers.open:
            if isinstance(each, asyncio.DatagramTransport):
                each.close()

    world.servers.call(close())


def zone(world: World, entries: dict[str, Any], addresses: list[str] | None = None) -> list[str]:
    """Serve a zone; the names and types that are asked for come into the list."""
    asked: list[str] = []
    answer = netns.answers(entries)

    def reply(wire: bytes) -> bytes | None:
        question = dns.message.from_wire(wire).question[0]
        asked.append(f"{question.name.to_text(omit_final_dot=True)} {dns.rdatatype.to_text(question.rdtype)}")
        return answer(wire)

    world.udp(53, reply, addresses or [V4])
    return asked


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("api", "api.shop.svc.cluster.local"),
        ("api.shop", "api.shop.svc.cluster.local"),
        ("api.shop.svc.cluster.local", "api.shop.svc.cluster.local"),
        ("api.shop.svc.cluster.local.", "api.shop.svc.cluster.local"),
        ("example.test", "example.test"),
    ],
)
def test_search_domains_and_ndots(world: World, name: str, found: str) -> None:
    world.etc("resolv.conf", CLUSTER)
    asked = zone(world, {found: [V4]})
    ran = world.check({"allow": [f"{name}:80"]})
    assert ran.code == 0, ran.out
    assert f"{found} A" in asked
    searched = [question for question in asked if question.startswith(f"{name}.shop.svc.cluster.local.")]
    assert not searched if name.endswith(".") else asked[0].startswith(f"{name}.shop.svc.cluster.local")


def test_the_hosts_file_comes_first(world: World) -> None:
    world.etc("hosts", f"127.0.0.1 localhost\n{V4} api.test\n")
    asked = zone(world, {"api.test": ["198.18.0.250"]})
    ran = world.check({"allow": ["api.test:80"]})
    assert (ran.code, ran.check("tcp://api.test:80")["address"]) == (0, V4)
    assert "api.test A" not in asked


def test_a_name_is_resolved_afresh_for_each_attempt(world: World) -> None:
    answers: list[list[str]] = []

    def reply(wire: bytes) -> bytes | None:
        if dns.message.from_wire(wire).question[0].rdtype != dns.rdatatype.A:
            return netns.answers({"api.test": []})(wire)
        answers.append([[V4], ["198.18.0.3"], ["198.18.0.4"]][len(answers) % 3])
        return netns.answers({"api.test": answers[-1]})(wire)

    world.udp(53, reply, [V4])
    ran = world.check({"settle": "4s", "allow": [at(V4, 80)], "deny": ["api.test:1000"]})
    attempts = ran.check("tcp://api.test:1000")["attempts"]
    tried = [{each["address"] for each in attempt["observations"]} for attempt in attempts]
    early = [addresses for attempt, addresses in zip(attempts, tried, strict=True) if attempt["at"] < 4]
    assert len(early) >= 3
    assert all(len(addresses) == 1 for addresses in early)
    assert set.union(*early) == {V4, "198.18.0.3", "198.18.0.4"}
    # the attempts that decide try every address that an answer has named
    assert tried[len(early) :] == [{V4, "198.18.0.3", "198.18.0.4"}] * 5


def half_broken(wire: bytes) -> bytes | None:
    """A name server that fails for IPv6 alone."""
    aaaa = dns.message.from_wire(wire).question[0].rdtype == dns.rdatatype.AAAA
    return netns.answers({"api.test": dns.rcode.SERVFAIL if aaaa else [V4]})(wire)


def half_mute(wire: bytes) -> bytes | None:
    """A name server that never answers for IPv6."""
    aaaa = dns.message.from_wire(wire).question[0].rdtype == dns.rdatatype.AAAA
    return netns.answers({"api.test": None if aaaa else [V4]})(wire)


@pytest.mark.parametrize("broken", [half_broken, half_mute])
def test_a_denied_name_is_inconclusive_if_the_lookup_of_one_family_fails(
    world: World, broken: Callable[[bytes], bytes | None]
) -> None:
    world.udp(53, broken, [V4])
    ran = world.check({**QUICK, "allow": ["api.test:80"], "deny": ["api.test:1000"]})
    allowed, denied = ran.report["checks"]
    assert allowed["verdict"] == "pass"
    assert (denied["verdict"], denied["outcome"]) == ("inconclusive", "unresolved")  # its IPv6 address was not tried
    seen = {each["family"]: each["outcome"] for each in denied["attempts"][-1]["observations"]}
    assert seen == {"IPv4": "silent", "IPv6": "unresolved"}


def test_a_family_that_this_machine_lacks_need_not_be_resolved(tmp_path: Path) -> None:
    with netns.world(tmp_path, pod=netns.POD[:1]) as world:
        world.tcp(80)
        world.udp(53, half_broken, [V4])
        world.rules("tcp dport 1000 drop")
        assert world.check({**QUICK, "allow": ["api.test:80"], "deny": ["api.test:1000"]}).code == 0


def test_a_leak_counts_if_the_other_family_cannot_be_resolved(world: World) -> None:
    world.udp(53, half_broken, [V4])
    ran = world.check({"allow": [at(V4, 80)], "deny": ["api.test:80"]})
    assert (ran.code, ran.check("tcp://api.test:80")["finding"]) == (1, "leak")


def test_a_name_with_addresses_of_one_family_has_no_fault(world: World) -> None:
    zone(world, {"four.test": [V4], "six.test": [V6]})
    ran = world.check({**QUICK, "allow": ["four.test:80", "six.test:80"], "deny": ["four.test:1000", "six.test:1000"]})
    assert ran.code == 0
    assert all(len(check["attempts"][0]["observations"]) == 1 for check in ran.report["checks"])


def test_the_next_name_server_is_queried_if_the_first_is_silent(world: World) -> None:
    world.etc("resolv.conf", f"nameserver 198.18.0.8\nnameserver {V4}\n")
    world.rules("ip daddr 198.18.0.8 drop")
    zone(world, {"api.test": [V4]})
    assert world.check({"allow": ["api.test:80"]}).code == 0


def test_a_name_server_by_ipv6(world: World) -> None:
    world.etc("resolv.conf", f"nameserver {V6}\n")
    zone(world, {"api.test": [V4]}, [V6])
    assert world.check({"allow": ["api.test:80"]}).code == 0


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ("udp dport 53 drop", "no answer from the name server"),
        ("udp dport 53 reject", "no name server can be reached"),
        ("udp dport 53 reject with icmp type admin-prohibited", "no name server can be reached"),
    ],
)
@pytest.mark.parametrize("on", ["allow", "deny"])
def test_a_name_server_that_is_denied(world: World, rule: str, seen: str, on: str) -> None:
    world.rules(rule)
    zone(world, {"api.test": [V4]})
    proof = [at(V4, 80)] if on == "deny" else []
    found = world.check({"allow": proof, on: [*proof, "api.test:80"] if on == "allow" else ["api.test:80"]}).check(
        "tcp://api.test:80"
    )
    assert found["outcome"] == "unresolved"
    assert found["verdict"] == ("violation" if on == "allow" else "inconclusive")
    assert found["seen"].startswith(seen)


def test_a_thousand_names_wait_for_a_silent_name_server_at_the_same_time(world: World) -> None:
    world.rules("udp dport 53 drop")
    ran = world.check({"allow": [at(V4, 80)], "deny": [f"name{n}.test:80" for n in range(1000)]})
    assert ran.report["summary"]["inconclusive"] == 1000


def test_a_name_without_an_answer_does_not_delay_the_others(world: World) -> None:
    zone(world, {"mute.test": None, "api.test": [V4]})
    ran = world.check({"allow": ["mute.test:80", "api.test:80"]})
    mute, api = ran.report["checks"]
    assert (mute["outcome"], api["outcome"]) == ("unresolved", "open")
    ended = [attempt["at"] + attempt["elapsed"] for check in (api, mute) for attempt in check["attempts"][:1]]
    assert ended == sorted(ended)


def test_an_invalid_answer_does_not_change_the_result_of_another_name(world: World) -> None:
    answer = netns.answers({"api.test": [V4]})
    world.udp(53, lambda wire: wire[:5] if b"broken" in wire else answer(wire), [V4])
    ran = world.check({**QUICK, "allow": [at(V4, 80), "api.test:80"], "deny": ["broken.test:1000", "api.test:1000"]})
    assert [each["verdict"] for each in ran.report["checks"]] == ["pass", "pass", "inconclusive", "pass"]
    broken = ran.check("tcp://broken.test:1000")
    assert (broken["outcome"], broken["seen"]) == ("unresolved", "the name server sent an invalid answer")


def test_a_large_answer_is_received_over_tcp(world: World) -> None:
    addresses = [f"198.18.1.{n}" for n in range(1, 60)] + [V4]
    answer = netns.answers({"api.test": addresses})

    def truncated(wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        if query.question[0].rdtype == dns.rdatatype.AAAA:
            return answer(wire)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response.to_wire()

    async def by_tcp(reader: Any, writer: Any) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        reply = answer(await reader.readexactly(size)) or b""
        writer.write(len(reply).to_bytes(2) + reply)
        await writer.drain()
        await reader.read()

    world.udp(53, truncated, [V4])
    world.tcp(53, by_tcp)
    ran = world.check({**QUICK, "allow": ["api.test:80"]})
    assert ran.code == 0
    assert len(ran.report["checks"][0]["attempts"][0]["observations"]) == 60
