"""Kubernetes objects, read from `kubectl get -o json` or from manifests. Every mistake names file, object and field.

Only the fields that decide which traffic is allowed; their meaning is in the Kubernetes API reference.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Literal, TypeVar

import msgspec
import yaml
from msgspec import Raw, Struct

Shape = TypeVar("Shape", bound="Object")
Direction = Literal["ingress", "egress"]
DIRECTIONS: tuple[Direction, ...] = ("ingress", "egress")


class _Fields(Struct, frozen=True, rename="camel"):
    """Other fields are ignored; null means that a field is not given."""


class Owner(_Fields, frozen=True):
    """An entry of `metadata.ownerReferences`."""

    kind: str
    name: str
    controller: bool | None = None


class Metadata(_Fields, frozen=True):
    """What every object has. `namespace` is `default` where none is given, as with kubectl."""

    name: str = ""
    namespace: str | None = None
    labels: dict[str, str] | None = None
    owner_references: list[Owner] | None = None

    @property
    def space(self) -> str:
        """The namespace of the object."""
        return self.namespace or "default"

    @property
    def owner(self) -> Owner | None:
        """The controller that made the object."""
        return next((each for each in self.owner_references or () if each.controller), None)


class Object(_Fields, frozen=True, eq=False):
    """What objects of all kinds have."""

    kind: str = ""
    metadata: Metadata = Metadata()

    def __str__(self) -> str:
        return f"{self.metadata.space}/{self.metadata.name}"


class Requirement(_Fields, frozen=True):
    """An entry of `matchExpressions`."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if bool(self.values) != (self.operator in ("In", "NotIn")):
            raise ValueError(f"`values` must be {'empty' if self.values else 'given'} with operator {self.operator}")

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels fulfil it. `NotIn` holds also where the label is missing."""
        found = labels.get(self.key) in self.values if self.values else self.key in labels
        return found == (self.operator in ("In", "Exists"))


class LabelSelector(_Fields, frozen=True):
    """Selects by labels; an empty one selects everything.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
    """

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[Requirement, ...] | None = None

    def __hash__(self) -> int:
        return hash((frozenset((self.match_labels or {}).items()), self.match_expressions))

    @property
    def keys(self) -> set[str]:
        """The labels that it uses; none: it selects everything."""
        return {*(self.match_labels or {}), *(each.key for each in self.match_expressions or ())}

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether all requirements hold."""
        equal = all(labels.get(key) == value for key, value in (self.match_labels or {}).items())
        return equal and all(each.holds(labels) for each in self.match_expressions or ())


EVERYTHING = LabelSelector()


class IPBlock(_Fields, frozen=True):
    """A range of addresses, without the exceptions."""

    cidr: str
    except_: tuple[str, ...] | None = msgspec.field(name="except", default=None)

    def __post_init__(self) -> None:
        for each in (self.cidr, *(self.except_ or ())):
            ip_network(each, strict=False)  # its ValueError says what is wrong


class Peer(_Fields, frozen=True):
    """Who is at the other end. Without `namespaceSelector`, pods of the policy's own namespace."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None

    def __post_init__(self) -> None:
        pods = self.pod_selector is not None or self.namespace_selector is not None
        if pods == (self.ip_block is not None):
            raise ValueError("expected either `ipBlock`, or `podSelector` and `namespaceSelector`")

    @property
    def is_all(self) -> bool:
        """Whether it includes all pods, or all addresses."""
        if self.ip_block:
            return self.ip_block.cidr in ("0.0.0.0/0", "::/0") and not self.ip_block.except_
        selectors = (self.namespace_selector, self.pod_selector or EVERYTHING)
        return not any(each is None or each.keys for each in selectors)


class PolicyPort(_Fields, frozen=True):
    """A port by number, range or name; without `port`, all ports of the protocol."""

    protocol: str | None = None
    port: int | str | None = None
    end_port: int | None = None

    def __post_init__(self) -> None:
        if self.end_port is not None and not (isinstance(self.port, int) and self.port <= self.end_port):
            raise ValueError("`endPort` needs a `port` that is a number and not greater")


class Rule(_Fields, frozen=True, eq=False):
    """One entry of `ingress` or `egress`. Without peers: from or to everywhere; without ports: all of them."""

    from_: tuple[Peer, ...] | None = msgspec.field(name="from", default=None)
    to: tuple[Peer, ...] | None = None
    ports: tuple[PolicyPort, ...] | None = None

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Who may be at the other end."""
        return self.from_ or self.to or ()

    @property
    def is_specific(self) -> bool:
        """Whether it names peers, and not all pods or addresses."""
        return bool(self.peers) and not any(each.is_all for each in self.peers)


class PolicySpec(_Fields, frozen=True):
    """The specification of a NetworkPolicy."""

    pod_selector: LabelSelector | None = None
    policy_types: list[Literal["Ingress", "Egress"]] | None = None
    ingress: tuple[Rule, ...] | None = None
    egress: tuple[Rule, ...] | None = None


class NetworkPolicy(Object, frozen=True, eq=False):
    """networking.k8s.io/v1: https://kubernetes.io/docs/concepts/services-networking/network-policies/."""

    spec: PolicySpec = PolicySpec()

    def parts(self, *directions: Direction) -> "tuple[Part, ...]":
        """Return what can be removed: that it isolates pods in a direction, and each rule; without arguments, of both.

        Without `policyTypes`, it isolates on ingress, and on egress if it has rules for it.
        """
        types = self.spec.policy_types or (["Ingress", "Egress"] if self.spec.egress else ["Ingress"])
        rules = {"ingress": self.spec.ingress, "egress": self.spec.egress}
        isolating = (each for each in directions or DIRECTIONS if each.capitalize() in types)
        return tuple((self, rule) for each in isolating for rule in (None, *(rules[each] or ())))


Part = tuple[NetworkPolicy, Rule | None]  # of a policy: one of its rules; None: that it isolates pods


class ContainerPort(_Fields, frozen=True):
    """A port that a container declares."""

    container_port: int
    name: str | None = None
    protocol: str | None = None


class Container(_Fields, frozen=True):
    """A container; `restartPolicy` makes an init container a sidecar."""

    ports: list[ContainerPort] | None = None
    restart_policy: str | None = None


class Condition(_Fields, frozen=True):
    """A condition of a pod."""

    type: str
    status: str


class PodSpec(_Fields, frozen=True):
    """The specification of a pod, or of a workload."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    host_network: bool | None = None
    node_name: str | None = None
    replicas: int | None = None
    template: "Pod | None" = None
    job_template: "Workload | None" = None

    @property
    def ports(self) -> Iterator[ContainerPort]:
        """The ports of all containers that run beside each other."""
        sidecars = (each for each in self.init_containers or () if each.restart_policy == "Always")
        return (port for each in (*(self.containers or ()), *sidecars) for port in each.ports or ())


class PodStatus(_Fields, frozen=True):
    """The state of a pod."""

    phase: str | None = None
    pod_ip: str | None = msgspec.field(name="podIP", default=None)
    host_ip: str | None = msgspec.field(name="hostIP", default=None)
    conditions: list[Condition] | None = None


class Pod(Object, frozen=True, eq=False):
    """A pod, or the template that a workload makes its pods from."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Workload(Pod, frozen=True, eq=False):
    """An object that makes pods, a CronJob by the Jobs that it makes."""

    @property
    def template(self) -> Pod:
        """What its pods are made from."""
        return self.spec.job_template.template if self.spec.job_template else self.spec.template or Pod()


class ServicePort(_Fields, frozen=True):
    """A port of a Service, and the port of its pods, by number or name."""

    port: int
    protocol: str | None = None
    target_port: int | str | None = None


class ServiceSpec(_Fields, frozen=True):
    """The specification of a Service."""

    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    type: str | None = None
    cluster_ip: str | None = msgspec.field(name="clusterIP", default=None)
    publish_not_ready_addresses: bool | None = None


class Service(Object, frozen=True, eq=False):
    """A name and an address for pods."""

    spec: ServiceSpec = ServiceSpec()


class Namespace(Object, frozen=True, eq=False):
    """A namespace. Namespace selectors select it by its labels."""


class OtherPolicy(Object, frozen=True, eq=False):
    """A policy of another kind: netproof does not evaluate it, and suggests nothing for the pods that it selects."""

    spec: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.kind} {'/'.join(filter(None, (self.metadata.namespace, self.metadata.name)))}"

    @property
    def selected(self) -> Peer:
        """The pods that it selects, in its namespace if it has one. A selector that cannot be read selects all.

        AdminNetworkPolicy and its kin: https://network-policy-api.sigs.k8s.io/api-overview/
        Cilium: https://docs.cilium.io/en/stable/security/policy/intro/; keys may name their source, as in `k8s:app`.
        """
        try:
            spec = self.spec or {}
            subject = spec.get("subject") or {}
            others = {"namespaceSelector": subject.get("namespaces"), "podSelector": spec.get("endpointSelector")}
            text = re.sub(rb'"(k8s|any):', b'"', msgspec.json.encode(subject.get("pods") or others))
            found = msgspec.json.decode(text, type=Peer)
        except (msgspec.ValidationError, AttributeError):
            found = Peer(EVERYTHING)
        pods = found.pod_selector or EVERYTHING
        if any(":" in key or key.startswith("io.") for key in pods.keys):
            pods = EVERYTHING
        return Peer(pods, None if self.metadata.namespace else found.namespace_selector or EVERYTHING)


class _Header(_Fields, frozen=True):
    kind: str = ""
    api_version: str = ""
    metadata: dict[str, Any] = {}
    items: list[Raw] | None = None


# What is read, by `apiVersion kind`. Everything else is ignored.
_SHAPES: dict[str, type[Object]] = {
    r"v1 Pod": Pod,
    r"v1 Service": Service,
    r"v1 Namespace": Namespace,
    r"((apps|batch)/)?v\w+ (Deployment|(Stateful|Daemon|Replica)Set|ReplicationController|Job|CronJob)": Workload,
    r"networking\.k8s\.io/v1 NetworkPolicy": NetworkPolicy,
    r"(policy\.networking\.k8s\.io|cilium\.io|(crd\.)?projectcalico\.org|(crd\.)?antrea\.io)/\w+ \w*NetworkPolicy"
    r"|(network\.openshift\.io|k8s\.ovn\.org)/\w+ Egress(Firewall|NetworkPolicy)": OtherPolicy,
}


@dataclass(frozen=True)
class Objects:
    """What was read, in the order of kinds, namespaces and names, and what could not be read."""

    found: list[Object]
    mistakes: list[str]

    def of(self, shape: type[Shape]) -> list[Shape]:
        """Return the objects of one shape."""
        return [each for each in self.found if type(each) is shape]


def read(files: Iterable[tuple[str, bytes]]) -> Objects:
    """Read files of JSON or YAML, each with its name for messages. An object that comes again replaces the first."""
    found: dict[tuple[str, str, str], Object] = {}
    mistakes: list[str] = []
    for file, content in files:
        try:
            for document in _documents(content):
                mistakes.extend(_collect(file, document, found))
        except (msgspec.DecodeError, yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:
            mistakes.append(f"{file}: this is not JSON or YAML: {' '.join(str(error).split())}")
    return Objects([found[key] for key in sorted(found)], mistakes)


def _documents(content: bytes) -> Iterator[bytes | Raw]:
    if content.lstrip()[:1] == b"{":
        yield content
        return
    for document in yaml.load_all(content.decode(), _Loader):
        if document is not None:
            yield msgspec.json.encode(document)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads dates as text, as Kubernetes does."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)


def _collect(file: str, document: bytes | Raw, found: dict[tuple[str, str, str], Object]) -> Iterator[str]:
    """Decode one object, or those of a list; yield what is wrong."""
    place = file
    try:
        header = msgspec.json.decode(document, type=_Header)
        if header.items is not None and header.kind.endswith("List"):
            for item in header.items:
                yield from _collect(file, item, found)
            return
        name, space = header.metadata.get("name", ""), header.metadata.get("namespace") or "default"
        place = f"{file}: {header.kind or 'object'} {space}/{name}"
        if not (header.kind and name):
            yield f"{place}: `kind` and `metadata.name` must be given"
        kind = f"{header.api_version} {header.kind}"
        for pattern, shape in _SHAPES.items():
            if re.fullmatch(pattern, kind):
                found[kind, space, name] = msgspec.json.decode(document, type=shape)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        yield f"{place}: {where.strip('.`') + ': ' if where else ''}{what}"
