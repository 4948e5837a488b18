"""The lock files hold what pyproject.toml asks for: nothing missing, no bound broken, a hash for everything."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def asked() -> dict[str, list[str]]:
    project: Any = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime: list[str] = project["project"]["dependencies"]
    return {
        "requirements.lock": runtime,
        "requirements-dev.lock": runtime + project["dependency-groups"]["dev"],
        "requirements-build.lock": project["build-system"]["requires"],
    }


def locked(name: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Read a lock file: by name, the pinned requirement and its hashes."""
    text = re.sub(r"\\\n", " ", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pins = [
        (Requirement(line.split(" --hash")[0]), re.findall(r"--hash=sha256:([0-9a-f]{64})", line)) for line in lines
    ]
    return {canonicalize_name(pin.name): (pin, hashes) for pin, hashes in pins}


@pytest.mark.parametrize("name", asked())
def test_every_dependency_is_locked_within_its_bounds(name: str) -> None:
    pins = locked(name)
    for requirement in map(Requirement, asked()[name]):
        pin, _ = pins[canonicalize_name(requirement.name)]
        (version,) = (specifier.version for specifier in pin.specifier if specifier.operator == "==")
        assert requirement.specifier.contains(version), f"{name}: {pin}, but pyproject.toml says {requirement}"


@pytest.mark.parametrize("name", asked())
def test_every_locked_version_has_a_hash_and_no_index(name: str) -> None:
    assert all(hashes for _, hashes in locked(name).values())
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", (ROOT / name).read_text())


def test_the_image_and_the_tests_have_the_same_versions() -> None:
    dev = locked("requirements-dev.lock")
    assert {name: str(dev[name][0].specifier) for name in locked("requirements.lock")} == {
        name: str(pin.specifier) for name, (pin, _) in locked("requirements.lock").items()
    }


@pytest.mark.parametrize("name", asked())
@pytest.mark.parametrize("python", PYTHONS)
def test_the_locked_versions_support_every_python(name: str, python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    pins = locked(name)
    for requirement in map(Requirement, asked()[name]):
        pin, _ = pins[canonicalize_name(requirement.name)]
        assert pin.marker is None or pin.marker.evaluate(environment)


def test_what_is_installed_from_the_lock_files_is_complete() -> None:
    found = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_an_installation_from_a_lock_file_resolves_nothing(name: str) -> None:
    """Without --no-deps, pip takes a newer release for `coverage[toml]` than the lock file's, and then refuses it."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if "--require-hashes" in line]
    assert lines
    assert all("--no-deps" in line for line in lines)
