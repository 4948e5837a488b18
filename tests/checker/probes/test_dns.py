"""dns:// against real name servers on loopback: which answers show that a name was resolved."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from checker.model import Check, Expect
from checker.probes.dns import Dns
from checker.target import parse
from tests import netns

if TYPE_CHECKING:
    from collections.abc import Callable

    from checker.model import Observation
    from tests.netns import Servers

    Reply = Callable[[bytes], bytes | None]

A, AAAA = 1, 28


def ask(port: int, expect: Expect = Expect.REACHABLE, within: float = 5.0) -> Observation:
    """Make one attempt, as the runner does."""
    check = Check(expect, parse(f"dns://api.test@127.0.0.1:{port}"), Dns(), timeout=within)
    return asyncio.run(Dns().attempt(check, "127.0.0.1"))


def serve(servers: Servers, reply: Reply, by_tcp: Any = None) -> int:
    """Serve UDP, and TCP on the same port where it is asked for."""
    for _ in range(100):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(("127.0.0.1", 0))
        datagrams.setblocking(False)
        port: int = datagrams.getsockname()[1]
        try:
            if by_tcp:
                servers.tcp(socket.create_server(("127.0.0.1", port)), by_tcp)
        except OSError:  # the port is taken for TCP
            datagrams.close()
            continue
        servers.udp(datagrams, reply)
        return port
    raise AssertionError("no port is free for both UDP and TCP")


def answer(*records: str, name: str = "", **changes: Any) -> Reply:
    """Answer each question with these records, written `name ttl class type data`, of the type that was asked for."""

    def reply(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        asked = query.question[0]
        if name:
            query = dns.message.make_query(name, asked.rdtype, id=query.id)
        response = dns.message.make_response(query)
        for record in records:
            owner, ttl, cls, kind, data = record.split()
            if kind not in ("A", "AAAA") or (kind == "AAAA") == (asked.rdtype == AAAA):
                response.answer.append(dns.rrset.from_text(owner, int(ttl), cls, kind, data))
        for key, value in changes.items():
            setattr(response, key, value)
        return response.to_wire()

    return reply


def cut(reply: Reply) -> Reply:
    return lambda wire: (reply(wire) or b"")[:-2]


HERE = answer("api.test. 60 IN A 192.0.2.7")


@pytest.mark.parametrize(
    "reply",
    [
        HERE,
        answer("api.test. 60 IN AAAA 2001:db8::7"),
        answer("api.test. 60 IN CNAME db.test.", "db.test. 60 IN A 192.0.2.7"),
        answer("api.test. 60 IN CNAME db.test.", "db.test. 60 IN AAAA 2001:db8::7"),
    ],
    ids=["IPv4", "IPv6 alone", "alias of IPv4", "alias of IPv6"],
)
def test_a_name_with_an_address_is_resolved(servers: Servers, reply: Reply) -> None:
    observation = ask(serve(servers, reply))
    assert (observation.outcome, observation.seen.split(" after ")[0]) == ("open", "resolved")


@pytest.mark.parametrize(
    ("reply", "seen"),
    [
        (answer(), "no address of that name"),
        (answer("api.test. 60 IN CNAME db.test."), "no address of that name"),
        (answer("other.test. 60 IN A 192.0.2.7"), "no address of that name"),
        (answer("api.test. 60 IN TXT text"), "no address of that name"),
        (answer("api.test. 60 IN A 192.0.2.7", name="other.test."), "an answer to another question"),
        (answer("api.test. 60 IN A 192.0.2.7", id=0), "an answer to another question"),
        (answer("api.test. 60 IN A 192.0.2.7", flags=0), "an answer to another question"),
        (lambda wire: wire, "an answer to another question"),
        (cut(HERE), "no valid DNS answer"),
        (lambda wire: (HERE(wire) or b"") + b"x", "no valid DNS answer"),
        (lambda _: b"\0", "no valid DNS answer"),
        (lambda wire: wire[:2] + b"\x81\x80" + wire[4:12], "an answer to another question"),
        (lambda wire: wire[:2] + b"\x81\x80\0\0\0\xff\0\0\0\0", "no valid DNS answer"),
        (lambda _: b"\xff" * 512, "an answer to another question"),
    ],
    ids=[
        *("nothing", "lone alias", "other name", "other type", "other question", "other id", "no response", "echo"),
        *("cut", "trailing byte", "one byte", "no records", "records missing", "ones"),
    ],
)
def test_an_answer_without_an_address_of_the_name(servers: Servers, reply: Reply, seen: str) -> None:
    observation = ask(serve(servers, reply))
    assert observation.outcome == "unexpected", observation.seen
    assert observation.seen.startswith((seen, "no valid DNS answer") if seen[0] == "a" else seen), observation.seen


def over_tcp(reply: Reply, *, size: int | None = None) -> Any:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = reply(await reader.readexactly(int.from_bytes(await reader.readexactly(2)))) or b""
        writer.write((len(wire) if size is None else size).to_bytes(2) + wire)
        await writer.drain()
        await reader.read()

    return handler


TRUNCATED = answer(flags=dns.flags.QR | dns.flags.TC)


@pytest.mark.parametrize(
    ("by_tcp", "outcome", "seen"),
    [
        (over_tcp(HERE), "open", "resolved after"),
        (over_tcp(answer()), "unexpected", "no address of that name after"),
        (over_tcp(TRUNCATED), "unexpected", "a truncated answer over TCP after"),
        (over_tcp(cut(HERE)), "unexpected", "a truncated answer, and over TCP: DNS message is malformed after"),
        (over_tcp(HERE, size=65_535), "unexpected", "a truncated answer, and over TCP: no answer after"),
        (netns.close, "unexpected", "a truncated answer, and over TCP: "),
        (netns.hold, "unexpected", "a truncated answer, and over TCP: no answer after"),
        (None, "unexpected", "a truncated answer, and over TCP: "),
    ],
    ids=["whole", "nothing", "truncated again", "cut", "too short", "closed", "mute", "nobody"],
)
def test_a_truncated_answer_is_queried_again_over_tcp(servers: Servers, by_tcp: Any, outcome: str, seen: str) -> None:
    observation = ask(serve(servers, TRUNCATED, by_tcp), within=1.0)
    assert observation.outcome == outcome, observation.seen
    assert observation.seen.startswith(seen), observation.seen


def test_a_denied_name_server_is_tried_over_tcp_too(servers: Servers) -> None:
    mute = serve(servers, lambda _: None, netns.hold)
    observation = ask(mute, Expect.BLOCKED, within=0.5)
    assert (observation.outcome, observation.seen[:19]) == ("open", "over TCP: accepted "), observation.seen
    assert ask(mute, within=0.5).outcome == "silent"  # on the allow list UDP alone counts


def test_a_denied_name_server_that_answers_only_over_udp_is_a_leak(servers: Servers) -> None:
    for reply in (HERE, TRUNCATED):
        assert ask(serve(servers, reply), Expect.BLOCKED, within=1.0).outcome == "open"
