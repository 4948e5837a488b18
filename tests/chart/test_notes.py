"""What Helm prints after an installation: the commands that come next, and what is not proven."""

import json
import re
import subprocess
from typing import Any

from tests.chart.chart import CHART, ONE, helm
from tests.tools.helm import tools


def notes(values: dict[str, Any]) -> str:
    done = helm("install", "np", str(CHART), "-n", "shop", "--dry-run=client", values={**ONE, **values})
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:\n")[2]


def test_commands_have_their_names_filled_in() -> None:
    text = notes({"vantages": {"a": {}, "b": {"namespace": "db"}}})
    assert "kubectl create job -n shop --from=cronjob/np-netproof-a np-netproof-a-now" in text
    assert "kubectl logs -n db -f job/np-netproof-b-now" in text
    assert "kubectl get jobs -n db -l app.kubernetes.io/instance=np" in text
    assert "helm test np -n shop" in text


def test_denials_that_nothing_vouches_for_are_named() -> None:
    nobody = {"target": "vault.ops:8200", "control": False}
    text = notes({"targets": {"allow": ["a:1"], "deny": ["mongo.db:27017", nobody]}})
    unproven, _, by_choice = text.partition("UNPROVEN")[2].partition("Nobody at all")
    assert "mongo.db:27017 (np-netproof)" in unproven
    assert "vault.ops:8200 (np-netproof)" in by_choice.partition("No channel")[0]
    assert "UNPROVEN" not in notes({"control": {"enabled": True}})


def test_lists_that_cannot_be_read_are_named() -> None:
    assert "shop/policies (np-netproof)" in notes({"existingConfigMap": "policies"})


def test_who_is_told() -> None:
    assert "kubectl create secret generic netproof-channels -n shop" in notes({})
    told = notes({"notifications": {"existingSecret": "mine"}})
    assert "denies all egress" not in told
    assert "deny all egress" in told
    assert "kubectl create secret" not in told
    assert "for trying out" not in told
    assert "for trying out" in notes({"notifications": {"channels": {"a": "json://s3cret"}}})


def test_no_secret_is_printed() -> None:
    assert "s3cret" not in notes(
        {"notifications": {"channels": {"a": "json://s3cret"}}, "heartbeat": {"url": "https://s3cret"}}
    )


def test_nothing_is_said_of_labels_where_there_are_none() -> None:
    assert "podLabels" not in notes({})
    assert "publishNotReadyAddresses" in notes({"podLabels": {"app": "shop"}})


def selector(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": API.get(kind, "v1"), "kind": kind, "metadata": {"name": name}, "spec": spec}


API = {"PodDisruptionBudget": "policy/v1", "Deployment": "apps/v1", "HorizontalPodAutoscaler": "autoscaling/v2"}
WORLD = [
    selector("Service", "mine", selector={"app": "shop"}),
    selector("Service", "early", selector={"app": "shop"}, publishNotReadyAddresses=True),
    selector("Service", "narrower", selector={"app": "shop", "tier": "web"}),
    selector("Service", "other", selector={"app": "bank"}),
    selector("Service", "manual"),
    selector("PodDisruptionBudget", "all", selector={}),
    selector("PodDisruptionBudget", "mine", selector={"matchLabels": {"app": "shop"}}),
    selector("PodDisruptionBudget", "maybe", selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
    selector("PodDisruptionBudget", "other", selector={"matchLabels": {"app": "bank"}}),
    selector("Deployment", "mine", selector={"matchLabels": {"app": "shop"}}),
    selector("HorizontalPodAutoscaler", "one", scaleTargetRef={"kind": "Deployment", "name": "mine"}),
]


def test_the_command_shows_what_selects_the_pods() -> None:
    """Run by the real kubectl, over objects from a file instead of a cluster: it then goes through them itself."""
    (command,) = (line for line in notes({"podLabels": {"app": "shop"}}).split("\n") if "-o go-template=" in line)
    each = re.fullmatch(r".* -o go-template='\{\{range \.items\}\}(.*)\{\{end\}\}'", command)
    assert each
    done = subprocess.run(
        [tools().kubectl, "label", "--local", "-f-", "a=b", "-o", f"go-template={each[1]}"],
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": WORLD}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "Service/mine selects them",
        "Service/early selects them, and lists them although not ready",
        "PodDisruptionBudget/all selects them",
        "PodDisruptionBudget/mine selects them",
        "PodDisruptionBudget/maybe selects them, if its expressions do",
        "Deployment/mine selects them",
        "HorizontalPodAutoscaler/one scales Deployment/mine",
    ]
