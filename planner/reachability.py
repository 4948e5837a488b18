"""What a cluster consists of: workloads, the pods and ports behind Services, and who may reach them."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Literal

from planner.addresses import Address, covers, pod_ranges
from planner.evaluator import Endpoint, Evaluator, PodClass
from planner.objects import Objects, Pod, Service, ServicePort
from planner.other_policies import OtherKind
from planner.policies import policy
from planner.selectors import Selector, keys

# Labels that differ from pod to pod of one workload.
_OF_ONE_POD = re.compile(
    r"pod-template-(hash|generation)|controller-revision-hash|statefulset\.kubernetes\.io/pod-name"
    r"|apps\.kubernetes\.io/pod-index|(batch\.kubernetes\.io/)?(job-name|controller-uid|job-completion-index)"
)
_DNS_NAMESPACES = ("kube-system", "openshift-dns")


@dataclass(frozen=True, eq=False, slots=True)
class Workload:
    """What makes pods: `Deployment/name`, or a bare pod, `Pod/name`."""

    namespace: str
    name: str
    labels: dict[str, str]
    pods: set[int] = field(default_factory=set)  # classes
    ports: set[tuple[str, int]] = field(default_factory=set)  # that its pods declare: protocol, number

    def __str__(self) -> str:
        return f"{self.name} in {self.namespace}"


@dataclass(frozen=True, eq=False, slots=True)
class Destination:
    """A port of a Service: what a client connects to, and where the packets go."""

    namespace: str
    service: str
    protocol: str
    port: int  # that a client connects to: of a headless Service, the port of the pods
    address: str | None  # the cluster IP; None of a headless Service, or where no cluster gave one yet
    backends: tuple[Endpoint, ...]
    ready: bool  # whether any backend gets packets today

    @property
    def host(self) -> str:
        """Its name, as it resolves in every namespace."""
        return f"{self.service}.{self.namespace}"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Inventory:
    """Everything that was read, as classes of pods."""

    def __init__(self, objects: Objects, ignored_kinds: Collection[str] = ()) -> None:
        self.policies = [policy(each) for each in objects.policies]
        self.others = [OtherKind(each) for each in objects.others if each.kind not in ignored_kinds]
        rules = [rule for each in self.policies for rule in each.rules]
        peers = [peer for rule in rules for peer in rule.peers] + [each.subject for each in self.others]
        self.selectors: dict[str, list[Selector]] = defaultdict(list)  # of pods, by the label keys that they use
        for selector in {each.pods for each in (*self.policies, *peers)}:
            for key in keys([selector]):
                self.selectors[key].append(selector)
        self._keys = self.selectors.keys() | {key for each in objects.services for key in each.spec.selector or ()}
        self._port_names = {port.port for rule in rules for port in rule.ports}
        self._port_names |= {port.target_port for each in objects.services for port in each.spec.ports or ()}
        self._blocks = {peer.block for peer in peers if peer.block}
        addresses = {ip_address(pod.status.pod_ip) for pod in objects.pods if pod.status.pod_ip}
        self._ranges = pod_ranges(addresses)
        self.pods: dict[PodClass, int] = {}
        self._nodes: dict[int, set[str]] = defaultdict(set)
        self.workloads: dict[tuple[str, str], Workload] = {}
        for namespace, name, pod, ready in _pods(objects):
            self._add(namespace, name, pod, ready=ready)
        self.destinations = [each for service in objects.services for each in self._of_service(service)]
        self.api_server = next(
            (s for s in objects.services if (s.metadata.space, s.metadata.name) == ("default", "kubernetes")), None
        )
        self.node = min(
            (pod.status.host_ip for pod in objects.pods if pod.status.host_ip), key=ip_address, default=None
        )
        self.dns = self._dns()
        self.namespaces: Mapping[str, Mapping[str, str]] = {
            pod.namespace: {"kubernetes.io/metadata.name": pod.namespace} for pod in self.pods
        } | objects.namespaces
        looked_at = keys(peer.namespaces for peer in peers) - {"kubernetes.io/metadata.name"}
        self.mistakes = [
            f"Namespace {name} is not in the input, and policies look at its label {min(looked_at)!r}"
            for name in sorted(self.namespaces)
            if looked_at and name not in objects.namespaces
        ]

    def evaluators(self, probes: Iterable[PodClass] = ()) -> tuple[Evaluator, Evaluator]:
        """Return evaluators of what is certainly, and of what is possibly permitted.

        `probes` are pods that do not exist yet. Their indices follow those of all others.
        """
        pods = [*self.pods, *probes]
        nodes = [frozenset(self._nodes[index]) for index in range(len(pods))]
        namespaces = defaultdict(dict, self.namespaces)
        certain, possible = (
            Evaluator(pods, nodes, self.policies, namespaces, optimistic=optimistic) for optimistic in (False, True)
        )
        return certain, possible

    def probe(self, namespace: str, labels: Mapping[str, str]) -> PodClass:
        """Make the class of a pod that does not exist yet."""
        return PodClass(namespace, self._labels(labels, self.selectors), blocks=self._covering(None))

    def _add(self, namespace: str, name: str, pod: Pod, *, ready: bool) -> None:
        labels = pod.metadata.labels or {}
        named = ((each.name, each.protocol or "TCP", each.container_port) for each in pod.spec.ports if each.name)
        host = bool(pod.spec.host_network)
        address = (pod.status.host_ip if host else None) or pod.status.pod_ip
        made = PodClass(
            namespace,
            self._labels(labels, self._keys),
            frozenset(each for each in named if each[0] in self._port_names),
            self._covering(ip_address(address) if address else None),
            host,
            ready,
        )
        index = self.pods.setdefault(made, len(self.pods))
        if pod.spec.node_name:
            self._nodes[index].add(pod.spec.node_name)
        own = {key: value for key, value in labels.items() if not _OF_ONE_POD.fullmatch(key)}
        workload = self.workloads.setdefault((namespace, name), Workload(namespace, name, own))
        workload.pods.add(index)
        workload.ports.update((each.protocol or "TCP", each.container_port) for each in pod.spec.ports)

    def _labels(self, labels: Mapping[str, str], wanted: Collection[str]) -> frozenset[tuple[str, str]]:
        return frozenset((key, value) for key, value in labels.items() if key in wanted)

    def _covering(self, address: Address | None) -> Any:
        found = [(each, covers(each, address, self._ranges)) for each in self._blocks]
        return tuple(frozenset(each for each, covered in found if covered[sure]) for sure in (0, 1))

    def _of_service(self, service: Service) -> Iterator[Destination]:
        """Find the backends of each port of a Service: https://kubernetes.io/docs/concepts/services-networking/service/."""
        spec, space = service.spec, service.metadata.space
        if not spec.selector or spec.type == "ExternalName":
            return
        wanted = frozenset(spec.selector.items())
        pods = [(index, pod) for pod, index in self.pods.items() if pod.namespace == space and wanted <= pod.labels]
        for port in spec.ports or ():
            protocol = port.protocol or "TCP"
            found = [
                (Endpoint(index, None, protocol, number), pod) for index, pod in pods for number in _target(port, pod)
            ]
            headless = spec.cluster_ip == "None"
            for number in sorted({endpoint.port for endpoint, _ in found}) if headless else [port.port]:
                behind = [(endpoint, pod) for endpoint, pod in found if not headless or endpoint.port == number]
                ready = any(pod.ready or spec.publish_not_ready_addresses for _, pod in behind)
                address = None if headless else spec.cluster_ip
                backends = tuple(endpoint for endpoint, _ in behind)
                yield Destination(space, service.metadata.name, protocol, number, address, backends, ready)

    def _dns(self) -> tuple[Endpoint, ...]:
        """Find the cluster's DNS server; where it was not read, suppose the usual one."""
        for each in self.destinations:
            if each.namespace in _DNS_NAMESPACES and (each.protocol, each.port) == ("UDP", 53):
                return each.backends
        labels = self._labels({"k8s-app": "kube-dns"}, self._keys)
        usual = PodClass("kube-system", labels, frozenset([("dns", "UDP", 53)]), self._covering(None))
        return (Endpoint(self.pods.setdefault(usual, len(self.pods)), None, "UDP", 53),)


def _target(port: ServicePort, pod: PodClass) -> list[int]:
    """Find the port of a pod that a Service's port stands for; none where the pod does not have the name."""
    if isinstance(port.target_port, str):
        wanted = (port.target_port, port.protocol or "TCP")
        return sorted(number for name, protocol, number in pod.named_ports if (name, protocol) == wanted)[:1]
    return [port.target_port or port.port]


def _pods(objects: Objects) -> Iterator[tuple[str, str, Pod, bool]]:
    """Yield namespace, workload, pod and whether it is ready: pods of the cluster, else the templates of workloads."""
    known = {(each.kind, each.metadata.space, each.metadata.name) for each in objects.workloads}
    seen = set()
    for pod in objects.pods:
        if pod.status.phase not in ("Succeeded", "Failed"):  # its address may be another pod's by now
            conditions = {each.type: each.status for each in pod.status.conditions or ()}
            workload = _workload(pod, known)
            seen.add((pod.metadata.space, workload))
            yield pod.metadata.space, workload, pod, conditions.get("Ready", "True") == "True"
    for each in objects.workloads:
        name = f"{each.kind}/{each.metadata.name}"
        if not each.metadata.owner and (each.metadata.space, name) not in seen:
            yield each.metadata.space, name, each.template, not objects.pods and each.spec.replicas != 0


def _workload(pod: Pod, known: Collection[tuple[str, str, str]]) -> str:
    """Name what made a pod: ReplicaSets stand for their Deployment, Jobs for their CronJob."""
    owner = pod.metadata.owner
    if owner is None or owner.kind == "Node":
        return f"Pod/{pod.metadata.name}"
    whole, suffix = owner.name.rpartition("-")[::2]
    labels = pod.metadata.labels or {}
    if owner.kind == "ReplicaSet" and suffix and suffix == labels.get("pod-template-hash"):
        return f"Deployment/{whole}"
    if owner.kind == "Job" and ("CronJob", pod.metadata.space, whole) in known:
        return f"CronJob/{whole}"
    return f"{owner.kind}/{owner.name}"


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
