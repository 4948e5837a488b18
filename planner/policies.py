"""NetworkPolicies as values: https://kubernetes.io/docs/concepts/services-networking/network-policies/."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from planner.objects import IPBlock, NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from planner.selectors import Selector, compiled


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: pods of one namespace, or of all that a selector selects, or addresses."""

    namespace: str | None
    namespaces: Selector
    pods: Selector
    block: IPBlock | None = None

    @property
    def is_everybody(self) -> bool:
        """Whether it leaves nobody out."""
        if self.block:
            return self.block.cidr in ("0.0.0.0/0", "::/0") and not self.block.except_
        return not (self.namespace or self.namespaces or self.pods)


@dataclass(frozen=True, eq=False)
class Rule:
    """What one rule lets through. Without peers: from or to everywhere; without ports: all of them."""

    peers: tuple[Peer, ...]
    ports: Sequence[PolicyPort]

    @cached_property
    def is_specific(self) -> bool:
        """Whether it names peers, and does not let everybody through."""
        return bool(self.peers) and not any(each.is_everybody for each in self.peers)


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

    def parts(self) -> Iterator[tuple[str, "Policy | None"]]:
        """Yield what can be taken away, each with what remains: the whole policy, and each of its rules."""
        yield "", None
        for index, rules in enumerate(_without_one(self.ingress)):
            yield f"ingress[{index}]", replace(self, ingress=rules)
        for index, rules in enumerate(_without_one(self.egress)):
            yield f"egress[{index}]", replace(self, egress=rules)


def _without_one(rules: tuple[Rule, ...] | None) -> Iterator[tuple[Rule, ...]]:
    given = rules or ()
    return (given[:index] + given[index + 1 :] for index in range(len(given)))


def policy(given: NetworkPolicy) -> Policy:
    """Read a NetworkPolicy, with the API's defaults."""
    spec, space = given.spec, given.metadata.space
    types = spec.policy_types or ("Ingress", "Egress" if spec.egress else "")
    ingress = tuple(_rule(rule, rule.from_, space) for rule in spec.ingress or ()) if "Ingress" in types else None
    egress = tuple(_rule(rule, rule.to, space) for rule in spec.egress or ()) if "Egress" in types else None
    return Policy(space, given.metadata.name, compiled(spec.pod_selector), ingress, egress)


def _rule(rule: PolicyRule, peers: Sequence[PolicyPeer] | None, namespace: str) -> Rule:
    return Rule(tuple(_peer(peer, namespace) for peer in peers or ()), rule.ports or ())


def _peer(peer: PolicyPeer, namespace: str) -> Peer:
    own = namespace if peer.namespace_selector is None else None
    return Peer(own, compiled(peer.namespace_selector), compiled(peer.pod_selector), peer.ip_block)
