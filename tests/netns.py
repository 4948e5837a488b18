"""A small world of network namespaces: a pod, the node that holds the policies, and a target behind it.

    pod  10.77.0.2  fd77::2  --  node  (nft forward: the rules)  --  target  198.18.0.2..9  fd18::2..9

Servers run in this process: only their sockets are made inside a namespace, so a test can read what they received.
Names contain the process id, so that parallel test processes do not collide.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import dns.message
import dns.rcode
import dns.rrset

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")

NETPROOF = Path(sys.executable).with_name("netproof")
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
SERIAL = count()

POD = ("10.77.0.2", "fd77::2")
NODE = ("10.77.0.1", "fd77::1")
TARGET = ("198.18.0.2", "fd18::2")

# A test that needs many ICMP errors switches their limits off (Documentation/networking/ip-sysctl.rst).
UNLIMITED = {"ipv4/icmp_ratelimit": 0, "ipv4/icmp_msgs_per_sec": 1_000_000, "ipv4/icmp_msgs_burst": 1_000_000,
             "ipv6/icmp/ratelimit": 0}  # fmt: skip


def missing() -> str | None:
    """Return why no namespaces can be made here, and what to install; None if they can."""
    if os.geteuid() == 0 and shutil.which("ip") and shutil.which("nft"):
        return None
    return "needs root, ip (package iproute2) and nft (package nftables): sudo make test"


def at(address: str, port: int | str) -> str:
    """host:port as a target spells it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _ip(*arguments: str, batch: str = "") -> None:
    subprocess.run(["ip", *arguments], input=batch, text=True, check=True, capture_output=bool(batch))


@dataclass(frozen=True)
class Namespace:
    """One network namespace."""

    name: str

    def do(self, work: Callable[[], T]) -> T:
        """Run work inside; setns moves one thread alone, so a thread is spent on it."""

        def inside() -> T:
            with Path("/run/netns", self.name).open() as handle:
                if LIBC.setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {self.name}")
            return work()

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(inside).result()

    def ip(self, batch: str) -> None:
        """Run lines of ip(8) commands."""
        _ip("-n", self.name, "-batch", "-", batch=batch)

    def nft(self, rules: str) -> None:
        """Run lines of nft(8) commands, all of them or none."""
        subprocess.run(["ip", "netns", "exec", self.name, "nft", "-f", "-"], input=rules + "\n", text=True, check=True)

    def sysctl(self, values: Mapping[str, int]) -> None:
        """Set values under /proc/sys/net."""

        def write() -> None:
            for key, value in values.items():
                Path("/proc/sys/net", key).write_text(str(value))

        self.do(write)

    def socket(self, kind: socket.SocketKind, address: str, port: int) -> socket.socket:
        """A bound socket; address "::" means every address of both families."""

        def bind() -> socket.socket:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address == "::":
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            made.bind((address, port))
            if kind is socket.SOCK_STREAM:
                made.listen(4096)
            return made

        return self.do(bind)


@dataclass
class Finished:
    """What one run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> Mapping[str, Any]:
        """The report document on standard output."""
        try:
            report: Mapping[str, Any] = json.loads(self.out)
        except ValueError:
            message = f"exit {self.code}, and no report on standard output:\n{self.out}\n{self.err}"
            raise AssertionError(message) from None
        return report

    def check(self, target: str, on: str | None = None) -> Mapping[str, Any]:
        """The one check of this target (on this list)."""
        found = [c for c in self.report["checks"] if c["target"] == target and on in (None, c["list"])]
        assert len(found) == 1, f"{len(found)} checks of {target} among {[c['target'] for c in self.report['checks']]}"
        return dict(found[0])


@dataclass
class Servers:
    """An event loop in a thread of its own, which serves sockets from any namespace."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    open: list[asyncio.AbstractServer | asyncio.DatagramTransport] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def call(self, work: Any) -> Any:
        """Await work in the servers' loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def tcp(self, sock: socket.socket, handler: Any = None, tls: ssl.SSLContext | None = None) -> Seen:
        """Serve connections; without a handler they are accepted and held until the peer leaves."""
        seen = Seen()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.note(writer.get_extra_info("peername"))
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await (handler or hold)(reader, writer)
            writer.transport.abort() if handler is not close else writer.close()

        self.open.append(self.call(asyncio.start_server(serve, sock=sock, ssl=tls)))
        return seen

    def udp(self, sock: socket.socket, reply: Callable[[bytes], bytes | None]) -> Seen:
        """Answer datagrams by reply; where it gives none, stay mute."""
        seen = Seen()

        class Protocol(asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, peer: Any) -> None:
                seen.note(data)
                answer = reply(data)
                if answer is not None:
                    self.transport.sendto(answer, peer)

        async def start() -> asyncio.DatagramTransport:
            return (await asyncio.get_running_loop().create_datagram_endpoint(Protocol, sock=sock))[0]

        self.open.append(self.call(start()))
        return seen

    def close(self) -> None:
        """Drop every server and connection."""

        async def stop() -> None:
            for each in self.open:
                each.close()
            await steps()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await steps()

        async def steps() -> None:
            for _ in range(10):  # what was accepted a moment ago takes some steps of the loop until it is closed
                await asyncio.sleep(0)

        self.call(stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@dataclass
class Seen:
    """What a server saw, and when (monotonic seconds)."""

    events: list[tuple[float, Any]] = field(default_factory=list)
    then: Callable[[], None] | None = None  # called once, at the first event, in a thread of its own
    first: threading.Event = field(default_factory=threading.Event)

    def note(self, what: Any) -> None:
        """Keep an event."""
        self.events.append((time.monotonic(), what))
        if not self.first.is_set():
            self.first.set()
            if self.then is not None:
                threading.Thread(target=self.then, daemon=True).start()


async def hold(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Accept, and say nothing for ever."""
    while await reader.read(65536):
        pass


async def close(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Accept, and close at once."""


def http(status: int) -> Any:
    """Answer one request with a status."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d Status\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok" % status)
        await writer.drain()
        await reader.read(1)

    return handler


async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer 200 and a body that never ends."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def answers(zone: Mapping[str, Sequence[str] | dns.rcode.Rcode | None]) -> Callable[[bytes], bytes | None]:
    """A DNS server: a name has addresses, or an rcode, or gets no answer; one that is not there is NXDOMAIN."""

    def reply(wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        entry = zone.get(question.name.to_text(omit_final_dot=True).lower(), dns.rcode.NXDOMAIN)
        if entry is None:
            return None
        response = dns.message.make_response(query)
        if isinstance(entry, dns.rcode.Rcode):
            response.set_rcode(entry)
        else:
            kind = "AAAA" if question.rdtype == 28 else "A" if question.rdtype == 1 else None
            wanted = [address for address in entry if kind and (":" in address) == (kind == "AAAA")]
            if wanted and kind:
                response.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *wanted))
        return response.to_wire()

    return reply


@dataclass
class World:
    """Three namespaces in a row, and the command run from the first."""

    pod: Namespace
    node: Namespace
    target: Namespace
    servers: Servers
    folder: Path

    def rules(self, *forward: str) -> None:
        """Put these rules, and no others, on the node between pod and target."""
        self.node.nft(table("forward", forward))

    def local(self, *output: str) -> None:
        """Put these rules, and no others, on what leaves the pod, inside the pod."""
        self.pod.nft(table("output", output))

    def tcp(self, port: int, handler: Any = None, *, tls: ssl.SSLContext | None = None, address: str = "::") -> Seen:
        """A TCP server at the target."""
        return self.servers.tcp(self.target.socket(socket.SOCK_STREAM, address, port), handler, tls)

    def udp(self, port: int, reply: Callable[[bytes], bytes | None], addresses: Sequence[str] = TARGET) -> list[Seen]:
        """A UDP server at each of the target's addresses; a reply then comes from the address that was asked."""
        made = [self.target.socket(socket.SOCK_DGRAM, address, port) for address in addresses]
        return [self.servers.udp(sock, reply) for sock in made]

    def etc(self, name: str, text: str) -> None:
        """Give the pod a file under /etc (ip-netns(8) binds it)."""
        folder = Path("/etc/netns", self.pod.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def start(self, config: Mapping[str, Any], *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the command in the pod; ip-netns(8) becomes it, so that its process id is the command's."""
        file = self.folder / "netproof.yaml"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [*options.pop("wrap", ()), str(NETPROOF), "check", str(file), *arguments]
        return subprocess.Popen(
            ["ip", "netns", "exec", self.pod.name, *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder,
            **options,
        )  # fmt: skip

    def check(self, config: Mapping[str, Any], *arguments: str, limit: float = 60, **options: Any) -> Finished:
        """Run the command to its end; one look without waiting unless the configuration says else."""
        with self.start({"settle": "0s", **config}, "--output", "json", *arguments, **options) as process:
            try:
                out, err = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                raise
        finished = Finished(process.returncode, out, err)
        assert "Traceback" not in err, err
        return finished


def table(hook: str, rules: Sequence[str]) -> str:
    """An nft table that replaces the one before it in one transaction."""
    chain = "\n".join(rules)
    return (
        f"table inet {hook}\ndelete table inet {hook}\ntable inet {hook} {{\nchain rules {{\n"
        f"type filter hook {hook} priority 0\n{chain}\n}}\n}}\n"
    )


@contextlib.contextmanager
def world(
    folder: Path, *, pod: Sequence[str] = POD, default: bool = True, icmp_limits: bool = False
) -> Iterator[World]:
    """Build a world and take it down.

    Choose the pod's addresses, whether it has a default route, and whether the kernel's ICMP limits hold.
    """
    stem = f"np{os.getpid()}-{next(SERIAL)}"
    names = [f"{stem}-{part}" for part in ("pod", "node", "target")]
    pod_space, node, target = (Namespace(name) for name in names)
    made = World(pod_space, node, target, Servers(), folder)
    try:
        _ip("-batch", "-", batch="\n".join(f"netns add {name}" for name in names))
        for space in (made.pod, made.node, made.target):
            space.sysctl({"ipv6/conf/default/accept_dad": 0})  # else a link is deaf to IPv6 for its first two seconds
        made.node.ip(
            f"link add pod type veth peer name eth0 netns {names[0]}\n"
            f"link add target type veth peer name eth0 netns {names[2]}\n"
            "link set lo up\nlink set pod up\nlink set target up\n"
            "addr add 10.77.0.1/24 dev pod\naddr add fd77::1/64 dev pod nodad\n"
            "addr add 198.18.0.1/24 dev target\naddr add fd18::1/64 dev target nodad\n"
        )
        made.pod.ip(
            "link set lo up\nlink set eth0 addrgenmode none\nlink set eth0 up\n"
            + "".join(f"addr add {a}/64 dev eth0 nodad\n" if ":" in a else f"addr add {a}/24 dev eth0\n" for a in pod)
            + "".join(
                f"route add default via {via}\n" for via, own in zip(NODE, "._", strict=True)
                if default and any((own == ".") == ("." in a) for a in pod)
            )
        )  # fmt: skip
        made.target.ip(
            "link set lo up\nlink set eth0 up\n"
            + "".join(
                f"addr add 198.18.0.{n}/24 dev eth0\naddr add fd18::{n}/64 dev eth0 nodad\n" for n in range(2, 10)
            )
            + "route add default via 198.18.0.1\nroute add default via fd18::1\n"
        )
        made.node.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
        if not icmp_limits:
            for space in (made.pod, made.node, made.target):
                space.sysctl(UNLIMITED)
        made.etc("resolv.conf", f"nameserver {TARGET[0]}\n")
        made.etc("hosts", "127.0.0.1 localhost\n::1 localhost\n")
        yield made
    finally:
        made.servers.close()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        shutil.rmtree(Path("/etc/netns", names[0]), ignore_errors=True)
