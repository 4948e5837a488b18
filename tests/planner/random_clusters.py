"""Random clusters for hypothesis, and a model of NetworkPolicies, naive on purpose: pair by pair, on plain dicts.

The model was written from the Kubernetes documentation, and shares nothing with planner/.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import strategies as st

Object = dict[str, Any]

SPACES = ("red", "green", "blue")
_VALUES = st.sampled_from(("a", "b", "c"))
_KEYS = st.sampled_from(("app", "tier"))
_LABELS = st.dictionaries(_KEYS, _VALUES, max_size=2)
NUMBERS = (8080, 8081, 8090)
PROTOCOLS = ("TCP", "UDP")
_BLOCKS = ("0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/29", "10.0.0.4/30", "192.168.0.0/16", "10.0.0.2/32")


@st.composite
def _selectors(draw: st.DrawFn) -> Object:
    expressions = []
    for _ in range(draw(st.integers(0, 2))):
        operator = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")))
        values = {"values": draw(st.lists(_VALUES, min_size=1, max_size=2))} if operator.endswith("In") else {}
        expressions.append({"key": draw(_KEYS), "operator": operator, **values})
    return draw(
        st.sampled_from(
            ({}, {"matchLabels": draw(_LABELS)}, {"matchLabels": draw(_LABELS), "matchExpressions": expressions})
        )
    )


@st.composite
def _space_selectors(draw: st.DrawFn) -> Object:
    names = draw(st.lists(st.sampled_from(SPACES), min_size=1, max_size=2))
    expression = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}
    return draw(st.sampled_from(({}, {"matchLabels": {"team": draw(_VALUES)}}, {"matchExpressions": [expression]})))


@st.composite
def _peers(draw: st.DrawFn, *, blocks: bool) -> Object:
    peer: Object = {}
    if blocks and draw(st.integers(0, 4)) == 0:
        peer["ipBlock"] = {"cidr": draw(st.sampled_from(_BLOCKS))}
        if draw(st.booleans()):
            peer["ipBlock"]["except"] = draw(st.lists(st.sampled_from(_BLOCKS[2:]), max_size=2))
        return peer
    if draw(st.booleans()):
        peer["namespaceSelector"] = draw(_space_selectors())
    if not peer or draw(st.booleans()):
        peer["podSelector"] = draw(_selectors())
    return peer


@st.composite
def _ports(draw: st.DrawFn, *, names: bool) -> Object:
    port: Object = {} if draw(st.booleans()) else {"protocol": draw(st.sampled_from(PROTOCOLS))}
    form = draw(st.sampled_from(("all", "number", "range", *(["name"] if names else []))))
    if form == "name":
        port["port"] = draw(st.sampled_from(("web", "data")))
    elif form != "all":
        port["port"] = draw(st.sampled_from(NUMBERS))
    if form == "range":
        port["endPort"] = port["port"] + draw(st.integers(0, 10))
    return port


@st.composite
def policies(draw: st.DrawFn, name: str, *, blocks: bool = True, names: bool = True) -> Object:
    """A NetworkPolicy."""
    spec: Object = {"podSelector": draw(_selectors())}
    for direction, side in (("ingress", "from"), ("egress", "to")):
        if draw(st.booleans()):
            spec[direction] = [
                {
                    **({side: draw(st.lists(_peers(blocks=blocks), max_size=2))} if draw(st.booleans()) else {}),
                    **({"ports": draw(st.lists(_ports(names=names), max_size=2))} if draw(st.booleans()) else {}),
                }
                for _ in range(draw(st.integers(0, 2)))
            ]
    if draw(st.booleans()):
        spec["policyTypes"] = draw(st.sampled_from((["Ingress"], ["Egress"], ["Ingress", "Egress"])))
    metadata = {"name": name, "namespace": draw(st.sampled_from(SPACES))}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


@st.composite
def pods(draw: st.DrawFn, number: int) -> Object:
    """A running pod with an address of its own."""
    chosen = draw(st.dictionaries(st.sampled_from(("web", "data")), st.sampled_from(NUMBERS), max_size=2))
    ports = [{"name": name, "containerPort": port} for name, port in chosen.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number}", "namespace": draw(st.sampled_from(SPACES)), "labels": draw(_LABELS)},
        "spec": {"containers": [{"ports": ports}]},
        "status": {"phase": "Running", "podIP": f"10.0.0.{number + 1}"},
    }


@st.composite
def clusters(draw: st.DrawFn) -> list[Object]:
    """Namespaces, pods and policies."""
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each, "labels": {"team": draw(_VALUES)}}}
        for each in SPACES
    ]
    count = draw(st.integers(2, 6))
    found = [draw(pods(number)) for number in range(count)]
    return [*spaces, *found, *(draw(policies(f"policy-{number}")) for number in range(draw(st.integers(1, 4))))]


def allowed(objects: list[Object], sender: Object, receiver: Object, protocol: str, number: int) -> bool:
    """Whether policies let one pod open a connection to a port of another."""
    spaces = {
        each["metadata"]["name"]: {
            "kubernetes.io/metadata.name": each["metadata"]["name"],
            **each["metadata"].get("labels", {}),
        }
        for each in objects
        if each["kind"] == "Namespace"
    }
    rules = [each for each in objects if each["kind"] == "NetworkPolicy"]
    return _passes(rules, spaces, receiver, sender, receiver, "ingress", protocol, number) and _passes(
        rules, spaces, sender, receiver, receiver, "egress", protocol, number
    )


def _passes(
    rules: list[Object],
    spaces: Any,
    mine: Object,
    other: Object,
    receiver: Object,
    direction: str,
    protocol: str,
    number: int,
) -> bool:
    isolated = False
    for policy in rules:
        spec = policy["spec"]
        types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
        if direction.capitalize() not in types or policy["metadata"]["namespace"] != mine["metadata"]["namespace"]:
            continue
        if not _selects(spec["podSelector"], mine["metadata"]["labels"]):
            continue
        isolated = True
        for rule in spec.get(direction, []):
            peers, ports = rule.get("from", []) + rule.get("to", []), rule.get("ports", [])
            to_peer = not peers or any(_is(peer, policy, spaces, other) for peer in peers)
            if to_peer and (not ports or any(_on(port, receiver, protocol, number) for port in ports)):
                return True
    return not isolated


def _is(peer: Object, policy: Object, spaces: Any, pod: Object) -> bool:
    if "ipBlock" in peer:
        address = ip_address(pod["status"]["podIP"])
        excepted = peer["ipBlock"].get("except", [])
        return address in ip_network(peer["ipBlock"]["cidr"]) and all(
            address not in ip_network(each) for each in excepted
        )
    space = pod["metadata"]["namespace"]
    if "namespaceSelector" in peer:
        if not _selects(peer["namespaceSelector"], spaces[space]):
            return False
    elif space != policy["metadata"]["namespace"]:
        return False
    return _selects(peer.get("podSelector", {}), pod["metadata"]["labels"])


def _on(port: Object, receiver: Object, protocol: str, number: int) -> bool:
    if port.get("protocol", "TCP") != protocol:
        return False
    wanted = port.get("port")
    if isinstance(wanted, str):
        declared = [each for one in receiver["spec"]["containers"] for each in one["ports"]]
        return any((each["name"], each["containerPort"], protocol) == (wanted, number, "TCP") for each in declared)
    return wanted is None or wanted == number or ("endPort" in port and wanted <= number <= port["endPort"])


def _selects(selector: Object, labels: dict[str, str]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for each in selector.get("matchExpressions", []):
        has = each["key"] in labels
        inside = has and labels[each["key"]] in each.get("values", [])
        if not {"In": inside, "NotIn": not inside, "Exists": has, "DoesNotExist": not has}[each["operator"]]:
            return False
    return True
