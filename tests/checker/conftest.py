"""What the tests of the checker share: a world to probe where one can be built, and the command run on loopback."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import netns

if TYPE_CHECKING:
    from collections.abc import Iterator


settings.register_profile("netproof", deadline=None)  # the clock belongs to benchmarks
settings.load_profile("netproof")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if reason := netns.missing():
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def module_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[netns.World]:
    """One world for the tests of a module; they come to it through `world`, or leave it as it was."""
    with netns.world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(tmp_path: object) -> Iterator[netns.World]:
    """A world for one test alone."""
    with netns.world(tmp_path) as world:  # type: ignore[arg-type]
        yield world


@pytest.fixture(scope="session")
def servers() -> Iterator[netns.Servers]:
    """Servers on this machine's own loopback."""
    made = netns.Servers()
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[str]:
    """A listener on loopback, as a target."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def mute() -> Iterator[str]:
    """A listener whose queue is full: what comes next is dropped."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as one, socket.socket() as two:
        for client in (one, two):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def nobody() -> str:
    """A port on loopback where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
