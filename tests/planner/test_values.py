"""Values of the chart, read and written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.values import read_values, same_target, scalar
from tests.tools.helm import tools


@pytest.mark.parametrize(
    "text",
    ["yes", "on", "null", "1.5", "0x1", "a: b", "#x", "- a", "", "ä", "a #b", "tcp://x:1", "10.0.0.1:80", "a, b"],
)
def test_scalars_are_read_back_as_they_were(text: str) -> None:
    assert yaml.safe_load(scalar(text)) == text
    assert yaml.safe_load(f"{{{scalar(text)}: {scalar(text)}}}") == {text: text}


@pytest.mark.parametrize(
    "text",
    [
        "targets: {allow: ['db:1'], deny: ['c:3', {target: 'd:4', control: false}]}\ncontrol: {enabled: true}\n",
        "{namespaceOverride: shop, isolated: true, targets: {deny: ['c:3']}, control: {enabled: true}}",
        """
podLabels: {tier: x, removed: gone}
commonTargets:
  allow: ["a:1", "b:2"]
  deny: [{target: "c:3", control: false}, "d:4"]
vantages:
  one: {podLabels: {app: one, removed: null}, targets: {deny: ["b:2"]}}
  two: {namespace: batch, isolated: true}
  reaches: {targets: {allow: ["b.default:2"], deny: ["sandbox://root", {name: mine, command: ["true"]}]}}
  suspended: {cronjob: {suspend: true}, targets: {allow: ["x:1"], deny: ["y:2"]}}
  disabled: {enabled: false, targets: {allow: ["x:1"], deny: ["z:3"]}}
  removed: null
control: {enabled: true, namespace: ops, podLabels: {app: ops}, targets: {deny: ["own.ops:5"]}}
""",
    ],
)
def test_values_are_understood_as_the_chart_understands_them(text: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(text)
    command = [str(tools().helm), "template", "netproof", "chart", "-f", str(tmp_path / "values.yaml")]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(rendered) if each}
    expected = {}
    for (kind, name), cronjob in objects.items():
        if kind == "CronJob" and not cronjob["spec"]["suspend"]:
            labels = cronjob["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
            found = yaml.safe_load(objects["ConfigMap", name]["data"]["netproof.yaml"])
            namespace = cronjob["metadata"]["namespace"]
            expected[name.removeprefix("netproof-")] = (
                {key: value for key, value in labels.items() if not re.match(r"app\.kub|.*istio|kuma|netproof", key)},
                *(_identities(found.get(key) or [], namespace) for key in ("allow", "deny")),
            )
    assert {
        each.name: (
            each.origin.labels,
            *(
                {same_target(entry.target, each.origin.namespace) for entry in entries if entry.on_network}
                for entries in (each.allow, each.deny)
            ),
        )
        for each in read_values(yaml.safe_load(text), "default")
    } == expected


def _identities(entries: list[Any], namespace: str) -> set[str]:
    texts = (each if isinstance(each, str) else each["target"] for each in entries)
    return {same_target(each, namespace) for each in texts if not each.startswith(("sandbox:", "command:"))}
