"""What the end-to-end tests need: a cluster (KUBECONFIG), the image in it (NETPROOF_IMAGE), and a place outside of it.

NETPROOF_OUTSIDE_RUN is how to run a server that pods can reach, NETPROOF_OUTSIDE_ADDRESS where it listens. The defaults
fit a cluster whose outside is a network namespace; for kind, set them to "" and to an address of this machine.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import yaml

from tests.e2e.cluster import CHART, PATIENCE, Cluster, Object, Space, until
from tests.e2e.world import config_map
from tests.tools.helm import tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

OUTSIDE_RUN = shlex.split(os.environ.get("NETPROOF_OUTSIDE_RUN", "ip netns exec netproof-outside"))
OUTSIDE_ADDRESS = os.environ.get("NETPROOF_OUTSIDE_ADDRESS", "203.0.113.10")
SLACK_TOKEN = "T1234567A/B1234567B/abcdefghij1234567890WXYZ"  # nothing opens with it
MINE = {"netproof-e2e": secrets.token_hex(4)}  # a label of the namespaces of this run of the tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def image() -> str:
    """The image under test: NETPROOF_IMAGE, or the chart's own."""
    values: Any = yaml.safe_load((CHART / "values.yaml").read_text())["image"]
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    return os.environ.get("NETPROOF_IMAGE") or f"{values['registry']}/{values['repository']}:{version}"


@pytest.fixture(scope="session")
def cluster(image: str) -> Iterator[Cluster]:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster")
    found = tools()
    repository, _, tag = image.rpartition(":")
    registry, _, name = repository.partition("/")
    values = {"image": {"registry": registry, "repository": name, "tag": tag, "pullPolicy": "IfNotPresent"}}
    cluster = Cluster(found.kubectl, found.helm, values)
    cluster.kubectl("get", "nodes")
    yield cluster
    selector = ",".join(f"{key}={value}" for key, value in MINE.items())
    until("all namespaces of these tests are gone", lambda: not cluster.objects("namespaces", "-l", selector))


@contextmanager
def namespaces(cluster: Cluster) -> Iterator[Callable[..., Space]]:
    """Make namespaces, and remove them in the end."""
    made: list[str] = []

    def make(name: str = "shop", labels: dict[str, str] | None = None, length: int = 0) -> Space:
        unique = f"{name}-{secrets.token_hex(3)}"
        unique += "x" * (length - len(unique))
        labels = {**MINE, **(labels or {})}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique, "labels": labels}})
        made.append(unique)
        space = Space(cluster, unique)
        until("its default service account", lambda: space.objects("serviceaccounts"))
        return space

    try:
        yield make
    finally:
        if made:
            cluster.kubectl("delete", "namespace", "--wait=false", *made)


@pytest.fixture
def spaces(cluster: Cluster) -> Iterator[Callable[..., Space]]:
    with namespaces(cluster) as make:
        yield make


@pytest.fixture
def space(spaces: Callable[..., Space]) -> Space:
    return spaces()


@dataclass
class Outside:
    """Slack and the rest of the world: one server, which can be down for a while."""

    command: list[str]  # its arguments come after it
    certificate: Path
    ca: str
    port: int = 0  # chosen at the first start, and kept
    requests: SimpleQueue[Object] = field(default_factory=SimpleQueue)
    _running: tuple[subprocess.Popen[str], threading.Thread] | None = None

    def up(self, delay: float = 0) -> None:
        """Start it; each answer comes after some seconds of delay."""
        command = [*self.command, OUTSIDE_ADDRESS, str(self.port), str(self.certificate), str(delay)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        listens = process.stdout.readline()
        assert listens, f"could not run {shlex.join(command)}"
        self.port = json.loads(listens)["listens"]
        reader = threading.Thread(target=self._read, args=(process.stdout,))
        reader.start()
        self._running = (process, reader)

    def down(self) -> None:
        if self._running:
            process, reader = self._running
            with process:
                process.terminate()
                reader.join()
            self._running = None

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.requests.put(json.loads(line))

    @property
    def slack_url(self) -> str:
        return f"slack://{SLACK_TOKEN}"

    @property
    def json_url(self) -> str:
        """A channel without TLS: apprise's JSON."""
        return f"json://{OUTSIDE_ADDRESS}:{self.port}/alert"

    @property
    def address(self) -> str:
        return OUTSIDE_ADDRESS

    def reachable_from(self, space: Space) -> Object:
        """Values that send messages by this proxy, and trust its CA; they need a ConfigMap."""
        space.apply(config_map("company-ca", {"ca.crt": self.ca}))
        return {
            "extraEnv": [
                {"name": "HTTPS_PROXY", "value": f"http://{OUTSIDE_ADDRESS}:{self.port}"},
                {"name": "SSL_CERT_FILE", "value": "/etc/company-ca/ca.crt"},
            ],
            "extraVolumes": [{"name": "company-ca", "configMap": {"name": "company-ca"}}],
            "extraVolumeMounts": [{"name": "company-ca", "mountPath": "/etc/company-ca", "readOnly": True}],
        }

    def next(self, patience: float = PATIENCE) -> Object:
        """Wait for a request that arrives."""
        return self.requests.get(timeout=patience)

    def slack(self, patience: float = PATIENCE) -> str:
        """Wait for a message to Slack; return its text, as blocks hold it."""
        request = self.next(patience)
        assert (request["host"], request["path"]) == ("hooks.slack.com", f"/services/{SLACK_TOKEN}")
        return "\n".join(_texts(json.loads(request["body"])))

    def silent(self) -> bool:
        """Nothing has arrived that no test asked for."""
        try:
            self.requests.get_nowait()
        except Empty:
            return True
        return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from [each] if key == "text" and isinstance(each, str) else _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


@pytest.fixture
def outside(cluster: Cluster, tmp_path: Path) -> Iterator[Outside]:
    assert cluster
    ca = trustme.CA()
    certificate = tmp_path / "slack.pem"
    ca.issue_cert("hooks.slack.com").private_key_and_cert_chain_pem.write_to_path(certificate)
    script = Path(__file__).with_name("outside.py")
    outside = Outside([*OUTSIDE_RUN, sys.executable, str(script)], certificate, ca.cert_pem.bytes().decode())
    try:
        outside.up()
        yield outside
    finally:
        outside.down()
