"""Policies that netproof does not evaluate: which pods they select, so that nothing is suggested for those."""

from typing import Any

import msgspec

from planner.objects import LabelSelector, OtherPolicy
from planner.policies import Peer
from planner.selectors import Selector, compiled


class OtherKind:
    """A policy of another kind. Where its selector has a form of its own, it is taken to select all that it could."""

    def __init__(self, given: OtherPolicy) -> None:
        spec, self.namespace = given.spec or {}, given.metadata.namespace
        self.name = f"{given.kind} {'/'.join(filter(None, (self.namespace, given.metadata.name)))}"
        # AdminNetworkPolicy and its kin: https://network-policy-api.sigs.k8s.io/api-overview/
        subject = spec.get("subject") or {}
        pods = subject.get("pods") or {}
        namespaces = _selector(subject.get("namespaces") or pods.get("namespaceSelector"))
        # https://docs.cilium.io/en/stable/security/policy/intro/: keys may name their source, as in `k8s:app`
        wanted = _selector(pods.get("podSelector") or spec.get("endpointSelector"))
        self.subject = Peer(self.namespace, namespaces, wanted)


def _selector(given: Any) -> Selector:
    try:
        found = compiled(msgspec.convert(given or {}, LabelSelector))
    except msgspec.ValidationError:
        return ()
    plain = tuple((key.removeprefix("k8s:").removeprefix("any:"), operator, values) for key, operator, values in found)
    return () if any(":" in key or key.startswith("io.") for key, *_ in plain) else plain
