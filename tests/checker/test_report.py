"""The report: its schema, and how it is written."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from checker import report, termination
from tests.checker.command import netproof, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(netproof("schema", "--report").stdout)


def valid(document: Any, schema: Any) -> None:
    jsonschema.validate(
        document,
        schema,
        cls=jsonschema.Draft202012Validator,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


def test_the_schema_is_valid_and_has_the_version(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["Report"]["properties"]["version"] == {"enum": [report.VERSION]}
    assert set(schema["$defs"]["Check"]["properties"]) > {"list", "target", "verdict", "outcome", "controls"}


def test_a_run_keeps_to_the_schema(server: str, nobody: str, mute: str, schema: Any, tmp_path: Path) -> None:
    config = {
        "allow": [server, {"target": nobody, "name": "n", "because": "b"}, "none.invalid:80"],
        "deny": [{"target": mute, "timeout": "200ms"}, server.replace("127.0.0.1", "localhost")],
        "vantage": {"name": "shop", "labels": {"app": "shop"}},
        "notify": {"runbookUrl": "https://wiki/x"},
        "settle": 0,
    }
    ran = netproof("check", write(tmp_path / "c.yaml", config), "--output", "json", "--report", tmp_path / "r.json")
    document = json.loads(ran.stdout)
    valid(document, schema)
    assert json.loads((tmp_path / "r.json").read_text()) == document
    assert (tmp_path / "r.json").read_text() == ran.stdout
    assert [check["where"] for check in document["checks"]] == [f"{tmp_path}/c.yaml:1"] * 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["started"])
    assert document["summary"]["checks"] == 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--allow", "a:0"], 2),
        (["--allow", b"\xff:1"], 2),
        (["--allow", "127.0.0.1:1", "--settle", "0", "--deadline", "0"], 3),
        ([b"\xff"], 2),
    ],
    ids=["configuration", "no text", "deadline", "no text as path"],
)
def test_a_run_that_probed_nothing_keeps_to_the_schema(
    arguments: list[Any], code: int, schema: Any, tmp_path: Path
) -> None:
    arguments = [os.fsdecode(each) for each in arguments]
    ran = netproof("check", *arguments, "--report", tmp_path / "r.json", "--termination-log", tmp_path / "log")
    assert ran.returncode == code
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["exitCode"] == code
    valid(document, schema)
    assert json.loads((tmp_path / "log").read_text())["exitCode"] == code


def test_json_is_utf_8_whatever_the_locale(server: str, tmp_path: Path) -> None:
    file = write(tmp_path / "c.yaml", {"allow": [{"target": server, "name": "Bestellungen für München"}], "settle": 0})
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    ran = netproof("check", file, "--output", "json", env=environment, encoding="utf-8")
    assert json.loads(ran.stdout)["checks"][0]["name"] == "Bestellungen für München"
    assert netproof("check", file, env=environment).returncode == 0


def test_a_reader_never_sees_half_of_a_report(tmp_path: Path) -> None:
    file, over = tmp_path / "report.json", threading.Event()
    report.write(file, json.dumps(["old"] * 10_000))
    seen: list[str] = []

    def read() -> None:
        while not over.is_set():
            seen.append(json.loads(file.read_text())[0])

    reader = threading.Thread(target=read)
    reader.start()
    held = file.open()
    for n in range(200):
        report.write(file, json.dumps([str(n)] * 10_000))
    over.set()
    reader.join()
    assert set(json.load(held)) == {"old"}  # a reader that opened it before reads the old one to its end
    held.close()
    assert seen
    assert json.loads(file.read_text())[0] == "199"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_termination_log_is_written_in_place(server: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("x" * 10_000)
    before = log.stat().st_ino
    netproof("check", "--settle", "0", "--allow", server, "--termination-log", log)
    assert log.stat().st_ino == before  # it is a mount of its own, and cannot be replaced
    assert json.loads(log.read_text())["verdict"] == "pass"


@pytest.mark.parametrize(("reachable", "code"), [(True, 70), (False, 1)])
@pytest.mark.parametrize("option", ["--report", "--termination-log"])
def test_a_report_that_cannot_be_written_is_an_error(
    server: str, nobody: str, option: str, reachable: bool, code: int
) -> None:
    ran = netproof("check", "--settle", "0", "--allow", server if reachable else nobody, option, "/dev/full")
    assert ran.returncode == code
    assert "/dev/full cannot be written: No space left on device" in ran.stdout


def test_any_text_in_a_report_is_escaped(server: str, tmp_path: Path) -> None:
    text = "\x9b31m \u202e \u2066 \x85 \u200b end"
    config = {"allow": [{"target": server, "name": text, "because": text}], "vantage": {"name": text}, "settle": 0}
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps(config))
    netproof("check", file, "--report", tmp_path / "report.json", "--termination-log", tmp_path / "log")
    for name in ("report.json", "log"):
        content = (tmp_path / name).read_text()
        assert content.replace("\n", "").isprintable()
        assert json.loads(content)["vantage"]["name"] == text
        assert termination.read(content).checks[0].verdict == "pass"


def test_a_report_that_does_not_fit_leaves_what_was_there(server: str, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "report.json").write_text("old")
    arguments = ["check", "--settle", "0", "--allow", server, "--report", folder / "report.json"]
    ran = netproof(*arguments, wrap=["prlimit", "--fsize=100"])
    assert ran.returncode == 70
    assert "report.json cannot be written: File too large" in ran.stdout
    assert [(each.name, each.read_text()) for each in folder.iterdir()] == [("report.json", "old")]
