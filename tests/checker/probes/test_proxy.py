"""`proxy: true` against real proxies on loopback: what they answer counts, and nothing else is tried."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.checker.command import netproof, write
from tests.notifications import servers as ends

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.netns import Servers

NAMES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
FORBIDDEN = ends.answer("407 Proxy Authentication Required", b"", 'Proxy-Authenticate: Basic realm="x"')


def check(tmp_path: Path, target: str, **environment: str) -> tuple[int, Mapping[str, Any]]:
    """Run the command with one allow check through a proxy. Returns the exit code and the check."""
    entry = {"target": target, "proxy": True, "timeout": "2s"}
    file = write(tmp_path / "netproof.yaml", {"allow": [entry], "settle": 0})
    usual = {key: value for key, value in os.environ.items() if key.lower() not in NAMES}
    ran = netproof("check", file, "--output", "json", env={**usual, **environment})
    return ran.returncode, json.loads(ran.stdout)["checks"][0]


def test_a_target_that_only_the_proxy_reaches(tmp_path: Path) -> None:
    with ends.http(ends.OK) as proxy:
        code, found = check(tmp_path, "http://only.invalid/x", http_proxy=f"http://127.0.0.1:{proxy.port}")
    assert (code, found["outcome"], found["proxied"]) == (0, "open", True), found["seen"]
    assert {request.line for request in proxy.requests} == {"GET http://only.invalid/x HTTP/1.1"}


def test_nothing_connects_directly(servers: Servers, tmp_path: Path) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    target = servers.tcp(sock)
    with ends.http(ends.answer("503 Service Unavailable")) as proxy:
        code, found = check(tmp_path, f"http://127.0.0.1:{port}", http_proxy=f"http://127.0.0.1:{proxy.port}")
    assert (code, found["seen"][:8]) == (1, "HTTP 503")
    assert proxy.requests
    proxy_is_gone = f"http://127.0.0.1:{ends.refused()}"
    code, found = check(tmp_path, f"http://127.0.0.1:{port}", http_proxy=proxy_is_gone)
    assert (code, found["outcome"]) == (1, "unexpected"), found["seen"]
    assert found["seen"].startswith("through the proxy, ")
    assert target.events == []


@pytest.mark.parametrize("kind", ["http", "https"])
def test_the_proxys_own_407_is_no_answer_of_the_target(tmp_path: Path, kind: str) -> None:
    with ends.http(FORBIDDEN) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        code, found = check(tmp_path, f"{kind}://only.invalid", http_proxy=url, https_proxy=url)
    assert (code, found["outcome"]) == (1, "unexpected"), found["seen"]
    assert "407" in found["seen"]


@pytest.mark.parametrize("environment", [{}, {"http_proxy": "http://127.0.0.1:1", "no_proxy": "only.invalid"}])
def test_no_proxy_for_the_target_is_inconclusive(tmp_path: Path, environment: dict[str, str]) -> None:
    code, found = check(tmp_path, "http://only.invalid", **environment)
    assert (code, found["outcome"]) == (3, "untestable")
    assert found["seen"].startswith("could not try: the environment names no proxy for this target")
