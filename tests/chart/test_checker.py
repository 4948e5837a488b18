"""What the chart writes is what the checker reads: every rendered netproof.yaml goes through `netproof lint`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chart.chart import CHART, container, kind, render

FILES = sorted((CHART / "ci").glob("*-values.yaml"))


def mount(folder: Path, data: dict[str, str]) -> Path:
    """Lay a ConfigMap out as the kubelet does: files are links into a folder that is swapped as a whole."""
    inside = folder / "..2026_01_01"
    inside.mkdir(parents=True)
    (folder / "..data").symlink_to(inside.name)
    for name, text in data.items():
        (inside / name).write_text(text)
        (folder / name).symlink_to(Path("..data", name))
    return folder


def netproof(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "netproof", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_lint_finds_no_fault(file: Path, tmp_path: Path) -> None:
    objects = render(files=[file])
    configs = {n: each["data"] for n, each in kind(objects, "ConfigMap").items() if "netproof.yaml" in each["data"]}
    continuous = {name for name in kind(objects, "Deployment") if not name.endswith("-reporter")}
    assert set(configs) == {*kind(objects, "CronJob"), *continuous}
    for name, data in configs.items():
        folders = [mount(tmp_path / name / "netproof", data)]
        if name not in continuous and "/etc/netproof-lists" in container(objects, name)["args"]:
            lists = {"allow.lst": "backend:8080\n", "deny.lst": "mongo.db:27017  # customer data\n"}
            folders.append(mount(tmp_path / name / "lists", lists))
        done = netproof("lint", *folders)
        assert done.returncode == 0, done.stdout + done.stderr


EVERYTHING: dict[str, Any] = {
    "notifications": {"existingSecret": "a", "templates": {"text.j2": "x"}},
    "heartbeat": {"existingSecret": "b"},
    "existingConfigMap": "c",
    "extraArgs": ["--output=json"],
}


@pytest.mark.parametrize("command", ["np-netproof", "np-netproof-test", "np-netproof-trial"])
def test_the_checker_takes_the_arguments(command: str) -> None:
    """With one more that does not exist, it is that one alone which is refused."""
    objects = render(EVERYTHING)
    found = kind(objects, "Job").get(command)
    args = found["spec"]["template"]["spec"]["containers"][0]["args"] if found else container(objects)["args"]
    done = netproof(*args, "--nonsense")
    assert done.returncode == 2
    assert "unrecognized arguments: --nonsense (" in done.stderr
