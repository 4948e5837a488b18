"""Show the results of all Jobs of a cluster, as a table of vantages and targets."""

import time

from checker.model import EXIT_CODES, Verdict
from netproof.arguments import FILE, Add, Options, reading
from netproof.text import text
from reporter import judge, objects
from reporter.history import State
from reporter.settings import Settings
from reporter.situation import Situation, utc

_GET = "kubectl get cronjobs,jobs,pods -A -l netproof-vantage -o json"


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("file", nargs="?", **FILE, help=f"Kubernetes objects as JSON (default: standard input); make it with: {_GET}")
    add("--cluster-domain", default="cluster.local", metavar="NAME", help="DNS domain (default %(default)s)")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    found = situation(options)
    print(text("status.j2", situation=found, utc=utc, get=_GET))
    return EXIT_CODES[Verdict(found.state)]


def situation(options: Options) -> Situation:
    """Read the objects that the arguments name, and judge them. Raises InputError."""
    found = objects.Objects()
    with reading(options.file, f"{{}}; make it with: {_GET}") as content:
        objects.read(content, found)
    settings = Settings(cluster_domain=options.cluster_domain, cluster=vars(options).get("cluster", ""))
    return judge.look(found, State(), settings, int(time.time()))
