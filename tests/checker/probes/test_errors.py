"""An exception in an attempt changes only the outcome of that attempt, not the other results."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from checker import runner
from checker.model import Check, Expect, Observation, Plan
from checker.probes.tcp import Tcp
from checker.probes.udp import Udp
from checker.resolver import Resolver
from checker.target import parse
from tests.checker.command import netproof, write
from tests.notifications import servers as ends

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FAR = ends.answer("302 Found", b"", "Location: http://127.0.0.1:99999/")


def run(tmp_path: Path, bad: Mapping[str, Any], *allow: str, **environment: str) -> tuple[int, list[Mapping[str, Any]]]:
    """Run the command with a bad check among good ones. Returns the exit code and the checks of the report."""
    file = write(tmp_path / "netproof.yaml", {"allow": [bad, *allow], "settle": 0})
    usual = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    ran = netproof("check", file, "--report", tmp_path / "report.json", env={**usual, **environment})
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["exitCode"], report["error"]) == (ran.returncode, None)
    return ran.returncode, report["checks"]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("case", ["redirect", "socks"])
def test_an_error_of_a_library_leaves_the_other_results(
    server: str, nobody: str, tmp_path: Path, case: str, broken: bool
) -> None:
    with ends.http(FAR) as far:
        bad = {"target": f"http://127.0.0.1:{far.port}", "follow": True}
        environment = {}
        if case == "socks":
            bad = {"target": "http://only.invalid", "proxy": True}
            environment = {"ALL_PROXY": "socks5://127.0.0.1:1"}
        code, checks = run(tmp_path, bad, server, *([nobody] if broken else []), **environment)
    assert code == (1 if broken else 3)
    verdicts = [check["verdict"] for check in checks]
    assert verdicts == ["inconclusive", "pass", *(["violation"] if broken else [])]
    assert checks[0]["outcome"] == "untestable"
    name = "OverflowError" if case == "redirect" else "ImportError"
    assert checks[0]["seen"].startswith(f"could not try: {name}: "), checks[0]["seen"]


ERRORS = [ZeroDivisionError("x"), RecursionError("x"), MemoryError("x"), ExceptionGroup("x", [ValueError("y")])]


@pytest.mark.parametrize("expect", Expect)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("at", ["attempt", "look_up"])
def test_any_error_has_its_name(
    server: str, monkeypatch: pytest.MonkeyPatch, at: str, error: Exception, expect: Expect
) -> None:
    async def fail(*_: object) -> Observation:
        raise error

    if at == "attempt":
        monkeypatch.setattr(Udp, "attempt", fail)
    else:
        monkeypatch.setattr(Resolver, "look_up", fail)
    bad = Check(expect, parse("udp://127.0.0.1:1" if at == "attempt" else "udp://name.invalid:1"), Udp())
    good = Check(Expect.REACHABLE, parse(server), Tcp())
    ran = asyncio.run(runner.run(Plan((bad, good), settle=0), lambda _: None))
    assert ran.error is None
    assert [result.verdict for result in ran.results] == ["inconclusive", "pass"]
    assert ran.results[0].outcome == "untestable"
    name = "ValueError: y" if isinstance(error, ExceptionGroup) else f"{type(error).__name__}: x"
    assert f"could not try: {name}" in ran.results[0].seen
