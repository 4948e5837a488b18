"""The image as it was built: how large it is, and how it runs as anybody, on a file system that cannot be written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from packaging.utils import canonicalize_name

from tests.e2e.cluster import until
from tests.e2e.world import RESTRICTED
from tests.image.test_locks import ROOT, locked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.cluster import Object, Space

BUILDAH = ("buildah", "--storage-driver", "vfs")
LARGEST = 85_000_000  # bytes, all of it
EXECUTABLE = re.compile(r"netproof|python[0-9.]*|ld-linux.*|.*\.so[0-9.]*")
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


@pytest.fixture(scope="module")
def layers(image: str, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The layers of the image, as uncompressed archives."""
    described(image)
    folder = tmp_path_factory.mktemp("image")
    push = [*BUILDAH, "push", "--quiet", "--disable-compression", image, f"dir:{folder}"]
    subprocess.run(push, check=True, capture_output=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    return [folder / layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]


@pytest.fixture(scope="module")
def files(layers: list[Path]) -> list[tarfile.TarInfo]:
    found = []
    for layer in layers:
        with tarfile.open(layer) as archive:
            found += archive.getmembers()
    return found


def test_it_is_small(layers: list[Path]) -> None:
    size = sum(layer.stat().st_size for layer in layers)
    print(f"\n{size / 1e6:.1f} MB")
    assert 0 < size <= LARGEST


def test_nothing_in_it_can_be_executed_but_netproof_and_its_interpreter(files: list[tarfile.TarInfo]) -> None:
    """No shell, no package manager, no pip."""
    executable = {file.name.rpartition("/")[2] for file in files if file.isfile() and file.mode & 0o111}
    assert "netproof" in executable
    assert not [name for name in executable if not EXECUTABLE.fullmatch(name)]
    assert not [file.name for file in files if file.mode & 0o6000]  # nothing that changes its user


def test_scanners_find_its_packages(files: list[tarfile.TarInfo]) -> None:
    names = {file.name for file in files}
    assert {"var/lib/dpkg/status.d/libc6", "etc/ssl/certs/ca-certificates.crt"} <= names
    assert {name for name in names if name.endswith(("/licenses/LICENSE", "/libc6/copyright"))}


def test_its_base_is_named_by_digest() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.13-slim@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${PYTHON_IMAGE}", "scratch"}


def test_it_has_labels_and_a_user(image: str) -> None:
    config = described(image)["config"]
    assert config["Entrypoint"] == ["netproof"]
    assert all(int(number) for number in config["User"].split(":"))
    labels = {key.removeprefix("org.opencontainers.image.") for key in config["Labels"]}
    assert {"title", "description", "licenses", "version", "revision", "base.name"} <= labels


def test_the_demo_runs_as_any_user(space: Space, image: str) -> None:
    run(space, image, args=["demo"])
    assert ended(space)["exitCode"] == 0, space.kubectl("logs", "netproof")
    assert "LEAK" in space.kubectl("logs", "netproof")


def test_a_signal_reaches_it(space: Space, image: str) -> None:
    """Process 1 gets only signals that it handles."""
    reachable, blocked = "dns://kubernetes.default.svc.cluster.local", "127.0.0.1:1"
    run(space, image, args=["check", f"--allow={reachable}", f"--deny={blocked}", "--settle=2m"])
    until("its first result", lambda: reachable in space.kubectl("logs", "netproof", check=False))
    kill = ("python", "-c", "import os; os.kill(1, 15)")
    space.kubectl("exec", "netproof", "--", *kill, check=False)  # ends with the container, sometimes by SIGKILL
    assert ended(space)["exitCode"] == 143, space.kubectl("logs", "netproof")


def test_it_holds_the_locked_packages_and_no_build_tools(space: Space, image: str) -> None:
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
