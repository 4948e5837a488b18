"""Measures the time from a verdict to a delivered message, in a new process, with servers on loopback.

Prints a table in Markdown, and exits with 1 if a median is over the limit. The time includes the imports of jinja2 and
apprise, TLS with a private CA and, for Slack, a proxy.
"""

import json
import os
import ssl
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import trustme

from tests.notifications import conftest as sample
from tests.notifications import servers

LIMIT = 0.7  # seconds
RUNS = 7
CHILD = """
import json, sys
from pathlib import Path
from time import perf_counter
report = json.loads(Path(sys.argv[1]).read_text())
verdict = perf_counter()
from notifications.channels import folder
from notifications.deliver import deliver
(delivery,) = deliver(report, folder(Path(sys.argv[2])))
print(perf_counter() - verdict)
sys.exit(delivery.reason)
"""


def main() -> int:
    """Measure each kind of channel."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "hooks.slack.com").configure_cert(tls)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        secure = stack.enter_context(servers.http(servers.OK, tls=tls))
        proxy = stack.enter_context(servers.proxy(secure.port))
        mailbox = stack.enter_context(servers.smtp())
        plain = stack.enter_context(servers.http(servers.OK))
        mail = f"mailto://localhost:{mailbox.port}/?to=team@example.com&from=netproof@example.com"
        channels = {
            "Slack": sample.SLACK,
            "Teams (Workflows)": sample.workflows(secure.port),
            "mail": mail,
            "another service (JSON)": sample.json(plain.port),
        }
        environment = {
            "PATH": os.environ["PATH"],  # and nothing else: no proxy or CA of this machine
            "SSL_CERT_FILE": str(folder / "ca.pem"),
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
            "NO_PROXY": "localhost",
        }
        report = folder / "report.json"
        report.write_text(json.dumps(sample.of(sample.check("leak"), sample.check("unreachable"))))
        print(f"| channel | verdict to delivered (median of {RUNS}) | best | limit | kept |\n|-|-|-|-|-|")
        kept = [_row(name, _measure(report, folder, url, environment)) for name, url in channels.items()]
    return 0 if all(kept) else 1


def _measure(report: Path, folder: Path, url: str, environment: dict[str, str]) -> list[float]:
    (channels := folder / "channels").mkdir(exist_ok=True)
    (channels / "channel").write_text(url)
    command: list[str | Path] = [sys.executable, "-c", CHILD, report, channels]
    runs = [
        subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True) for _ in range(RUNS)
    ]
    return [float(run.stdout) for run in runs]


def _row(name: str, seconds: list[float]) -> bool:
    kept = median(seconds) <= LIMIT
    print(f"| {name} | {median(seconds):.2f} s | {min(seconds):.2f} s | {LIMIT} s | {'yes' if kept else '**no**'} |")
    return kept


if __name__ == "__main__":
    sys.exit(main())
