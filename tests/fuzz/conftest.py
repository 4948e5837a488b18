"""How long hypothesis looks for inputs that break something: seconds in `make test`, FUZZ_SECONDS in `make fuzz`."""

from __future__ import annotations

import os
import resource
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))  # of all targets together; 0: a few examples of each
MOST_MEMORY = 100  # MB that a target may add: what it keeps of each input would be more
TARGETS = 4
FEW, MANY = 60, 100  # a round at a time: the share of a target is over soon after its last round

fuzz = settings(
    deadline=None,
    max_examples=MANY if SECONDS else FEW,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    phases=[Phase.generate, Phase.shrink],
    database=None,
)


@pytest.fixture
def again() -> Callable[[Callable[[], None]], None]:
    """Run a hypothesis test once, or with new inputs until its share of FUZZ_SECONDS is over."""

    def run(test: Callable[[], None]) -> None:
        until = time.monotonic() + SECONDS / TARGETS
        test()
        before = _peak()
        while time.monotonic() < until:
            test()
        assert _peak() - before < MOST_MEMORY

    return run


@pytest.fixture(scope="module")
def servers() -> Iterator[netns.Servers]:
    """Servers on loopback."""
    made = netns.Servers()
    yield made
    made.close()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
