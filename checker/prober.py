"""One attempt at one check: its name is resolved afresh, and each of its addresses is tried, in bounded number."""

from __future__ import annotations

import asyncio
import resource
from contextlib import nullcontext
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from checker import network, resolver
from checker.model import Attempt, Family, Observation, Outcome
from checker.probes import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from checker.model import Check

_SPARE_FILES = 64  # file descriptors that are not for probes


class Prober:
    """Makes attempts, `concurrency` of them at once; belongs to one event loop. Times count from its making."""

    def __init__(self, concurrency: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._resolver = resolver.Resolver()
        self._slots = asyncio.Semaphore(concurrency)
        self._paths: dict[str, asyncio.Lock] = {}

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return self._loop.time() - self._began

    async def attempt(self, check: Check, *, within: float | None = None, before: float = inf) -> Attempt | None:
        """Make one attempt, of `within` seconds instead of the check's timeout.

        None where no slot was free `before` that time: an attempt that comes too late is not made.
        """
        at = self.now()
        host = check.target.host
        if host is None and not KINDS[check.target.kind].form.host:
            host = ""  # nowhere else: in this container
        if host == "" or (host is not None and network.is_literal(host)):
            observation = await self._try(check, host, within, before)
            return Attempt(at, self.now() - at, (observation,)) if observation else None
        addresses, unresolved, left_out = await self._addresses(host)
        tried = await asyncio.gather(*(self._try(check, address, within, before) for address in addresses))
        observations = tuple(observation for observation in tried if observation)
        return (
            Attempt(at, self.now() - at, observations + unresolved, left_out)
            if len(observations) == len(addresses)
            else None
        )

    async def _addresses(self, host: str | None) -> tuple[Sequence[str], tuple[Observation, ...], tuple[str, ...]]:
        """Resolve: the addresses to try, observations of what could not be resolved, and the addresses left out."""
        found = resolver.Answer(resolver.servers(), {}) if host is None else await self._resolver.look_up(host)
        families = {family for family in Family if network.has_address(family)}
        local = [address for address in found.addresses if network.is_loopback(address)]  # needs no network
        addresses = [a for a in found.addresses if network.family_of(a) in families or a in local]
        left_out = tuple(address for address in found.addresses if address not in addresses)
        if addresses:  # what the name has of a family that this machine lacks does not matter
            faults = {family: what for family, what in found.faults.items() if family in families}
            unresolved = tuple(Observation(Outcome.UNRESOLVED, what, None, family) for family, what in faults.items())
        elif left_out:
            family = network.family_of(left_out[0])
            unresolved = (
                Observation(Outcome.UNTESTABLE, f"this machine has no {family} address", left_out[0], family),
            )
        else:
            whats = sorted(set(found.faults.values()), key=lambda what: what == resolver.NO_ADDRESS)
            unresolved = (Observation(Outcome.UNRESOLVED, whats[0] if whats else resolver.NO_ADDRESS),)
        return addresses, unresolved, left_out

    async def _try(self, check: Check, address: str, within: float | None, before: float) -> Observation | None:
        kind = KINDS[check.target.kind]
        async with self._path(address) if kind.paced else nullcontext(), self._slots:
            if before is not inf and self.now() >= before:
                return None
            hurried = check if within is None else replace(check, timeout=within)
            return await kind.attempt(hurried, check.settings, address, check.target.port)

    def _path(self, address: str) -> AbstractAsyncContextManager[None]:
        """Let one attempt of a paced kind at a time to each address.

        A host sends one ICMP error a second to each peer (icmp_ratelimit in Documentation/networking/ip-sysctl.rst of
        Linux), and an attempt asks once a second: so no refusal goes missing, and looks like silence.
        """
        return self._paths.setdefault(address, asyncio.Lock())


def affordable(concurrency: int) -> tuple[int, str | None]:
    """Raise the limit of open files to what is allowed; return how many attempts fit, and a warning if fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = concurrency + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return concurrency, None
    fits = max(1, soft - _SPARE_FILES)
    return fits, f"only {soft} files may be open (ulimit -Hn), so {fits} attempts run at once instead of {concurrency}"
