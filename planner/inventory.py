"""What a cluster consists of: classes of pods, workloads, and the pods and ports behind Services."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

from planner.addresses import Address, covers, in_order, pod_ranges
from planner.evaluator import Endpoint, Evaluator, PodClass
from planner.objects import DIRECTIONS, EVERYTHING, IPBlock, LabelSelector, Objects, Pod, Service, ServicePort
from planner.other_policies import OtherKind

# Labels that differ from pod to pod of one workload.
_OF_ONE_POD = re.compile(
    r"pod-template-(hash|generation)|controller-revision-hash|statefulset\.kubernetes\.io/pod-name"
    r"|apps\.kubernetes\.io/pod-index|(batch\.kubernetes\.io/)?(job-name|controller-uid|job-completion-index)"
)
_DNS_NAMESPACES = ("kube-system", "openshift-dns")
# Other labels of a vantage's pod: from the chart, and from its Job.
VANTAGE_LABELS = dict.fromkeys(
    [f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")]
    + [f"{prefix}{key}" for prefix in ("", "batch.kubernetes.io/") for key in ("job-name", "controller-uid")],
    "netproof",
)
METADATA = ("169.254.169.254", 80)  # of the cloud


@dataclass(frozen=True, eq=False, slots=True)
class Workload:
    """What makes pods: `Deployment/name`, or a bare pod, `Pod/name`."""

    namespace: str
    name: str
    labels: dict[str, str]
    pods: set[int] = field(default_factory=set)  # classes

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


class Origin(NamedTuple):
    """Labels in a namespace, and the workloads that have them. Without workloads: any other pod of the namespace."""

    namespace: str
    labels: Mapping[str, str]
    workloads: tuple[str, ...] = ()


class Inventory:
    """Everything that was read, with pods as classes."""

    def __init__(self, objects: Objects, ignored_kinds: Collection[str] = ()) -> None:
        self.policies = objects.policies
        self.others = [OtherKind(each) for each in objects.others if each.kind not in ignored_kinds]
        rules = [rule for each in self.policies for key in DIRECTIONS for rule in each.rules(key) or ()]
        peers = [peer for rule in rules for peer in rule.peers or ()] + [each.subject for each in self.others]
        self.selectors: dict[str, list[LabelSelector]] = defaultdict(list)  # of pods, by the label keys that they use
        selecting = [each.spec.pod_selector for each in self.policies] + [each.pod_selector for each in peers]
        for selector in {each or EVERYTHING for each in selecting}:
            for key in selector.keys:
                self.selectors[key].append(selector)
        self._keys = {*self.selectors, *(key for each in objects.services for key in each.spec.selector or ())}
        self._blocks = {peer.ip_block for peer in peers if peer.ip_block}
        of_pods = {pod.status.pod_ip for pod in objects.pods if not pod.spec.host_network}
        self._ranges = pod_ranges(ip_address(each) for each in of_pods if each)
        self.pods: dict[PodClass, int] = {}
        self._nodes: dict[int, set[str]] = defaultdict(set)
        self.workloads: dict[tuple[str, str], Workload] = {}
        for namespace, name, pod, ready in _pods(objects):
            self._add(namespace, name, pod, ready=ready)
        self.destinations = [each for service in objects.services for each in self._of_service(service)]
        self.outside = dict(_outside(objects))  # destinations that are no pods, each with a description
        self.dns = self._dns()
        self._namespaces = {each.namespace: {"kubernetes.io/metadata.name": each.namespace} for each in self.pods}
        self._namespaces |= objects.namespaces
        looked_at = {key for each in peers if each.namespace_selector for key in each.namespace_selector.keys}
        looked_at.discard("kubernetes.io/metadata.name")
        self.mistakes = [
            f"Namespace {name} is not in the input, and policies look at its label {min(looked_at)!r}"
            for name in sorted(self._namespaces)
            if looked_at and name not in objects.namespaces
        ]

    def evaluators(self, vantages: Iterable[Origin] = ()) -> tuple[Evaluator, Evaluator]:
        """Return evaluators of what is certainly, and of what is possibly permitted.

        `vantages` are of pods that do not exist yet. Their indices follow those of all others.
        """
        pods = list(self.pods)
        for namespace, labels, _ in vantages:
            pods.append(PodClass(namespace, self._used({**VANTAGE_LABELS, **labels}), blocks=self._covering(None)))
        nodes = [frozenset(self._nodes[index]) for index in range(len(pods))]
        namespaces = defaultdict[str, Mapping[str, str]](dict, self._namespaces)
        make = partial(Evaluator, pods, nodes, self.policies, namespaces)
        return make(optimistic=False), make(optimistic=True)

    def _add(self, namespace: str, name: str, pod: Pod, *, ready: bool) -> None:
        labels = pod.metadata.labels or {}
        ports = frozenset((each.name, each.protocol or "TCP", each.container_port) for each in pod.spec.ports)
        host = bool(pod.spec.host_network)
        address = (pod.status.host_ip if host else None) or pod.status.pod_ip
        covering = self._covering(ip_address(address) if address else None)
        index = self._index(PodClass(namespace, self._used(labels), ports, covering, host, ready))
        if pod.spec.node_name:
            self._nodes[index].add(pod.spec.node_name)
        own = {key: value for key, value in labels.items() if not _OF_ONE_POD.fullmatch(key)}
        self.workloads.setdefault((namespace, name), Workload(namespace, name, own)).pods.add(index)

    def _index(self, made: PodClass) -> int:
        return self.pods.setdefault(made, len(self.pods))

    def _used(self, labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
        """Return the labels that selectors use."""
        return frozenset((key, value) for key, value in labels.items() if key in self._keys)

    def _covering(self, address: Address | None) -> tuple[frozenset[IPBlock], frozenset[IPBlock]]:
        found = {each: covers(each, address, self._ranges) for each in self._blocks}
        certain, possible = (frozenset(each for each in found if found[each][sure]) for sure in (0, 1))
        return certain, possible

    def _of_service(self, service: Service) -> Iterator[Destination]:
        """Find the backends of each port of a Service: https://kubernetes.io/docs/concepts/services-networking/service/."""
        spec, space = service.spec, service.metadata.space
        if not spec.selector or spec.type == "ExternalName":
            return
        wanted = frozenset(spec.selector.items())
        pods = {index: pod for pod, index in self.pods.items() if pod.namespace == space and wanted <= pod.labels}
        for port in spec.ports or ():
            protocol, headless = port.protocol or "TCP", spec.cluster_ip == "None"
            targets = [(index, number) for index, pod in pods.items() for number in _target(port, pod)]
            for front in sorted({number for _, number in targets}) if headless else [port.port]:
                behind = [(index, number) for index, number in targets if not headless or number == front]
                backends = tuple(Endpoint(index, None, protocol, number) for index, number in behind)
                ready = any(spec.publish_not_ready_addresses or pods[index].ready for index, _ in behind)
                address = None if headless else spec.cluster_ip
                yield Destination(space, service.metadata.name, protocol, front, address, backends, ready)

    def _dns(self) -> tuple[Endpoint, ...]:
        """Find the cluster's DNS server; if it was not read, assume the usual one."""
        for each in self.destinations:
            if each.namespace in _DNS_NAMESPACES and (each.protocol, each.port) == ("UDP", 53):
                return each.backends
        labels, ports = self._used({"k8s-app": "kube-dns"}), frozenset([("dns", "UDP", 53)])
        usual = PodClass("kube-system", labels, ports, self._covering(None))
        return (Endpoint(self._index(usual), None, "UDP", 53),)


def _outside(objects: Objects) -> Iterator[tuple[Destination, str]]:
    """Yield targets that are no pods and that few applications need, each with a description."""
    for each in objects.services:
        if (each.metadata.space, each.metadata.name) == ("default", "kubernetes"):
            # Network plugins differ: policies apply to the Service's port, or to the server's own.
            to = tuple(Endpoint(None, None, "TCP", port) for port in (443, 6443))
            address = each.spec.cluster_ip
            yield Destination("default", "kubernetes", "TCP", 443, address, to, ready=True), "the API server"
    nodes = in_order({ip_address(pod.status.host_ip) for pod in objects.pods if pod.status.host_ip})
    kubelet = [(str(nodes[0]), 10250, "a node's kubelet")] if nodes else []
    for place, number, what in (*kubelet, (*METADATA, "cloud metadata")):
        backend = Endpoint(None, ip_address(place), "TCP", number)
        yield Destination("", "", "TCP", number, place, (backend,), ready=True), what


def _target(port: ServicePort, pod: PodClass) -> list[int]:
    """Find the port of a pod to which a Service sends: none if it is a name that the pod does not have."""
    if isinstance(port.target_port, str):
        wanted = (port.target_port, port.protocol or "TCP")
        return sorted(number for name, protocol, number in pod.ports if (name, protocol) == wanted)[:1]
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
    """Name what made a pod: instead of a ReplicaSet its Deployment, instead of a Job its CronJob."""
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
