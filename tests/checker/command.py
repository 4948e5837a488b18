"""The installed command, run on loopback."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from tests.netns import NETPROOF

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def netproof(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run it to its end. It must never print a traceback."""
    command = [*options.pop("wrap", ()), NETPROOF, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)
    assert "Traceback" not in ran.stdout + ran.stderr, ran.stderr
    return ran


def write(file: Path, config: Mapping[str, Any]) -> Path:
    """Write a configuration as JSON, which is YAML (except escapes of surrogates)."""
    file.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    return file
