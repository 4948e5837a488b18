"""tcp://host:port - a connection is made, and closed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.probes.base import Kind, NoSettings, connect

if TYPE_CHECKING:
    from checker.model import Check, Observation


async def attempt(check: Check, address: str, port: int) -> Observation:
    """Open means that the connection was established, also when the server closes it at once."""
    return await connect(address, port, check.timeout)


TCP = Kind("A TCP connection is established.", None, NoSettings, attempt)
