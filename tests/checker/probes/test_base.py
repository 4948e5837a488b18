"""Attempts of a machine that cannot send, and ICMP errors without a description."""

import asyncio
import resource
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from checker.model import Check, Expect, Observation, Outcome
from checker.probes.base import IcmpError, Reply, connect, exchange, tcp_failure
from checker.probes.tcp import Tcp
from checker.probes.udp import Udp
from checker.target import parse


@pytest.fixture
def port() -> Iterator[int]:
    """Give a UDP port of a socket that does not reply."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_without_a_free_file_descriptor_nothing_is_proven(transport: str) -> None:
    denied = Check(Expect.BLOCKED, parse("127.0.0.1:9"), Tcp())

    async def attempt() -> object:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            if transport == "udp":
                return await exchange(denied, "127.0.0.1", b"")
            return await connect(denied, "127.0.0.1")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    observation = asyncio.run(attempt())
    assert isinstance(observation, Observation)
    assert observation.outcome is Outcome.UNTESTABLE
    assert observation.seen == "could not try: Too many open files (EMFILE)"


@pytest.mark.parametrize("expect", Expect)
def test_a_peer_that_accepts_and_resets_at_once_is_open(expect: Expect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def accept_and_reset() -> None:  # before the attempt sees that it was accepted
            peer = listener.accept()[0]
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()

        async def attempt() -> Observation:
            asyncio.get_running_loop().call_soon(accept_and_reset)
            return await connect(Check(expect, parse(f"127.0.0.1:{port}"), Tcp()), "127.0.0.1")

        observation = asyncio.run(attempt())
    assert observation.outcome is Outcome.OPEN
    assert observation.seen.startswith("accepted, and reset after ")


def test_a_reply_counts_although_the_loop_sees_it_with_the_timeout() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        check = Check(Expect.BLOCKED, parse(f"udp://127.0.0.1:{server.getsockname()[1]}"), Udp(), timeout=0.1)

        def reply_and_be_busy() -> None:
            server.sendto(b"pong", server.recvfrom(9)[1])
            time.sleep(0.2)

        async def attempt() -> Reply | Observation:
            asyncio.get_running_loop().call_soon(reply_and_be_busy)
            return await exchange(check, "127.0.0.1", b"ping")

        reply = asyncio.run(attempt())
    assert isinstance(reply, Reply)
    assert reply.data == b"pong"


def test_a_datagram_that_is_too_long_is_not_a_refusal(port: int) -> None:
    check = Check(Expect.BLOCKED, parse(f"udp://127.0.0.1:{port}"), Udp())
    observation = asyncio.run(exchange(check, "127.0.0.1", bytes(65_510)))
    assert isinstance(observation, Observation)
    assert (observation.outcome, observation.port_unreachable) == (Outcome.UNTESTABLE, False)
    assert observation.seen == "could not try: Message too long (EMSGSIZE)"


@pytest.mark.parametrize(
    ("cause", "seen"),
    [
        ((2, 3, 4), "could not try: 192.0.2.1 reports ICMP 3, code 4"),
        ((3, 1, 2), "could not try: 192.0.2.1 reports ICMPv6 1, code 2"),
    ],
)
def test_an_icmp_error_that_is_no_refusal_proves_nothing(cause: tuple[int, int, int], seen: str) -> None:
    found = tcp_failure(113, (1, 0), IcmpError("192.0.2.1", cause), 0.1)  # EHOSTUNREACH
    assert found == (Outcome.UNTESTABLE, seen)
