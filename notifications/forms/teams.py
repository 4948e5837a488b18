"""Teams: an Adaptive Card.

https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
"""

import re
from pathlib import Path

from markupsafe import Markup

from notifications.forms.base import GAP, Form, unmentioned


class Teams(Form):
    """The Markdown of a card has backslash escapes. Where these have no effect, zero-width spaces are used.

    That is: in ``<at>`` (a mention), in ``{{DATE()}}`` (a function of cards), in entities, and at list markers.
    """

    name, schemas, body_format = "teams", ("workflow", "workflows"), None
    settings = (("template", str(Path(__file__).with_suffix(".json"))),)
    # The limit of Microsoft is 28 KB for the whole card. apprise knows 1,000 characters, but does not enforce them.
    # https://learn.microsoft.com/connectors/teams#known-issues-and-limitations-with-actions
    size, width, findings = 2_900, 160, 10

    def text(self, value: object) -> str:
        """Escape text."""
        safe = re.sub(r"([\\`*_\[\]#~|])", r"\\\1", unmentioned(value))
        return re.sub(r"\{(?=\{)|&(?=#?\w+;)|^(?=>)|^[-+](?=\s)|^\d+(?=[.)]\s)", rf"\g<0>{GAP}", safe)

    def code(self, value: object) -> Markup:
        """Return text in bold: cards have no fixed width."""
        return Markup(f"**{self.text(value)}**")  # noqa: S704, escaped

    def anchor(self, url: str, label: str) -> str:
        """Return a link."""
        return f"[{label}]({url})"
