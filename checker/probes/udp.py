"""udp://host:port - a datagram is sent, and a reply is waited for."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checker.model import Expect, Outcome, Sight
from checker.network import family_of
from checker.probes.base import Kind, Reply, duration, exchange

if TYPE_CHECKING:
    from checker.model import Check


@dataclass(frozen=True, slots=True)
class Hex:
    """Bytes, two hexadecimal digits each; spaces may stand between them."""

    hex: str


@dataclass(frozen=True, slots=True)
class Base64:
    """Bytes in base64 (RFC 4648)."""

    base64: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What is sent, and what the reply must contain."""

    payload: str | Hex | Base64 | None = None
    reply: str | Hex | Base64 | None = None

    @property
    def answerable(self) -> bool:
        """Only a server that is asked something answers, so only then does silence say something."""
        return self.payload is not None


def to_bytes(text: str | Hex | Base64 | None) -> bytes:
    """Decode a payload; raises ValueError where it is not what it says it is."""
    if isinstance(text, Hex):
        return bytes.fromhex(text.hex)
    if isinstance(text, Base64):
        return base64.b64decode(text.base64, validate=True)
    return (text or "").encode()


def mistake(check: Check) -> str | None:
    """Silence says nothing about a UDP service that was not asked anything: an allow check cannot do without a payload."""
    settings: Settings = check.settings
    for key, value in (("payload", settings.payload), ("reply", settings.reply)):
        try:
            to_bytes(value)
        except (ValueError, binascii.Error) as error:
            return f"{key}: {error}"
    if check.expect is Expect.REACHABLE and settings.payload is None:
        return "udp on the allow list needs a `payload` that the server answers"
    return None


async def attempt(check: Check, address: str, port: int) -> Sight:
    """Open means that a reply came, and contains what the check asks for."""
    settings: Settings = check.settings
    came = await exchange(address, port, to_bytes(settings.payload), check.timeout)
    if not isinstance(came, Reply):
        return came
    wanted = to_bytes(settings.reply) in came.data
    seen = f"{len(came.data)} bytes came back after {duration(came.after)}"
    if not wanted:
        seen += f", without the reply expected: {came.data[:32]!r}"
    outcome = Outcome.OPEN if wanted else Outcome.UNEXPECTED
    return Sight(outcome, seen, address, family_of(address), came.source)


UDP = Kind("A datagram is answered.", None, Settings, attempt, mistake, paced=True)
