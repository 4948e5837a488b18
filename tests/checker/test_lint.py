"""netproof lint: mistakes and warnings, without probing."""

import subprocess
from pathlib import Path

import pytest

from tests.checker.command import netproof
from tests.netns import NETPROOF, NODE, TARGET, World, at


def test_warnings_and_the_number_of_checks_are_printed() -> None:
    ran = netproof("lint", "--allow", "db:5432", "--allow", "mongo:27017", "--deny", "mongo:27017")
    assert ran.returncode == 0
    warning, count = ran.stdout.splitlines()
    assert warning.startswith("warning: tcp://mongo:27017 is on both lists: ")
    assert count == "no mistakes: 2 allowed, 1 denied"


@pytest.mark.root
def test_an_allow_list_of_the_default_gateway_alone_is_a_warning(world: World) -> None:
    def lint(*allowed: str) -> list[str]:
        command = ["ip", "netns", "exec", world.pod.name, str(NETPROOF), "lint", "--deny", "mongo:27017"]
        for target in allowed:
            command += ["--allow", target]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return ran.stdout.splitlines()

    for gateway in NODE:
        warning, count = lint(at(gateway, 53), at(gateway, 80))
        assert warning.startswith(f"warning: {gateway} is this machine's default gateway, and the only allowed host: ")
        assert count == "no mistakes: 2 allowed, 1 denied"
        assert lint(at(gateway, 53), at(TARGET[0], 53)) == ["no mistakes: 2 allowed, 1 denied"]
    assert lint(at(TARGET[1], 53)) == ["no mistakes: 1 allowed, 1 denied"]


def test_many_mistakes_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    (tmp_path / "deny.lst").write_text("mongo\n" * 1234)
    ran = netproof("lint", tmp_path)
    assert ran.returncode == 2
    title, *problems = ran.stderr.splitlines()
    assert title == "netproof: The configuration has 1,234 mistakes: nothing was probed."
    assert problems[0].strip() == f"{tmp_path}/deny.lst:1: a port is missing: write host:port"
    assert [problem.strip() for problem in problems[100:]] == ["and 1,134 more"]
