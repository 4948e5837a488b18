"""NetworkPolicies with the API's defaults: https://kubernetes.io/docs/concepts/services-networking/network-policies/."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from planner.objects import EVERYTHING, LabelSelector, NetworkPolicy, Rule


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A NetworkPolicy. A direction without rules denies everything; None: the policy does not apply to it."""

    namespace: str
    name: str
    pods: LabelSelector
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of both directions."""
        return (*(self.ingress or ()), *(self.egress or ()))

    def parts(self) -> Iterator[tuple[str, "Policy | None"]]:
        """Yield what can be removed, each with what remains: the whole policy, and each of its rules."""
        yield "", None
        for direction in ("ingress", "egress"):
            rules = getattr(self, direction) or ()
            for index in range(len(rules)):
                rest: dict[str, Any] = {direction: rules[:index] + rules[index + 1 :]}
                yield f"{direction}[{index}]", replace(self, **rest)


def policy(given: NetworkPolicy) -> Policy:
    """Apply the API's defaults."""
    spec = given.spec
    types = spec.policy_types or ("Ingress", "Egress" if spec.egress else "")
    ingress = spec.ingress or () if "Ingress" in types else None
    egress = spec.egress or () if "Egress" in types else None
    return Policy(given.metadata.space, given.metadata.name, spec.pod_selector or EVERYTHING, ingress, egress)
