"""Memory over many rounds of `netproof check --every`: resident bytes after the first thousand, and after all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
WARM = ROUNDS // 10
LIMIT = 2 * 2**20  # bytes of growth


def main() -> None:
    """Run the rounds, and fail when the process has grown."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as server, tempfile.TemporaryDirectory() as folder:
        config, log = Path(folder, "netproof.yaml"), Path(folder, "log")
        port = server.getsockname()[1]
        config.write_text(
            f"settle: 0\nallow: [127.0.0.1:{port}]\ndeny: [sandbox://host-network, 'sandbox://docker-socket']\n"
        )
        command: list[str | Path] = [
            Path(sys.executable).with_name("netproof"),
            "check",
            config,
            "--every",
            "1ms",
            "--no-notify",
        ]
        log.touch()
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        began, sizes = time.monotonic(), []
        with (
            log.open("w") as stream,
            subprocess.Popen([*command, "--report", Path(folder, "report")], stdout=stream) as process,
        ):
            for rounds in (WARM, ROUNDS):
                while count(log) < rounds:
                    if process.poll() is not None:
                        sys.exit(f"it ended with {process.returncode}:\n{log.read_text()[-1000:]}")
                    time.sleep(0.2)
                sizes.append(
                    int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
                )
            process.terminate()
        took = time.monotonic() - began
    grown = sizes[1] - sizes[0]
    before, after = (f"{size / 2**20:.1f} MiB" for size in sizes)
    print(f"{ROUNDS} rounds in {took:.0f} s: {before} after {WARM}, {after} in the end")
    sys.exit(f"it grew by {grown} bytes" if grown > LIMIT else 0)


def accept(server: socket.socket) -> None:
    """Take and close every connection."""
    with suppress(OSError):
        while True:
            server.accept()[0].close()


def count(log: Path) -> int:
    """Count the rounds that have ended: the last line of each is its summary."""
    return log.read_bytes().count(b" checks pass in ")


if __name__ == "__main__":
    main()
