"""Suggestions as values of the chart, with comments for the reader."""

import json
import re
from pathlib import Path

from planner.suggestion import Suggestion

_TEMPLATE = Path(__file__).with_suffix(".j2")
_PLAIN = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[a-z]([a-z0-9./@_-]|:(?=\S)| (?=[a-z]))*", re.IGNORECASE
)


def write(suggestion: Suggestion) -> str:
    """Write values.yaml."""
    from jinja2 import StrictUndefined, Template  # noqa: PLC0415 - slow to import

    text = _TEMPLATE.read_text(encoding="utf-8")
    template = Template(text, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return str(template.render(suggestion=suggestion, scalar=scalar))


def scalar(text: str) -> str:
    """Write text as YAML, in quotes where it could be read as something else."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
