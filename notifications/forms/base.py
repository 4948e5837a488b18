"""The base class of all forms, which escapes text.

Names and reasons come from the configuration and from servers. A reader must see exactly their characters: they must
not become mentions, links, emoji or markup, and must not contain invisible characters.
"""

import re
from urllib.parse import quote

from markupsafe import Markup

# A zero-width space is invisible. It splits what a service would otherwise read as one word.
GAP = "\u200b"
# <!channel> in Mattermost, <users/all> in Google Chat, <at id=all> in Lark; then @name.
_MENTION = re.compile(r"<|(?<![\w.])@|@(?=(?:here|channel|everyone|all|room)\b)", re.IGNORECASE)


class Form:
    """A form of messages: the services that use it, its limits, and how it escapes text."""

    name: str  # the template is NAME.j2
    schemas: tuple[str, ...]  # of the URLs of apprise
    settings: tuple[tuple[str, object], ...]  # of the service of apprise, unless the URL sets them
    body_format: str | None  # the format that apprise converts for the service; None: no conversion
    size: int  # characters of title and body together
    width: int  # characters of one text in it
    findings: int  # the largest number that is listed

    def text(self, value: object) -> str:
        """Escape text. A form without markup escapes only mentions."""
        return unmentioned(value)

    def code(self, value: object) -> Markup:
        """Return escaped text in fixed width, if the form has that."""
        return Markup(self.text(value))  # noqa: S704, escaped for a form that need not be HTML

    def anchor(self, url: str, label: str) -> str:
        """Return a link. Both parameters are escaped already."""
        return f"{label}: {url}"

    def link(self, value: object, label: str) -> Markup:
        """Return a link, or plain text if the value is not an http or https URL."""
        link = plain(value)
        label = self.text(label)
        if not re.match(r"https?://[^/\s]", link, re.IGNORECASE):
            return Markup(f"{label}: {self.text(value)}")  # noqa: S704, as above
        # Percent-encoded: no character can end the link early.
        return Markup(self.anchor(quote(link, safe=":/?#@!$&+,;=%~-._"), label))  # noqa: S704, as above


def plain(value: object) -> str:
    r"""Replace control, bidirectional and zero-width characters by text like ``\u202e``, and white space by a space."""
    text = str(value)
    if text.isprintable():
        return text
    # isprintable is false for the categories Cc, Cf, Cs, Co, Cn, Zl and Zp, and for every space but U+0020.
    return "".join(c if c.isprintable() else " " if c.isspace() else f"\\u{ord(c):04x}" for c in text)


def unmentioned(value: object) -> str:
    """Return plain text without mentions: many services notify all members at ``@here`` or ``@everyone``."""
    return _MENTION.sub(rf"\g<0>{GAP}", plain(value))
