"""http://host[:port]/path and https://… - a TCP attempt, then on the allow list a request on the same address.

On the deny list, and in a control, the TCP attempt alone is judged: an accepted connection is a leak.
The TCP attempt comes first because httpx hides the errno of a connection that failed.
No body is ever read, whatever its length or compression.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from checker.model import Check, Expect, Observation, Outcome, Probe
from checker.probes.base import connect, duration
from checker.target import Target, bracketed

if TYPE_CHECKING:
    import ssl


_REDIRECTS = 20


@dataclass(frozen=True, slots=True)
class Http(Probe):
    """What the answer must be, and how the request is made."""

    status: int | str | list[int | str] | None = None  # 200, "2xx", or several; the default is any below 500
    ca: str | None = None  # a PEM file to verify the certificate with, instead of the usual authorities
    insecure: bool = False  # do not verify the certificate
    follow: bool = False  # follow redirects, to other hosts too
    proxy: bool = False  # use the proxy that the environment names

    def statuses(self) -> list[str]:
        """List the patterns of the statuses that are fine (RFC 9110)."""
        status = ["1xx", "2xx", "3xx", "4xx"] if self.status is None else self.status
        return [str(each).lower() for each in (status if isinstance(status, list) else [status])]

    def mistake(self, check: Check) -> tuple[str, str] | None:
        """Find a mistake in the probe."""
        for pattern in self.statuses():
            if not re.fullmatch("[1-5][0-9x]{2}", pattern):
                return "status", f"found {pattern!r}; expected a number such as 200 or a class such as 2xx"
        if self.ca is not None and not os.path.isfile(self.ca):  # noqa: PTH113 - false for what is no path, too
            return "ca", f"there is no file {self.ca!r}"
        if self.proxy and check.expect is not Expect.REACHABLE:
            return "proxy", "a denied target is tried directly; remove it"
        return None

    async def attempt(self, check: Check, address: str) -> Observation:
        """Open means that an HTTP answer with a fitting status came, from a peer whose certificate was verified.

        Through a proxy `address` is the host as it was written: the proxy resolves it, and connects to it.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        if not self.proxy:
            made = await connect(check, address)
            if made.outcome is not Outcome.OPEN or check.expect is not Expect.REACHABLE:
                return made
        outcome, seen = await _request(self, check.target, address, check.timeout - (loop.time() - began))
        return Observation(outcome, f"{seen} after {duration(loop.time() - began)}")


async def _request(probe: Http, target: Target, address: str, within: float) -> tuple[Outcome, str]:
    import httpx  # noqa: PLC0415 - a run without http targets must not pay for it

    host = target.host or ""
    url = f"{target.kind}://{bracketed(address)}:{target.port}{target.path or '/'}"
    name = bracketed(host) if target.port == target.form.port else f"{bracketed(host)}:{target.port}"
    proxy = _proxy(target.kind, name) if probe.proxy else None
    if probe.proxy and proxy is None:
        return Outcome.UNTESTABLE, "could not try: the environment names no proxy for this target"
    so_far = "through the proxy, " if proxy else "accepted, but "
    try:
        async with (
            httpx.AsyncClient(
                verify=_context(asyncio.get_running_loop(), probe.ca, probe.insecure),
                proxy=proxy,
                trust_env=False,
                # asyncio.timeout limits the whole request; but a cancelled TLS handshake would leave its socket open
                timeout=httpx.Timeout(None, connect=within * 0.9),
            ) as client,
            asyncio.timeout(within),
        ):
            headers = {"Host": name, "User-Agent": "netproof"}
            sni = {} if proxy else {"sni_hostname": host.removesuffix(".")}  # RFC 6066, 3: without the last dot
            request = client.build_request("GET", url, headers=headers, extensions=sni)
            for _ in range(_REDIRECTS):
                response = await client.send(request, stream=True)
                await response.aclose()  # the body is left unread: httpx itself would read that of a redirect
                if not (probe.follow and response.next_request):
                    break
                request = response.next_request
                if httpx.URL(response.headers["location"]).host:  # the certificate must be for the new host
                    request.extensions.pop("sni_hostname", None)
            else:
                return Outcome.UNEXPECTED, f"more than {_REDIRECTS} redirects"
            if proxy and response.status_code == 407:
                return Outcome.UNEXPECTED, "the proxy demands credentials (HTTP 407)"
            fine = "|".join(probe.statuses()).replace("x", "[0-9]")
            outcome = Outcome.OPEN if re.fullmatch(fine, str(response.status_code)) else Outcome.UNEXPECTED
            return outcome, f"HTTP {response.status_code}"
    except (TimeoutError, httpx.TimeoutException):
        return Outcome.UNEXPECTED, f"{so_far}no HTTP answer came"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return Outcome.UNEXPECTED, so_far + _fault(error)


def _proxy(kind: str, host: str) -> str | None:
    """Return the URL of the proxy that the environment names for a host, as curl and httpx read it."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

    found = getproxies()
    return None if proxy_bypass(host) else found.get(kind) or found.get("all")


@lru_cache(maxsize=8)  # few, as those of earlier runs stay: each holds 0.7 MB
def _context(_loop: asyncio.AbstractEventLoop, ca: str | None, insecure: bool) -> ssl.SSLContext:  # noqa: FBT001
    """Make the TLS settings once per event loop, which is once per run: this takes as long as a request."""
    import ssl  # noqa: PLC0415

    import httpx  # noqa: PLC0415

    if ca is None or insecure:
        return httpx.create_ssl_context(verify=not insecure, trust_env=False)
    return ssl.create_default_context(cafile=ca)


def _fault(error: Exception) -> str:
    text = str(error) or "it closed the connection"
    return text.rsplit("] ", 1)[-1].split(" (_ssl.c")[0].rstrip(".")
