"""The steps of a release that push and sign, with stand-ins: which commands they give, and in which order."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from checker import __version__
from release.changelog import sections
from tests.release.standins import ROOT
from tests.tools.helm import tools

if TYPE_CHECKING:
    from pathlib import Path

    from tests.release.standins import Standins

DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE = "ghcr.io/netproof/netproof"
CHART = "ghcr.io/netproof/charts/netproof"
METADATA = json.dumps({"containerimage.digest": DIGEST, "image.name": IMAGE}, indent=2)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefiles, and what they read, in a folder of their own."""
    folder = tmp_path / "checkout"
    for path in ("Makefile", "release/targets.mk", "checker/__init__.py", "CHANGELOG.md"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    return folder


def test_the_image_is_pushed_for_both_architectures_and_signed_by_its_digest(
    checkout: Path, standins: Standins
) -> None:
    standins.add("docker", f"cat > dist/image.json <<'END'\n{METADATA}\nEND")
    standins.add("cosign")
    done = standins.run("make", "push-image", cwd=checkout)
    assert done.returncode == 0, done.stderr
    build, sign = standins.calls()
    assert build.startswith(
        "docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max --push"
    )
    assert f"-t {IMAGE}:{__version__} ." in build
    assert sign == f"cosign sign --yes {IMAGE}@{DIGEST}"


def test_the_chart_is_pushed_and_signed_by_its_digest(checkout: Path, standins: Standins) -> None:
    (checkout / "dist").mkdir()
    standins.add("helm", f"echo Pushed: {CHART}:{__version__} >&2; echo Digest: {DIGEST} >&2")
    standins.add("cosign")
    done = standins.run("make", "push-chart", cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert standins.calls() == [
        f"helm push dist/netproof-{__version__}.tgz oci://ghcr.io/netproof/charts",
        f"cosign sign --yes {CHART}@{DIGEST}",
    ]


@pytest.mark.parametrize(("target", "tool"), [("push-image", "docker"), ("push-chart", "helm")])
def test_what_was_not_pushed_is_not_signed(checkout: Path, standins: Standins, target: str, tool: str) -> None:
    standins.add(tool, "echo denied >&2; exit 1")
    standins.add("cosign")
    done = standins.run("make", target, cwd=checkout)
    assert done.returncode
    assert not [call for call in standins.calls() if call.startswith("cosign")]


def test_the_release_has_notes_and_everything_that_was_built(checkout: Path, standins: Standins) -> None:
    standins.add("gh")
    (checkout / "dist").mkdir()
    names = [f"netproof-{__version__}{end}" for end in ("-py3-none-any.whl", ".tar.gz", ".tgz")]
    for name in names:
        (checkout / "dist" / name).touch()
    done = standins.run("make", "push-release", f"TAG=v{__version__}", cwd=checkout)
    assert done.returncode == 0, done.stderr
    (call,) = standins.calls()
    assert call == (
        f"gh release create v{__version__} --verify-tag --title netproof {__version__} --notes-file dist/notes.md "
        + " ".join(f"dist/{name}" for name in names)
    )


def test_what_is_built_is_complete(clone: Path, standins: Standins) -> None:
    """All packages are in the wheel, and the chart has its licence, but not its scripts."""
    assert tools().helm.exists()
    (clone / ".tools").symlink_to(ROOT / ".tools")
    installed = ROOT / ".venv" / "bin"
    done = standins.run("make", f"BIN={installed}", "--old-file=.venv/tests", "dist", cwd=clone)
    assert done.returncode == 0, done.stderr
    wheel, source, chart = sorted((clone / "dist").iterdir())
    assert (source.name, chart.name) == (f"netproof-{__version__}.tar.gz", f"netproof-{__version__}.tgz")
    with zipfile.ZipFile(wheel) as archive:
        packaged = {name.split("/")[0] for name in archive.namelist()}
        readme = archive.read(f"netproof-{__version__}.dist-info/METADATA").decode()
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 20
    assert all(link.startswith("https://") for link in links), links  # PyPI has no files beside the README
    assert not [link for link in links if "/main/#" in link]
    ours = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"release"}
    assert packaged == {*ours, f"netproof-{__version__}.dist-info"}
    with tarfile.open(chart) as archive:
        names = archive.getnames()
    assert {"netproof/LICENSE", "netproof/README.md", "netproof/values.schema.json"} <= set(names)
    assert not [name for name in names if name.endswith(".py") or "/ci/" in name]


def test_the_end_to_end_tests_run_on_a_fresh_checkout_with_a_kind_cluster(checkout: Path, standins: Standins) -> None:
    standins.add("kind", "echo the kubeconfig")
    standins.add("docker", "echo fc00::1; echo 172.18.0.1")
    standins.add("make-again", "env")
    done = standins.run("make", "e2e-kind", "MAKE=make-again", cwd=checkout)
    assert (checkout / ".tools" / "kubeconfig").read_text() == "the kubeconfig\n", done.stderr
    assert f"KUBECONFIG={checkout}/.tools/kubeconfig\n" in done.stdout
    assert "NETPROOF_OUTSIDE_ADDRESS=172.18.0.1\n" in done.stdout


@pytest.mark.parametrize("chromium", ["", "chromium"])
def test_chromium_is_installed_where_there_is_a_package(checkout: Path, standins: Standins, chromium: str) -> None:
    """Ubuntu has none: it has Chromium as a snap."""
    standins.add("apt-get")
    standins.add("apt-cache", f'[ -z "{chromium}" ] || echo "{chromium} - web browser"')
    assert standins.run("make", "debian", cwd=checkout).returncode == 0
    (install,) = (call for call in standins.calls() if call.startswith("apt-get install"))
    assert ("chromium" in install.split()) == bool(chromium)


def test_the_notes_are_the_section_of_this_version(standins: Standins) -> None:
    done = standins.run(str(ROOT / ".venv" / "bin" / "python"), "-m", "release.notes")
    history = sections((ROOT / "CHANGELOG.md").read_text())
    if __version__ in history:
        assert done.stdout.strip() == history[__version__].text
    else:
        assert done.stderr == f"Error: CHANGELOG.md has no section of {__version__}\n"
        assert done.returncode == 1
