"""Texts that all packages write in the same way: durations, near misses, untrusted text, errors."""

import re
from collections.abc import Iterable

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)"  # nine digits: a longer number may be infinite
DURATION = f"^({_PART})+$"  # as in Kubernetes
POSITIVE = f"^(?=.*[1-9])({_PART})+$"
A_DURATION = "a duration such as 500ms, 3s, 2m or 1h30m"


def seconds(text: str) -> float:
    """Read a duration: `500ms`, `1h30m`, plain `0`. Raises ValueError."""
    if text == "0":
        return 0.0
    if not re.fullmatch(DURATION, text):
        raise ValueError(f"{text!r} is not {A_DURATION}")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))


def near_miss(word: str, known: Iterable[str], suffix: str = "") -> str:
    """Suggest the most similar known word, or list all of them."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    known = list(known)
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]}{suffix}?" if near else f"known are {', '.join(f'{each}{suffix}' for each in known)}"


def harmless(text: str) -> str:
    r"""Escape the characters that a terminal would interpret or not show: as `\x1b` and `\u202e`."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def named(error: BaseException) -> str:
    """Write the type and the message of an error; of a group, as tasks raise it, those of its first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
