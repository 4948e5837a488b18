"""http://host[:port]/path and https://… - a TCP attempt, then on the allow list a request on the same address.

On the deny list, and for a control, the TCP attempt alone is judged: who accepts, leaks.
httpx hides the socket and its errno, so it comes second, and never tells why a connection failed.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from checker.model import Expect, Outcome
from checker.probes.base import Kind, connect, duration
from checker.target import Form, bracketed

if TYPE_CHECKING:
    import ssl

    from checker.model import Check, Observation

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the answer must be, and how it is asked for."""

    status: int | str | list[int | str] | None = None  # 200, "2xx", or several; any below 500 where not said
    ca: str | None = None  # a PEM file to verify the certificate with, instead of the usual authorities
    insecure: bool = False  # do not verify the certificate
    follow: bool = False  # follow redirects (the places they lead to are reached by name)
    proxy: bool = False  # use the proxy of the environment: that tests another path

    @property
    def answerable(self) -> bool:
        """Whoever listens accepts, so silence says something."""
        return True


def statuses(settings: Settings) -> list[str]:
    """List the patterns of the statuses that are fine."""
    status = settings.status
    return [str(each).lower() for each in status] if isinstance(status, list) else [str(status).lower()]


def mistake(check: Check, settings: Settings) -> tuple[str, str] | None:
    """Find what cannot be meant."""
    if settings.status is not None:
        for pattern in statuses(settings):
            if len(pattern) != 3 or pattern[0] not in "12345" or not all(c.isdigit() or c == "x" for c in pattern[1:]):
                return "status", f"found {pattern!r}; expected a number such as 200 or a class such as 2xx"
    if settings.ca is not None and not os.path.isfile(settings.ca):  # noqa: PTH113 - false for what is no path, too
        return "ca", f"there is no file {settings.ca!r}"
    if settings.proxy and check.expect is not Expect.REACHABLE:
        return "proxy", "on the deny list the target itself is tried; take it away"
    return None


def fits(status: int, settings: Settings) -> bool:
    """Tell whether an HTTP status (RFC 9110) is one that the check asks for."""
    if settings.status is None:
        return status < 500
    return any(all(c in ("x", d) for c, d in zip(p, str(status), strict=True)) for p in statuses(settings))


async def attempt(check: Check, settings: Settings, address: str, port: int) -> Observation:
    """Open means that an HTTP answer with a fitting status came, from a peer whose certificate was verified."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    observation = await connect(address, port, check.timeout)
    if observation.outcome is not Outcome.OPEN or check.expect is not Expect.REACHABLE:
        return observation
    outcome, seen = await _request(check, settings, address, check.timeout - (loop.time() - began))
    return replace(observation, outcome=outcome, seen=f"{seen} after {duration(loop.time() - began)}")


async def _request(check: Check, settings: Settings, address: str, within: float) -> tuple[Outcome, str]:
    import httpx  # noqa: PLC0415 - a run without http targets must not pay for it

    target = check.target
    host = target.host or ""
    url = f"{target.kind}://{bracketed(host if settings.proxy else address)}:{target.port}{target.path or '/'}"
    name = bracketed(host) if target.port == PORTS[target.kind] else f"{bracketed(host)}:{target.port}"
    headers = {"Host": name, "User-Agent": "netproof"}
    extensions: dict[str, Any] = {} if settings.proxy else {"sni_hostname": host}
    try:
        async with (
            httpx.AsyncClient(
                verify=_verification(settings.ca, settings.insecure),
                trust_env=settings.proxy,
                follow_redirects=settings.follow,
                # asyncio's is over all of it; but a TLS handshake that it cuts would leave its socket open
                timeout=httpx.Timeout(None, connect=within * 0.9),
            ) as client,
            asyncio.timeout(within),
            # streamed, and closed unread: a body that never ends costs nothing
            client.stream("GET", url, headers=headers, extensions=extensions) as response,
        ):
            outcome = Outcome.OPEN if fits(response.status_code, settings) else Outcome.UNEXPECTED
            return outcome, f"HTTP {response.status_code}"
    except (TimeoutError, httpx.TimeoutException):
        return Outcome.UNEXPECTED, "accepted, but no HTTP answer came"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return Outcome.UNEXPECTED, f"accepted, but {_fault(error)}"


@cache  # it costs as much as a request
def _verification(ca: str | None, insecure: bool) -> ssl.SSLContext:  # noqa: FBT001
    import ssl  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    if ca is None or insecure:
        return httpx.create_ssl_context(verify=not insecure, trust_env=False)
    return ssl.create_default_context(cafile=ca)


def _fault(error: Exception) -> str:
    text = str(error) or "it closed the connection"
    return text.rsplit("] ", 1)[-1].split(" (_ssl.c")[0].rstrip(".")


HTTP, HTTPS = (Kind(Form(port, path=True), Settings, attempt, mistake) for port in PORTS.values())
