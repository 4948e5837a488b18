"""The termination message: the report of a run in the 4,096 bytes that Kubernetes keeps of it.

`kubectl describe pod` shows it, so the verdict, the vantage and the findings come first, as plain text. All other
checks follow in `packed`: their JSON without the texts, compressed (zlib, RFC 1950) and in
base 85. What does not fit is counted in `leftOut`: a missing check has not passed.
https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from checker.model import Finding
from checker.report import VERSION, Check, Report, document, harmless

LARGEST = 4096
_LARGEST_HEAD = 2600
_LARGEST_LABELS = 1024
_LARGEST_UNPACKED = 1_000_000  # bytes
_LONGEST_TEXT = 160  # bytes of one text, as JSON
_LONGEST_LIST = 20
_MOST_SHOWN, _FEWEST_SHOWN, _MOST_PACKED = 40, 3, 1000  # checks
_FIRST = ("kind", "version", "verdict", "exitCode", "summary", "stopped", "error", "channels")
_THEN = ("vantage", "started", "duration", "netproof")
_PACKED = ("finding", "list", "target", "outcome", "expect", "verdict", "exempt", "proxied", "lag", "controls")
_READABLE = ("finding", "list", "target", "name", "outcome", "seen", "because", *_PACKED[4:])
_ORDER = (*Finding, None)  # the worst first


class UnreadableError(ValueError):
    """A text that is not a report of this version; the message has the reason."""


def shorten(report: Report) -> str:
    """Write the short form: complete JSON of at most LARGEST bytes, whatever is cut."""
    checks = sorted(report.checks, key=lambda check: _ORDER.index(check.finding))
    whole = document(msgspec.structs.replace(report, checks=tuple(checks[:_MOST_PACKED])))
    head = _head(whole)
    findings = [check for check in whole["checks"] if check["finding"]][:_MOST_SHOWN]
    readable = [{**_cut(_row(check, _READABLE)), "target": check["target"]} for check in findings]  # its identity
    rows = [_row(check, _PACKED) for check in whole["checks"]]

    def message(shown: int, held: int) -> bytes:
        """Show the first `shown` checks, pack the others of the first `held`, and leave the rest out."""
        left_out = {"leftOut": len(checks) - held, "packed": _pack(rows[shown:held])}
        return _compact({**head, "checks": readable[:shown], **left_out})

    shown, held = len(readable), len(rows)
    # All checks, with as many findings as fit shown; else a few findings, and as many checks as fit packed.
    while shown > _FEWEST_SHOWN and len(message(shown, held)) > LARGEST:
        shown -= 1
    while len(message(shown, shown)) > LARGEST:
        shown -= 1
    while len(text := message(shown, held)) > LARGEST:
        held = shown + (held - shown) * 9 // 10
    return text.decode()


def read(text: str) -> Report:
    """Read a report, full or short. Raises UnreadableError."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableError("it is not JSON, or nested too deeply") from None
    if not isinstance(value, dict) or "version" not in value or "verdict" not in value:
        raise UnreadableError("it is not a report of netproof")
    if value["version"] != VERSION:
        raise UnreadableError(f"it has version {value['version']!r:.20}; this netproof reads version {VERSION}")
    try:
        report = msgspec.convert(value, Report)
        checks = _unpack(report.packed) if report.packed else ()
    except (ValueError, RecursionError, zlib.error) as error:
        raise UnreadableError(f"it is damaged: {error}") from None
    return msgspec.structs.replace(report, checks=(*report.checks, *checks), packed=msgspec.UNSET)


def _head(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return all but the checks, with every text cut, in at most _LARGEST_HEAD bytes."""
    head = {key: _cut(whole[key]) for key in _FIRST + _THEN}
    if len(_compact(head["vantage"]["labels"])) > _LARGEST_LABELS:
        head["vantage"]["labels"] = {}
    while len(_compact(head)) > _LARGEST_HEAD:
        (head["channels"] or head["error"]["problems"]).pop()
    return head


def _row(check: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: check[key] for key in keys if check[key]}


def _pack(rows: Sequence[dict[str, Any]]) -> str:
    text = json.dumps(rows, separators=(",", ":")).encode()
    return base64.b85encode(zlib.compress(text, 9)).decode() if rows else ""


def _unpack(packed: str) -> tuple[Check, ...]:
    """Raise ValueError, RecursionError or zlib.error."""
    text = zlib.decompressobj().decompress(base64.b85decode(packed), _LARGEST_UNPACKED)  # cut off, it is invalid JSON
    return msgspec.convert(json.loads(text), tuple[Check, ...])


def _compact(value: Any) -> bytes:
    return harmless(json.dumps(value, separators=(",", ":"), ensure_ascii=False)).encode()


def _cut(value: Any) -> Any:
    """Shorten the lists and texts in a value."""
    if isinstance(value, dict):
        return {_cut(key): _cut(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(each) for each in value[:_LONGEST_LIST]]
    if not isinstance(value, str) or len(_compact(value)) <= _LONGEST_TEXT:
        return value
    text = value[:_LONGEST_TEXT]
    while len(_compact(f"{text}…")) > _LONGEST_TEXT:
        text = text[:-1]
    return f"{text}…"
