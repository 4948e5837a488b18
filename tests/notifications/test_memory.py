"""Endless answers: the memory of the command stays small, and it reports them."""

import json
import socket
from pathlib import Path
from threading import Event

import pytest

from tests.notifications import conftest as sample
from tests.notifications import servers
from tests.tools.endless import HTTP, LIMIT, Measured

TOO_LARGE = ("is too large, or cannot be read", "needs more than 32 MB of memory", "its answer is invalid")


def endless_greeting(connection: socket.socket, over: Event) -> None:
    while not over.is_set():
        connection.sendall(b"220-hello\r\n" * 100_000)


@pytest.mark.parametrize("behaviour", [*HTTP.values(), endless_greeting], ids=[*HTTP, "endless_greeting"])
def test_an_endless_answer(
    behaviour: servers.Behaviour, leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    (tmp_path / "report.json").write_text(json.dumps(leaking))
    serve = servers.tcp if behaviour is endless_greeting else servers.http
    with serve(behaviour) as bad, servers.http(servers.OK) as good:
        url = sample.mail(bad.port) if behaviour is endless_greeting else sample.json(bad.port)
        channels(bad=url, good=sample.json(good.port))
        ran = Measured(["notify", "--report", "report.json", "--channels", "channels"], tmp_path)
    assert "channel good: delivered" in ran.output
    assert "channel bad: not delivered: " in ran.output
    assert any(reason in ran.output for reason in TOO_LARGE), ran.output
    assert ran.code == 4
    assert ran.peak < LIMIT


@pytest.mark.parametrize("behaviour", HTTP.values(), ids=HTTP)
def test_an_endless_answer_to_the_heartbeat(behaviour: servers.Behaviour, tmp_path: Path) -> None:
    with servers.http(behaviour) as bad, servers.http(servers.OK) as target:
        (tmp_path / "heartbeat").write_text(f"http://localhost:{bad.port}/")
        listed = ["check", "--settle", "0", "--allow", f"localhost:{target.port}", "--heartbeat", "heartbeat"]
        ran = Measured(listed, tmp_path)
    assert len(bad.requests) == 1
    assert ran.peak < LIMIT
