"""The report document and its short form: what everything else is made of, and what stays when the network is gone."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker import report
from checker.model import (
    Attempt,
    Check,
    Expect,
    Family,
    Judgement,
    Observation,
    Outcome,
    Plan,
    Result,
    Run,
    Vantage,
    Verdict,
)
from checker.probes.base import NoSettings
from checker.target import Target
from tests.checker.command import netproof, write

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def ordered(document: Any, schema: Any) -> None:
    """The keys of a document stand in the order in which its schema has them."""
    if isinstance(document, dict) and schema.get("required"):
        assert list(document) == schema["required"]
        for key, each in document.items():
            ordered(each, schema["properties"][key])
    elif isinstance(document, list) and "items" in schema:
        for each in document:
            ordered(each, schema["items"])


def objects(schema: Any) -> Iterator[Any]:
    """Every schema of an object in a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for each in schema.values():
            yield from objects(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from objects(each)


# --- the document ----------------------------------------------------------------------------


def test_the_schema_is_strict_and_of_the_version_it_says(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["properties"]["version"] == {"const": report.VERSION}
    of_others = [schema["properties"]["notify"]]  # it belongs to the notifications
    assert all("additionalProperties" in each for each in objects(schema) if each not in of_others)


def test_a_run_keeps_to_the_schema(server: str, nobody: str, mute: str, schema: Any, tmp_path: Path) -> None:
    config = {
        "allow": [server, {"target": nobody, "name": "n", "because": "b"}, "none.invalid:80"],
        "deny": [{"target": mute, "timeout": "200ms"}, server.replace("127.0.0.1", "localhost")],
        "vantage": {"name": "shop", "labels": {"app": "shop"}, "vouchedBy": {mute: "backend"}},
        "notify": {"on": ["violation"], "runbookUrl": "https://wiki/x"},
        "settle": 0,
    }
    ran = netproof("check", write(tmp_path / "c.yaml", config), "--output", "json", "--report", tmp_path / "r.json")
    document = json.loads(ran.stdout)
    valid(document, schema)
    ordered(document, schema)
    assert json.loads((tmp_path / "r.json").read_text()) == document
    assert (tmp_path / "r.json").read_text() == ran.stdout
    assert [check["where"] for check in document["checks"]] == [f"{tmp_path}/c.yaml:1"] * 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["started"])
    assert document["summary"]["checks"] == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--allow", "a:0"],
        ["--allow", b"\xff:1"],
        ["--allow", "127.0.0.1:1", "--settle", "0", "--deadline", "0"],
        [b"\xff"],
    ],
    ids=["configuration", "no text", "deadline", "no text as path"],
)
def test_a_run_that_probed_nothing_keeps_to_the_schema(arguments: list[Any], schema: Any, tmp_path: Path) -> None:
    arguments = [os.fsdecode(each) for each in arguments]
    ran = netproof("check", *arguments, "--report", tmp_path / "r.json", "--termination-log", tmp_path / "log")
    assert ran.returncode in (2, 3)
    document = json.loads((tmp_path / "r.json").read_text())
    assert document["exitCode"] == ran.returncode
    valid(document, schema)
    ordered(document, schema)
    assert json.loads((tmp_path / "log").read_text())["exitCode"] == ran.returncode


def test_json_is_utf_8_whatever_the_locale(server: str, tmp_path: Path) -> None:
    file = write(tmp_path / "c.yaml", {"allow": [{"target": server, "name": "Bestellungen für München"}], "settle": 0})
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    ran = netproof("check", file, "--output", "json", env=environment, encoding="utf-8")
    assert json.loads(ran.stdout)["checks"][0]["name"] == "Bestellungen für München"
    assert netproof("check", file, env=environment).returncode == 0


# --- files -----------------------------------------------------------------------------------


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
    assert set(json.load(held)) == {"old"}  # who has opened it before reads it to its end
    held.close()
    assert seen
    assert json.loads(file.read_text())[0] == "199"
    assert list(tmp_path.iterdir()) == [file]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_a_termination_log_is_written_where_it_stands(server: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("x" * 10_000)
    before = log.stat().st_ino
    netproof("check", "--settle", "0", "--allow", server, "--termination-log", log)
    assert log.stat().st_ino == before  # it is a mount of its own, and cannot be replaced
    assert json.loads(log.read_text())["verdict"] == "pass"


@pytest.mark.parametrize(("reachable", "code"), [(True, 70), (False, 1)])
@pytest.mark.parametrize("option", ["--report", "--termination-log"])
def test_a_report_that_cannot_be_written_is_told(
    server: str, nobody: str, option: str, reachable: bool, code: int
) -> None:
    ran = netproof("check", "--settle", "0", "--allow", server if reachable else nobody, option, "/dev/full")
    assert ran.returncode == code
    assert "/dev/full cannot be written: No space left on device" in ran.stdout


# --- the termination message -----------------------------------------------------------------


def result(expect: Expect, verdict: Verdict, name: str, number: int) -> Result:
    check = Check(expect, Target("tcp", "10.0.0.1", number), NoSettings(), "deny.lst:1", name, name)
    observation = Observation(Outcome.OPEN, name, "10.0.0.1", Family.IPV4)
    return Result(check, Judgement(verdict, name, observation), (Attempt(0.0, 0.1, (observation,)),))


def short(document: Any) -> Any:
    """The termination message, which is short and complete whatever it is made of."""
    message = report.termination_message(document)
    assert len(message.encode()) <= 4096
    return json.loads(message)


def test_five_hundred_leaks_with_long_names_are_counted(tmp_path: Path, server: str) -> None:
    port = server.rpartition(":")[2]
    name = "Kundendatenbank 客户数据库 \U0001f512" * 30
    leaks = [{"target": f"127.0.0.1:{n}", "name": name, "because": name} for n in range(20_000, 20_500)]
    config = {"allow": [f"127.0.0.1:{port}"], "deny": leaks, "settle": 0, "vantage": {"name": name}}
    ran = netproof("check", write(tmp_path / "c.yaml", config), "--termination-log", tmp_path / "log")
    assert ran.returncode == 1
    message = (tmp_path / "log").read_bytes()
    assert len(message) <= 4096
    told = json.loads(message)
    assert list(told)[:3] == ["version", "verdict", "exitCode"]
    assert told["summary"]["violation"] == 500
    assert told["findings"][0]["finding"] == "leak"
    assert told["findings"][0]["target"].startswith("tcp://127.0.0.1:")
    assert len(told["findings"]) > 5
    assert len(told["findings"]) + told["findingsLeftOut"] == 500


def test_leaks_come_before_all_else() -> None:
    results = [result(Expect.REACHABLE, Verdict.VIOLATION, "x" * 200, n) for n in range(1, 100)]
    results += [
        result(Expect.BLOCKED, Verdict.INCONCLUSIVE, "x", 100),
        result(Expect.BLOCKED, Verdict.VIOLATION, "", 101),
    ]
    told = short(report.of_run(Run(Plan(()), 0.0, 1.0, tuple(results))))
    assert [finding["finding"] for finding in told["findings"]][:2] == ["leak", "unreachable"]
    assert len(told["findings"]) + told["findingsLeftOut"] == 101


texts = st.text(st.characters(exclude_categories=[]), max_size=60).map(lambda text: text * 20)


@given(
    st.lists(
        st.builds(result, st.sampled_from(Expect), st.sampled_from(Verdict), texts, st.integers(1, 65535)), max_size=60
    ),
    st.builds(Vantage, texts, texts, texts, texts, st.dictionaries(texts, texts, max_size=40)),
    st.lists(st.fixed_dictionaries({"channel": texts, "delivered": st.booleans(), "reason": texts}), max_size=40),
)
def test_whatever_is_cut_it_is_short_and_complete(results: Any, vantage: Vantage, channels: Any) -> None:
    document = report.of_run(Run(Plan((), vantage), 0.0, 1.0, tuple(results)))
    told = short({**document, "channels": channels})
    assert told["summary"] == document["summary"]
    found = [each for each in document["checks"] if each["finding"]]
    assert len(told["findings"]) + told["findingsLeftOut"] == len(found)


@given(texts, st.lists(texts, max_size=100))
def test_an_error_is_short_and_complete(title: str, problems: list[str]) -> None:
    assert short(report.of_error(title, problems, 2, {}))["exitCode"] == 2


def test_the_worst_of_characters_in_every_text() -> None:
    worst = "\x01" * 5000
    vantage = Vantage(worst, worst, worst, worst, {f"{worst}{n}": worst for n in range(100)})
    leaks = tuple(result(Expect.BLOCKED, Verdict.VIOLATION, worst, n + 1) for n in range(100))
    told = short(report.of_run(Run(Plan((), vantage), 0.0, 1.0, leaks)))
    assert told["findings"]
    assert told["vantage"]["name"].startswith("\x01")
