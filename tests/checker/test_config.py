"""Lists and settings: valid ones become a plan, and all mistakes are reported at once, each with its place.

bad-config/ holds one file per mistake. The comments at the top of a file are the exact messages.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.config import MOST_TARGETS, ConfigError, load
from checker.document import Document
from checker.model import Check, Expect, Plan
from checker.probes.http import Http
from checker.probes.udp import Encoded, Udp
from checker.schema import published
from checker.source import LARGEST
from checker.words import seconds
from notifications.settings import Notify
from tests.checker.command import netproof, write

BAD = sorted((Path(__file__).parent / "bad-config").glob("*.yaml"))


def plan(*paths: Path, **overrides: Any) -> Plan:
    return load(paths, lambda: Notify, **overrides)


def mistakes(*paths: Path, **overrides: Any) -> list[str]:
    """What is wrong, without the folder in which it stands."""
    with pytest.raises(ConfigError) as caught:
        plan(*paths, **overrides)
    folder = f"{paths[0].parent}/" if paths else ""
    return [mistake.replace(folder, "") for mistake in caught.value.mistakes]


def targets(found: Plan, expect: Expect) -> list[str]:
    return [str(check.target) for check in found.checks if check.expect is expect]


def lists(folder: Path, allow: bytes = b"", deny: bytes = b"") -> Path:
    for name, content in (("allow.lst", allow), ("deny.lst", deny)):
        if content:
            (folder / name).write_bytes(content)
    return folder


# --- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_mistake_is_reported_with_its_place_and_what_is_expected(file: Path) -> None:
    head = [line.removeprefix("# ") for line in file.read_text().splitlines() if line.startswith(f"# {file.name}:")]
    head = head or [file.read_text().splitlines()[0].removeprefix("# ")]  # of a mistake that has no line
    assert mistakes(file) == head


def test_all_mistakes_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "netproof.yaml").write_text("settle: fast\n")
    lists(tmp_path, b"catalog:80\ncatalog\n", b"# denied\nmongo:0\n")
    assert mistakes(tmp_path / "netproof.yaml", tmp_path / "allow.lst", tmp_path / "deny.lst", tmp_path / "gone") == [
        "netproof.yaml:1: settle: found 'fast'; expected a duration such as 500ms, 3s, 2m or 1h30m",
        "gone: there is no such file",
        "allow.lst:2: a port is missing: write host:port",
        "deny.lst:2: port '0' is not a number from 1 to 65535",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"allow: [catalog:80]\0", "holds NUL bytes; write it as UTF-8 text"),
        (b"# caf\xe9\nallow: [catalog:80]", "is not UTF-8 text (byte 0xe9 in line 1)"),
        ("allow: [catalog:80]".encode("utf-16-le"), "holds NUL bytes; write it as UTF-8 text"),
        (b"#" * (LARGEST + 1), "is larger than 4 MiB; is it the right file?"),
    ],
)
@pytest.mark.parametrize("name", ["netproof.yaml", "allow.lst"])
def test_what_is_no_text_is_a_mistake(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert mistakes(tmp_path / name) == [f"{name}: {message}"]


def test_yaml_of_two_million_levels_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "netproof.yaml").write_text("allow: " + "[" * 2_000_000 + "]" * 2_000_000)
    ran = netproof("lint", tmp_path)  # a process of its own: what it must not do is crash
    assert ran.returncode == 2
    assert "netproof.yaml:1: cannot be read as YAML: nested deeper than 20 levels" in ran.stderr


def test_the_values_of_aliases_are_counted(tmp_path: Path) -> None:
    (tmp_path / "netproof.yaml").write_text("x: &x [" + "a, " * 999 + "]\nallow: [" + "*x, " * 999 + "]")
    too_many = "cannot be read as YAML: more than 200,000 values, those of aliases included"
    assert mistakes(tmp_path / "netproof.yaml") == [f"netproof.yaml:2: {too_many}"]


def test_the_number_of_targets_is_bounded(tmp_path: Path) -> None:
    lists(tmp_path, deny=b"".join(b"mongo:%d\n" % (n % 65535 + 1) for n in range(MOST_TARGETS)))
    assert mistakes(tmp_path, allow=["catalog:80"]) == ["20,001 targets are too many: at most 20,000 in one run"]


@pytest.mark.parametrize("line_end", ["\r", "\v", "\f", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("name", ["netproof.yaml", "deny.lst"])
def test_other_line_ends_than_a_line_feed_are_mistakes(tmp_path: Path, name: str, line_end: str) -> None:
    (tmp_path / name).write_text(f"# denied\n# by everyone{line_end}mongo:27017\n", encoding="utf-8", newline="")
    assert mistakes(tmp_path / name) == [f"{name}: line 2 contains U+{ord(line_end):04X}: end lines with a line feed"]


@pytest.mark.parametrize("content", [b"", b"\n", b"# mongo:27017\n", b" # a\r\n"])
def test_a_list_file_without_a_target_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "deny.lst").write_bytes(content)
    assert mistakes(tmp_path / "deny.lst", allow=["a:1"]) == ["deny.lst: holds no target; add one, or delete the file"]


@pytest.mark.parametrize(
    "name", ["deny.list", "denied.txt", "netproof.yml", "Netproof.yaml", "mongo.lst", "allow.lst.bak"]
)
def test_a_file_that_looks_like_ours_and_is_not_read_is_a_warning(tmp_path: Path, name: str) -> None:
    lists(tmp_path, b"a:1\n", b"b:1\n")
    (tmp_path / name).write_text("mongo:27017\n")
    (warning,) = plan(tmp_path).warnings
    assert warning.startswith(f"{tmp_path / name}: is not read; ")


def test_the_warning_about_an_unread_file_names_the_right_name(tmp_path: Path) -> None:
    lists(tmp_path, b"a:1\n", b"b:1\n")
    for name in ("deny.list", "README.md", "values.yaml"):
        (tmp_path / name).write_text("")
    assert plan(tmp_path).warnings == (f"{tmp_path}/deny.list: is not read; did you mean deny.lst?",)


def test_a_folder_of_misnamed_lists_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "deny.list").write_text("mongo:27017\n")
    assert mistakes(tmp_path / "lists") == ["lists/deny.list: is not read; did you mean deny.lst?"]


@pytest.mark.parametrize("deny", [{}, {"deny": []}])
def test_an_empty_deny_list_is_a_warning_in_the_report(server: str, tmp_path: Path, deny: dict[str, Any]) -> None:
    file = write(tmp_path / "c.yaml", {"allow": [server], "settle": 0, **deny})
    ran = netproof("check", file, "--output", "json")
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["warnings"] == ["the deny list is empty: this run tests no isolation"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "allow.lst").write_text("catalog:80")
    (tmp_path / "allow.lst").chmod(0)
    assert mistakes(tmp_path / "allow.lst") == ["allow.lst: cannot be read: Permission denied"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "netproof: holds neither netproof.yaml nor allow.lst nor deny.lst"),
        (lambda path: path.symlink_to("nowhere"), "netproof: there is no such file"),
        (lambda path: path.symlink_to(path.name), "netproof: cannot be read: Too many levels of symbolic links"),
        (os.mkfifo, "netproof: is not a file"),
    ],
    ids=["empty-folder", "dangling-link", "endless-link", "fifo"],
)
def test_a_path_that_leads_to_no_list_is_a_mistake(tmp_path: Path, make: Any, message: str) -> None:
    make(tmp_path / "netproof")
    assert mistakes(tmp_path / "netproof") == [message]


def test_a_list_file_must_be_named_allow_or_deny(tmp_path: Path) -> None:
    (tmp_path / "targets.lst").write_text("catalog:80")
    assert mistakes(tmp_path / "targets.lst") == ["targets.lst: which list is it? Name it allow.lst or deny.lst"]


def test_a_target_twice_on_a_list_is_a_mistake_in_any_spelling_and_file(tmp_path: Path) -> None:
    folder = lists(tmp_path, b"db:5432\n", b"")
    (tmp_path / "netproof.yaml").write_text("allow: [tcp://DB:5432]\n")
    assert mistakes(tmp_path / "netproof.yaml", folder / "allow.lst", allow=["tcp://dB:5432"]) == [
        "allow.lst:1: tcp://db:5432 is on the allow list already, in netproof.yaml:1",
        "--allow tcp://dB:5432: tcp://db:5432 is on the allow list already, in netproof.yaml:1",
    ]


def test_a_control_merges_what_many_vantages_deny(tmp_path: Path) -> None:
    for name in ("shop", "billing"):
        (tmp_path / name).mkdir()
        lists(tmp_path / name, b"", b"db:5432\n")
    role = write(tmp_path / "control.yaml", {"role": "control"})
    assert targets(plan(role, tmp_path / "shop", tmp_path / "billing"), Expect.ALIVE) == ["tcp://db:5432"]


def test_a_control_merges_the_names_of_a_target_but_not_different_settings(tmp_path: Path) -> None:
    ping, pong = ({"target": "udp://db.shop:53", "payload": word} for word in ("ping", "pong"))
    denied = ["db:5432", "DB.shop:5432", "https://db.shop.svc:5432/x", "db.billing:5432", ping, pong, ping]
    nobody = {"target": "db:5432", "control": False}
    config = {"role": "control", "vantage": {"namespace": "shop"}, "deny": [*denied, nobody]}
    found = plan(write(tmp_path / "c.yaml", config))
    kept = ["tcp://db:5432", "tcp://db.billing:5432", "udp://db.shop:53", "udp://db.shop:53"]
    assert targets(found, Expect.ALIVE) == kept
    assert targets(found, Expect.BLOCKED) == ["tcp://db:5432"]


def test_a_control_merges_denied_commands_that_are_equal(tmp_path: Path) -> None:
    denied = [{"name": "db-port", "command": ["nc", "-z", host, "5432"]} for host in ("db", "db", "db.billing")]
    found = plan(write(tmp_path / "c.yaml", {"role": "control", "deny": denied}))
    assert targets(found, Expect.ALIVE) == ["command://db-port", "command://db-port"]


def test_a_setting_in_two_files_is_a_mistake(tmp_path: Path) -> None:
    one = write(tmp_path / "one.yaml", {"allow": ["a:1"], "settle": "1s"})
    two = write(tmp_path / "two.yaml", {"allow": ["b:1"], "settle": "1s"})
    assert mistakes(one, two) == ["two.yaml:1: settle: is set already, in one.yaml:1"]


@pytest.mark.parametrize("secret", ["https://me:hunter2@catalog/", "me:hunter2@catalog:80"])
def test_a_password_in_a_target_is_never_repeated(tmp_path: Path, secret: str) -> None:
    ran = netproof("lint", lists(tmp_path, secret.encode()))
    assert ran.returncode == 2
    assert "hunter2" not in ran.stdout + ran.stderr


def test_control_characters_of_a_mistake_never_reach_the_terminal(tmp_path: Path) -> None:
    ran = netproof("lint", lists(tmp_path, b"a\x1b[2Jb:1\n"))
    assert ran.returncode == 2
    assert "\x1b" not in ran.stderr
    assert r"\x1b[2J" in ran.stderr


# --- what can be meant -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"1.1.1.1:80", ["tcp://1.1.1.1:80"]),
        (b"1.1.1.1:80\n", ["tcp://1.1.1.1:80"]),
        (b"\xef\xbb\xbf1.1.1.1:80\r\nmongo:27017\r\n", ["tcp://1.1.1.1:80", "tcp://mongo:27017"]),
        (b"\n  # all of it\n\n  mongo:27017   # customer data\n\t\n", ["tcp://mongo:27017"]),
        (b"[2001:db8::1]:443\n[::FFFF]:1", ["tcp://[2001:db8::1]:443", "tcp://[::ffff]:1"]),
        (b"tcp://Mongo.DB.:27017", ["tcp://mongo.db.:27017"]),
        (b"http://a/\nhttp://a:8080/x?y=1\nhttps://[::1]", ["http://a:80", "http://a:8080/x?y=1", "https://[::1]:443"]),
        (b"https://a?x=1", ["https://a:443/?x=1"]),
        (b"dns://a.b\ndns://a.b@10.0.0.10\ndns://a.b@[::1]:5353",
         ["dns://a.b", "dns://a.b@10.0.0.10:53", "dns://a.b@[::1]:5353"]),
        (b"_srv.a_b:1", ["tcp://_srv.a_b:1"]),
    ],
)  # fmt: skip
def test_lists_of_targets(tmp_path: Path, content: bytes, found: list[str]) -> None:
    assert targets(plan(lists(tmp_path, content)), Expect.REACHABLE) == found


def test_the_config_map_of_the_shell_tool_as_kubernetes_mounts_it(tmp_path: Path) -> None:
    (tmp_path / "..2026_11_24").mkdir()
    lists(tmp_path / "..2026_11_24", b"1.1.1.1:80", b"mongo:27017")
    (tmp_path / "..data").symlink_to("..2026_11_24")
    for name in ("allow.lst", "deny.lst"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    found = plan(tmp_path)
    assert targets(found, Expect.REACHABLE) == ["tcp://1.1.1.1:80"]
    assert targets(found, Expect.BLOCKED) == ["tcp://mongo:27017"]


def test_a_target_on_both_lists_is_a_warning(tmp_path: Path) -> None:
    ran = netproof("lint", lists(tmp_path, b"1.1.1.1:80\n", b"mongo:27017\n1.1.1.1:80\n"))
    assert ran.returncode == 0
    places = f"allow ({tmp_path}/allow.lst:1), deny ({tmp_path}/deny.lst:2)"
    assert ran.stdout.splitlines() == [
        f"warning: tcp://1.1.1.1:80 is on both lists: {places}",
        "no mistakes: 1 allowed, 2 denied",
    ]


def test_a_target_on_both_lists_that_answers_is_a_leak(server: str, tmp_path: Path) -> None:
    ran = netproof("check", lists(tmp_path, server.encode(), server.encode()), "--settle", "0")
    assert ran.returncode == 1
    assert f"tcp://{server} is on both lists" in ran.stdout


def test_folders_files_and_arguments_are_joined(tmp_path: Path) -> None:
    lists(tmp_path, b"a:1\n", b"b:1\n")
    (tmp_path / "netproof.yaml").write_text("allow: [c:1]\nsettle: 3s\n")
    more = write(tmp_path / "more.yaml", {"deny": ["d:1"], "deadline": "2m"})
    found = plan(tmp_path, more, allow=["e:1"], deny=["f:1"], settle=0.0)
    assert targets(found, Expect.REACHABLE) == ["tcp://c:1", "tcp://a:1", "tcp://e:1"]
    assert targets(found, Expect.BLOCKED) == ["tcp://b:1", "tcp://d:1", "tcp://f:1"]
    assert (found.settle, found.deadline, found.concurrency) == (0.0, 120.0, 500)


def test_every_key(tmp_path: Path) -> None:
    text = """
allow:
  - api:80
  - {target: slow:80, name: slow one, because: it is, timeout: 1m30s, every: true}
  - {target: udp://dns:53, payload: {base64: AAE=}, reply: {hex: 00 01}}
  - {target: https://web/x, status: [2xx, 401], insecure: true, follow: true, proxy: true}
deny:
  - {target: mongo:27017, closed: pass, control: false, because: null, attempts: 1, controls: [PCI DSS 11.4.5, "7"]}
  - redis:6379
defaults: {timeout: 500ms, attempts: 3}
settle: 1h
concurrency: 7
deadline: 1.5h
vantage:
  {name: shop, cluster: prod, namespace: shop, node: n1, labels: {app: shop}}
notify: {notifyOn: [violation, pass], runbookUrl: "https://wiki/x", cronjob: netproof}
"""
    (tmp_path / "netproof.yaml").write_text(text)
    found = plan(tmp_path)
    api, slow, udp, web, mongo, redis = found.checks
    assert (api.timeout, slow.timeout, slow.every, slow.name, slow.because) == (0.5, 90.0, True, "slow one", "it is")
    assert udp.probe == Udp(Encoded(base64="AAE="), Encoded(hex="00 01"))
    assert web.probe == Http(status=["2xx", 401], insecure=True, follow=True, proxy=True)
    assert (mongo.closed, mongo.control, mongo.because) == ("pass", False, None)
    assert (mongo.attempts, redis.attempts, mongo.controls) == (1, 3, ("PCI DSS 11.4.5", "7"))
    assert (found.settle, found.concurrency, found.deadline) == (3600.0, 7, 5400.0)
    assert (found.vantage.name, found.vantage.node, found.vantage.labels) == ("shop", "n1", {"app": "shop"})
    assert found.notify == {"notifyOn": ["violation", "pass"], "runbookUrl": "https://wiki/x", "cronjob": "netproof"}
    assert mongo.where == f"{tmp_path}/netproof.yaml:8"
    assert netproof("lint", tmp_path).returncode == 0
    jsonschema.validate(Document("c", text).values, published(Notify), cls=jsonschema.Draft202012Validator)


def test_a_key_without_a_value_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    nothing = {
        "defaults": {"attempts": None},
        "notify": {"runbookUrl": None, "notifyOn": None},
        "vantage": {"name": None, "labels": {"app": None}},
        "settle": None,
    }
    found = plan(
        write(tmp_path / "c.yaml", {"allow": ["a:1"], "deny": [{"target": "b:1", "timeout": None}], **nothing})
    )
    assert [(check.attempts, check.timeout) for check in found.checks] == [(5, 3.0), (5, 3.0)]
    assert (found.notify, found.vantage.name, found.vantage.labels, found.settle) == ({}, None, {}, 10.0)


def test_anchors_are_plain_values(tmp_path: Path) -> None:
    (tmp_path / "netproof.yaml").write_text("allow: [&api api:80]\ndeny: [*api]\n")
    assert targets(plan(tmp_path), Expect.BLOCKED) == ["tcp://api:80"]


@pytest.mark.parametrize("word", ["on", "12:30", "0x1f", "1_000", "yes"])
def test_words_of_yaml_1_1_stay_words(tmp_path: Path, word: str) -> None:
    (tmp_path / "netproof.yaml").write_text(f"allow:\n- {{target: api:80, because: {word}}}\n")
    assert plan(tmp_path).checks[0].because == word


def test_an_isolated_vantage_needs_no_allow_list(tmp_path: Path) -> None:
    found = plan(write(tmp_path / "c.yaml", {"isolated": True, "deny": ["mongo:27017"]}))
    assert found.vantage.isolated


def test_the_downward_api_gives_what_the_file_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETPROOF_NAMESPACE", "shop")
    monkeypatch.setenv("NETPROOF_NODE", "n1")
    found = plan(write(tmp_path / "c.yaml", {"allow": ["a:1"], "vantage": {"node": "n2"}}))
    assert (found.vantage.namespace, found.vantage.node) == ("shop", "n2")


def test_a_check_of_the_current_folder(tmp_path: Path) -> None:
    write(tmp_path / "netproof.yaml", {"allow": ["a:1"]})
    assert netproof("lint", cwd=tmp_path).stdout.endswith("no mistakes: 1 allowed, 0 denied\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("0s", 0), ("500ms", 0.5), ("3s", 3), ("2m", 120), ("1h30m", 5400), ("1.5s", 1.5), ("1m1s1ms", 61.001)],
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "3", "3 s", "s", "-3s", "3sec", "1d", "٣s", "1e3s", "3s ", ".5s", "9" * 10 + "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 500ms, 3s, 2m or 1h30m"):
        seconds(text)


# --- anything --------------------------------------------------------------------------------

spelled = st.sampled_from(
    ["a:1", "A:1", "[::1]:2", "https://x/y", "udp://a:1", "dns://a@b", "1.2.3.4:5", "tcp://", "@"]
)
words = spelled | st.text(max_size=20) | st.from_regex(r"(tcp|udp|https?|dns)://[a-z0-9.\[\]:@/?-]*", fullmatch=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda each: st.lists(each, max_size=4) | st.dictionaries(words, each, max_size=4),
    max_leaves=8,
)
entries = st.lists(
    words
    | st.dictionaries(st.sampled_from([*Check.__slots__, "target", "closed", "payload", "status"]), values)
    | values,
    max_size=4,
)
sections = ["defaults", "settle", "vantage", "notify", "isolated", "role", "concurrency", "deadline"]
configurations = st.fixed_dictionaries({}, optional={"allow": entries, "deny": entries}).flatmap(
    lambda lists: st.dictionaries(st.sampled_from(sections), values, max_size=3).map(lambda more: {**lists, **more})
)


def a_plan_or_mistakes(file: Path) -> None:
    try:
        assert plan(file).checks
    except ConfigError as error:
        found = error.mistakes
    else:
        return
    assert found
    assert all(found)


@given(st.lists(words).map("\n".join) | st.text())
def test_any_list_is_a_plan_or_mistakes(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    file = tmp_path_factory.getbasetemp() / "allow.lst"
    file.write_bytes(content.encode(errors="surrogatepass"))
    a_plan_or_mistakes(file)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_plan_or_mistakes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for name in ("netproof.yaml", "deny.lst"):
        file = tmp_path_factory.getbasetemp() / name
        file.write_bytes(content)
        a_plan_or_mistakes(file)


@settings(max_examples=200)
@given(configurations)
def test_any_configuration_is_a_plan_or_mistakes(tmp_path_factory: pytest.TempPathFactory, config: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "netproof.yaml"
    file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    a_plan_or_mistakes(file)


@given(st.text(alphabet=" \n\t-:[]{}&*!|>'\"%@#?,abc\x85\u2028", max_size=60))
def test_any_yaml_is_a_plan_or_mistakes(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    file = tmp_path_factory.getbasetemp() / "netproof.yaml"
    file.write_text(f"allow: [a:1]\n{content}", encoding="utf-8")
    a_plan_or_mistakes(file)


@settings(max_examples=200)
@given(configurations)
def test_the_published_schema_allows_every_plan(tmp_path_factory: pytest.TempPathFactory, config: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "netproof.yaml"
    content = json.dumps(config)
    file.write_text(content)
    try:
        plan(file)
    except (ConfigError, UnicodeEncodeError):
        return
    jsonschema.validate(json.loads(content), SCHEMA, cls=jsonschema.Draft202012Validator)


SCHEMA = published(Notify)
