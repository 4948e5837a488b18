"""A release, its reporter, and an API server over real HTTPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reporter.service import Service
from reporter.settings import Settings, Vantage
from tests.notifications import servers
from tests.reporter.objects import NOON, World, check, message
from tests.reporter.standin import StandIn, standin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SETTINGS = Settings(
    release="np",
    namespace="ops",
    state_secret="state",
    interval="0",
    namespaces=("shop", "pay"),
    vantages=(Vantage(name="front", namespace="shop"), Vantage(name="back", namespace="pay")),
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[StandIn]:
    with standin(tmp_path / "account") as server:
        yield server


class Reporter:
    """A release of two vantages, its reporter, and its channels."""

    def __init__(self, api: StandIn, folder: Path) -> None:
        self.api, self.folder, self.world, self.notes = api, folder, World(), list[tuple[str, str]]()
        folder.mkdir()
        for name, namespace in (("front", "shop"), ("back", "pay")):
            self.world.cronjob(name, namespace)
            self.world.run(message(check("allow api:80")), name=name, namespace=namespace, at=NOON)
        self.service = self.new()

    def new(self) -> Service:
        return Service(SETTINGS, self.api.api, lambda level, text: self.notes.append((level, text)), self.folder)

    def channel(self, name: str, port: int) -> None:
        (self.folder / name).write_text(f"json://localhost:{port}/?retry=0")

    def round(self, now: int = NOON) -> None:
        self.api.items = self.world.items
        self.service.round(now)


@pytest.fixture
def reporter(api: StandIn, tmp_path: Path) -> Reporter:
    return Reporter(api, tmp_path / "channels")


def titles(server: servers.Server) -> list[str]:
    return [each.json["title"] for each in server.requests]
