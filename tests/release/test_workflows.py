"""The workflows on GitHub only call make targets, pin actions by digest, and have the least permissions."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILES = (ROOT / "Makefile", ROOT / "release" / "targets.mk")
SMALL = re.compile(r"docker run .* demo|mkdir python && mv .* python/")  # what is no make target


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_only_calls_make(workflow: Path) -> None:
    targets = {name for file in MAKEFILES for name in re.findall(r"^([a-z0-9-]+):", file.read_text(), re.MULTILINE)}
    for command in (step["run"] for step in steps(workflow) if "run" in step):
        called = re.fullmatch(r"(?:sudo )?make ([a-z0-9 -]+?)(?: [A-Z]+=.*)?", command)
        assert called or SMALL.fullmatch(command), command
        assert not called or set(called[1].split()) <= targets, command


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_digest_with_their_version(workflow: Path) -> None:
    lines = re.findall(r"uses: (.*)", workflow.read_text())
    assert lines
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in lines), lines


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_are_given_job_by_job(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    assert document["permissions"] == {}
    assert all("permissions" in job for job in document["jobs"].values())


def test_renovate_finds_every_version_that_a_comment_names() -> None:
    (manager,) = json.loads((ROOT / "renovate.json").read_text())["customManagers"]
    (pattern,) = manager["matchStrings"]
    found: dict[str, str] = {}
    for file in (*MAKEFILES, *ROOT.glob("examples/*.sh")):
        matches = list(re.finditer(pattern.replace("(?<", "(?P<"), file.read_text()))
        assert len(matches) == file.read_text().count("# renovate:"), file
        found |= {match["depName"]: match["currentValue"] for match in matches}
    assert found.keys() == {"github.com/rhysd/actionlint", "projectcalico/calico"}
    assert all(re.fullmatch(r"v\d+\.\d+\.\d+", version) for version in found.values())


def test_pre_commit_installs_every_hook_that_it_runs() -> None:
    document = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    stages = {stage for hook in document["repos"][0]["hooks"] for stage in hook.get("stages", ["pre-commit"])}
    assert stages <= set(document["default_install_hook_types"])


def test_pull_requests_write_nothing() -> None:
    document = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert {value for job in document["jobs"].values() for value in job["permissions"].values()} == {"read"}


def test_ci_runs_every_python_that_the_package_names() -> None:
    document = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert document["jobs"]["test"]["strategy"]["matrix"]["python"] == named
