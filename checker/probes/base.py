"""TCP connections and UDP datagrams for all kinds of probes. Only this module reads errno.

`connect` makes the TCP attempt, `exchange` the UDP one; both turn every network event into an Observation.
An errno alone does not say whether the peer refused or something on the way did. The kernel shows it: it counts the
segments of the attempt (`struct tcp_info` in linux/tcp.h, read with getsockopt as in tcp(7)), and queues the ICMP
error with the address that sent it (IP_RECVERR in ip(7), IPV6_RECVERR in ipv6(7)), for TCP sockets as well.
"""

import asyncio
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from checker.model import Check, Expect, Family, Observation, Outcome
from checker.network import FAMILY, family_of, is_own

_ESTABLISHED = 1  # TCP_ESTABLISHED, linux include/net/tcp_states.h
_SEGMENTS = struct.Struct("=136xII")  # tcpi_segs_out and tcpi_segs_in, at byte 136 of struct tcp_info
# IP_RECVERR and IPV6_RECVERR, linux/in.h and in6.h: Python's socket module has no names for them
_RECEIVE_ERRORS = {Family.IPV4: (socket.IPPROTO_IP, 11), Family.IPV6: (socket.IPPROTO_IPV6, 25)}
_MSG_ERRQUEUE = 0x2000  # linux/socket.h
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # struct linger
_EXTENDED_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err, linux/errqueue.h
_ORIGIN_ICMP = {2, 3}  # ee_origin: SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6

# Errors of connect(2) that an ICMP error causes (icmp_err_convert in net/ipv4/icmp.c, icmpv6_err_convert in net/ipv6)
_REFUSALS = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES}
_RESET = {errno.ECONNRESET, errno.EPIPE}  # after the peer accepted; before, ECONNREFUSED (tcp_reset in tcp_input.c)
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
_TIME_EXCEEDED = {(2, 11), (3, 3)}  # (origin, type)
_HOST_UNREACHABLE = {(2, 3, 1), (3, 1, 3)}
_PORT_UNREACHABLE = {(2, 3, 3), (3, 1, 4)}


class Reply(NamedTuple):
    """A datagram that came back, and after how many seconds."""

    data: bytes
    after: float


class IcmpError(NamedTuple):
    """An ICMP error that came back for an attempt: who sent it, and its origin (2: ICMP, 3: ICMPv6), type and code."""

    by: str
    cause: tuple[int, int, int]


async def connect(check: Check, address: str) -> Observation:
    """Try to establish one TCP connection to a literal address, and close it again.

    On the deny list, a control's too, the handshake stays half open: the kernel delays its last segment by up to 0.2 s
    (TCP_QUICKACK in tcp(7)), and closing sends a reset instead (SO_LINGER in socket(7)). So attempts never fill the
    queue of a listener that accepts nothing, which would then look blocked, and the server's application does not
    notice them.
    """
    loop = asyncio.get_running_loop()
    family = family_of(address)
    began = loop.time()
    try:
        sock = socket.socket(FAMILY[family], socket.SOCK_STREAM)
    except OSError as error:
        return Observation(Outcome.UNTESTABLE, untestable(error.errno or 0))
    with sock:
        sock.setblocking(False)
        sock.setsockopt(*_RECEIVE_ERRORS[family], 1)
        if check.expect is not Expect.REACHABLE:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        code = sock.connect_ex((address, check.target.port))
        if code == errno.EINPROGRESS:
            ended = await _ready(sock, check.timeout, loop.add_writer, loop.remove_writer) or _established(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if ended else errno.ETIMEDOUT
        after = loop.time() - began
        if code:
            icmp = icmp_error(sock) if code != errno.ETIMEDOUT else None
            return Observation(*tcp_failure(code, tcp_segments(sock), icmp, after))
        return Observation(Outcome.OPEN, f"accepted after {duration(after)}")


async def exchange(check: Check, address: str, payload: bytes) -> Reply | Observation:
    """Send a datagram to a literal address, again each second, until a reply or a refusal comes."""
    loop = asyncio.get_running_loop()
    family = family_of(address)
    began = loop.time()
    sent = 0
    try:
        with socket.socket(FAMILY[family], socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.setsockopt(*_RECEIVE_ERRORS[family], 1)
                sock.connect((address, check.target.port))
                while (left := began + check.timeout - loop.time()) > 0:
                    sock.send(payload)
                    sent += 1
                    if await _ready(sock, min(left, 1.0), loop.add_reader, loop.remove_reader):
                        return Reply(sock.recv(65535), loop.time() - began)
            except OSError as error:
                icmp = icmp_error(sock)
                outcome, seen = _refused(icmp, loop.time() - began) if icmp else _not_sent(error.errno or 0)
                refused = icmp.cause in _PORT_UNREACHABLE if icmp else error.errno == errno.ECONNREFUSED
                return Observation(outcome, seen, port_unreachable=refused)
    except OSError as error:
        return Observation(Outcome.UNTESTABLE, untestable(error.errno or 0))
    datagrams = f"{sent} datagram{'s' if sent > 1 else ''} unanswered in {duration(loop.time() - began)}"
    return Observation(Outcome.SILENT, datagrams)


def tcp_segments(sock: socket.socket) -> tuple[int, int]:
    """Count the segments (sent, received) of a TCP socket; (0, 0) where the kernel does not count them."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SEGMENTS.size)
    sent, received = _SEGMENTS.unpack(info) if len(info) == _SEGMENTS.size else (0, 0)
    return sent, received


def tcp_failure(code: int, segments: tuple[int, int], icmp: IcmpError | None, after: float) -> tuple[Outcome, str]:
    """Return what an error of connect(2) means: outcome and words.

    `rejected` needs a segment that went out and none that came in. A refusal that the kernel does not explain
    is `closed`: it may be a false alarm, never a false pass. What never left this machine is `untestable`.
    """
    sent, received = segments
    if code in _RESET:
        return Outcome.OPEN, f"accepted, and reset after {duration(after)}"
    if received and code != errno.ECONNREFUSED:
        return Outcome.UNEXPECTED, f"answered, but made no connection in {duration(after)}"
    if code == errno.ETIMEDOUT:
        what = f"{sent} SYN{'s' if sent > 1 else ''} unanswered" if sent else "no answer"
        return Outcome.SILENT, f"{what} in {duration(after)}"
    if code == errno.ECONNREFUSED and (received or not sent):
        return Outcome.CLOSED, f"reset after {duration(after)}"
    if code not in _REFUSALS or not sent:
        return _not_sent(code)
    unknown = (Outcome.REJECTED, f"refused on the path after {duration(after)} ({os.strerror(code)})")
    return _refused(icmp, after) if icmp else unknown


def _not_sent(code: int) -> tuple[Outcome, str]:
    """Return the outcome of an error that this machine itself caused."""
    if code == errno.EPERM:
        return Outcome.REJECTED, "refused by this machine's own firewall (EPERM)"
    return Outcome.UNTESTABLE, untestable(code)


def _refused(icmp: IcmpError, after: float) -> tuple[Outcome, str]:
    """Return the outcome of an ICMP error: a refusal, unless the packet was lost on the way."""
    origin, kind, code = icmp.cause
    if icmp.cause in _HOST_UNREACHABLE and is_own(icmp.by):
        return Outcome.UNTESTABLE, "could not try: the next hop does not answer (no ARP or neighbour discovery reply)"
    if icmp.cause in _ICMP:
        return Outcome.REJECTED, f"refused by {icmp.by} after {duration(after)} ({_ICMP[icmp.cause]})"
    if (origin, kind) in _TIME_EXCEEDED:
        return Outcome.UNTESTABLE, f"lost in a routing loop: {icmp.by} reports that the packet's time was exceeded"
    return Outcome.UNTESTABLE, f"could not try: {icmp.by} reports ICMP{'v6' if origin == 3 else ''} {kind}, code {code}"


def icmp_error(sock: socket.socket) -> IcmpError | None:
    """Read the ICMP error that a socket's error queue holds, if any (IP_RECVERR in ip(7))."""
    try:
        messages = sock.recvmsg(0, 512, _MSG_ERRQUEUE)[1]
    except OSError:
        return None
    for _, _, data in messages:
        _, origin, icmp_type, icmp_code, *_ = _EXTENDED_ERROR.unpack_from(data)
        if origin in _ORIGIN_ICMP:
            return IcmpError(_offender(data[_EXTENDED_ERROR.size :]), (origin, icmp_type, icmp_code))
    return None


def _offender(address: bytes) -> str:
    """Read the sender of an ICMP error from its struct sockaddr_in or sockaddr_in6."""
    if int.from_bytes(address[:2], sys.byteorder) == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, address[8:24])
    return socket.inet_ntop(socket.AF_INET, address[4:8])


def untestable(code: int) -> str:
    """Write the error that prevented an attempt."""
    return f"could not try: {os.strerror(code)} ({errno.errorcode.get(code, code)})"


def duration(seconds: float) -> str:
    """Write a duration for people: `0.4 ms`, `37 ms`, `3.0 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"


def _established(sock: socket.socket) -> bool:
    """Return whether a connection was made at the moment of the timeout."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED


async def _ready(sock: socket.socket, within: float, watch: Callable[..., None], unwatch: Callable[..., bool]) -> bool:
    """Wait until a socket is ready; False when the time is over first.

    It needs less memory than the loop's own sock_connect, and less time than asyncio.timeout, which cancels the task:
    there may be ten thousand at once. If a busy machine sees both in one step of the loop, the socket comes first.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()
    descriptor = sock.fileno()  # for an unknown socket, the selector formats an error; a number is fast
    watch(descriptor, settle, ready, True)
    timer = loop.call_later(within, settle, ready, False)
    try:
        return await ready
    finally:
        timer.cancel()
        unwatch(descriptor)


def settle(future: asyncio.Future[Any], value: Any) -> None:
    """Set the result of a future, unless it is done or cancelled."""
    if not future.done():
        future.set_result(value)
