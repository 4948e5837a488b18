"""A report document as a message: title and body, in the form that suits the channel.

Each form is one jinja2 template, whose first line is the title. A folder of the user's own templates may override any
of them. Every expression in a template is made harmless for its form on the way out, in the user's templates too.
"""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from html import unescape
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from notifications import escape
from notifications.errors import NotificationError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

TEMPLATES = Path(__file__).parent / "templates"
VERSION = 2
STAND_IN = "the built-in template stands in"


@dataclass(frozen=True)
class Message:
    """What goes out. ``fault`` tells what is wrong with the user's template that the built-in one stands in for."""

    title: str
    body: str
    fault: str | None = None


@dataclass(frozen=True)
class Form:
    """The bounds of a form: characters of title and body, of the title, of one text in it; and how many findings."""

    size: int
    title: int = 150
    width: int = 300
    findings: int = 10


FORMS: Mapping[str, Form] = {
    # A section block holds 3,000 characters, a header 150: one more and Slack refuses the message.
    # https://docs.slack.dev/reference/block-kit/blocks/section-block
    "slack": Form(size=2_900),
    # apprise splits a post to Workflows above 1,000 and waits between the pieces.
    "teams": Form(size=990, width=160),
    "html": Form(size=500_000, findings=100),
    "text": Form(size=30_000, findings=50),
}

# Leaks first, then what is unreachable, then what could not be told.
GROUPS: tuple[tuple[str, Callable[[Any], bool], str, str], ...] = (
    ("leak", lambda check: check["finding"] == "leak", "leak", "must be blocked, but answers"),
    ("unreachable", lambda check: check["finding"] == "unreachable", "unreachable", "must answer, but does not"),
    ("inconclusive", lambda check: check["verdict"] == "inconclusive", "inconclusive", "nothing is proven"),
)


def render(report: Mapping[str, Any], form: str, templates: Path | None = None, size: int | None = None) -> Message:
    """Render a report in one form, within ``size`` characters when the channel takes fewer than the form's own bound.

    A template in the folder ``templates`` is used instead of the built-in one, unless it fails: then the message has
    the built-in text and a ``fault`` with file and line. Raises NotificationError for what is not a report.
    """
    bounds = FORMS[form]
    size = min(size or bounds.size, bounds.size)
    fault = None
    if templates and not os.access(templates, os.R_OK | os.X_OK):
        fault = f"{templates}: not a folder that can be read; {STAND_IN}"
    elif templates and os.access(templates / f"{form}.j2", os.F_OK):
        try:
            return _fill(report, form, templates, size)
        except NotificationError:
            raise
        except Exception as e:  # noqa: BLE001, a template can raise anything, and must not cost the alert
            fault = _fault(e, templates, form)
    return replace(_fill(report, form, None, size), fault=fault)


def _fill(report: Mapping[str, Any], form: str, templates: Path | None, size: int) -> Message:
    """Fill the template with as many findings as fit."""
    bounds = FORMS[form]
    template = _environment(form, templates).get_template(f"{form}.j2")
    view = _View(report)
    title = body = ""
    for most, width in _room(min(bounds.findings, view.findings), bounds.width):
        title, _, body = template.render(view.words(most, width)).strip().partition("\n")
        title = _cut(unescape(title.strip()) if form == "html" else title.strip(), bounds.title)
        body = body.strip("\n")
        if not (title and body):
            raise ValueError("it needs two lines: the title is the first, the body is the rest")
        if len(title) + len(body) <= size:
            break
    return Message(title, _cut(body, max(size - len(title), 1)))


def _room(findings: int, width: int) -> Iterator[tuple[int, int]]:
    """How many findings to list and how long a text of theirs may be, from generous to scant."""
    for most in range(max(findings, 1), 0, -1):
        yield most, width
        yield most, 80
    yield 1, 40
    yield 0, 40


def _cut(text: str, size: int) -> str:
    """Cut at a line's end where there is one, and never inside an entity."""
    if len(text) <= size:
        return text
    head = text[: size - 1]
    end = head.rfind("\n")
    return (head[:end] if end > size // 2 else head.rpartition("&")[0] if "&" in head[-6:] else head) + "…"


@cache
def _environment(form: str, templates: Path | None) -> "SandboxedEnvironment":
    from jinja2 import FileSystemLoader, StrictUndefined  # noqa: PLC0415, a clean run must not pay for it
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    harmless = getattr(escape, form)
    environment = SandboxedEnvironment(
        loader=FileSystemLoader([path for path in (templates, TEMPLATES) if path]),
        autoescape=form == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else "" if value is None else harmless(value),
    )
    environment.filters["code"] = getattr(escape, f"{form}_code")
    environment.filters["link"] = getattr(escape, f"{form}_link")
    return environment


def _fault(e: Exception, templates: Path, form: str) -> str:
    """Say where in the user's template it went wrong. jinja2 puts the template's own lines in the traceback."""
    name, line = getattr(e, "filename", None), getattr(e, "lineno", None)
    if not (name and line):
        frames = [frame for frame in extract_tb(e.__traceback__) if Path(frame.filename).parent == templates]
        name, line = (frames[-1].filename, frames[-1].lineno) if frames else (templates / f"{form}.j2", 1)
    return escape.plain(f"{name}:{line}: {e} ({type(e).__name__}); {STAND_IN}")


class _View:
    """What templates show of a report (docs/notifications.md lists it). Raises NotificationError for what is none."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self.report = report
        try:
            self.started = datetime.fromisoformat(report["started"]).astimezone(UTC)
            self.groups = [
                (kind, noun, what, checks)
                for kind, belongs, noun, what in GROUPS
                if (checks := [check for check in report["checks"] if belongs(check)])
            ]
            self.error = report["error"] or {"title": None, "problems": []}
            self.findings = sum(len(checks) for *_, checks in self.groups) + len(self.error["problems"])
            self.words(1, 80)
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise NotificationError(f"not a report of netproof, version {VERSION}: {type(e).__name__} {e}") from None
        if report["version"] != VERSION:
            raise NotificationError(f"its version is {report['version']!r}: this netproof reads version {VERSION}")

    def words(self, most: int, width: int) -> dict[str, Any]:
        """List at most so many findings, with texts of at most ``width`` characters."""

        def short(value: Any) -> Any:
            text = escape.plain(value).strip() if isinstance(value, str) else value
            return text[: width - 1] + "…" if isinstance(text, str) and len(text) > width else text

        groups, room = [], most
        for kind, noun, what, checks in self.groups:
            shown, room = checks[:room], room - len(checks[:room])
            count = f"{len(checks)} {noun}{'s' if kind == 'leak' and len(checks) > 1 else ''}"
            listed = [{key: short(value) for key, value in check.items()} for check in shown]
            groups.append(
                {"kind": kind, "count": count, "what": what, "checks": listed, "more": len(checks) - len(shown)}
            )
        report, problems = self.report, self.error["problems"]
        vantage, notify = report["vantage"], report["notify"] or {}
        places: dict[str, Any] = {key: vantage.get(key) for key in ("name", "cluster", "namespace")}
        places["labels"] = ", ".join(f"{key}={value}" for key, value in (vantage.get("labels") or {}).items())
        places["node"] = vantage.get("node")
        places = {key: short(place) for key, place in places.items() if place}
        return {
            "report": report,
            "sign": _sign(report),
            "headline": _headline(report, groups, short(self.error["title"]), places),
            "error": short(self.error["title"]),
            "problems": [short(problem) for problem in problems[:most]],
            "more_problems": max(0, len(problems) - most),
            "groups": groups,
            "vantage": places,
            "time": f"{self.started:%a %d %b %Y, %H:%M:%S} UTC",
            "duration": f"{report['duration']:.0f} s",
            "tally": _tally(report),
            "warnings": [short(warning) for warning in report["warnings"][:5]],
            "rerun": _rerun(notify.get("cronjob"), vantage.get("namespace")),
            "runbook": notify.get("runbookUrl"),
        }


def _sign(report: Mapping[str, Any]) -> str:
    """One glyph for a glance."""
    return {"pass": "🟢", "violation": "🔴"}.get(report["verdict"], "🟡")


def _headline(
    report: Mapping[str, Any], groups: list[dict[str, Any]], error: str | None, places: Mapping[str, Any]
) -> str:
    """Say what is wrong, most severe first, and from where."""
    if error:
        what = error.rstrip(".")
    elif groups:
        what = ", ".join(group["count"] for group in groups)
    else:
        what = f"all {report['summary']['checks']} checks pass" if report["verdict"] == "pass" else "nothing is proven"
    name, cluster = places.get("name") or places.get("namespace"), places.get("cluster")
    return f"netproof: {what}" + (f" from {name}" if name else "") + (f" in {cluster}" if cluster else "")


def _tally(report: Mapping[str, Any]) -> str | None:
    """Say how much of the run there was to see."""
    summary, stopped = report["summary"], report["stopped"]
    if not report["checks"]:
        return None
    early = f"; the run was stopped early ({stopped})" if stopped else ""
    return f"{summary['pass']} of {summary['checks']} checks pass{early}"


def _rerun(cronjob: Any, namespace: Any) -> str | None:
    """Tell the command that runs the check again now. The shell's clock makes the Job's name unique."""
    if not cronjob:
        return None
    where = f" -n {shlex.quote(escape.plain(namespace))}" if namespace else ""
    job = shlex.quote(escape.plain(cronjob))
    return f"kubectl{where} create job --from=cronjob/{job} {job}-$(date +%s)"
