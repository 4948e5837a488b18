"""A slow path to more addresses of the target: packets go through a pair of TUN devices and are held back between.

    node  198.19.0.0/24 -> slow0  --  this process  --  slow0  target

Only the way to the target is slow; answers take the ordinary path.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.netns import Namespace, World

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h


@contextlib.contextmanager
def slow(world: World, seconds: Mapping[str, float]) -> Iterator[None]:
    """Give the target these addresses of 198.19.0.0/24, each with the time that a packet takes to it."""
    node, target = _device(world.node), _device(world.target)
    for space in (world.node, world.target):  # the two ways differ
        space.sysctl({"ipv4/conf/all/rp_filter": 0, "ipv4/conf/slow0/rp_filter": 0})
    world.node.ip("link set slow0 up\nroute add 198.19.0.0/24 dev slow0\n")
    world.target.ip("".join(f"addr add {each}/32 dev slow0\n" for each in seconds) + "link set slow0 up\n")
    done = threading.Event()

    def relay() -> None:
        with contextlib.suppress(OSError):
            while packet := os.read(node, 65536):
                if done.is_set():
                    return
                late = seconds.get(socket.inet_ntoa(packet[16:20]))
                if late is not None:
                    threading.Timer(late, deliver, [packet]).start()

    def deliver(packet: bytes) -> None:
        if not done.is_set():
            with contextlib.suppress(OSError):
                os.write(target, packet)

    threading.Thread(target=relay, daemon=True).start()
    try:
        yield
    finally:
        done.set()
        world.node.ip("link del slow0")  # ends the read
        world.target.ip("link del slow0")


def _device(space: Namespace) -> int:
    """Open a TUN device called slow0 inside a namespace (Documentation/networking/tuntap.rst of Linux)."""

    def make() -> int:
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", b"slow0", _IFF_TUN | _IFF_NO_PI))
        return device

    return space.do(make)
