"""The image as it was built: how large it is, and how it runs as anybody, on a file system that cannot be written."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name

from tests.e2e.cluster import until
from tests.e2e.world import RESTRICTED
from tests.image.test_locks import locked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.cluster import Object, Space

BUILDAH = ("buildah", "--storage-driver", "vfs")
LARGEST = 35_000_000  # bytes over the base image
ANYBODY = 1_000_650_000  # such as OpenShift chooses
LINUX = {"sys_platform": "linux", "implementation_name": "cpython", "python_full_version": "3.13.0"}
INSTALLED = "import importlib.metadata, json; print(json.dumps([d.name for d in importlib.metadata.distributions()]))"


def described(image: str) -> Object:
    """What buildah knows about an image. Skips where it is not there."""
    if not shutil.which(BUILDAH[0]):
        pytest.skip("no buildah, which shows what is in an image")
    done = subprocess.run([*BUILDAH, "inspect", "--type", "image", image], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"buildah has no image {image}: make image")
    found: Object = json.loads(done.stdout)["OCIv1"]
    return found


def test_it_adds_little_to_its_base(image: str, tmp_path: Path) -> None:
    ours = described(image)
    base = described(ours["config"]["Labels"]["org.opencontainers.image.base.name"])["rootfs"]["diff_ids"]
    assert ours["rootfs"]["diff_ids"][: len(base)] == base
    push = [*BUILDAH, "push", "--quiet", "--disable-compression", image, f"dir:{tmp_path}"]
    subprocess.run(push, check=True, capture_output=True)
    layers = json.loads((tmp_path / "manifest.json").read_text())["layers"]
    added = sum(layer["size"] for layer in layers[len(base) :])
    print(f"\n{added / 1e6:.1f} MB over its base")
    assert 0 < added <= LARGEST


def test_it_says_what_it_is(image: str) -> None:
    config = described(image)["config"]
    assert config["Entrypoint"] == ["netproof"]
    assert all(int(number) for number in config["User"].split(":"))
    labels = {key.removeprefix("org.opencontainers.image.") for key in config["Labels"]}
    assert {"title", "description", "licenses", "version", "revision", "base.name"} <= labels


def test_the_demo_passes_for_anybody(space: Space, image: str) -> None:
    run(space, image, args=["demo"])
    assert ended(space)["exitCode"] == 0, space.kubectl("logs", "netproof")
    assert "LEAK" in space.kubectl("logs", "netproof")


def test_a_signal_reaches_it(space: Space, image: str) -> None:
    """As process 1, which gets no signal that it does not handle."""
    reachable, blocked = "dns://kubernetes.default.svc.cluster.local", "127.0.0.1:1"
    run(space, image, args=["check", f"--allow={reachable}", f"--deny={blocked}", "--settle=2m"])
    until("its first result", lambda: reachable in space.kubectl("logs", "netproof", check=False))
    space.kubectl("exec", "netproof", "--", "python", "-c", "import os; os.kill(1, 15)")
    assert ended(space)["exitCode"] == 143, space.kubectl("logs", "netproof")


def test_it_holds_what_is_locked_and_nothing_that_builds(space: Space, image: str) -> None:
    run(space, image, command=["/opt/netproof/bin/python", "-Ic", INSTALLED])
    assert ended(space)["exitCode"] == 0
    names = json.loads(space.kubectl("logs", "netproof"))
    pins = locked("requirements.lock").items()
    on_linux = {name for name, (pin, _) in pins if pin.marker is None or pin.marker.evaluate(LINUX)}
    assert {canonicalize_name(name) for name in names} == {"netproof", *on_linux}


def run(space: Space, image: str, **what: list[str]) -> None:
    """Run a pod with the image, as strictly as a cluster can."""
    security = {**RESTRICTED, "readOnlyRootFilesystem": True, "runAsUser": ANYBODY, "runAsGroup": 0}
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [{"name": "netproof", "image": image, "securityContext": security, **what}],
    }
    space.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "netproof"}, "spec": spec})


def ended(space: Space) -> Object:
    """Wait for the end of the pod."""

    def look() -> Object | None:
        for status in space.get("pod", "netproof")["status"].get("containerStatuses", []):
            found: Object | None = status["state"].get("terminated")
            return found
        return None

    return until("the end of the pod", look)
