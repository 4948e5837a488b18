"""`netproof status`: the situation at a terminal, from a pipe or a file."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.checker.command import netproof
from tests.reporter.objects import World, check, message

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world() -> World:
    world = World()
    for name in ("front", "back"):
        world.cronjob(name)
    world.run(message(check("allow db.shop:5432")), at=int(time.time()) - 60, name="back")
    return world


def listed(world: World) -> str:
    return json.dumps({"kind": "List", "items": world.items})


@pytest.mark.parametrize(
    ("verdict", "code", "state"),
    [
        ("pass", 0, "blocked, proven by back"),
        ("violation", 1, "LEAK"),
        ("inconclusive", 3, "inconclusive"),
    ],
)
def test_a_table_and_the_exit_code_of_a_check(world: World, verdict: str, code: int, state: str) -> None:
    world.run(message(check("deny db:5432", verdict)), at=int(time.time()) - 60)
    ran = netproof("status", input=listed(world))
    assert ran.returncode == code
    rows = [line.split() for line in ran.stdout.splitlines()]
    assert rows[0] == ["NAMESPACE", "VANTAGE", "LIST", "TARGET", "STATE", "SINCE"]
    assert ["shop", "front", "deny", "tcp://db:5432", *state.split()] in [row[: 4 + len(state.split())] for row in rows]
    assert "(1 min)" in ran.stdout
    assert ran.stdout.splitlines()[-1].startswith({0: "PASS", 1: "VIOLATION", 3: "INCONCLUSIVE"}[code])


def test_an_exempt_target_has_a_state_of_its_own(world: World) -> None:
    world.run(message(check("deny db:5432", exempt=True)), at=int(time.time()) - 60)
    ran = netproof("status", input=listed(world))
    assert ran.returncode == 0
    assert "blocked; no pod may reach it, so nothing can prove that it is up" in ran.stdout
    assert "0 of 0 blocked targets proven" in ran.stdout


def test_what_is_overdue_or_unreadable_is_printed(world: World, tmp_path: Path) -> None:
    world.cronjob("gone", suspend=True)
    world.items[0]["spec"]["schedule"] = 7
    (tmp_path / "objects.json").write_text(listed(world))
    ran = netproof("status", tmp_path / "objects.json")
    assert ran.returncode == 3
    assert "overdue: gone in shop: its CronJob is suspended" in ran.stdout
    assert "cannot be read: CronJob shop/np-front" in ran.stdout


def test_what_a_terminal_would_obey_is_escaped(world: World) -> None:
    world.cronjob("gone\x1b[2J\t", suspend=True)
    world.run(message(check("deny db\x1b[2J:5432", "violation")), at=int(time.time()) - 60)
    shown = netproof("status", input=listed(world)).stdout
    assert shown.replace("\n", "").isprintable()
    assert r"overdue: gone\x1b[2J\t in shop" in shown
    assert r"tcp://db\x1b[2J:5432" in shown


def test_an_empty_list_is_inconclusive() -> None:
    ran = netproof("status", input='{"items": []}')
    assert ran.returncode == 3
    assert "There is no CronJob of netproof in it; make it with: kubectl get cronjobs,jobs,pods -A" in ran.stdout


@pytest.mark.parametrize(("text", "why"), [("", "standard input: it is not a list"), ("{}", "it is not a list")])
def test_bad_input_is_exit_2(text: str, why: str) -> None:
    ran = netproof("status", input=text)
    assert ran.returncode == 2
    assert why in ran.stderr


def test_a_file_that_is_not_there_is_exit_2(tmp_path: Path) -> None:
    ran = netproof("status", tmp_path / "none.json")
    assert (ran.returncode, "No such file" in ran.stderr) == (2, True)


def test_the_reporter_outside_of_a_cluster_is_exit_2(tmp_path: Path) -> None:
    (tmp_path / "reporter.yaml").write_text("release: np")
    ran = netproof("reporter", "--settings", tmp_path / "reporter.yaml")
    assert ran.returncode == 2
    assert "this is not a pod of Kubernetes" in ran.stderr


def test_settings_of_the_reporter_that_are_not_there_are_exit_2(tmp_path: Path) -> None:
    ran = netproof("reporter", "--settings", tmp_path / "none.yaml")
    assert ran.returncode == 2
    assert f"{tmp_path}/none.yaml: cannot be read: No such file or directory" in ran.stderr
