"""docs/gitops.md: its examples render, install no test and no test message, and render the same again."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import LuaRuntime  # type: ignore[import-untyped]

from tests.chart.chart import CHART, Object, helm, render
from tests.tools.helm import tools

PAGE = (Path(__file__).parents[2] / "docs" / "gitops.md").read_text()
DOCUMENTS: list[Object] = [
    document
    for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    for document in yaml.safe_load_all(block)
]
HEALTH = "resource.customizations.health.batch_CronJob"


def document(key: str, value: str = "") -> Object:
    (found,) = (each for each in DOCUMENTS if key in each and value in ("", each[key]))
    return found


def examples() -> dict[str, Object]:
    """The values of each tool's example."""
    (kustomize,) = document("helmCharts")["helmCharts"]
    return {
        "argo": document("kind", "Application")["spec"]["source"]["helm"]["valuesObject"],
        "flux": document("kind", "HelmRelease")["spec"]["values"],
        "kustomize": kustomize["valuesInline"],
    }


@pytest.mark.parametrize("tool", examples())
@pytest.mark.parametrize("major", [3, 4])
def test_an_example_renders_the_same_each_time(tool: str, major: int) -> None:
    values = examples()[tool]
    first = render(values, major=major)
    assert {"CronJob", "ConfigMap", "ServiceAccount"} <= {each["kind"] for each in first}
    assert first == render(values, major=major)


@pytest.mark.parametrize("tool", ["argo", "kustomize"])
def test_what_is_applied_without_helm_has_no_test_and_no_trial_message(tool: str) -> None:
    objects = render(examples()[tool])
    assert not [each for each in objects if "helm.sh/hook" in each["metadata"].get("annotations", {})]
    assert not [each for each in objects if each["kind"] in ("Job", "Pod")]


def test_the_tests_are_left_out_by_no_hooks_too() -> None:
    values = examples()["flux"]
    assert "helm.sh/hook" in helm("template", "np", str(CHART), values=values).stdout
    assert "helm.sh/hook" not in helm("template", "np", str(CHART), "--no-hooks", values=values).stdout


def test_kustomize_builds_its_example(tmp_path: Path) -> None:
    """By the kustomize in kubectl, with the chart from a folder in the place of the registry."""
    shutil.copytree(CHART, tmp_path / "charts" / "netproof")
    kustomization = document("helmCharts")
    for chart in kustomization["helmCharts"]:
        del chart["repo"], chart["version"]
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump({**kustomization, "helmGlobals": {"chartHome": "charts"}})
    )
    command = [str(tools().kubectl), "kustomize", "--enable-helm", f"--helm-command={tools(3).helm}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = {(each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(done.stdout)}
    rendered = render(examples()["kustomize"], release="netproof")
    assert built == {(each["kind"], each["metadata"]["name"]) for each in rendered}


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ({}, "Healthy"),
        ({"lastScheduleTime": "2026-01-02T03:00:00Z", "lastSuccessfulTime": "2026-01-02T03:00:20Z"}, "Healthy"),
        ({"lastScheduleTime": "2026-01-02T04:00:00Z", "lastSuccessfulTime": "2026-01-02T03:00:20Z"}, "Degraded"),
        ({"lastScheduleTime": "2026-01-02T04:00:00Z"}, "Degraded"),
        ({"lastScheduleTime": "2026-01-02T04:00:00Z", "active": [{"name": "run"}]}, "Healthy"),
    ],
    ids=["not yet run", "passed", "failed after a success", "never passed", "running"],
)
def test_argo_cd_sees_the_newest_run(status: dict[str, Any], health: str) -> None:
    assert judged({"spec": {"suspend": False}, "status": status}) == health


def test_argo_cd_sees_a_pause() -> None:
    assert judged({"spec": {"suspend": True}}) == "Suspended"


def judged(cronjob: Object) -> str:
    """What Argo CD would show: the page's own Lua, run by Lua."""
    lua = LuaRuntime()
    lua.globals().obj = lua.table_from(cronjob, recursive=True)
    return str(lua.execute(document(HEALTH)[HEALTH]).status)
