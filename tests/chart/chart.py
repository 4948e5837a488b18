"""The chart, rendered by real Helm."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.tools.helm import tools

CHART = Path(__file__).parents[2] / "chart"
Object = dict[str, Any]

# The least that a release needs to say.
ONE: dict[str, Any] = {"targets": {"allow": ["10.0.0.1:80"], "deny": ["mongo.db:27017"]}}


def helm(
    *words: str, values: Mapping[str, Any] | None = None, files: Iterable[Path] = (), major: int = 4
) -> subprocess.CompletedProcess[str]:
    """Run Helm with values files, and with more values after them."""
    command = [str(tools(major).helm), *words, *(f"--values={file}" for file in files)]
    if values is not None:
        command.append("--values=-")
    return subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False, timeout=60)


def render(
    values: Mapping[str, Any] | None = None,
    *,
    files: Iterable[Path] = (),
    release: str = "np",
    namespace: str = "shop",
    chart: Path = CHART,
    major: int = 4,
) -> list[Object]:
    """Render the chart into objects."""
    done = helm("template", release, str(chart), "-n", namespace, values=values, files=files, major=major)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def refusal(values: Mapping[str, Any], major: int = 4) -> str:
    """Say why Helm refuses the values."""
    done = helm("template", "np", str(CHART), values=values, major=major)
    assert done.returncode != 0, "Helm took the values"
    return done.stderr


def kind(objects: Iterable[Object], kind: str) -> dict[str, Object]:
    """Pick the objects of a kind, by name."""
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def one(objects: Iterable[Object], kind_: str) -> Object:
    """Pick the only object of a kind."""
    (found,) = kind(objects, kind_).values()
    return found


def job(objects: Iterable[Object], name: str = "np-netproof") -> Object:
    """Pick the Job template of a vantage."""
    template: Object = kind(objects, "CronJob")[name]["spec"]["jobTemplate"]
    return template


def pod(objects: Iterable[Object], name: str = "np-netproof") -> Object:
    """Pick the pod template of a vantage."""
    template: Object = job(objects, name)["spec"]["template"]
    return template


def container(objects: Iterable[Object], name: str = "np-netproof") -> Object:
    """Pick the container of a vantage."""
    found = pod(objects, name)["spec"]["containers"][0]
    return dict(found)


def config(objects: Iterable[Object], name: str = "np-netproof") -> Object:
    """Read the netproof.yaml of a vantage."""
    read: Object = yaml.safe_load(kind(objects, "ConfigMap")[name]["data"]["netproof.yaml"])
    return read


def pods(objects: Iterable[Object]) -> list[Object]:
    """Collect all pod templates, those of `helm test`, too."""
    jobs = [each["spec"]["jobTemplate"] for each in objects if each["kind"] == "CronJob"]
    jobs += [each for each in objects if each["kind"] == "Job"]
    return [each["spec"]["template"] for each in jobs]
