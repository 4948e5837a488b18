"""What the reporter serves, over real HTTP; and the page as a command."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from reporter import routes
from reporter.api import Api
from reporter.history import State
from reporter.judge import look
from reporter.server import Routes, serve
from reporter.service import Service
from reporter.settings import Settings
from tests.reporter.objects import NOON, World, check, message


@pytest.fixture
def service() -> Service:
    return Service(Settings(release="np"), Api("https://127.0.0.1:1"), lambda *_: None)


def world() -> World:
    made = World()
    made.cronjob()
    made.run(message(check("allow api:80"), check("deny db:5432", "violation")))
    return made


def get(table: Routes, path: str, timeout: float = 10) -> httpx.Response:
    server = serve(("127.0.0.1", 0), table)
    try:
        return httpx.get(f"http://127.0.0.1:{server.server_address[1]}{path}", trust_env=False, timeout=timeout)
    finally:
        server.shutdown()
        server.server_close()


def test_before_the_first_round_there_is_health_but_no_page(service: Service) -> None:
    assert get(routes.public(service), "/healthz").status_code == 200
    assert "netproof_build_info" in get(routes.public(service), "/metrics").text
    assert get(routes.local(service), "/").status_code == 503


def test_the_page_is_local_and_the_metrics_are_not(service: Service) -> None:
    service.situation = look(world().objects(), State(), service.settings, NOON + 60)
    assert "netproof_check_state{" in get(routes.public(service), "/metrics").text
    assert get(routes.public(service), "/").status_code == 404
    answer = get(routes.local(service), "/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Runs planned" not in answer.text
    assert get(routes.local(service), "/metrics").status_code == 404


@pytest.mark.parametrize(("table", "path"), [(routes.local, "/"), (routes.public, "/metrics")])
def test_nothing_is_shown_while_a_round_changes_it(service: Service, table: Any, path: str) -> None:
    service.situation = look(world().objects(), State(), service.settings, NOON + 60)
    assert get(table(service), path).status_code == 200
    with service.lock, pytest.raises(httpx.ReadTimeout):
        get(table(service), path, timeout=1)


@pytest.mark.parametrize(
    ("query", "status"),
    [("from=2026-05-01&to=2026-06-01", 200), ("from=9999-12-30&to=9999-12-31", 200), ("from=x&to=y", 400)],
)
def test_a_period_makes_it_evidence(service: Service, query: str, status: int) -> None:
    service.situation = look(world().objects(), State(), service.settings, NOON + 60)
    answer = get(routes.local(service), f"/?{query}")
    assert answer.status_code == status
    assert ("Runs planned" in answer.text) == (status == 200)


def page(*arguments: str, objects: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "netproof", "page", *arguments]
    return subprocess.run(command, input=objects, capture_output=True, text=True, check=False)


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    objects = json.dumps({"items": world().items})
    assert "<title>netproof: all releases in prod</title>" in page("--cluster", "prod", objects=objects).stdout
    (tmp_path / "o.json").write_text(objects)
    done = page(str(tmp_path / "o.json"), "--from", "2026-05-01", "--to", "2026-06-01")
    assert (done.returncode, "Runs planned" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--from", "2026-05-01"], "give both --from and --to, or neither"),
        (["--from", "2026-05-02", "--to", "2026-05-01"], "--to is before --from"),
        (["--to", "May"], "--from and --to must be days such as 2026-05-01"),
    ],
)
def test_a_mistake_in_the_period_is_invalid(arguments: list[str], what: str) -> None:
    done = page(*arguments, objects='{"items": []}')
    assert (done.returncode, what in done.stderr) == (2, True)
