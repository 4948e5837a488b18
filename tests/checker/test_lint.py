"""netproof lint: mistakes and warnings, without probing."""

from pathlib import Path

from tests.checker.command import netproof


def test_warnings_and_the_number_of_checks_are_printed() -> None:
    ran = netproof("lint", "--allow", "db:5432", "--allow", "mongo:27017", "--deny", "mongo:27017")
    assert ran.returncode == 0
    warning, count = ran.stdout.splitlines()
    assert warning.startswith("warning: the lists disagree about tcp://mongo:27017: ")
    assert count == "no mistakes: 2 allowed, 1 denied"


def test_many_mistakes_are_counted_and_the_first_are_shown(tmp_path: Path) -> None:
    (tmp_path / "deny.lst").write_text("mongo\n" * 1234)
    ran = netproof("lint", tmp_path)
    assert ran.returncode == 2
    title, *problems = ran.stderr.splitlines()
    assert title == "netproof: The configuration has 1,234 mistakes: nothing was probed."
    assert problems[0].strip() == f"{tmp_path}/deny.lst:1: a port is missing: write host:port"
    assert [problem.strip() for problem in problems[100:]] == ["and 1,134 more"]
