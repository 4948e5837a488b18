"""`netproof reporter` as a process, where the API does not answer."""

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.netns import NETPROOF


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_without_the_api_and_ends_with_0(number: signal.Signals, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, page_port = one.getsockname()[1], other.getsockname()[1]
    vantages = [{"name": "front", "namespace": "shop"}, {"name": "back", "namespace": "shop"}]
    settings = {"release": "np", "namespaces": ["shop"], "vantages": vantages, "port": port, "pagePort": page_port}
    (tmp_path / "reporter.yaml").write_text(json.dumps(settings))
    command = [str(NETPROOF), "reporter", "--settings", str(tmp_path / "reporter.yaml")]
    pod = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | pod, text=True) as process:
        assert process.stdout
        assert "INFO  watching 2 vantages in 1 namespaces" in process.stdout.readline()
        assert "ERROR" in process.stdout.readline()  # no CA, because this is not a pod
        assert _get(port, "/healthz") == (200, "ok\n")
        assert "netproof_" in _get(port, "/metrics")[1]
        assert _get(page_port, "/") == (503, "the API has not been read yet\n")
        assert _get(port, "/")[0] == 404
        process.send_signal(number)
        assert process.wait(20) == 0


def _get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
