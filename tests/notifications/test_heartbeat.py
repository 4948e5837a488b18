"""The heartbeat calls its URL after each run, and never raises."""

import socket
import ssl
from pathlib import Path
from threading import Event

import msgspec
import pytest

from notifications.heartbeat import beat
from tests.notifications import conftest as sample
from tests.notifications import servers


def url(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "heartbeat"
    file.write_text(f"# who watches\n{text}\n")
    return file


def test_a_run_that_passed_and_one_that_did_not(tmp_path: Path) -> None:
    with servers.http(servers.OK) as receiver:
        file = url(tmp_path, f"http://localhost:{receiver.port}/ping/pathSecret/?rid=1")
        assert beat(file, True) is None
        assert beat(file, False) is None
    assert [each.line for each in receiver.requests] == [
        "GET /ping/pathSecret/?rid=1 HTTP/1.1",
        "GET /ping/pathSecret/fail?rid=1 HTTP/1.1",
    ]


def test_through_a_proxy_and_with_a_private_ca(
    tmp_path: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with servers.http(servers.OK, tls=tls) as receiver, servers.proxy(receiver.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert beat(url(tmp_path, "https://hooks.slack.com/pathSecret"), True) is None
    assert proxy.hosts == ["hooks.slack.com:443"]


@pytest.mark.parametrize(
    ("behaviour", "limit", "reason"),
    [
        (servers.answer("500 Oops"), 20, "HTTP 500"),
        (servers.answer("302 Found", b"", "Location: /pathSecret"), 20, "HTTP 302"),
        (servers.hang, 2, "no answer in time"),
        (servers.trickle, 1.5, "timed out after 1.5 s"),
        (servers.reset, 20, "it closed the connection"),
        (servers.garbage, 20, "its answer is invalid"),
    ],
    ids=["500", "redirect", "hang", "trickle", "reset", "garbage"],
)
def test_a_server_that_fails(
    behaviour: servers.Behaviour, limit: float, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with servers.http(behaviour) as receiver:
        found = beat(url(tmp_path, f"http://localhost:{receiver.port}/pathSecret"), False, limit=limit)
    assert found == reason
    assert msgspec.json.encode(found).decode() == f'"{reason}"'  # a part of the report
    assert capfd.readouterr() == ("", "")


def test_it_does_not_wait_for_the_end_of_an_answer(tmp_path: Path) -> None:
    def endless(connection: socket.socket, over: Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")
        over.wait()

    with servers.http(endless) as receiver:
        assert beat(url(tmp_path, f"http://localhost:{receiver.port}/"), True, limit=20) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://localhost/pathSecret", "its URL is not an http or https URL"),
        ("pathSecret", "its URL is not an http or https URL"),
        ("http://nowhere.invalid/pathSecret", "its name does not resolve"),
    ],
)
def test_a_url_that_cannot_be_called(text: str, reason: str, tmp_path: Path) -> None:
    assert beat(url(tmp_path, text), True) == reason


def test_a_file_that_holds_no_url(tmp_path: Path) -> None:
    assert beat(tmp_path / "none", True) == f"there is no file with its URL ({tmp_path}/none)"
    assert not [secret for secret in sample.SECRETS if secret in str(beat(url(tmp_path, "a\npathSecret"), True))]


def test_nobody_listens(tmp_path: Path) -> None:
    assert beat(url(tmp_path, f"http://localhost:{servers.refused()}/pathSecret"), True) == "connection refused"
