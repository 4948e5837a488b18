"""udp://host:port - a datagram is sent, and a reply is waited for."""

import base64
from dataclasses import dataclass, replace

from checker.model import Check, Expect, Observation, Outcome
from checker.network import family_of
from checker.probes.base import Kind, Reply, duration, exchange
from checker.target import Form


@dataclass(frozen=True, slots=True)
class Encoded:
    """Bytes that are no text: either hexadecimal digits (spaces may stand between bytes) or base64 (RFC 4648)."""

    hex: str | None = None
    base64: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What is sent, and what the reply must contain."""

    payload: str | Encoded | None = None
    reply: str | Encoded | None = None


def to_bytes(text: str | Encoded | None) -> bytes:
    """Decode a payload; raises ValueError with what it should be."""
    if not isinstance(text, Encoded):
        return (text or "").encode()
    if (text.hex is None) == (text.base64 is None):
        raise ValueError("give either hex or base64")
    try:
        return bytes.fromhex(text.hex) if text.hex is not None else base64.b64decode(text.base64 or "", validate=True)
    except ValueError:
        expected = "hex: expected pairs of digits such as 0aff" if text.base64 is None else "base64: expected base64"
        raise ValueError(expected) from None


def mistake(check: Check, settings: Settings) -> tuple[str, str] | None:
    """Find a mistake. Without a payload, a UDP server does not answer, whether it is reachable or not."""
    for key, value in (("payload", settings.payload), ("reply", settings.reply)):
        try:
            if not to_bytes(value) and value is not None:
                return key, "is empty; leave it out"
        except ValueError as error:
            return key, str(error)
    if check.expect is Expect.REACHABLE and settings.payload is None:
        return "", "udp on the allow list needs a `payload` that the server answers"
    return None


async def attempt(check: Check, settings: Settings, address: str, port: int) -> Observation:
    """Open means that a reply came, and contains what the check asks for."""
    came = await exchange(address, port, to_bytes(settings.payload), check.timeout)
    if not isinstance(came, Reply):
        return replace(came, asked=settings.payload is not None)
    wanted = to_bytes(settings.reply) in came.data
    seen = f"{len(came.data)} bytes came back after {duration(came.after)}"
    if not wanted:
        seen += f", without the reply expected: {came.data[:32]!r}"
    outcome = Outcome.OPEN if wanted else Outcome.UNEXPECTED
    return Observation(outcome, seen, address, family_of(address))


UDP = Kind(Form(), Settings, attempt, mistake, datagrams=True)
