"""Bodies without an end cost no memory: of a redirect, of the last answer, of a proxy."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from checker import runner
from checker.model import Check, Expect, Plan, Run
from checker.probes.tcp import Tcp
from checker.target import parse
from tests.checker.command import write
from tests.notifications import servers as ends
from tests.tools.endless import HTTP, LIMIT, OK, Measured

if TYPE_CHECKING:
    from pathlib import Path

AGAIN = "HTTP/1.1 302 Found\r\nLocation: /again"


@pytest.mark.parametrize("body", HTTP.values(), ids=HTTP)
@pytest.mark.parametrize("case", ["redirect", "answer", "proxy"])
def test_a_body_without_an_end_is_not_read(server: str, tmp_path: Path, body: Any, case: str) -> None:
    first = partial(body, start=AGAIN if case == "redirect" else OK)
    with ends.http(first, first, ends.OK) as bad:
        entry: dict[str, Any] = {"target": f"http://127.0.0.1:{bad.port}", "follow": True, "timeout": "20s"}
        environment = dict(os.environ)
        if case == "proxy":
            entry |= {"target": "http://only.invalid", "proxy": True}
            environment |= {"http_proxy": f"http://127.0.0.1:{bad.port}", "no_proxy": ""}
        file = write(tmp_path / "netproof.yaml", {"allow": [entry, server], "settle": 0})
        ran = Measured(["check", str(file), "--report", "report.json"], tmp_path, environment)
    seen = [check["seen"] for check in json.loads((tmp_path / "report.json").read_text())["checks"]]
    assert ran.code == 0, seen
    assert seen[0].startswith("HTTP 200"), seen
    assert len(bad.requests) == (3 if case == "redirect" else 1)
    assert ran.peak < LIMIT


def test_a_run_is_not_converted_to_text(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # signal.getsignal() writes out a handler that is no number, and asyncio's own handler holds the task and its result
    written: list[Run] = []

    def write_out(run: Run) -> str:
        written.append(run)
        return ""

    monkeypatch.setattr(Run, "__repr__", write_out)
    check = Check(Expect.REACHABLE, parse(server), Tcp())
    ran = asyncio.run(runner.run(Plan((check,), settle=0), lambda _: None))
    assert ran.exit_code == 0
    assert written == []
