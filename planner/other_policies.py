"""Policies that netproof does not evaluate: which pods they select, so that nothing is suggested for those."""

from typing import Any

import msgspec
from msgspec.structs import replace

from planner.objects import EVERYTHING, LabelSelector, OtherPolicy, Peer


class OtherKind:
    """A policy of another kind. A selector that cannot be read selects everything."""

    def __init__(self, given: OtherPolicy) -> None:
        spec, self.namespace = given.spec or {}, given.metadata.namespace
        self.name = f"{given.kind} {'/'.join(filter(None, (self.namespace, given.metadata.name)))}"
        # AdminNetworkPolicy and its kin: https://network-policy-api.sigs.k8s.io/api-overview/
        subject = spec.get("subject") or {}
        pods = subject.get("pods") or {}
        namespaces = None if self.namespace else _selector(subject.get("namespaces") or pods.get("namespaceSelector"))
        # https://docs.cilium.io/en/stable/security/policy/intro/: keys may name their source, as in `k8s:app`
        self.subject = Peer(_selector(pods.get("podSelector") or spec.get("endpointSelector")), namespaces)


def _selector(given: Any) -> LabelSelector:
    try:
        found = msgspec.convert(given or {}, LabelSelector)
    except msgspec.ValidationError:
        return EVERYTHING
    labels = {_plain(key): value for key, value in (found.match_labels or {}).items()}
    expressions = tuple(replace(each, key=_plain(each.key)) for each in found.match_expressions or ())
    plain = LabelSelector(labels, expressions)
    return EVERYTHING if any(":" in key or key.startswith("io.") for key in plain.keys) else plain


def _plain(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")
