"""tcp://host:port - a connection is established, and closed again."""

from checker.model import Check, Observation
from checker.probes.base import Kind, NoSettings, connect
from checker.target import Form


async def attempt(check: Check, _settings: NoSettings, address: str, port: int) -> Observation:
    """Open means that the connection was established, also when the server closes it at once."""
    return await connect(check, address, port)


TCP = Kind(Form(), NoSettings, attempt)
