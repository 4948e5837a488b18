"""`make release-check` on a repository: the parts that run git and make."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from release import check

if TYPE_CHECKING:
    from pathlib import Path

MAKEFILE = "lock:\n\techo new > requirements.lock\ndocs:\n\techo 'page.md: broken link' >&2; exit 1\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "requirements.lock").write_text("old\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "A change")


def test_a_clean_checkout_with_its_tag_lacks_nothing(repository: Path) -> None:
    git(repository, "tag", "v1.0.0")
    assert not list(check.repository(repository, "1.0.0"))


def test_what_is_not_committed_is_named(repository: Path) -> None:
    (repository / "requirements.lock").write_text("mine\n")
    assert "1 files are not committed: requirements.lock" in check.repository(repository, "1.0.0")


def test_a_version_is_released_once(repository: Path) -> None:
    git(repository, "tag", "v1.0.0")
    commit(repository)
    (found,) = check.repository(repository, "1.0.0")
    assert "v1.0.0 is released already" in found


def test_a_tag_is_missing_unless_the_workflow_has_it(repository: Path) -> None:
    assert list(check.repository(repository, "1.0.0")) == ["no tag v1.0.0: git tag -s v1.0.0"]
    assert not list(check.repository(repository, "1.0.0", "v1.0.0"))


def test_stale_locks_and_broken_links_are_named(repository: Path) -> None:
    found = list(check.builds(repository))
    assert found[0].startswith("the documentation does not build (make docs)")
    assert found[1] == "requirements.lock does not fit pyproject.toml: commit what make lock wrote"
