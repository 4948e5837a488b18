"""Which workload may reach which, on every port: what `netproof suggest --output table` shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from planner.evaluator import Endpoint
from planner.inventory import Destination, Inventory, Workload

Allowed = bool | Literal["partly"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two workloads, a port of the second, and whether policies let the first one reach it."""

    sender: Workload
    receiver: Workload
    service: str | None
    protocol: str
    port: int
    allowed: Allowed
    policies: tuple[str, ...]


def pairs(inventory: Inventory) -> Iterator[Pair]:
    """Yield each pair of workloads and each port that the second declares or that a Service sends to it."""
    certain, possible = inventory.evaluators()
    workloads = sorted(inventory.workloads.values(), key=lambda each: (each.namespace, each.name))
    ports = [(each, *port) for each in workloads for port in _ports(each, inventory.destinations)]
    asked = [(*port, certain.senders(port[-1]), possible.senders(port[-1])) for port in ports]
    for sender in workloads:
        bits = sum(1 << pod for pod in sender.pods)
        for receiver, service, (protocol, number), endpoints, surely, maybe in asked:
            if sender is receiver and sender.name.startswith("Pod/"):
                continue  # a pod always reaches itself
            allowed: Allowed = not bits & ~surely or ("partly" if bits & maybe else False)
            policies = {str(each) for pod in sender.pods for to in endpoints for each in possible.deciding(pod, to)}
            yield Pair(sender, receiver, service, protocol, number, allowed, tuple(sorted(policies)))


def _ports(
    workload: Workload, destinations: Sequence[Destination]
) -> Iterator[tuple[str | None, tuple[str, int], tuple[Endpoint, ...]]]:
    """Yield each port of a workload, with the first Service that sends to it, and where its packets go."""
    found: dict[tuple[str, int], tuple[str | None, tuple[Endpoint, ...]]] = {}
    for protocol, number in workload.ports:
        ends = tuple(Endpoint(pod, None, protocol, number) for pod in sorted(workload.pods))
        found[protocol, number] = None, ends
    for each in reversed(destinations):
        mine = tuple(to for to in each.backends if to.pod in workload.pods)
        found |= {(to.protocol, to.port): (each.service, mine) for to in mine}
    for port in sorted(found):
        service, ends = found[port]
        yield service, port, ends
