"""What a cluster consists of: classes of pods, workloads, and the pods and ports behind Services."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from itertools import product
from typing import NamedTuple

from planner import objects as k8s
from planner.addresses import Address, Ranges, covers, pod_ranges

OUTSIDE = ""  # instead of a namespace: outside of the cluster
_ANYWHERE = (ip_network("0.0.0.0/0"),)
Port = tuple[str | None, str, int]  # name, protocol, number
# Labels that differ from pod to pod of one workload.
_OF_ONE_POD = re.compile(
    r"pod-template-(hash|generation)|controller-revision-hash|statefulset\.kubernetes\.io/pod-name"
    r"|apps\.kubernetes\.io/pod-index|(batch\.kubernetes\.io/)?(job-name|controller-uid|job-completion-index)"
)
_NAME = "kubernetes.io/metadata.name"  # a label that every namespace has
# Not suggested for applications, nor for probes, unless they have policies.
_SYSTEM = {"kube-system", "kube-public", "kube-node-lease"}
_DNS_NAMESPACES = ("kube-system", "openshift-dns")
_OF_CHART = [f"app.kubernetes.io/{key}" for key in ("name", "instance", "component")]
_OF_JOB = [f"{prefix}{key}" for prefix in ("", "batch.kubernetes.io/") for key in ("job-name", "controller-uid")]
VANTAGE_LABELS = dict.fromkeys([*_OF_CHART, *_OF_JOB], "netproof")  # other labels of a vantage's pod
METADATA = "169.254.169.254"  # of the cloud


@dataclass(frozen=True, slots=True)
class PodClass:
    """Pods that every policy and Service treats alike: the labels that selectors use, and the declared ports.

    An address outside of the cluster is taken as a pod, too, in the namespace OUTSIDE.
    """

    namespace: str
    labels: frozenset[tuple[str, str]] = frozenset()
    ports: frozenset[Port] = frozenset()
    on_host_network: bool = False
    ready: bool = True
    of_vantage: bool = False
    # The blocks that certainly cover its address, with False, and those that possibly cover it, with True.
    blocks: frozenset[tuple[k8s.IPBlock, bool]] = frozenset()


class Endpoint(NamedTuple):
    """Where packets go: a port of a pod class."""

    pod: int
    protocol: str
    port: int


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
    """Everything that was read, with pods as classes, each with its index."""

    def __init__(self, objects: k8s.Objects, ignored_kinds: Collection[str] = ()) -> None:
        self.policies, services, pods = objects.of(k8s.NetworkPolicy), objects.of(k8s.Service), objects.of(k8s.Pod)
        self.others = [each for each in objects.of(k8s.OtherPolicy) if each.kind not in ignored_kinds]
        rules = [rule for each in self.policies for _, rule in each.parts() if rule]
        peers = [peer for rule in rules for peer in rule.peers] + [each.selected for each in self.others]
        selecting = [each.spec.pod_selector for each in self.policies] + [each.pod_selector for each in peers]
        self._selectors = {each or k8s.EVERYTHING for each in selecting}  # of pods
        of_services = {key for each in services for key in each.spec.selector or ()}
        self._keys = of_services.union(*(each.keys for each in self._selectors))
        self._blocks = {peer.ip_block for peer in peers if peer.ip_block}
        of_pods = {pod.status.pod_ip for pod in pods if not pod.spec.host_network}
        self._ranges = pod_ranges(ip_address(each) for each in of_pods if each)
        self.pods: dict[PodClass, int] = {}
        self.nodes: dict[int, set[str]] = defaultdict(set)  # of each class
        self.workloads: dict[tuple[str, str], Workload] = {}
        for namespace, name, pod, ready in _pods(pods, objects.of(k8s.Workload)):
            self._add(namespace, name, pod, ready=ready)
        self.destinations = [each for service in services for each in self._of_service(service)]
        self.outside = dict(self._outside(services, pods))  # destinations that are no pods, each with a description
        self.dns = self._dns()
        known = {each.metadata.name: each.metadata.labels or {} for each in objects.of(k8s.Namespace)}
        names = {*known, *(each.namespace for each in self.pods)} - {OUTSIDE}
        self.namespaces = {name: {_NAME: name, **known.get(name, {})} for name in names}
        looked_at = {key for each in peers if each.namespace_selector for key in each.namespace_selector.keys} - {_NAME}
        what = f"is not in the input, and policies look at its label {min(looked_at, default='')!r}"
        self.mistakes = [f"Namespace {name} {what}" for name in sorted(names - known.keys()) if looked_at]
        self.origins = {self.vantage(each): each for each in self._origins()}

    def vantage(self, origin: Origin) -> int:
        """Return the index of a vantage's pod, which does not exist yet."""
        labels = {**VANTAGE_LABELS, **origin.labels}
        return self._index(PodClass(origin.namespace, frozenset(labels.items()), of_vantage=True))

    def elsewhere(self, address: Address | None) -> int:
        """Return the index of an address outside of the cluster; None is an unknown one."""
        return self._index(PodClass(OUTSIDE), address, _ANYWHERE)

    def _index(self, pod: PodClass, address: Address | None = None, ranges: Ranges | None = None) -> int:
        """Return the index of a class. Its address, if it is not known, is within the ranges, or those of pods."""
        labels = frozenset((key, value) for key, value in pod.labels if key in self._keys)
        within, cases = ranges or self._ranges, product(self._blocks, (False, True))
        blocks = frozenset((block, maybe) for block, maybe in cases if covers(block, address, within, optimistic=maybe))
        return self.pods.setdefault(replace(pod, labels=labels, blocks=blocks), len(self.pods))

    def _add(self, namespace: str, name: str, pod: k8s.Pod, *, ready: bool) -> None:
        labels, host = pod.metadata.labels or {}, bool(pod.spec.host_network)
        ports = frozenset((each.name, each.protocol or "TCP", each.container_port) for each in pod.spec.ports)
        address = (pod.status.host_ip if host else None) or pod.status.pod_ip
        found = PodClass(namespace, frozenset(labels.items()), ports, host, ready)
        index = self._index(found, ip_address(address) if address else None)
        if pod.spec.node_name:
            self.nodes[index].add(pod.spec.node_name)
        own = {key: value for key, value in labels.items() if not _OF_ONE_POD.fullmatch(key)}
        self.workloads.setdefault((namespace, name), Workload(namespace, name, own)).pods.add(index)

    def _origins(self) -> list[Origin]:
        """List where vantages can probe from: the sets of labels that differ for policies, by namespace.

        Each namespace has also one without labels, at its end.
        """
        found: dict[tuple[str, frozenset[tuple[str, str]]], set[str]] = defaultdict(set)
        pods, left_out = list(self.pods), _SYSTEM - {each.metadata.space for each in self.policies}
        for each in self.workloads.values():
            for pod in (pods[index] for index in each.pods if not pods[index].on_host_network):
                if pod.namespace not in left_out:
                    found[pod.namespace, self._fewest(dict(pod.labels))].add(each.name)
                    found.setdefault((pod.namespace, frozenset()), set())
        listed = [Origin(space, dict(sorted(labels)), tuple(sorted(names))) for (space, labels), names in found.items()]
        return sorted(listed, key=lambda one: (one.namespace, not one.workloads, one.workloads, [*one.labels.items()]))

    def _fewest(self, labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
        """Leave out labels that change nothing for any policy: fewer Services and budgets select a vantage then."""
        for key in sorted(labels):
            fewer = {name: value for name, value in labels.items() if name != key}
            before, after = {**VANTAGE_LABELS, **labels}, {**VANTAGE_LABELS, **fewer}
            if all(each.selects(before) == each.selects(after) for each in self._selectors):
                labels = fewer
        return frozenset(labels.items())

    def _of_service(self, service: k8s.Service) -> Iterator[Destination]:
        """Find the backends of each port of a Service: https://kubernetes.io/docs/concepts/services-networking/service/."""
        spec, space = service.spec, service.metadata.space
        if not spec.selector or spec.type == "ExternalName":
            return
        wanted, headless = frozenset(spec.selector.items()), spec.cluster_ip == "None"
        pods = {index: pod for pod, index in self.pods.items() if pod.namespace == space and wanted <= pod.labels}
        ready = {index for index, pod in pods.items() if pod.ready or spec.publish_not_ready_addresses}
        for port in spec.ports or ():
            protocol = port.protocol or "TCP"
            ends = [Endpoint(i, protocol, number) for i, pod in pods.items() for number in _target(port, pod)]
            for front in sorted({each.port for each in ends}) if headless else [port.port]:
                backends = tuple(each for each in ends if not headless or each.port == front)
                is_ready = any(each.pod in ready for each in backends)
                address = None if headless else spec.cluster_ip
                yield Destination(space, service.metadata.name, protocol, front, address, backends, is_ready)

    def _dns(self) -> tuple[Endpoint, ...]:
        """Find the cluster's DNS server; if it was not read, assume the usual one."""
        for each in self.destinations:
            if each.namespace in _DNS_NAMESPACES and (each.protocol, each.port) == ("UDP", 53):
                return each.backends
        usual = PodClass("kube-system", frozenset([("k8s-app", "kube-dns")]), frozenset([("dns", "UDP", 53)]))
        return (Endpoint(self._index(usual), "UDP", 53),)

    def _outside(self, services: list[k8s.Service], pods: list[k8s.Pod]) -> Iterator[tuple[Destination, str]]:
        """Yield targets that are no pods and that few applications need, each with a description."""
        for each in services:
            if str(each) == "default/kubernetes":
                # Network plugins differ: policies apply to the Service's port, or to the server's own.
                to = tuple(Endpoint(self.elsewhere(None), "TCP", port) for port in (443, 6443))
                address = each.spec.cluster_ip
                yield Destination("default", "kubernetes", "TCP", 443, address, to, ready=True), "the API server"
        nodes = {ip_address(pod.status.host_ip) for pod in pods if pod.status.host_ip}
        kubelet = [(str(min(nodes, key=lambda each: (each.version, each))), 10250, "a node's kubelet")] if nodes else []
        for place, number, what in (*kubelet, (METADATA, 80, "cloud metadata")):
            backend = Endpoint(self.elsewhere(ip_address(place)), "TCP", number)
            yield Destination("", "", "TCP", number, place, (backend,), ready=True), what


def _target(port: k8s.ServicePort, pod: PodClass) -> list[int]:
    """Find the port of a pod to which a Service sends: none if it is a name that the pod does not have."""
    if isinstance(port.target_port, str):
        wanted = (port.target_port, port.protocol or "TCP")
        return sorted(number for name, protocol, number in pod.ports if (name, protocol) == wanted)[:1]
    return [port.target_port or port.port]


def _pods(pods: list[k8s.Pod], workloads: list[k8s.Workload]) -> Iterator[tuple[str, str, k8s.Pod, bool]]:
    """Yield namespace, workload, pod and whether it is ready: pods of the cluster, else the templates of workloads."""
    cronjobs = {str(each) for each in workloads if each.kind == "CronJob"}
    seen = set()
    for pod in pods:
        if pod.status.phase not in ("Succeeded", "Failed"):  # its address may be another pod's by now
            workload = _workload(pod, cronjobs)
            seen.add((pod.metadata.space, workload))
            ready = all(each.status == "True" for each in pod.status.conditions or () if each.type == "Ready")
            yield pod.metadata.space, workload, pod, ready
    for each in workloads:
        name = f"{each.kind}/{each.metadata.name}"
        if not each.metadata.owner and (each.metadata.space, name) not in seen:
            yield each.metadata.space, name, each.template, not pods and each.spec.replicas != 0


def _workload(pod: k8s.Pod, cronjobs: Collection[str]) -> str:
    """Name what made a pod: instead of a ReplicaSet its Deployment, instead of a Job its CronJob."""
    owner = pod.metadata.owner
    if owner is None or owner.kind == "Node":
        return f"Pod/{pod.metadata.name}"
    whole, suffix = owner.name.rpartition("-")[::2]
    labels = pod.metadata.labels or {}
    if owner.kind == "ReplicaSet" and suffix and suffix == labels.get("pod-template-hash"):
        return f"Deployment/{whole}"
    if owner.kind == "Job" and f"{pod.metadata.space}/{whole}" in cronjobs:
        return f"CronJob/{whole}"
    return f"{owner.kind}/{owner.name}"
