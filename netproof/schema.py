"""Print the JSON Schema of netproof.yaml."""

import json

from checker import report, schema
from netproof.arguments import Add, Options
from notifications.settings import Notify


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("--report", action="store_true", help="print the schema of the report instead")


def run(options: Options) -> None:
    """Run the command."""
    print(json.dumps(report.schema() if options.report else schema.published(Notify), indent=2))
