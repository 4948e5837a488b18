"""Text for people, from the templates of this package."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from checker.words import harmless


def text(template: str, **values: Any) -> str:
    """Render a template. Lines with tabs become a table, and control characters in values are escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=False,  # noqa: S701 - it is not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: harmless(str(value)),
    )
    lines = environment.get_template(template).render(values).split("\n")
    rows = [line.split("\t") for line in lines if "\t" in line]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(next(aligned) if "\t" in line else line for line in lines)
