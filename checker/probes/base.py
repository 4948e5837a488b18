"""What every kind of probe shares: the Kind that the table holds, and the one place that reads errno.

`connect` makes the TCP attempt, `exchange` the UDP one; both turn every network event into a Observation.
An errno alone does not tell a refusal by the peer from one on the way. The kernel does: it counts the segments
of the attempt (`struct tcp_info` in linux/tcp.h, read with getsockopt as in tcp(7)), and queues the ICMP error
of a UDP socket with who sent it (IP_RECVERR in ip(7), IPV6_RECVERR in ipv6(7)).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from checker.model import Family, Observation, Outcome
from checker.network import FAMILY, family_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from checker.model import Check, Settings
    from checker.target import Form

_LINUX = sys.platform == "linux"
_ESTABLISHED = 1  # TCP_ESTABLISHED, linux include/net/tcp_states.h
_SEGMENTS = struct.Struct("=II")  # tcpi_segs_out and tcpi_segs_in, at byte 136 of struct tcp_info
_SEGMENTS_AT = 136
_RECEIVE_ERRORS = {  # IP_RECVERR and IPV6_RECVERR, linux/in.h and in6.h: Python's socket module has no names for them
    Family.IPV4: (socket.IPPROTO_IP, 11),
    Family.IPV6: (socket.IPPROTO_IPV6, 25),
}
_MSG_ERRQUEUE = 0x2000  # linux/socket.h
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err, linux/errqueue.h
_ORIGIN_ICMP = {2, 3}  # ee_origin: SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6

_REFUSALS = {  # what an errno means after a segment went out and none came in (icmp_err_convert in net/ipv4/icmp.c)
    errno.ECONNREFUSED: "ICMP port unreachable",
    errno.EHOSTUNREACH: "ICMP host unreachable or prohibited",
    errno.ENETUNREACH: "ICMP network unreachable or prohibited",
    errno.EACCES: "ICMPv6 administratively prohibited",
}
_ICMP = {  # (origin, type, code): RFC 792, RFC 1812, RFC 4443
    (2, 3, 0): "ICMP network unreachable",
    (2, 3, 1): "ICMP host unreachable",
    (2, 3, 2): "ICMP protocol unreachable",
    (2, 3, 3): "ICMP port unreachable",
    (2, 3, 9): "ICMP network prohibited",
    (2, 3, 10): "ICMP host prohibited",
    (2, 3, 13): "ICMP administratively prohibited",
    (3, 1, 0): "ICMPv6 no route",
    (3, 1, 1): "ICMPv6 administratively prohibited",
    (3, 1, 3): "ICMPv6 address unreachable",
    (3, 1, 4): "ICMPv6 port unreachable",
    (3, 1, 5): "ICMPv6 source address failed policy",
    (3, 1, 6): "ICMPv6 route rejected",
}
_PORT_UNREACHABLE = {(2, 3, 3), (3, 1, 4)}


_S = TypeVar("_S", bound="Settings")


class Kind(NamedTuple, Generic[_S]):
    """A kind of target. A new one is a module that makes one of these, and a line in KINDS."""

    form: Form  # what a target of this kind consists of
    settings: type[_S]  # the keys that a check of this kind may have, beside those of every check
    attempt: Callable[[Check, _S, str, int], Awaitable[Observation]]  # at a literal address; ends within check.timeout
    mistake: Callable[[Check, _S], tuple[str, str] | None] = lambda *_: None  # a key (or ""), and what is wrong with it
    paced: bool = False  # its refusals are ICMP errors, which hosts send rarely: attempts at one host take turns
    own: bool = False  # it is about this container alone: it needs no network, and no control can show its target alive


@dataclass(frozen=True, slots=True)
class NoSettings:
    """The settings of a kind that has none. Whoever listens answers, so silence says something."""

    @property
    def answerable(self) -> bool:
        """Whether a living target answers what is sent."""
        return True


class Reply(NamedTuple):
    """A datagram that came back, the address it came to, and after how many seconds."""

    data: bytes
    source: str
    after: float


async def connect(address: str, port: int, within: float) -> Observation:
    """Try to establish one TCP connection to a literal address, and close it again."""
    loop = asyncio.get_running_loop()
    family = family_of(address)
    began = loop.time()
    try:
        sock = socket.socket(FAMILY[family], socket.SOCK_STREAM)
    except OSError as error:
        return Observation(Outcome.UNTESTABLE, untestable(error.errno or 0), address, family)
    with sock:
        sock.setblocking(False)
        code = sock.connect_ex((address, port))
        if code == errno.EINPROGRESS:
            if await _ready(loop, sock, within, loop.add_writer, loop.remove_writer) or _established(sock):
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            else:
                code = errno.ETIMEDOUT
        after = loop.time() - began
        if code:
            return Observation(*tcp_failure(code, tcp_segments(sock), after), address, family)
        return Observation(Outcome.OPEN, f"accepted after {duration(after)}", address, family, sock.getsockname()[0])


async def exchange(address: str, port: int, payload: bytes, within: float) -> Reply | Observation:
    """Send a datagram to a literal address, once a second for a lost one, until a reply or a refusal comes."""
    loop = asyncio.get_running_loop()
    family = family_of(address)
    began = loop.time()
    sent = 0
    try:
        with socket.socket(FAMILY[family], socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                if _LINUX:
                    sock.setsockopt(*_RECEIVE_ERRORS[family], 1)
                sock.connect((address, port))
                while (left := began + within - loop.time()) > 0:
                    sock.send(payload)
                    sent += 1
                    if await _ready(loop, sock, min(left, 1.0), loop.add_reader, loop.remove_reader):
                        return Reply(sock.recv(65535), sock.getsockname()[0], loop.time() - began)
            except OSError as error:
                outcome, seen, port_unreachable = _udp_failure(sock, error.errno or 0, loop.time() - began)
                return Observation(outcome, seen, address, family, port_unreachable=port_unreachable)
    except OSError as error:
        return Observation(Outcome.UNTESTABLE, untestable(error.errno or 0), address, family)
    datagrams = f"{sent} datagram{'s' if sent > 1 else ''} unanswered in {duration(loop.time() - began)}"
    return Observation(Outcome.SILENT, datagrams, address, family)


def tcp_segments(sock: socket.socket) -> tuple[int, int]:
    """Count the segments (sent, received) of a TCP socket; (0, 0) where the kernel does not tell."""
    size = _SEGMENTS_AT + _SEGMENTS.size
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size) if _LINUX else b""
    sent, received = _SEGMENTS.unpack_from(info, _SEGMENTS_AT) if len(info) == size else (0, 0)
    return sent, received


def tcp_failure(code: int, segments: tuple[int, int], after: float) -> tuple[Outcome, str]:
    """Tell what an error of connect(2) was: outcome and words.

    `rejected` needs a segment that went out and none that came in. A refusal that the kernel does not explain
    is `closed`: that may cry wolf, it never shows green. All that never left this machine is `untestable`.
    """
    sent, received = segments
    if code == errno.ETIMEDOUT:
        if received:
            return Outcome.UNEXPECTED, f"answered, but made no connection in {duration(after)}"
        what = f"{sent} SYN{'s' if sent > 1 else ''} unanswered" if sent else "no answer"
        return Outcome.SILENT, f"{what} in {duration(after)}"
    if code == errno.EPERM:
        return Outcome.REJECTED, "refused by this machine's own firewall (EPERM)"
    if code == errno.ECONNREFUSED and (received or not sent):
        return Outcome.CLOSED, f"reset after {duration(after)}"
    if code in _REFUSALS and sent and not received:
        return Outcome.REJECTED, f"refused on the way after {duration(after)} ({_REFUSALS[code]})"
    return Outcome.UNTESTABLE, untestable(code)


def untestable(code: int) -> str:
    """Name the error that kept this machine from trying."""
    return f"could not try: {os.strerror(code)} ({errno.errorcode.get(code, code)})"


def duration(seconds: float) -> str:
    """Write a duration for people: `0.4 ms`, `37 ms`, `3.0 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"


def _established(sock: socket.socket) -> bool:
    """Tell whether a connection was made in the very moment in which the time ran out."""
    return _LINUX and sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED


def _udp_failure(sock: socket.socket, code: int, after: float) -> tuple[Outcome, str, bool]:
    """Tell what an error of a UDP socket was, from the ICMP error in its queue where there is one."""
    if _LINUX:
        try:
            messages = sock.recvmsg(0, 512, _MSG_ERRQUEUE)[1]
        except OSError:
            messages = []
        for _level, _type, data in messages:
            _errno, origin, icmp_type, icmp_code, _pad, _info, _data = _EXTENDED_ERROR.unpack_from(data)
            if origin in _ORIGIN_ICMP:
                cause = (origin, icmp_type, icmp_code)
                words = _ICMP.get(cause, f"ICMP type {icmp_type} code {icmp_code}")
                seen = f"refused by {_offender(data[_EXTENDED_ERROR.size :])} after {duration(after)} ({words})"
                return Outcome.REJECTED, seen, cause in _PORT_UNREACHABLE
    elif code == errno.ECONNREFUSED:
        return Outcome.REJECTED, f"refused after {duration(after)} (ICMP port unreachable)", True
    if code == errno.EPERM:
        return Outcome.REJECTED, "refused by this machine's own firewall (EPERM)", False
    return Outcome.UNTESTABLE, untestable(code), False


def _offender(address: bytes) -> str:
    """Read the struct sockaddr_in or sockaddr_in6 of whoever sent an ICMP error."""
    family = int.from_bytes(address[:2], sys.byteorder)
    if family == socket.AF_INET6:
        return socket.inet_ntop(family, address[8:24])
    return socket.inet_ntop(family, address[4:8]) if family == socket.AF_INET else "someone on the way"


async def _ready(
    loop: asyncio.AbstractEventLoop,
    sock: socket.socket,
    within: float,
    watch: Callable[..., None],
    unwatch: Callable[[int], bool],
) -> bool:
    """Wait until a socket is ready; False when the time is over first.

    Leaner than the loop's own sock_connect and a timeout around it: ten thousand of these are under way at once.
    """
    future: asyncio.Future[bool] = loop.create_future()
    descriptor = sock.fileno()
    watch(descriptor, _answer, future, True)
    timer = loop.call_later(within, _answer, future, False)
    try:
        return await future
    finally:
        timer.cancel()
        unwatch(descriptor)


def _answer(future: asyncio.Future[bool], value: bool) -> None:  # noqa: FBT001 - a callback of the loop
    if not future.done():
        future.set_result(value)
