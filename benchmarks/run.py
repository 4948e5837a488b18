"""Measures speed and memory, and compares them with other tools and with the limits, in network namespaces (root).

Prints a table in Markdown, as in docs/benchmarks.md. Exits with 1 if a limit is exceeded. Run it on an idle machine.
"""

import compileall
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.netns import World, missing, world

HERE = Path(__file__).parent
PYTHON, NETPROOF = Path(sys.executable), Path(sys.executable).with_name("netproof")
PEERS = HERE / "peers"
NMAP = [
    *(
        "nmap",
        "-sT",
        "-Pn",
        "-n",
        "-T5",
        "--max-retries",
        "0",
        "--min-parallelism",
        "10000",
        "--min-hostgroup",
        "16384",
    ),
    *("--min-rtt-timeout", "1s", "--initial-rtt-timeout", "1s", "--max-rtt-timeout", "1s", "-p", "80", "-iL"),
]


@dataclass(frozen=True)
class Measured:
    """What one process took: wall seconds, and MB of memory at its peak."""

    seconds: float
    peak: float


@dataclass
class Table:
    """The rows that are printed, and whether all of them keep their limits."""

    kept: bool = True

    def row(self, what: str, measured: str, limit: str, *, kept: bool | None = None) -> None:
        """Print one row. Without `kept`, it is only for comparison."""
        self.kept &= kept is not False
        mark = {None: "", True: "yes", False: "**no**"}[kept]
        print(f"| {what} | {measured} | {limit} | {mark} |", flush=True)


def measure(command: Sequence[str | Path], space: str | None) -> Measured:
    """Run a command, in a network namespace, and measure the whole process."""
    inside = ["ip", "netns", "exec", space] if space else []
    began = time.perf_counter()
    process = subprocess.Popen(
        [*inside, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    errors = process.stderr.read() if process.stderr else ""
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} ended with {process.returncode}: {errors}")
    return Measured(took, usage.ru_maxrss / 1024)


def best(command: Sequence[str | Path], space: str | None, *, times: int = 3) -> Measured:
    """Measure several times and return the fastest: disturbances only make a process slower."""
    return min((measure(command, space) for _ in range(times)), key=lambda measured: measured.seconds)


def addresses(count: int) -> list[str]:
    """List addresses that are behind the node and dropped by it."""
    return [f"198.19.{number // 250}.{number % 250 + 1}" for number in range(count)]


def check(
    folder: Path, name: str, targets: Sequence[str], *, deny: bool, settings: str = "timeout: 1s, attempts: 1"
) -> list[str | Path]:
    """Write a folder of lists, and return the command that checks it."""
    lists = folder / name
    lists.mkdir()
    (lists / "allow.lst").write_text("198.18.0.2:80\n" if deny else "".join(f"{target}\n" for target in targets))
    (lists / "targets").write_text("".join(f"{target}\n" for target in targets))
    if deny:
        (lists / "deny.lst").write_text("".join(f"{target}\n" for target in targets))
        (lists / "netproof.yaml").write_text(f"defaults: {{{settings}}}\n")
    return [NETPROOF, "check", lists, "--settle", "0", "--concurrency", "10000"]


def netcheck() -> Path:
    """Install netcheck in a separate environment."""
    home = HERE.parent / ".tools" / "netcheck"
    command = home / "bin" / "netcheck"
    if not command.exists():
        subprocess.run([PYTHON, "-m", "venv", "--clear", home], check=True)
        subprocess.run([home / "bin" / "python", "-Im", "pip", "install", "--quiet", "netcheck==0.10.0"], check=True)
    return command


def dropped(here: World, folder: Path, table: Table) -> None:
    """Ten thousand targets that never answer."""
    here.rules("ip daddr 198.19.0.0/16 drop")
    pod = here.pod.name
    for count in (10, 100, 1_000, 10_000):
        command = check(folder, f"dropped-{count}", [f"{address}:80" for address in addresses(count)], deny=True)
        ours = best(command, pod)
        limit, memory = {10: (None, 40), 10_000: (2.0, 90)}.get(count, (None, None))
        table.row(f"{count:,} dropped, 1 s timeout", f"{ours.seconds:.2f} s", f"{limit} s" if limit else "",
                  kept=None if limit is None else ours.seconds <= limit)  # fmt: skip
        table.row(f"{count:,} dropped: peak memory", f"{ours.peak:.0f} MB", f"{memory} MB" if memory else "",
                  kept=None if memory is None else ours.peak <= memory)  # fmt: skip
    ratios = several_attempts(folder, pod)
    text = f"{ratios[0]:.2f} s ({ratios[1]:.2f} times one attempt)"
    table.row("500 dropped, 3 s timeout, 5 attempts", text, "1.3 times", kept=ratios[1] <= 1.3)
    file = folder / "dropped-10000" / "targets"
    for name in ("epoll", "obvious"):
        peer = best([PYTHON, PEERS / f"{name}.py", file, "1"], pod)
        table.row(f"10,000 dropped: {name}.py", f"{peer.seconds:.2f} s, {peer.peak:.0f} MB", "")
    if shutil.which("nmap"):
        hosts = folder / "hosts"
        hosts.write_text("\n".join(addresses(10_000)))
        nmap = measure([*NMAP, hosts], pod)
        ratio = nmap.seconds / ours.seconds
        table.row(
            "10,000 dropped: nmap, tuned", f"{nmap.seconds:.2f} s ({ratio:.1f} times ours)", "5 times", kept=ratio >= 5
        )
    if shutil.which("ncat"):
        ncat = measure([PEERS / "ncat.sh", folder / "dropped-10" / "targets", "1"], pod)
        table.row("10 dropped: a serial ncat loop", f"{ncat.seconds:.2f} s", "")
    config = folder / "netcheck.json"
    rules = [
        {"type": "tcp", "host": address, "port": 80, "timeout": 1, "expected": "fail"} for address in addresses(10)
    ]
    config.write_text(json.dumps({"assertions": [{"name": "dropped", "rules": rules}]}))
    peer = measure([netcheck(), "run", "--config", config], pod)
    table.row("10 dropped: netcheck 0.10.0", f"{peer.seconds:.2f} s, {peer.peak:.0f} MB", "")


def several_attempts(folder: Path, pod: str) -> tuple[float, float]:
    """Measure 500 targets with five attempts: seconds, and how many times as long as with one attempt."""
    targets = [f"{address}:80" for address in addresses(500)]
    one, five = (check(folder, f"attempts-{n}", targets, deny=True, settings=f"attempts: {n}") for n in (1, 5))
    runs = [(measure(one, pod).seconds, measure(five, pod).seconds) for _ in range(3)]  # in turns
    least, most = (min(each) for each in zip(*runs, strict=True))
    return most, most / least


def opened(here: World, folder: Path, table: Table) -> None:
    """Ten thousand targets that accept."""
    here.rules()
    here.target.ip("route add local 198.19.0.0/16 dev lo")
    here.target.sysctl({"core/somaxconn": 65_535, "ipv4/tcp_max_syn_backlog": 65_535})
    command = check(folder, "open", [f"{address}:80" for address in addresses(10_000)], deny=False)

    def fastest(run: Sequence[str | Path]) -> Measured:
        """Use a new listener each time. The kernel accepts the connections, so no server uses the processor."""
        runs = []
        for _ in range(3):
            with here.target.socket(socket.SOCK_STREAM, "::", 80) as listener:
                listener.listen(65_535)
                runs.append(measure(run, here.pod.name))
        return min(runs, key=lambda measured: measured.seconds)

    ours = fastest(command)
    limit = fastest([PYTHON, PEERS / "epoll.py", folder / "open" / "targets", "3"])
    peer = fastest([PYTHON, PEERS / "obvious.py", folder / "open" / "targets", "3"])
    ratio = ours.seconds / limit.seconds
    table.row("10,000 open", f"{ours.seconds:.2f} s ({ratio:.1f} times epoll.py)", "4 times", kept=ratio <= 4)
    table.row("10,000 open: peak memory", f"{ours.peak:.0f} MB", "90 MB", kept=ours.peak <= 90)
    table.row("10,000 open: epoll.py, obvious.py", f"{limit.seconds:.2f} s, {peer.seconds:.2f} s", "")


def start(folder: Path, table: Table) -> None:
    """Measure the whole process for ten open targets on loopback. Denied targets would take 0.8 s."""
    servers = [socket.create_server(("127.0.0.1", 0), backlog=4096) for _ in range(10)]
    targets = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    lists, yaml = folder / "start", folder / "start.yaml"
    lists.mkdir()
    (lists / "allow.lst").write_text("\n".join(targets))
    yaml.write_text("allow:\n" + "".join(f"- {target}\n" for target in targets))
    commands: dict[str, list[str | Path]] = {
        "asyncio": [PYTHON, "-c", "import asyncio"],
        "lists": [NETPROOF, "check", lists, "--settle", "0"],
        "yaml": [NETPROOF, "check", yaml, "--settle", "0"],
    }
    times: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(21):  # in turns, so that a disturbance affects all of them
        for name, command in commands.items():
            times[name].append(measure(command, None))
    middle = {name: median(each.seconds for each in runs) for name, runs in times.items()}
    for name, limit in (("lists", 1.8), ("yaml", 2.2)):
        ratio = middle[name] / middle["asyncio"]
        text = f"{middle[name] * 1000:.0f} ms ({ratio:.2f} times `import asyncio`)"
        table.row(f"10 open, whole process, from {name}", text, f"{limit} times", kept=ratio <= limit)
    peak = max(each.peak for each in times["yaml"])
    table.row("10 open: peak memory", f"{peak:.0f} MB", "40 MB", kept=peak <= 40)


def main() -> int:
    """Run all of it."""
    if reason := missing():
        print(f"not run: {reason}")
        return 2
    for package in ("checker", "netproof", "notifications"):
        compileall.compile_dir(HERE.parent / package, quiet=2)
    print("| What | Measured | Limit | Kept |\n|-|-|-|-|")
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, table)
        with world(folder) as here:
            here.node.ip("route add 198.19.0.0/16 via 198.18.0.2")
            here.tcp(80)
            dropped(here, folder, table)
        with world(folder) as here:
            here.node.ip("route add 198.19.0.0/16 via 198.18.0.2")
            opened(here, folder, table)
    return 0 if table.kept else 1


if __name__ == "__main__":
    sys.exit(main())
