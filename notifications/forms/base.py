"""What a form of message has, and what the forms share: whatever a text holds, it arrives as text.

Names and reasons come from configuration and from peers. A reader sees their characters, and nothing else happens:
no mention, link, emoji or markup comes of them, and nothing invisible hides in them.
"""

import re
from urllib.parse import quote

from markupsafe import Markup

# Zero-width space: invisible, and it separates what a service would otherwise read as one word.
GAP = "\u200b"
_MENTION = re.compile(r"(?<![\w.])@|@(?=(?:here|channel|everyone|all|room)\b)", re.IGNORECASE)


class Form:
    """A form of message: who takes it, its bounds, and how it writes text."""

    name: str  # of its template, NAME.j2
    schemas: tuple[str, ...]  # of apprise's URLs
    settings: tuple[tuple[str, object], ...]  # of apprise's service, where its URL leaves them open
    body_format: str | None  # what apprise is to convert for the service; None: nothing
    size: int  # characters of title and body together
    width: int  # characters of one text in it
    findings: int  # listed at most

    def text(self, value: object) -> str:
        """Escape text; a form without markup has only mentions to escape."""
        return unmentioned(value)

    def code(self, value: object) -> Markup:
        """Write text in fixed width, where the form has it."""
        return Markup(self.text(value))  # noqa: S704, escaped for a form that need not be HTML

    def anchor(self, url: str, label: str) -> str:
        """Write a link; both are escaped."""
        return f"{label}: {url}"

    def link(self, value: object, label: str) -> Markup:
        """Write a link, or plain text where the value is not an http or https URL."""
        link = plain(value)
        label = self.text(label)
        if not re.match(r"https?://[^/\s]", link, re.IGNORECASE):
            return Markup(f"{label}: {self.text(value)}")  # noqa: S704, as above
        # Percent-encoded, so that it cannot end early in any form.
        return Markup(self.anchor(quote(link, safe=":/?#@!$&+,;=%~-._"), label))  # noqa: S704, as above


def plain(value: object) -> str:
    r"""Show control, bidirectional and zero-width characters as ``\u202e``, and any white space as a space."""
    text = str(value)
    if text.isprintable():
        return text
    # isprintable is false for the categories Cc, Cf, Cs, Co, Cn, Zl and Zp, and for every space but U+0020.
    return "".join(c if c.isprintable() else " " if c.isspace() else f"\\u{ord(c):04x}" for c in text)


def unmentioned(value: object) -> str:
    """Return plain text that mentions nobody: many services notify everyone at ``@here`` or ``@everyone``."""
    return _MENTION.sub("@" + GAP, plain(value))
