"""The installed command: exit codes, messages, and what it does with hostile input."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.config import ConfigError, Overrides, load, seconds
from checker.model import Expect, Outcome, Plan
from checker.probes import KINDS
from checker.report import termination_message
from checker.verdict import TABLE
from notifications.settings import Notify

if TYPE_CHECKING:
    from collections.abc import Iterator

NETPROOF = Path(sys.executable).with_name("netproof")


@pytest.fixture
def server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def mute() -> Iterator[str]:
    """A listener whose queue is full: what comes next is dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as one, socket.socket() as two:
        for client in (one, two):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def netproof(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [NETPROOF, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **options
    )
    assert "Traceback" not in ran.stderr
    return ran


def plan(*paths: Path) -> Plan:
    return load(paths, Overrides(), lambda: Notify)


def test_what_is_reachable_and_must_be_passes(server: str) -> None:
    assert netproof("check", "--settle", "0", "--allow", server).returncode == 0


def test_the_original_demo_is_a_leak_and_a_warning_that_the_lists_disagree(server: str, tmp_path: Path) -> None:
    data = tmp_path / "..2026"
    data.mkdir()
    (data / "allow.lst").write_text(f"{server}")
    (data / "deny.lst").write_text(f"# not reachable\r\n{server}\r\n")
    (tmp_path / "..data").symlink_to(data.name)
    for name in ("allow.lst", "deny.lst"):  # as Kubernetes mounts a ConfigMap
        (tmp_path / name).symlink_to(f"..data/{name}")
    ran = netproof("check", tmp_path, "--settle", "0")
    assert ran.returncode == 1
    assert "LEAK" in ran.stdout
    assert f"the lists disagree about tcp://{server}" in ran.stdout


def test_loopback_proves_no_network(server: str, mute: str) -> None:
    ran = netproof("check", "--settle", "0", "--allow", server, "--deny", mute)
    assert ran.returncode == 3
    assert "A pulled cable looks the same" in ran.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_and_is_never_green(server: str, mute: str, number: signal.Signals, code: int) -> None:
    command = [NETPROOF, "check", "--allow", server, "--deny", mute, "--settle", "30s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "allow" in process.stdout.readline()  # the run is under way
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert "INCONCLUSIVE" in out


def test_a_deadline_is_inconclusive(server: str, mute: str) -> None:
    ran = netproof("check", "--allow", server, "--deny", mute, "--settle", "30s", "--deadline", "300ms")
    assert ran.returncode == 3


def test_a_passing_run_whose_message_cannot_be_delivered_says_so(server: str, tmp_path: Path) -> None:
    (tmp_path / "channels").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    (tmp_path / "channels" / "hook").write_text(f"json://user:secret-token@127.0.0.1:{port}/")
    file = tmp_path / "netproof.yaml"
    file.write_text(json.dumps({"allow": [server], "notify": {"on": "always"}}))
    ran = netproof(
        "check", file, "--settle", "0", "--channels", tmp_path / "channels", "--report", tmp_path / "report.json"
    )
    assert ran.returncode == 4
    told = (tmp_path / "report.json").read_text()
    assert not json.loads(told)["channels"][0]["delivered"]
    assert "secret-token" not in ran.stdout + ran.stderr + told


def test_a_broken_import_is_no_violation(tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("raise RuntimeError('broken')")
    assert netproof("check", env={**os.environ, "PYTHONPATH": str(tmp_path)}).returncode == 70


def test_a_reader_that_leaves_changes_nothing(server: str) -> None:
    script = f"'{NETPROOF}' check --settle 0 --allow {server} --allow localhost:1 | true; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_the_report_keeps_to_its_schema_and_the_termination_message_is_short_json(server: str, tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    ran = netproof(
        "check", "--settle", "0", "--allow", server, "--deny", server, "--output", "json", "--termination-log", log
    )
    report = json.loads(ran.stdout)
    schema = json.loads(netproof("schema", "--report").stdout)
    jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)
    assert json.loads(log.read_text())["findings"][0]["finding"] == "leak"
    report["checks"] = [
        {**report["checks"][1], "because": "ü" * 900, "target": f"tcp://{'x' * 60}:{n}"} for n in range(500)
    ]
    message = termination_message(report)
    short = json.loads(message)
    assert len(message.encode()) <= 4096
    assert short["findings"]
    assert len(short["findings"]) + short["findingsLeftOut"] == 500


def test_demo_catches_its_leak() -> None:
    ran = netproof("demo")
    assert ran.returncode == 0
    assert "customer database" in ran.stdout.partition("as it arrived")[2]


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        (
            "allow: [{target: a:1, tiemout: 3s}]",
            "netproof.yaml:1: allow[0].tiemout: unknown key; did you mean timeout?",
        ),
        ("allow: [a:1]\nalow: []", "netproof.yaml:2: alow: unknown key; did you mean allow?"),
        ("allow:\n- a:99999", "netproof.yaml:2: allow[0].target: port '99999' is not a number from 1 to 65535"),
        ("allow: [db:1, 'tcp://DB:1']", "stands on the allow list already"),
        ("deny: [a:1]", "a deny list without an allow list proves nothing"),
        ("allow: ['udp://a:1']", "udp on the allow list needs a `payload`"),
        ("allow: [a:1]\nsettle: 3sec", "netproof.yaml:2: settle: found '3sec'; expected a duration such as 500ms"),
        ("allow: [a:1]\nallow: [b:1]", "netproof.yaml:2: allow: stands twice, first in line 1"),
        ("allow: !!python/object:os.system [a:1]", "is not supported: write a plain value"),
        ("allow: [a:1", "not YAML"),
        ("{}", "there is nothing to check"),
        ("allow: [a:1]\nnotify: {onn: pass}", "netproof.yaml:2: notify.onn: unknown key; did you mean on?"),
        ("allow: [{target: a:1, payload: x}]", "is a setting of udp targets, and this one is tcp"),
        ("allow: [{target: a:1, closed: pass}]", "is a setting of the deny list"),
        ("allow: [htps://a]", "did you mean https://?"),
    ],
)
def test_a_mistake_is_told_with_its_place(yaml: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "netproof.yaml").write_text(yaml)
    ran = netproof("lint", tmp_path)
    assert ran.returncode == 2
    assert message in ran.stderr


def test_a_bomb_and_a_pit_are_mistakes(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join([f'*{p}'] * 9)}]" for p, n in zip("abcdefgh", "bcdefghi", strict=True)]
    for text in ("\n".join(lines), "[" * 5_000, "allow: [\0]"):
        (tmp_path / "netproof.yaml").write_text(text)
        with pytest.raises(ConfigError):
            plan(tmp_path / "netproof.yaml")


@given(st.lists(st.text() | st.sampled_from(["a:1", "[::1]:2", "https://x/y", "dns://a@b"])))
def test_any_list_is_a_plan_or_mistakes(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    file = tmp_path_factory.mktemp("lists") / "allow.lst"
    file.write_bytes("\n".join(lines).encode(errors="surrogatepass"))
    try:
        assert plan(file).checks
    except ConfigError as error:
        assert error.mistakes  # noqa: PT017 - either is fine, a traceback is not


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)
keys = st.sampled_from(
    ["allow", "deny", "defaults", "settle", "vantage", "notify", "isolated", "role", "concurrency", "deadline"]
)


@given(st.dictionaries(keys, json_values))
def test_any_yaml_is_a_plan_or_mistakes(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> None:
    file = tmp_path_factory.mktemp("yaml") / "netproof.yaml"
    file.write_text(json.dumps(values))
    try:
        assert plan(file).checks
    except ConfigError as error:
        assert error.mistakes  # noqa: PT017 - either is fine, a traceback is not


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("3s", 3), ("2m", 120), ("1h30m", 5400), ("0", 0)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


def test_the_verdict_table_is_whole() -> None:
    assert {expect: set(row) for expect, row in TABLE.items()} == {expect: set(Outcome) for expect in Expect}


def test_each_kind_is_documented() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    assert not [kind for kind in KINDS if f"`{kind}://" not in text]
