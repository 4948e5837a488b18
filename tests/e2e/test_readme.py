"""README.md, "On a cluster", as someone follows it: its commands as they stand there; its samples are what is seen."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster
    from tests.e2e.conftest import Outside

ROOT = Path(__file__).parents[2]
NAMESPACE = "shop"  # the README's
FIVE_MINUTES = 300.0


def blocks() -> list[str]:
    """The parts of the chapter that show a terminal."""
    chapter = (ROOT / "README.md").read_text().partition("\n## On a cluster\n")[2].partition("\n## ")[0]
    found: list[str] = re.findall(r"^```console\n(.*?)^```$", chapter, re.DOTALL | re.MULTILINE)
    return found


def commands(block: str) -> str:
    """What a person types: all but their own secret, which stands in the environment here."""
    typed = re.findall(r"^\$ ((?:.*\\\n)*.*\n)", block, re.MULTILINE)
    return "".join(command for command in typed if not command.startswith("export CHANNEL="))


def samples(block: str) -> set[str]:
    """What a person is shown, but for numbers."""
    return alike(re.sub(r"^\$ (?:.*\\\n)*.*\n", "", block, flags=re.MULTILINE))


def alike(output: str) -> set[str]:
    """Lines without what differs from run to run: numbers with their units, times, addresses, the width of columns."""
    return {re.sub(r"\d[\d.:]*( ?m?s\b|m)?", "#", re.sub(" +", " ", line.strip())) for line in output.splitlines()}


@pytest.fixture
def mine(cluster: Cluster, image: str) -> Iterator[None]:
    """Only on a cluster that has no shop: this test removes it."""
    own: Any = yaml.safe_load((ROOT / "chart" / "values.yaml").read_text())["image"]
    if not image.startswith(f"{own['registry']}/{own['repository']}:"):
        pytest.skip("the README installs the chart's own image, and NETPROOF_IMAGE is another: make e2e")
    found = cluster.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found")
    assert not found, f"the cluster has a namespace {NAMESPACE}, which the README's commands would use and remove"
    yield
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


@pytest.mark.usefixtures("mine")
def test_from_nothing_to_the_first_violation(cluster: Cluster, outside: Outside) -> None:
    *story, clean_up = blocks()
    path = os.pathsep.join((str(cluster.helm_.parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "CHANNEL": outside.json_url}

    def follow(block: str) -> None:
        bash = ["bash", "-euo", "pipefail", "-c", commands(block)]
        done = subprocess.run(bash, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{commands(block)}\n{done.stdout}{done.stderr}"
        assert samples(block) <= alike(done.stdout), done.stdout

    began = time.monotonic()
    for block in story[:-1]:
        follow(block)
    assert outside.silent()
    follow(story[-1])
    message = outside.next()["body"]
    took = time.monotonic() - began
    print(f"\nfrom an empty cluster to the message: {took:.0f} s")

    assert "db:27017" in message
    assert "the front end must never reach customer data" in message
    assert took < FIVE_MINUTES
    follow(clean_up)
    assert not cluster.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found")
