"""Any bytes as answers of name servers and web servers: an attempt ends in time, with an outcome, and never raises."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.model import Check, Expect, Outcome
from checker.prober import Prober
from checker.probes import KINDS
from checker.target import parse
from tests.fuzz.conftest import fuzz

if TYPE_CHECKING:
    from collections.abc import Callable

    from checker.model import Observation
    from tests.netns import Servers

TIMEOUT = 0.3  # seconds of one attempt
SLOWEST = 10.0  # seconds: a hang, and not a busy machine


class Far:
    """A server for UDP and TCP on one port of loopback, which answers with whatever it has at that moment."""

    def __init__(self, servers: Servers) -> None:
        self.datagram: Callable[[bytes], bytes] = bytes
        self.stream = b""
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        udp.bind(("127.0.0.1", self.port))
        udp.setblocking(False)
        servers.udp(udp, self._reply)
        servers.tcp(listener, self._serve)

    def _reply(self, wire: bytes) -> bytes:
        return self.datagram(wire)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            if await reader.read(65_536):
                writer.write(self.stream)
                await writer.drain()


@pytest.fixture(scope="module")
def far(servers: Servers) -> Far:
    return Far(servers)


def attempt(target: str, expect: Expect = Expect.REACHABLE, **own: Any) -> Observation:
    """Make one attempt as a run does; what the probe raised shows as `untestable`."""
    parsed = parse(target)
    check = Check(expect, parsed, KINDS[parsed.kind](**own), timeout=TIMEOUT)

    async def one() -> Observation:
        prober = Prober(10)
        made = await prober.attempt(check)
        prober.close()
        return made.observations[0]

    began = time.monotonic()
    observation = asyncio.run(one())
    assert time.monotonic() - began < SLOWEST
    assert observation.outcome is not Outcome.UNTESTABLE, observation.seen
    assert len(observation.seen) < 1000
    return observation


# --- DNS -------------------------------------------------------------------------------------

records = st.sampled_from(
    [
        *("api.test. 60 IN A 192.0.2.7", "api.test. 60 IN AAAA 2001:db8::7", "api.test. 60 IN CNAME api.test."),
        *("api.test. 60 IN CNAME db.test.", "db.test. 60 IN CNAME api.test.", "db.test. 60 IN A 192.0.2.8"),
        *('. 0 IN TXT "x"', "api.test. 60 IN SOA a. b. 1 2 3 4 5", "api.test. 60 IN SRV 1 1 1 ."),
        *("api.test. 60 CH A a. 1", "api.test. 60 IN DNAME test.", "api.test. 60 IN TYPE65280 \\# 3 616263"),
    ]
)
edits = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4)


@st.composite
def dns_replies(draw: Any) -> Callable[[bytes], bytes]:
    """Answers that are nearly right: real records, then some bytes changed, cut off or added."""
    chosen, changed = draw(st.lists(records, max_size=4)), draw(edits)
    flags = dns.flags.QR | draw(st.sampled_from([0, dns.flags.TC, dns.flags.AA]))
    rcode, cut, added = draw(st.integers(0, 15)) if draw(st.booleans()) else 0, draw(st.integers(0, 12)), b""
    if draw(st.booleans()):
        added, cut = draw(st.binary(max_size=20)), 0

    def reply(wire: bytes) -> bytes:
        response = dns.message.make_response(dns.message.from_wire(wire))
        response.flags = flags | rcode
        for record in chosen:
            owner, ttl, cls, kind, data = record.split(" ", 4)
            response.answer.append(dns.rrset.from_text(owner, int(ttl), cls, kind, data))
        made = bytearray(response.to_wire())
        for at, byte in changed:
            if 2 <= at < len(made):
                made[at] = byte
        return bytes(made[: len(made) - cut] + added) or b"\0"

    return reply


replies = dns_replies() | st.binary(min_size=1, max_size=600).map(lambda raw: lambda wire: wire[:2] + raw)


def test_dns_answers(far: Far, again: Callable[[Callable[[], None]], None]) -> None:
    @fuzz
    @given(replies, replies, st.booleans(), st.sampled_from(Expect))
    def any_answer(by_udp: Callable[[bytes], bytes], by_tcp: Callable[[bytes], bytes], whole: bool, on: Expect) -> None:
        far.datagram = by_udp
        wire = by_tcp(dns.message.make_query("api.test", "A").to_wire())
        far.stream = (len(wire) if whole else 65_535).to_bytes(2) + wire
        attempt(f"dns://api.test@127.0.0.1:{far.port}", on)

    again(any_answer)


# --- HTTP ------------------------------------------------------------------------------------

lines = st.sampled_from(
    [
        *("HTTP/1.1 200 OK", "HTTP/1.1 302 Found", "HTTP/1.0 407 Auth", "HTTP/1.1 100 Continue", "HTTP/1.1 101 Switch"),
        *("HTTP/1.1 999 \x80", "HTTP/2 200", "HTTP/1.1 304 Not Modified", "HTTP/1.1", "ICY 200 OK", "HTTP/1.1 0 OK"),
    ]
)
headers = st.sampled_from(
    [
        *("Content-Length: 3", "Content-Length: -1", "Content-Length: 1e9", "Transfer-Encoding: chunked"),
        *("Transfer-Encoding: gzip, x", "Content-Encoding: gzip", "Content-Encoding: \x80", "Connection: close"),
        *("Location: /", "Location: http://[::1", "Location: http://\udce9/", "Location: //", "Location: data:,x"),
        *("Location: http://127.0.0.1:1/", "Location: http://user:secret@127.0.0.1:1", "Location: http://xn--a/"),
        *("Location: ftp://x", "Location: http:", "Location: \t", "Location: http://127.0.0.1:/", "Location: ?\x7f"),
        *("Content-Type: text/html; charset=x-\x80", "Set-Cookie: \x80=\x80; expires=x", "No colon", " folded", ":"),
    ]
)


@st.composite
def http_answers(draw: Any) -> bytes:
    end = draw(st.sampled_from(["\r\n", "\n"]))
    text: str = end.join([draw(lines), *draw(st.lists(headers, max_size=5)), "", ""])
    body: bytes = draw(st.binary(max_size=40))
    return text.encode("latin-1", "replace") + body


def test_http_answers(far: Far, again: Callable[[Callable[[], None]], None]) -> None:
    @fuzz
    @given(http_answers() | st.binary(max_size=300), st.booleans(), st.sampled_from(["http", "https"]))
    def any_answer(answer: bytes, follow: bool, kind: str) -> None:
        far.stream = answer
        attempt(f"{kind}://127.0.0.1:{far.port}", follow=follow)

    again(any_answer)
