from __future__ import annotations

import json

import pytest

from planner.inventory import Inventory
from planner.objects import NetworkPolicy, Pod, Service, read

POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db, namespace: shop}\n"


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        ("{", "a.yaml: this is not JSON or YAML: Input data was truncated"),
        ('{"kind": "List", "items": [{"kind": "Pod"', "a.yaml: this is not JSON or YAML: Input data was truncated"),
        ("a: [", "a.yaml: this is not JSON or YAML: while parsing a flow node"),
        ("on: push", "a.yaml: this is not JSON or YAML: Only dicts with str"),  # `on` is true in YAML 1.1
        ("a: !!int b", "a.yaml: this is not JSON or YAML: invalid literal"),
        ("a: !!bool b", "a.yaml: this is not JSON or YAML: 'b'"),
        ("a: &a [*a]", "a.yaml: this is not JSON or YAML: maximum recursion depth"),
        ("[1]", "a.yaml: Expected `object`, got `array`"),
        ("replicas: 1", "a.yaml: object default/: `kind` and `metadata.name` must be given"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {a: 1}}",
            "a.yaml: Pod default/x: metadata.labels[...]: Expected `str`, got `int`",
        ),
        (
            POLICY + "spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}",
            "a.yaml: NetworkPolicy shop/db: spec.ingress[0].from[0].ipBlock: '10.0.0.0/33' does not",
        ),
        (
            POLICY + "spec: {ingress: [{from: [{}]}]}",
            "a.yaml: NetworkPolicy shop/db: spec.ingress[0].from[0]: expected either `ipBlock`",
        ),
        (
            POLICY + "spec: {podSelector: {matchExpressions: [{key: a, operator: Is}]}}",
            "spec.podSelector.matchExpressions[0].operator: Invalid enum value 'Is'",
        ),
        (
            POLICY + "spec: {podSelector: {matchExpressions: [{key: a, operator: In}]}}",
            "matchExpressions[0]: `values` must be given with operator In",
        ),
        (
            POLICY + "spec: {egress: [{ports: [{port: http, endPort: 90}]}]}",
            "spec.egress[0].ports[0]: `endPort` needs a `port` that is a number",
        ),
        (POLICY + "spec: {policyTypes: [ingress]}", "spec.policyTypes[0]: Invalid enum value 'ingress'"),
    ],
)
def test_a_mistake_names_file_object_and_field(content: str, mistake: str) -> None:
    (found,) = read([("a.yaml", content.encode())]).mistakes
    assert mistake in found


def test_an_empty_document_of_a_file_is_skipped() -> None:
    found = read([("a.yaml", f"---\n# nothing\n---\n{POLICY}".encode())])
    assert [each.metadata.name for each in found.of(NetworkPolicy)] == ["db"]
    assert not found.mistakes


def test_the_rest_of_a_file_with_a_mistake_is_read() -> None:
    pods = ("{name: a, labels: [x]}", "{name: b}")
    text = "\n---\n".join(f"apiVersion: v1\nkind: Pod\nmetadata: {each}" for each in pods)
    found = read([("a.yaml", text.encode())])
    assert len(found.mistakes) == 1
    assert [pod.metadata.name for pod in found.of(Pod)] == ["b"]


def test_dates_and_other_kinds_of_the_same_name_do_not_disturb() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {released: 2026-01-01, no-day: 2026-02-30}}\n"
    text += "---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\nspec: {template: {}}\n"
    found = read([("a.yaml", text.encode())])
    assert not found.mistakes
    assert [pod.metadata.labels for pod in found.of(Pod)] == [{"released": "2026-01-01", "no-day": "2026-02-30"}]
    assert not found.of(Service)


def test_labels_of_a_namespace_that_policies_look_at_must_be_known() -> None:
    peer = {"namespaceSelector": {"matchLabels": {"team": "a"}}}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "db", "namespace": "shop"},
        "spec": {"ingress": [{"from": [peer]}]},
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "shop"}}
    objects = [policy, pod]
    mistakes = Inventory(read([("a", json.dumps({"kind": "List", "items": objects}).encode())])).mistakes
    assert mistakes[-1:] == ["Namespace shop is not in the input, and policies look at its label 'team'"]
    objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    assert not Inventory(read([("a", json.dumps({"kind": "List", "items": objects}).encode())])).mistakes
