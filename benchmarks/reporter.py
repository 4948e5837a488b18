"""Measures the reporter with 1,000 vantages, each with 20 checks and 6 Jobs, which a simulated API serves.

The limits are 2 s of CPU and 150 MB for a round, and 5 MB of growth over 500 rounds. Run it on an idle machine:
`python -m benchmarks.reporter`. A separate process serves the objects.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reporter import history
from reporter.api import Api
from reporter.service import Service
from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, World, check, message
from tests.reporter.standin import StandIn

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

VANTAGES, CHECKS, JOBS, NAMESPACES = 1_000, 20, 6, 20
ROUNDS, PAGE = 500, 250
CPU, MEMORY, GROWTH = 2.0, 150.0, 5.0  # seconds, MB, MB


def serve(account: Path, pipe: Connection) -> None:
    """Make the objects, and serve them."""
    world = World()
    for n in range(VANTAGES):
        name, namespace = f"v{n}", f"ns{n % NAMESPACES}"
        world.cronjob(name, namespace)
        text = message(*(check(f"deny db-{k}.team-{n % 7}.svc:5432") for k in range(CHECKS // 2)),
                       *(check(f"allow api-{k}.team-{n % 9}.svc:8080") for k in range(CHECKS // 2)))  # fmt: skip
        for k in range(JOBS):
            world.run(text, at=NOON - k * HOUR, name=name, namespace=namespace)
    padding = {"annotations": {"pad": "x" * 4000}}  # what a pod has besides: about 6 kB in all
    with StandIn(account) as server:
        server.pages = pages(world, padding)
        pipe.send(server.api.url)
        server.serve_forever()


def pages(world: World, padding: dict[str, Any]) -> dict[tuple[str, str], list[bytes]]:
    """Encode all answers before the first request, so that this is not measured."""
    groups: dict[tuple[str, str], list[Any]] = {}
    for item in world.items:
        if item["kind"] == "Pod":
            item["metadata"].update(padding)
        groups.setdefault((item["metadata"]["namespace"], item["kind"].lower() + "s"), []).append(item)
    found = {}
    for group, items in groups.items():
        parts = [items[at : at + PAGE] for at in range(0, len(items), PAGE)]
        following = [{"continue": str(n + 1)} if n + 1 < len(parts) else {} for n in range(len(parts))]
        found[group] = [json.dumps({"metadata": following[n], "items": part}).encode() for n, part in enumerate(parts)]
    return found


def rss() -> float:
    """Return the memory of this process now, in MB."""
    pages_ = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages_ * resource.getpagesize() / 2**20


def main() -> int:
    """Measure, print, and return 1 if a limit is exceeded."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        account = Path(folder) / "account"
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(account, there), daemon=True)
        server.start()
        settings = Settings(
            release="np",
            namespace="ops",
            state_secret="state",
            namespaces=tuple(f"ns{n}" for n in range(NAMESPACES)),
            vantages=tuple(Vantage(name=f"v{n}", namespace=f"ns{n % NAMESPACES}") for n in range(VANTAGES)),
        )
        service = Service(settings, Api(here.recv(), account), print)
        sizes, times = [], []
        for n in range(rounds):
            began = time.process_time()
            service.round(NOON + 60 + n)
            times.append(time.process_time() - began)
            sizes.append(rss())
        server.kill()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    gc.collect()
    state = service._state  # noqa: SLF001
    recent = len(history.dump(state))
    for vantage in state.vantages.values():  # as after 400 days with one run an hour
        vantage.days = [history.Day(24, "1" * len(vantage.checks))] * history.DAYS
    full = len(history.dump(state))
    kept = min(len(vantage.days) for vantage in state.vantages.values())
    later = sorted(times[1:])
    growth = max(sizes[-50:]) - max(sizes[20:70] or sizes)
    print(f"first round {times[0]:.2f} s, later ones {later[len(later) // 2]:.2f} s (most {later[-1]:.2f} s) of CPU")
    print(f"peak {peak:.0f} MB, growth over {rounds} rounds {growth:.1f} MB")
    print(f"state {recent / 1000:.0f} kB, with {kept} days of each vantage {full / 1000:.0f} kB")
    print(f"limits: {CPU} s of CPU, {MEMORY} MB, growth {GROWTH} MB")
    return int(max(times) > CPU or peak > MEMORY or growth > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
