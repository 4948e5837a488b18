"""NetworkPolicies as values: https://kubernetes.io/docs/concepts/services-networking/network-policies/."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from planner.addresses import Block
from planner.selectors import Selector, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planner.objects import LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: pods of namespaces (None: of the policy's own), or addresses."""

    namespaces: Selector | None
    pods: Selector
    block: Block | None


_EVERYBODY = {Peer((), (), None), Peer(None, (), Block("0.0.0.0/0")), Peer(None, (), Block("::/0"))}


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of one protocol: a name, a number, a range (both ends belong to it), or all (None)."""

    protocol: str
    port: int | str | None
    last: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What one rule lets through. Without peers: from or to everywhere; without ports: all of them."""

    peers: tuple[Peer, ...]
    ports: tuple[Ports, ...]
    names_somebody: bool  # else it lets everybody through


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A NetworkPolicy. A direction without rules denies everything; one that is None is left alone."""

    namespace: str
    name: str
    pods: Selector
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of both directions."""
        return (*(self.ingress or ()), *(self.egress or ()))

    def parts(self) -> Iterator[tuple[str, Policy | None]]:
        """Yield what can be taken away, each with what remains: the whole policy, and each of its rules."""
        yield "", None
        for index in range(len(self.ingress or ())):
            yield f"ingress[{index}]", replace(self, ingress=_without(self.ingress, index))
        for index in range(len(self.egress or ())):
            yield f"egress[{index}]", replace(self, egress=_without(self.egress, index))


def _without(rules: tuple[Rule, ...] | None, index: int) -> tuple[Rule, ...]:
    return tuple(rule for number, rule in enumerate(rules or ()) if number != index)


def policy(given: NetworkPolicy) -> Policy:
    """Read a NetworkPolicy, with the API's defaults."""
    spec = given.spec
    types = spec.policy_types or ("Ingress", "Egress" if spec.egress else "")
    ingress = tuple(_rule(rule, rule.from_) for rule in spec.ingress or ()) if "Ingress" in types else None
    egress = tuple(_rule(rule, rule.to) for rule in spec.egress or ()) if "Egress" in types else None
    return Policy(given.metadata.space, given.metadata.name, _selector(spec.pod_selector) or (), ingress, egress)


def _rule(rule: PolicyRule, peers: list[PolicyPeer] | None) -> Rule:
    found = tuple(map(_peer, peers or ()))
    return Rule(found, tuple(map(_ports, rule.ports or ())), bool(found) and not _EVERYBODY.intersection(found))


def _peer(peer: PolicyPeer) -> Peer:
    block = None if peer.ip_block is None else Block(peer.ip_block.cidr, tuple(peer.ip_block.except_ or ()))
    return Peer(_selector(peer.namespace_selector), _selector(peer.pod_selector) or (), block)


def _ports(port: PolicyPort) -> Ports:
    return Ports(port.protocol or "TCP", port.port, port.end_port)


def _selector(selector: LabelSelector | None) -> Selector | None:
    return None if selector is None else compiled(selector)
