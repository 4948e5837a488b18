"""Which workload may reach which, on every port: what `netproof suggest --output table` shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from planner.evaluator import evaluators
from planner.inventory import Endpoint, Inventory, Workload

Allowed = bool | Literal["partly"]
Ends = tuple[str | None, tuple[Endpoint, ...]]  # of a port: its Service, and where the packets go


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
    certain, possible = evaluators(inventory)
    workloads = sorted(inventory.workloads.values(), key=lambda each: (each.namespace, each.name))
    asked = [
        (each, port, service, ends, certain.senders(ends), possible.senders(ends))
        for each in workloads
        for port, (service, ends) in sorted(_ports(each, inventory).items())
    ]
    for sender in workloads:
        bits = sum(1 << pod for pod in sender.pods)
        for receiver, (protocol, number), service, ends, surely, maybe in asked:
            if sender is receiver and sender.name.startswith("Pod/"):
                continue  # a pod always reaches itself
            allowed: Allowed = not bits & ~surely or ("partly" if bits & maybe else False)
            policies = {str(each) for pod in sender.pods for to in ends for each in possible.deciding(pod, to)}
            yield Pair(sender, receiver, service, protocol, number, allowed, tuple(sorted(policies)))


def _ports(workload: Workload, inventory: Inventory) -> dict[tuple[str, int], Ends]:
    """Find the ports of a workload, each with the first Service that sends to it, and where its packets go."""
    pods = list(inventory.pods)
    found: dict[tuple[str, int], Ends] = {}
    for _, protocol, number in (port for index in workload.pods for port in pods[index].ports):
        found[protocol, number] = None, tuple(Endpoint(pod, protocol, number) for pod in sorted(workload.pods))
    for each in reversed(inventory.destinations):
        mine = tuple(to for to in each.backends if to.pod in workload.pods)
        found |= {(to.protocol, to.port): (each.service, mine) for to in mine}
    return found
