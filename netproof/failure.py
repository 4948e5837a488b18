"""What went wrong, as a value: how the process ends, and the words for whoever reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A command that could not do its work."""

    code: int
    title: str
    problems: tuple[str, ...]
    notify: Mapping[str, Any] = field(default_factory=dict)  # whom to notify, as far as it could be read
