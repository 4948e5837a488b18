"""tcp://host:port - a connection is established, and closed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.probes.base import Kind, NoSettings, connect
from checker.target import Form

if TYPE_CHECKING:
    from checker.model import Check, Observation


async def attempt(check: Check, _settings: NoSettings, address: str, port: int) -> Observation:
    """Open means that the connection was established, also when the server closes it at once."""
    return await connect(address, port, check.timeout)


TCP = Kind(Form(), NoSettings, attempt)
