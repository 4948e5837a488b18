"""Renders a document as a message with a title and a body, in the form that suits the channel.

Each form is one jinja2 template; its first line is the title. Templates in a folder of the user replace the built-in
ones. The value of every expression is escaped for the form, in templates of the user too.
"""

import os
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache, partial
from html import unescape
from pathlib import Path
from traceback import extract_tb
from typing import Any

from notifications import limits, report, situation
from notifications.errors import NotificationError
from notifications.forms import FORMS, Form
from notifications.view import Document, Variables, fitted, short

TEMPLATES = Path(__file__).parent / "templates"
VERSION = 2
VIEWS = {"run": report.view, "situation": situation.view}
TITLE = 150  # characters: the limit of a Slack header
SECONDS, MEGABYTES, FAULT = 5.0, 64, 500  # limits of a template of the user, and of the text about its mistake


@dataclass(frozen=True)
class Message:
    """A message. If the template of the user failed, the built-in one was used, and ``fault`` says what is wrong."""

    title: str
    body: str
    severity: str
    fault: str | None = None


def view(document: Document) -> Variables:
    """Make the view of a document of any kind. Raises NotificationError if it is not a document of netproof."""
    try:
        if document["version"] == VERSION:
            return VIEWS[document.get("kind", "run")](document)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as e:  # a time may overflow
        raise NotificationError(f"not a document of netproof: {type(e).__name__} {e}") from None
    raise NotificationError(f"its version is {document['version']!r}: this netproof reads version {VERSION}")


def render(document: Document, form: str, templates: Path | None = None, size: int | None = None) -> Message:
    """Render a document in one form, within ``size`` characters if the channel accepts fewer than the form does.

    A template in the folder ``templates`` is used instead of the built-in one. If it fails or exceeds its limits, the
    message has the built-in text and a ``fault`` with file and line. Raises NotificationError for an invalid document.
    """
    message = partial(_message, view(document), FORMS[form], min(size or FORMS[form].size, FORMS[form].size))
    if templates and not os.access(templates, os.R_OK | os.X_OK):
        fault = f"{templates}: not a folder that can be read"
    elif templates and os.access(template := templates / f"{form}.j2", os.F_OK):
        # In a separate process, a template cannot change the document or exceed its limits.
        result = limits.run({form: partial(_message_or_fault, message, template)}, SECONDS, MEGABYTES)[form]
        if isinstance(result, Message):
            return result
        fault = f"{template}:1: {result}" if isinstance(result, limits.Stopped) else result
    else:
        return message(TEMPLATES)
    return replace(message(TEMPLATES), fault=f"{fault}; the built-in template was used instead")


def _message_or_fault(message: Any, template: Path) -> Message | str:
    """Use the template of the user. Return the message, or file, line and text of the mistake in the template."""
    try:
        return message(template.parent)  # type: ignore[no-any-return]
    except MemoryError:
        raise
    except Exception as e:  # noqa: BLE001, a template can raise anything, and must not prevent the message
        # jinja2 puts the template's own lines in the traceback.
        frames = [frame for frame in extract_tb(e.__traceback__) if Path(frame.filename).parent == template.parent]
        place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"{template}:1"
        return str(short(f"{place}: {e} ({type(e).__name__})", FAULT))


def _message(seen: Variables, form: Form, size: int, templates: Path) -> Message:
    """Render the template with as many findings as fit."""
    template = _template(form, templates)

    def fill(most: int) -> tuple[str, str]:
        title, _, body = template.render(fitted(seen, most, form.width)).strip().partition("\n")
        title = _cut(unescape(title.strip()) if form.name == "html" else title.strip(), TITLE)
        if not (title and body.strip()):
            raise ValueError("it needs two lines: the title is the first, the body is the rest")
        return title, body.strip("\n")

    most = bisect_right(range(1, form.findings + 1), size, key=lambda most: sum(map(len, fill(most))))
    title, body = fill(most)
    return Message(title, _cut(body, max(size - len(title), 1)), seen["severity"])


def _cut(text: str, size: int) -> str:
    """Cut text at the end of a line if possible, and never inside an HTML entity."""
    if len(text) <= size:
        return text
    head = text[: size - 1]
    end = head.rfind("\n")
    return (head[:end] if end > size // 2 else head.rpartition("&")[0] if "&" in head[-6:] else head) + "…"


@cache
def _template(form: Form, templates: Path) -> Any:
    from jinja2 import FileSystemLoader, StrictUndefined  # noqa: PLC0415, slow to import
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([templates, TEMPLATES]),
        autoescape=form.name == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else "" if value is None else form.text(value),
    )
    environment.filters.update(code=form.code, link=form.link)
    return environment.get_template(f"{form.name}.j2")
