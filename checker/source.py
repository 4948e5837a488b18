"""Reads text files and lists. Nothing in them is trusted."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

LARGEST = 4 * 2**20  # bytes; a ConfigMap holds 1 MiB (kubernetes.io/docs/concepts/configuration/configmap)
# Some programs end a line at these, others do not: what one shows as a target may be part of a comment for the other.
_OTHER_LINE_ENDS = re.compile("\r(?!\n)|[\v\f\x1c-\x1e\x85\u2028\u2029]")


def text(file: Path) -> str:
    """Read a text file. Raises ValueError with what is wrong with it, without its name."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would block
            raise ValueError("is not a file")
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise ValueError(f"is larger than {LARGEST // 2**20} MiB; is it the right file?")
    if b"\0" in content:
        raise ValueError("holds NUL bytes; write it as UTF-8 text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not UTF-8 text (byte 0x{content[error.start]:02x} in line {line})") from None


def line_ends(content: str) -> None:
    """Raise ValueError where a line ends with anything but a line feed."""
    if found := _OTHER_LINE_ENDS.search(content):
        line = content.count("\n", 0, found.start()) + 1
        raise ValueError(f"line {line} contains U+{ord(found[0]):04X}: end lines with a line feed")


def lst(content: str) -> Iterator[tuple[int, str]]:
    """List line numbers and targets of a `.lst` file: one target a line, `#` begins a comment."""
    for number, line in enumerate(content.split("\n"), 1):
        if target := line.split("#", 1)[0].strip():
            yield number, target
